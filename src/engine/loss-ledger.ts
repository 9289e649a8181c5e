/** Adds up what was lost since the start, one entry per cause. */
import type { Loss } from "../model/loss.ts";

interface Entry {
  count: number;
  knownBytes: number;
  isKnown: boolean;
}

export class LossLedger {
  readonly #entries = new Map<Loss["cause"], Entry>();
  #published: readonly Loss[] = [];
  #isDirty = false;

  /** Records of count 0 are ignored. */
  add(loss: Loss): void {
    if (loss.count <= 0) return;
    let entry = this.#entries.get(loss.cause);
    if (entry === undefined) {
      entry = { count: 0, knownBytes: 0, isKnown: true };
      this.#entries.set(loss.cause, entry);
    }
    entry.count += loss.count;
    entry.knownBytes += loss.bytes ?? 0;
    entry.isKnown &&= loss.bytes !== undefined;
    this.#isDirty = true;
  }

  /** One entry per cause; its bytes are undefined as soon as those of one loss could not be known. */
  entries(): readonly Loss[] {
    if (!this.#isDirty) return this.#published;
    this.#isDirty = false;
    this.#published = Array.from(this.#entries, ([cause, entry]): Loss => ({
      cause,
      count: entry.count,
      bytes: entry.isKnown ? entry.knownBytes : undefined,
    }));
    return this.#published;
  }
}
