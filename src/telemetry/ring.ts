/**
 * Where events of one stream wait in memory until they are stored: in their order, bounded by number and bytes. What does
 * not fit is counted in its place, with its reason, and becomes a record of loss when it is stored.
 */
import type { LossReason } from "../protocol/fleet/envelope.ts";
import type { NewEvent } from "./contract.ts";

export interface WaitingEvent {
  readonly kind: "event";
  readonly event: NewEvent;
  /** Of the payload. */
  readonly bytes: number;
}

export interface WaitingLoss {
  readonly kind: "loss";
  readonly reason: LossReason;
  readonly events: number;
  /** Null where nobody knows. */
  readonly bytes: number | null;
}

export type Waiting = WaitingEvent | WaitingLoss;

export interface RingBounds {
  readonly eventsMax: number;
  readonly bytesMax: number;
}

export class Ring {
  readonly #bounds: RingBounds;
  #waiting: Waiting[] = [];
  #events = 0;
  #bytes = 0;

  constructor(bounds: RingBounds) {
    this.#bounds = bounds;
  }

  get events(): number {
    return this.#events;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Half of what it takes: time to store, whatever the clock says. */
  get isHalfFull(): boolean {
    return this.#events * 2 >= this.#bounds.eventsMax || this.#bytes * 2 >= this.#bounds.bytesMax;
  }

  /** Where it is full the event is lost for `reason`. */
  add(event: NewEvent, bytes: number, reason: LossReason): void {
    const { eventsMax, bytesMax } = this.#bounds;
    if (this.#events >= eventsMax || this.#bytes + bytes > bytesMax) {
      this.lose(1, reason, bytes);
      return;
    }
    this.#waiting.push({ kind: "event", event, bytes });
    this.#events += 1;
    this.#bytes += bytes;
  }

  /** Counts loss after what is waiting. Losses with nothing between them are one for each reason, so they take no room. */
  lose(events: number, reason: LossReason, bytes: number | null): void {
    for (let at = this.#waiting.length - 1; at >= 0; at -= 1) {
      const before = this.#waiting[at];
      if (before?.kind !== "loss") break;
      if (before.reason !== reason) continue;
      const sum = before.bytes === null || bytes === null ? null : before.bytes + bytes;
      this.#waiting[at] = { kind: "loss", reason, events: before.events + events, bytes: sum };
      return;
    }
    this.#waiting.push({ kind: "loss", reason, events, bytes });
  }

  /** The oldest, at most so many and with so many payload bytes, one at least; they stay until `drop`. */
  oldest(entriesMax: number, bytesMax: number): Waiting[] {
    const taken: Waiting[] = [];
    let bytes = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.kind === "event" ? waiting.bytes : 0;
      if (taken.length >= entriesMax || (bytes > bytesMax && taken.length > 0)) break;
      taken.push(waiting);
    }
    return taken;
  }

  /** Losses alone, wherever they stand. */
  losses(): WaitingLoss[] {
    return this.#waiting.filter((waiting) => waiting.kind === "loss");
  }

  /** Empties it: what waited is lost, one entry per reason. */
  giveUp(reason: LossReason): WaitingLoss[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#events = 0;
    this.#bytes = 0;
    for (const entry of waiting) {
      if (entry.kind === "loss") this.lose(entry.events, entry.reason, entry.bytes);
      else this.lose(1, reason, entry.bytes);
    }
    return this.losses();
  }

  /** Removes what has been stored: entries that `oldest` or `losses` gave. */
  drop(stored: readonly Waiting[]): void {
    const isPrefix = stored.every((entry, index) => this.#waiting[index] === entry);
    if (isPrefix) this.#waiting.splice(0, stored.length);
    else {
      const gone = new Set(stored);
      this.#waiting = this.#waiting.filter((waiting) => !gone.has(waiting));
    }
    for (const entry of stored) {
      if (entry.kind !== "event") continue;
      this.#events -= 1;
      this.#bytes -= entry.bytes;
    }
  }
}

/** How many places they will take in the stream. */
export function countPlaces(part: readonly Waiting[]): number {
  return part.reduce((sum, entry) => sum + (entry.kind === "event" ? 1 : entry.events), 0);
}
