/**
 * The kernel's events on their way to one session: sent as far as it has given credits, kept for a while where it has not,
 * and then thrown away from the oldest on, counted. One credit is one frame.
 */
import { countRecords } from "../capture/linux/kernel-rows.ts";
import { joinBytes } from "../lib/bytes.ts";
import type { ProcessEventsFrame } from "../protocol/helper/messages.ts";
import type { KernelRecords } from "./source.ts";

export const CREDITS_MAX = 1000;
/** So much is kept for a session; one drain of the ring buffers always is. */
const KEPT_BYTES_MAX = 1024 * 1024;

export class EventStream {
  /** Of the request that began it. */
  readonly #id: number;
  #credits = 0;
  #kept: KernelRecords[] = [];
  #keptBytes = 0;
  #droppedEvents = 0;

  constructor(id: number) {
    this.#id = id;
  }

  give(credits: number): void {
    this.#credits = Math.min(CREDITS_MAX, this.#credits + credits);
  }

  /** Keeps records, which may be shared with other sessions. */
  add(records: KernelRecords): void {
    const size = sizeOf(records);
    if (size === 0) return;
    this.#kept.push(records);
    this.#keptBytes += size;
    while (this.#keptBytes > KEPT_BYTES_MAX && this.#kept.length > 1) {
      const oldest = this.#kept.shift();
      if (oldest === undefined) break;
      this.#keptBytes -= sizeOf(oldest);
      this.#droppedEvents += countRecords(oldest.events) + countRecords(oldest.names);
    }
  }

  /** One frame with all that is kept, for one credit; undefined where there is nothing, or no credit. */
  take(): ProcessEventsFrame | undefined {
    if (this.#credits === 0 || this.#kept.length === 0) return undefined;
    this.#credits -= 1;
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    return {
      type: "processEvents",
      id: this.#id,
      events: joinBytes(kept.map(({ events }) => events)),
      names: joinBytes(kept.map(({ names }) => names)),
      droppedEvents: this.#droppedEvents,
    };
  }
}

function sizeOf({ events, names }: KernelRecords): number {
  return events.length + names.length;
}
