/**
 * The best capture as long as it works, and the next best from the sample on in which it is refused: its status then
 * says what is missing. It does not go back by itself, because each change of method begins the observation anew.
 */
import type { CaptureStatus } from "../model/capture-status.ts";
import type { Batch, Capture } from "../model/contracts.ts";
import { WbError } from "../model/errors.ts";

export class FallbackCapture implements Capture {
  #capture: Capture;
  /** Undefined once it was opened: there is nothing left to fall back to. */
  #openNext: (() => Promise<Capture>) | undefined;

  constructor(best: Capture, openNext: () => Promise<Capture>) {
    this.#capture = best;
    this.#openNext = openNext;
  }

  status(): CaptureStatus {
    return this.#capture.status();
  }

  /** Throws what the last capture throws; a refusal of the first is answered by the next. */
  async sample(): Promise<Batch> {
    try {
      return await this.#capture.sample();
    } catch (error) {
      const openNext = this.#openNext;
      const refused =
        error instanceof WbError && (error.code === "permission" || error.code === "unavailable");
      if (!refused || openNext === undefined) throw error;
      this.#openNext = undefined;
      const next = await openNext();
      await this.#capture[Symbol.asyncDispose]();
      this.#capture = next;
      return await next.sample();
    }
  }

  rest(knownUntilMs: number): void {
    this.#capture.rest?.(knownUntilMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#capture[Symbol.asyncDispose]();
  }
}
