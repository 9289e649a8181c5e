/**
 * How much each agent may send next: a fair share of the room that is free, less often the fuller it gets, nothing while
 * nothing can be stored.
 */
import { jittered } from "./storage-trouble.ts";

export interface Credit {
  readonly creditBytes: number;
  readonly waitMs: number;
}

/** So much at once at the most: larger batches would hold up what is smaller. */
export const CREDIT_BYTES_MAX = 1024 * 1024;
/** A smaller batch costs nearly as much as one of this size: rather this, and later. */
const CREDIT_BYTES_MIN = 32 * 1024;
/** From this part of the queue on, agents are told to wait. */
const PRESSURE = 0.5;
const WAIT_MS_MAX = 10_000;
const STORAGE_WAIT_MS = 30_000;
/** Few agents now may be many in a moment. */
const AGENTS_MIN = 8;

export interface QueueState {
  readonly queuedBytes: number;
  readonly queueBytesMax: number;
  readonly drainMs: number;
  readonly isBroken: boolean;
  /** That sent something lately. */
  readonly agents: number;
}

export function creditOf(state: QueueState): Credit {
  if (state.isBroken) return { creditBytes: 0, waitMs: jittered(STORAGE_WAIT_MS) };
  const freeBytes = Math.max(0, state.queueBytesMax - state.queuedBytes);
  const share = Math.floor(freeBytes / Math.max(AGENTS_MIN, state.agents));
  const creditBytes = Math.min(CREDIT_BYTES_MAX, Math.max(CREDIT_BYTES_MIN, share));
  const isPressed = state.queuedBytes >= state.queueBytesMax * PRESSURE || share < CREDIT_BYTES_MIN;
  return {
    creditBytes,
    waitMs: isPressed ? Math.min(WAIT_MS_MAX, jittered(Math.max(100, state.drainMs))) : 0,
  };
}

/** How many different agents there were in the last five to ten seconds. */
export class RecentAgents {
  static readonly #PERIOD_MS = 5000;
  #before = new Set<string>();
  #now = new Set<string>();
  #sinceMs: number;

  constructor(monotonicMs: number) {
    this.#sinceMs = monotonicMs;
  }

  note(agentId: string, monotonicMs: number): void {
    this.#turn(monotonicMs);
    this.#now.add(agentId);
  }

  count(monotonicMs: number): number {
    this.#turn(monotonicMs);
    return Math.max(this.#before.size, this.#now.size);
  }

  #turn(monotonicMs: number): void {
    const elapsedMs = monotonicMs - this.#sinceMs;
    if (elapsedMs < RecentAgents.#PERIOD_MS) return;
    this.#before = elapsedMs < 2 * RecentAgents.#PERIOD_MS ? this.#now : new Set();
    this.#now = new Set();
    this.#sinceMs = monotonicMs;
  }
}
