/** A capture whose helper observes names: what of its records meant nothing is told as loss with the next batch. */
import type { CaptureStatus } from "../model/capture-status.ts";
import type { Batch, Capture } from "../model/contracts.ts";
import type { Loss } from "../model/loss.ts";

export type ObserveRecords = (records: Uint8Array) => readonly Loss[];

export class ObservedCapture implements Capture {
  readonly #capture: Capture;
  readonly #takeLosses: () => readonly Loss[];

  private constructor(capture: Capture, takeLosses: () => readonly Loss[]) {
    this.#capture = capture;
    this.#takeLosses = takeLosses;
  }

  /** `open` is handed what takes the records as they come. Throws what it throws. */
  static async open(
    observe: ObserveRecords,
    open: (onNameRecords: (records: Uint8Array) => void) => Promise<Capture>,
  ): Promise<ObservedCapture> {
    let losses: Loss[] = [];
    const capture = await open((records) => losses.push(...observe(records)));
    return new ObservedCapture(capture, () => {
      const taken = losses;
      losses = [];
      return taken;
    });
  }

  status(): CaptureStatus {
    return this.#capture.status();
  }

  async sample(): Promise<Batch> {
    const batch = await this.#capture.sample();
    const losses = this.#takeLosses();
    return losses.length === 0 ? batch : { ...batch, loss: [...batch.loss, ...losses] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#capture[Symbol.asyncDispose]();
  }
}
