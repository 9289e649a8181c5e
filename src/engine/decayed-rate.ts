/**
 * Rates that forget: each byte counts for half as much after every half life. All rates of one table share the same
 * weights, so the rates of the rows add up to the rate of their sum.
 */

/** The weights of one step, the same for every rate of a table. */
export interface RateStep {
  /** What remains of the weighted sum. */
  readonly decay: number;
  /** Weight of one new byte, per second. */
  readonly perByte: number;
  /** Makes up for the time before the first sample, of which nothing is known: 1 once that is long ago. */
  readonly correction: number;
}

/** The step of a first sample: nothing is known of any rate yet. */
export const FIRST_STEP: RateStep = { decay: 1, perByte: 0, correction: 1 };

/**
 * The weights for a sample `elapsedMs` after the one before and `ageMs` after the first. Where no time has passed, rates
 * stay as they are.
 */
export function rateStep(elapsedMs: number, ageMs: number, halfLifeMs: number): RateStep {
  if (elapsedMs <= 0) return { ...FIRST_STEP, correction: correctionAt(ageMs, halfLifeMs) };
  const decay = 2 ** (-elapsedMs / halfLifeMs);
  return {
    decay,
    perByte: (1 - decay) / (elapsedMs / 1000),
    correction: correctionAt(ageMs, halfLifeMs),
  };
}

function correctionAt(ageMs: number, halfLifeMs: number): number {
  return ageMs <= 0 ? 1 : 1 / (1 - 2 ** (-ageMs / halfLifeMs));
}

/** One rate. A whole number of bytes per second, never negative, and exactly 0 once it falls below one half. */
export class DecayedRate {
  #weighted = 0;
  bytesPerSecond = 0;

  /** `deltaBytes` below 0 (a count that was corrected downwards) counts as 0. */
  step(deltaBytes: number, step: RateStep): void {
    if (deltaBytes <= 0 && this.#weighted === 0) return;
    this.#weighted = this.#weighted * step.decay + Math.max(0, deltaBytes) * step.perByte;
    this.bytesPerSecond = Math.round(this.#weighted * step.correction);
    if (this.bytesPerSecond === 0) this.#weighted = 0;
  }
}
