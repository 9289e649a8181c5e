/** What a refusal or silence of the parent means to the loop that met it: told to the others by the link, and how long to wait. */
import { printable } from "../lib/format.ts";
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
    "the parent has put it into quarantine: its key was seen alive twice. If this machine is a copy of another, give it a key of its own: wb agent leave --purge, then join",
  removed: "the parent has removed it: join it anew with `wb agent join TOKEN`",
  unknown: "the parent does not know it: join it anew with `wb agent join TOKEN`",
};

export function standingOf(failure: Failure): Standing | undefined {
  return failure.kind === "refused" ? STANDINGS[failure.error.code] : undefined;
}

/** One line; what the parent said can't steer a terminal. */
export function wordsOf(failure: Failure): string {
  const standing = standingOf(failure);
  if (standing !== undefined) return STANDING_WORDS[standing];
  const text =
    failure.kind === "refused" ? `the parent refuses: ${failure.error.message}` : failure.error.message;
  return printable(text).slice(0, 400);
}

/**
 * For the loops beside the heartbeat's: where it is the way or the standing that fails, the heartbeat finds out and they wait
 * for it. True where that is so; false where only this request was refused.
 */
export function concernsLink(failure: Failure, link: Link): boolean {
  if (failure.kind === "refused" && failure.error.code === "superseded") {
    link.challenge = failure.error.challenge ?? null;
    link.wanted.ring();
    return false;
  }
  if (failure.kind === "refused" && standingOf(failure) === undefined) return false;
  if (failure.kind === "unreachable" && failure.error.code === "protocol") return false;
  link.doubt(wordsOf(failure));
  return true;
}
