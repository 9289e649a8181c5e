/** What a refusal or silence of the parent means to the loop that met it: told to the others by the link, and how long to wait. */
import { printable } from "../lib/format.ts";
import { withHint } from "../model/errors.ts";
import type { FleetErrorCode } from "../protocol/fleet/messages.ts";
import type { ParentAnswer } from "./contract.ts";
import type { Link, Standing } from "./link.ts";

export type Failure = Exclude<ParentAnswer<never>, { kind: "ok" }>;

const STANDINGS: Partial<Record<FleetErrorCode, Standing>> = {
  pending: "pending",
  quarantined: "quarantined",
  removed: "removed",
  unauthenticated: "unknown",
};

/** For a person. */
export const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  accepted: "the parent accepts this agent",
  pending: "it waits for a person at the parent to approve it",
  quarantined:
    "the parent has put it into quarantine: its key was seen alive twice. Give the copy a key of its own (`wb agent leave --purge`, then join), and have the other released there (`wb serve agents release`)",
  removed: "the parent has removed it: join it anew with `wb agent join TOKEN`, while it does not run",
  unknown: "the parent does not know it: join it anew with `wb agent join TOKEN`, while it does not run",
};

export function standingOf(failure: Failure): Standing | undefined {
  return failure.kind === "refused" ? STANDINGS[failure.error.code] : undefined;
}

/** Milliseconds; undefined where the parent asked for nothing. */
export function askedWaitMs(failure: Failure): number | undefined {
  return failure.kind === "refused" ? failure.retryAfterMs : undefined;
}

/** One line, with what to do about it; what the parent said can't steer a terminal. */
export function wordsOf(failure: Failure): string {
  const standing = standingOf(failure);
  if (standing !== undefined) return STANDING_WORDS[standing];
  const text = withHint(failure.error);
  return printable(failure.kind === "refused" ? `the parent refuses: ${text}` : text).slice(0, 400);
}

/**
 * For the loops beside the heartbeat's: where it may be the way or the standing that fails, and not only this request, the
 * heartbeat finds out, and they wait for it. Each pauses all the same: perhaps it is only this request.
 */
export function tellLink(failure: Failure, link: Link): void {
  if (failure.kind === "refused" && failure.error.code === "superseded") {
    link.challenge = failure.error.challenge ?? null;
    link.wanted.ring();
    return;
  }
  const isWay = failure.kind === "unreachable" && failure.error.code !== "protocol";
  if (isWay || standingOf(failure) !== undefined) link.doubt(wordsOf(failure));
}
