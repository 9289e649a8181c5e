/** Waiting that ends early: by a signal, or because somebody wakes it. Never rejects, leaves no timer and no listener behind. */
import { linkedSignal } from "../lib/linked-signal.ts";

/** A timer runs 24.8 days at most: setTimeout takes a signed 32-bit number. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Resolves after so long, or when the signal aborts. By a clock that never jumps. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || milliseconds <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(TIMER_MS_MAX, milliseconds));
    signal.addEventListener("abort", end, { once: true });
  });
}

/** A bell: who waits for it goes on when it rings; a ring while nobody waits is kept for the next who does. */
export class Bell {
  #rung = false;
  #end: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#end?.();
  }

  /** Resolves when it rings (true), after so long, or when the signal aborts. For one waiter at a time. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#rung) {
      using waiting = linkedSignal([signal]);
      this.#end = () => waiting.end();
      await pause(milliseconds, waiting.signal);
      this.#end = undefined;
    }
    const hasRung = this.#rung;
    this.#rung = false;
    return hasRung;
  }
}
