/**
 * How much one lane may send, and when: what the parent grants, what turned out to work, and a pace, so that what has piled
 * up in an outage does not come all at once. By a clock that never jumps.
 */
import { afterAsked } from "./backoff.ts";
import type { AgentClock } from "./contract.ts";

const START_BYTES = 64 * 1024;
const LEAST_BYTES = 4 * 1024;
const MOST_BYTES = 1024 * 1024;
/** Payload bytes per second of one lane: a backlog of 100 MB takes a minute, and a parent of ten thousand agents still breathes. */
export const PACE_BYTES_PER_SECOND = 2 * 1024 * 1024;
/** A batch that took longer than this to be taken was too large. */
const SLOW_MS = 3000;

export class Credit {
  readonly #clock: AgentClock;
  readonly #random: () => number;
  #sizeBytes = START_BYTES;
  #creditBytes = MOST_BYTES;
  #notBeforeMs = 0;

  constructor(clock: AgentClock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Payload bytes that the next batch may have; at least enough to ask with. */
  get bytes(): number {
    return Math.max(LEAST_BYTES, Math.min(this.#sizeBytes, this.#creditBytes));
  }

  /** Milliseconds until something may be sent. */
  get waitMs(): number {
    return Math.max(0, this.#notBeforeMs - this.#clock.monotonicMs());
  }

  granted(creditBytes: number, waitMs: number): void {
    this.#creditBytes = creditBytes;
    const asked = creditBytes === 0 ? Math.max(1000, waitMs) : waitMs;
    if (asked > 0) this.#notBefore(afterAsked(asked, this.#random));
  }

  sent(bytes: number, tookMs: number): void {
    if (tookMs > SLOW_MS) this.shrink();
    else if (bytes * 2 >= this.#sizeBytes) this.#sizeBytes = Math.min(MOST_BYTES, this.#sizeBytes * 2);
    this.#notBefore((bytes / PACE_BYTES_PER_SECOND) * 1000 - tookMs);
  }

  /** It was too much. */
  shrink(): void {
    this.#sizeBytes = Math.max(LEAST_BYTES, Math.floor(this.#sizeBytes / 2));
  }

  get isSmallest(): boolean {
    return this.#sizeBytes === LEAST_BYTES;
  }

  #notBefore(milliseconds: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#clock.monotonicMs() + milliseconds);
  }
}
