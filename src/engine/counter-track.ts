/**
 * Follows one counter of one socket. What it reports never goes back while the socket lives, whatever the kernel says;
 * only the final value of a closed socket may correct it.
 */
import { DecayedRate, type RateStep } from "./decayed-rate.ts";

/**
 * SYN and FIN take a sequence number each (RFC 9293 section 3.4), which a capture takes off by the socket's state; state
 * and counters are not read in one instant, so a living socket's count can be that much too high. That is no reset.
 */
const BACKSTEP_MAX = 2;

/** `erased`: the counter went back, so that what it counted before can't be told from it any more. */
export type TrackResult = "fine" | "erased";

/** It is its own rate, because there are two of these for every socket. */
export class CounterTrack extends DecayedRate {
  /** Cumulative since the socket began; undefined as long as nobody could count it. */
  value: number | undefined;
  /** Growth since the last call of `takeDelta`; below 0 after a correction. */
  #delta = 0;
  /** Where observation begins; undefined until the first count. */
  #base: number | undefined;
  /** Added to what is told since the counter went back. */
  #offset = 0;
  /** The last value of the living socket: a final value can't be less by more than it may have been off. */
  #liveValue: number | undefined;
  #liveUncertainty = BACKSTEP_MAX;

  /** `base`: where observation begins, 0 with the socket itself; undefined: at the first count. */
  constructor(base: number | undefined) {
    super();
    this.#base = base;
  }

  /** The part that was seen to happen. */
  get observed(): number {
    return this.value === undefined ? 0 : Math.max(0, this.value - (this.#base ?? this.value));
  }

  /** Takes the count of a living socket, and by how many bytes it may be off. */
  update(counter: number | undefined, uncertaintyBytes = 0): TrackResult {
    if (counter === undefined) return "fine";
    this.#liveUncertainty = Math.max(BACKSTEP_MAX, uncertaintyBytes);
    const told = counter + this.#offset;
    if (this.value === undefined) {
      this.#begin(told);
      this.#liveValue = told;
      return "fine";
    }
    if (told >= this.value) {
      this.#move(told);
      this.#liveValue = told;
      return "fine";
    }
    if (this.value - told <= this.#liveUncertainty) return "fine";
    this.#offset += this.value - told;
    return "erased";
  }

  /** Takes the final count of a closed socket, or a better known one. */
  finish(counter: number | undefined): TrackResult {
    if (counter === undefined) return "fine";
    const told = counter + this.#offset;
    if (this.value === undefined) {
      this.#begin(told);
      return "fine";
    }
    const least = this.#liveValue ?? 0;
    if (told >= least - this.#liveUncertainty) {
      this.#move(told);
      return "fine";
    }
    this.#move(least);
    return "erased";
  }

  /** Whether a count could be one of this socket, later than all before. */
  continuesWith(counter: number | undefined): boolean {
    if (counter === undefined || this.value === undefined) return true;
    return counter + this.#offset >= this.value - BACKSTEP_MAX;
  }

  /** Growth since the last call. */
  takeDelta(): number {
    const delta = this.#delta;
    this.#delta = 0;
    return delta;
  }

  /** Takes the growth since the last call into the rate, and returns it. */
  stepRate(step: RateStep): number {
    const delta = this.takeDelta();
    this.step(delta, step);
    return delta;
  }

  /** Observation begins anew so far before the present value: what was observed until there is accounted for elsewhere. */
  rebase(kept = 0): void {
    if (this.value !== undefined) this.#base = this.value - kept;
  }

  #begin(told: number): void {
    this.#base ??= told;
    this.value = told;
    this.#delta += told - this.#base;
  }

  #move(to: number): void {
    this.#delta += to - (this.value ?? to);
    this.value = to;
  }
}
