/** Counts what was lost between two samples, by cause. */
import type { Loss } from "../../model/loss.ts";

export class LossTally {
  readonly #counts = new Map<Loss["cause"], number>();

  add(cause: Loss["cause"], count: number): void {
    if (count > 0) this.#counts.set(cause, (this.#counts.get(cause) ?? 0) + count);
  }

  /** What was counted since the last call. */
  take(): Loss[] {
    const losses = [...this.#counts].map(([cause, count]) => ({ cause, count, bytes: undefined }));
    this.#counts.clear();
    return losses;
  }
}
