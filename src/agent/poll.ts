/**
 * Waits for the parent's commands by long-poll: up to 5 minutes minus 0 to 30 s of jitter. Where something on the way cuts
 * waiting connections earlier (a proxy), it learns to wait for less. Losing it costs latency only.
 */
import { linkedSignal } from "../lib/linked-signal.ts";
import { AGENT_PATHS } from "../protocol/fleet/paths.ts";
import { CommandsAnswer } from "../protocol/fleet/messages.ts";
import { Backoff } from "./backoff.ts";
import { carryOutAll, type CommandTargets } from "./commands.ts";
import type { AgentClock, AgentLog, AgentState, ParentClient } from "./contract.ts";
import { askedWaitMs, tellLink, wordsOf, type Failure } from "./refusal.ts";
import { pause } from "./wait.ts";

const WAIT_S_MAX = 300;
const JITTER_S = 30;
/** A connection that was cut after less than this was not cut for waiting. */
const CUT_S_MIN = 5;
const WAIT_S_MIN = 5;
const CUTS_MIN = 2;
/** What was learned is tried again, carefully: the way may be another one by now. */
const GROWTH = 1.05;
/** The parent's answer needs some time too. */
const GRACE_MS = 20_000;

export interface PollOptions {
  readonly client: ParentClient;
  readonly state: AgentState;
  readonly clock: AgentClock;
  readonly log: AgentLog;
  readonly targets: CommandTargets;
  readonly retryMaxMs: number;
  readonly random?: () => number;
}

/** Seconds to ask for; `limitS` is what the way was seen to stand. */
export function waitSeconds(limitS: number, random: () => number): number {
  return Math.max(
    WAIT_S_MIN,
    Math.floor(Math.min(limitS, WAIT_S_MAX) - random() * Math.min(JITTER_S, limitS / 4)),
  );
}

class CommandPoll {
  readonly #options: PollOptions;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  #limitS = WAIT_S_MAX;
  /** In a row: one alone may be a parent that was started anew. */
  #cuts = 0;

  constructor(options: PollOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ random: this.#random, maxMs: options.retryMaxMs });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { link } = this.#options.targets;
    while (!signal.aborted) {
      await link.up(signal);
      if (signal.aborted) return;
      const waitMs = await this.#once(signal);
      if (waitMs > 0) await pause(waitMs, signal);
    }
  }

  /** Milliseconds until the next. */
  async #once(signal: AbortSignal): Promise<number> {
    const { client, state, clock, log, targets } = this.#options;
    const wait = waitSeconds(this.#limitS, this.#random);
    const after = state.commandCursor;
    const path = `${AGENT_PATHS.commands}?after=${after}&wait=${wait}`;
    const startedMs = clock.monotonicMs();
    const read = (value: unknown): CommandsAnswer => CommandsAnswer.parse(value);
    // Where the way is gone, or something did not come, nothing will come by this connection, though it may seem open for long.
    using linked = linkedSignal([signal, targets.link.ends]);
    const answer = await client.request("GET", path, undefined, read, {
      timeoutMs: wait * 1000 + GRACE_MS,
      signal: linked.signal,
    });
    if (linked.signal.aborted) return 0;
    const tookS = (clock.monotonicMs() - startedMs) / 1000;
    if (answer.kind !== "ok") return this.#failed(answer, tookS);
    const nowMs = targets.link.parentNow() ?? clock.now();
    const isOurs = carryOutAll(answer.value.commands, state, targets, nowMs, log);
    if (!isOurs) return this.#backoff.next();
    // What lies below and was not told has expired.
    if (answer.value.cursor > state.commandCursor) state.setCommandCursor(answer.value.cursor);
    this.#backoff.reset();
    this.#cuts = 0;
    if (tookS >= wait - 1) this.#limitS = Math.min(WAIT_S_MAX, this.#limitS * GROWTH);
    // An answer at once with nothing new in it is not waiting: it must not become a circle.
    const hasNews = answer.value.commands.length > 0 && state.commandCursor > after;
    return hasNews || tookS >= 1 ? 0 : 1000;
  }

  #failed(failure: Failure, tookS: number): number {
    const { log, targets } = this.#options;
    if (tookS >= CUT_S_MIN && isOfTheWay(failure)) {
      this.#backoff.reset(); // it was being waited for, so the parent was there
      this.#cuts += 1;
      if (this.#cuts >= CUTS_MIN) this.#limitS = Math.max(WAIT_S_MIN * 2, Math.floor(tookS * 0.8));
      return this.#backoff.next();
    }
    if (failure.kind === "refused" && failure.error.code === "not_found") log.warn(wordsOf(failure));
    tellLink(failure, targets.link);
    return this.#backoff.next(askedWaitMs(failure));
  }
}

function isOfTheWay(failure: Failure): boolean {
  return failure.kind === "unreachable" || [502, 504].includes(failure.status);
}

/** Until the signal aborts. */
export async function pollCommands(options: PollOptions, signal: AbortSignal): Promise<void> {
  await new CommandPoll(options).run(signal);
}
