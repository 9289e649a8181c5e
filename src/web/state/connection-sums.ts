/**
 * The summaries of flows in a window of time, added up per process and remote end. What is told twice counts once; a sum is
 * exact only where every part is, and says so itself where parts had to be left out.
 */
import type { ConnectionRecord } from "../../model/fleet.ts";

export interface ConnectionSum {
  readonly key: string;
  readonly processName: string;
  readonly processId: string | null;
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly remotePort: number | null;
  readonly remoteHost: string | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** ± so many bytes of both sums together; null is a lower bound. */
  readonly uncertaintyBytes: number | null;
  readonly meaning: string;
  readonly connections: number;
  readonly lastMs: number;
}

/** Records that are held at most: beyond, the oldest are left out. */
export const RECORDS_MAX = 5000;

function keyOf(record: ConnectionRecord): string {
  return JSON.stringify([
    record.processId ?? record.processName,
    record.protocol,
    record.remoteAddress,
    record.remotePort,
    record.meaning,
  ]);
}

export class ConnectionWindow {
  readonly #records = new Map<string, ConnectionRecord>();
  #isTruncated = false;

  /** Whether something of the window had to be left out, so that every sum is a lower bound. */
  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  /** What the parent still has of this window and was not asked for, or could not be held. */
  leaveOut(): void {
    this.#isTruncated = true;
  }

  add(records: readonly ConnectionRecord[]): void {
    for (const record of records) this.#records.set(`${keyOf(record)}${record.intervalStartMs}`, record);
    if (this.#records.size <= RECORDS_MAX) return;
    const oldest = [...this.#records].sort((one, other) => one[1].intervalEndMs - other[1].intervalEndMs);
    for (const [key] of oldest.slice(0, this.#records.size - RECORDS_MAX)) this.#records.delete(key);
    this.#isTruncated = true;
  }

  /** Forgets what ended before. */
  expire(beforeMs: number): void {
    for (const [key, record] of this.#records) if (record.intervalEndMs < beforeMs) this.#records.delete(key);
  }

  clear(): void {
    this.#records.clear();
    this.#isTruncated = false;
  }

  /** Most bytes first. */
  sums(): ConnectionSum[] {
    const sums = new Map<string, ConnectionSum>();
    for (const record of this.#records.values()) {
      const key = keyOf(record);
      const before = sums.get(key);
      sums.set(
        key,
        before === undefined ? { ...record, key, lastMs: record.intervalEndMs } : added(before, record),
      );
    }
    return [...sums.values()].sort(
      (one, other) =>
        other.bytesSent + other.bytesReceived - one.bytesSent - one.bytesReceived ||
        (one.key < other.key ? -1 : 1),
    );
  }
}

function added(sum: ConnectionSum, record: ConnectionRecord): ConnectionSum {
  const isBound = sum.uncertaintyBytes === null || record.uncertaintyBytes === null;
  return {
    ...sum,
    remoteHost: record.remoteHost ?? sum.remoteHost,
    bytesSent: sum.bytesSent + record.bytesSent,
    bytesReceived: sum.bytesReceived + record.bytesReceived,
    uncertaintyBytes: isBound ? null : (sum.uncertaintyBytes ?? 0) + (record.uncertaintyBytes ?? 0),
    // A connection that lives through several intervals is told in each: the most at once is what is known.
    connections: Math.max(sum.connections, record.connections),
    lastMs: Math.max(sum.lastMs, record.intervalEndMs),
  };
}
