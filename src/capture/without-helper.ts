/** A capture that had to begin without the elevated helper although one is there: it says why, ahead of all else. */
import type { CaptureStatus, Degradation } from "../model/capture-status.ts";
import type { Batch, Capture } from "../model/contracts.ts";
import type { WbError } from "../model/errors.ts";
import { DEGRADATIONS } from "./linux/degradations.ts";

export class WithoutHelper implements Capture {
  readonly #capture: Capture;
  readonly #degradation: Degradation;
  #told: { readonly of: CaptureStatus; readonly status: CaptureStatus } | undefined;

  constructor(capture: Capture, reason: WbError) {
    this.#capture = capture;
    this.#degradation = {
      code: "no_helper",
      message: `The elevated helper can't be used: ${reason.message}.`,
      remedy: reason.hint ?? DEGRADATIONS.no_helper.remedy,
    };
  }

  /** The same object as long as the capture's own is. */
  status(): CaptureStatus {
    const of = this.#capture.status();
    if (this.#told?.of !== of) {
      this.#told = { of, status: { ...of, degradations: [this.#degradation, ...of.degradations] } };
    }
    return this.#told.status;
  }

  async sample(): Promise<Batch> {
    return await this.#capture.sample();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#capture[Symbol.asyncDispose]();
  }
}
