/** What the parent has acknowledged in this run of the agent, per stream and epoch: held against what it says later. */
import type { StreamName } from "../protocol/fleet/envelope.ts";

/** Epochs are few; those of the past are not asked for any more. */
const EPOCHS_MAX = 64;

export class Cursors {
  readonly #cursors = new Map<string, number>();

  keyOf(stream: StreamName, epoch: string): string {
    return `${stream} ${epoch}`;
  }

  set(stream: StreamName, epoch: string, cursor: number): void {
    const key = this.keyOf(stream, epoch);
    this.#cursors.delete(key);
    this.#cursors.set(key, cursor);
    const oldest = this.#cursors.keys().next();
    if (this.#cursors.size > EPOCHS_MAX && oldest.done !== true) this.#cursors.delete(oldest.value);
  }

  /** As it is now. */
  known(): ReadonlyMap<string, number> {
    return new Map(this.#cursors);
  }
}
