/** How long to wait before trying again: full-jitter exponential backoff, so that a herd that fell together does not come back together. */

export const BACKOFF_FIRST_MS = 1000;
export const BACKOFF_MAX_MS = 300_000;
/** Never in a tight circle, however the dice fall. */
const LEAST_MS = 100;
/** A parent that says "later" may not silence an agent for longer than this. */
const RETRY_AFTER_MS_MAX = 3_600_000;
const JITTER = 0.2;

/**
 * Milliseconds before the attempt after `attempt` (from 0) failures: uniform between 0.1 s and a ceiling of 1 s that doubles up
 * to 5 min. See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: "full jitter".
 */
export function backoffMs(
  attempt: number,
  random: () => number = Math.random,
  maxMs = BACKOFF_MAX_MS,
): number {
  const ceiling = Math.max(LEAST_MS, Math.min(maxMs, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 30)));
  return Math.round(LEAST_MS + random() * (ceiling - LEAST_MS));
}

/** What was told by Retry-After, never less, and up to a fifth more, so that not all come in the same moment. */
export function afterAsked(retryAfterMs: number, random: () => number = Math.random): number {
  const asked = Math.min(RETRY_AFTER_MS_MAX, Math.max(LEAST_MS, retryAfterMs));
  return Math.round(asked * (1 + random() * JITTER));
}

/** `intervalMs` ± 10 %. */
export function jittered(intervalMs: number, random: () => number = Math.random): number {
  return Math.round(intervalMs * (0.9 + random() * 0.2));
}

/** Counts failures in a row. */
export class Backoff {
  readonly #random: () => number;
  readonly #maxMs: number;
  #failures = 0;

  constructor(options: { random?: () => number; maxMs?: number } = {}) {
    this.#random = options.random ?? Math.random;
    this.#maxMs = options.maxMs ?? BACKOFF_MAX_MS;
  }

  /** Of one more failure; `retryAfterMs` is what the other side asked for. */
  next(retryAfterMs?: number): number {
    const own = backoffMs(this.#failures, this.#random, this.#maxMs);
    this.#failures += 1;
    return retryAfterMs === undefined ? own : afterAsked(retryAfterMs, this.#random);
  }

  reset(): void {
    this.#failures = 0;
  }
}
