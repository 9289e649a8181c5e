/**
 * Reads the kernel's maps for all sessions together: never more often than is useful, and often enough that the entries of
 * closed sockets leave the kernel before there is no room for new ones.
 */
import { BYTES_ROW_BYTES, SOCKET_ROW_BYTES } from "../capture/linux/kernel-rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { ClosedLog } from "./closed-log.ts";
import type { Collection, HelperSource } from "./source.ts";

/** Sessions that ask within this time are told of the same reading. */
const SHARED_MS_MAX = 50;
/** Without anybody who asks the maps are read as often, so that closed sockets leave them: with sessions, and without. */
const WATCHED_MS = 500;
const UNWATCHED_MS = 2000;
/** From this part of a map on it is read as often as that, whoever is there. */
const FILLING = 0.25;
const FILLING_MS = 50;
/** Reading takes no more than this part of a processor, but for sessions that ask. */
const SHARE_MAX = 0.05;

export class Collector {
  readonly #source: HelperSource;
  readonly #closed: ClosedLog;
  readonly #clock: Clock;
  #last: Collection | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #tookMs = 0;

  constructor(source: HelperSource, closed: ClosedLog, clock: Clock) {
    this.#source = source;
    this.#closed = closed;
    this.#clock = clock;
  }

  /** What is in the maps now, or was a moment ago; its rows are valid until the next call of anything here. */
  latest(): Collection {
    const isFresh = this.#clock.monotonicMs() - this.#readAtMs < SHARED_MS_MAX;
    return this.#last !== undefined && isFresh ? this.#last : this.#read();
  }

  /** CLOCK_BOOTTIME nanoseconds, to some milliseconds; reads nothing where something has been read already. */
  timeNs(): number {
    const last = this.#last ?? this.#read();
    return Math.round(last.timeNs + (this.#clock.monotonicMs() - this.#readAtMs) * 1e6);
  }

  /** Reads if it is time to; returns in how many milliseconds it will be again. */
  keepUp(isWatched: boolean): number {
    const dueMs = this.#readAtMs + this.#periodMs(isWatched) - this.#clock.monotonicMs();
    if (dueMs > 0) return dueMs;
    this.#read();
    return this.#periodMs(isWatched);
  }

  #read(): Collection {
    const startedMs = this.#clock.monotonicMs();
    this.#last = this.#source.collect();
    this.#readAtMs = this.#clock.monotonicMs();
    this.#tookMs = this.#readAtMs - startedMs;
    this.#closed.append(this.#last.closedSockets, this.#last.closedBytes);
    return this.#last;
  }

  #periodMs(isWatched: boolean): number {
    const wanted = this.#fill() > FILLING ? FILLING_MS : isWatched ? WATCHED_MS : UNWATCHED_MS;
    return Math.max(wanted, this.#tookMs / SHARE_MAX);
  }

  /** What part of the fuller map the last reading found in use. */
  #fill(): number {
    const last = this.#last;
    if (last === undefined) return 0;
    const sockets = (last.sockets.length + last.closedSockets.length) / SOCKET_ROW_BYTES;
    const bytes = (last.bytes.length + last.closedBytes.length) / BYTES_ROW_BYTES;
    return Math.max(sockets / this.#source.socketsMax, bytes / this.#source.bytesMax);
  }
}
