/** The last events, oldest first, bounded by number and by estimated bytes; it knows up to which id it has forgotten. */
import type { PublishedEvent } from "../context.ts";

/** What an object costs beside its strings; an estimate. */
const VALUE_BYTES = 16;
/** Deeper than any live event goes. */
const DEPTH_MAX = 8;

export interface KeptEvent {
  readonly published: PublishedEvent;
  readonly bytes: number;
}

export class EventRing {
  readonly #countMax: number;
  readonly #bytesMax: number;
  /** Oldest first from `#start`; the part before it is cut off from time to time, so that taking away costs nothing. */
  #events: KeptEvent[] = [];
  #start = 0;
  #bytes = 0;
  #forgottenUpTo: number;

  constructor(countMax: number, bytesMax: number, forgottenUpTo: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
    this.#forgottenUpTo = forgottenUpTo;
  }

  /** Of all events up to this id none is kept; of those after it, all. */
  get forgottenUpTo(): number {
    return this.#forgottenUpTo;
  }

  /** How many bytes it takes, about. */
  push(published: PublishedEvent): number {
    const bytes = estimatedBytes(published.event, 0);
    this.#events.push({ published, bytes });
    this.#bytes += bytes;
    while (this.#events.length - this.#start > this.#countMax || this.#bytes > this.#bytesMax) {
      const oldest = this.#events[this.#start];
      if (oldest === undefined) break;
      this.#start += 1;
      this.#bytes -= oldest.bytes;
      this.#forgottenUpTo = oldest.published.id;
    }
    if (this.#start > this.#countMax) {
      this.#events = this.#events.slice(this.#start);
      this.#start = 0;
    }
    return bytes;
  }

  forget(upTo: number): void {
    this.#forgottenUpTo = upTo;
    if (this.#events.length === 0) return;
    this.#events = [];
    this.#start = 0;
    this.#bytes = 0;
  }

  /** Those with a higher id, oldest first. */
  after(id: number): readonly KeptEvent[] {
    // Ids have no holes, so that the place of the next one is known.
    return this.#events.slice(this.#start + Math.max(0, id - this.#forgottenUpTo));
  }
}

/** Counted without making JSON of it, since most events are told to nobody. */
export function estimatedBytes(value: unknown, depth: number): number {
  if (typeof value === "string") return VALUE_BYTES + value.length;
  if (typeof value !== "object" || value === null || depth > DEPTH_MAX) return VALUE_BYTES;
  let bytes = VALUE_BYTES;
  for (const item of Object.values(value)) bytes += VALUE_BYTES + estimatedBytes(item, depth + 1);
  return bytes;
}
