/**
 * Which counters of one agent have been used. A counter is accepted once and never again; those that come late are accepted
 * within a window behind the highest, and what is older than the window counts as used. Constant memory.
 */

/** How far behind the highest a request may arrive, in counters. */
export const WINDOW = 1024;
const BITS = 32;

export class CounterWindow {
  #highest: number;
  /** One bit per counter of the window, at its counter modulo the window. */
  readonly #seen = new Uint32Array(WINDOW / BITS);

  /** `floor`: this one and all below count as used. */
  constructor(floor: number) {
    this.#highest = floor;
    this.#seen.fill(0xffff_ffff);
  }

  /** The highest that was used: an agent that goes on above it is never refused for its counter. */
  get highest(): number {
    return this.#highest;
  }

  /** True where it was unused; it is used from now on. */
  use(counter: number): boolean {
    if (counter > this.#highest) {
      this.#advance(counter);
    } else if (this.#highest - counter >= WINDOW || this.#isSeen(counter)) {
      return false;
    }
    this.#mark(counter, true);
    return true;
  }

  #mark(counter: number, isSeen: boolean): void {
    const bit = counter % WINDOW;
    const word = Math.floor(bit / BITS);
    const others = (this.#seen[word] ?? 0) & ~(1 << (bit % BITS));
    this.#seen[word] = isSeen ? others | (1 << (bit % BITS)) : others;
  }

  #isSeen(counter: number): boolean {
    const bit = counter % WINDOW;
    return ((this.#seen[Math.floor(bit / BITS)] ?? 0) & (1 << (bit % BITS))) !== 0;
  }

  /** What lies between the highest so far and the new one has not been seen. */
  #advance(counter: number): void {
    if (counter - this.#highest >= WINDOW) {
      this.#seen.fill(0);
    } else {
      for (let at = this.#highest + 1; at <= counter; at += 1) {
        this.#mark(at, false);
      }
    }
    this.#highest = counter;
  }
}
