/**
 * Lets pieces of work that hold the program up (checking a batch of a thousand events) pass a few at a time, so that what is
 * short, as a heartbeat is, comes in between and does not wait behind all of them.
 */

/** So much work before others have their turn. */
const TURN_MS = 4;

export class Turnstile {
  readonly #now: () => number;
  #waiting: (() => void)[] = [];
  #isRunning = false;

  /** `now`: a clock that never jumps, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** In the order in which they came. How many may wait is for the caller to bound. */
  run<T>(work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
    if (!this.#isRunning) void this.#pump();
    return promise;
  }

  async #pump(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const turn = this.#waiting;
      const until = this.#now() + TURN_MS;
      let done = 0;
      do {
        turn[done]?.();
        done += 1;
      } while (done < turn.length && this.#now() < until);
      this.#waiting = turn.slice(done);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isRunning = false;
  }
}
