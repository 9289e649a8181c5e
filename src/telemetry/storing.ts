/**
 * Storing: what waits in the rings gets its place, its hash and its row, and where a stream has more than its quota the
 * oldest of it make room. All in one transaction, so that there is no moment at which something is neither here nor lost.
 */
import {
  eventHash,
  LossItem,
  type EventItem,
  type LossReason,
  type StreamName,
} from "../protocol/fleet/envelope.ts";
import type { EpochRow, StoredEvent } from "../store/outbox-schema.ts";
import type { Waiting } from "./ring.ts";
import { appendLoss, currentOf, recordLoss, rowsOf, type Work } from "./work.ts";

export interface Quota {
  readonly bytesMax: number;
  /** Rows cost room beside their payload, so also empty events are bounded. */
  readonly eventsMax: number;
}

const EVENTS_MAX_LEAST = 1000;
const BYTES_OF_SMALL_EVENT = 32;
const DROPPED_AT_ONCE = 500;

export function quotaOf(bytesMax: number): Quota {
  return { bytesMax, eventsMax: Math.max(EVENTS_MAX_LEAST, Math.floor(bytesMax / BYTES_OF_SMALL_EVENT)) };
}

/** Puts an event at the end of the epoch. */
export function appendEvent(
  work: Work,
  row: EpochRow,
  event: Omit<EventItem, "seq">,
  payloadBytes: number,
): void {
  const { type, timestampMs, provider, eventId, payload } = event;
  const placed = { seq: row.produced + 1, type, timestampMs, provider, eventId, payload };
  const chain = eventHash({ ...row, agentId: work.agentId }, placed, row.lastChain);
  work.database.addEvent(row.id, { ...placed, chain }, payloadBytes);
  row.produced = placed.seq;
  row.lastChain = chain;
  row.pending += 1;
  row.pendingBytes += payloadBytes;
}

export function storeWaiting(
  work: Work,
  stream: StreamName,
  waiting: readonly Waiting[],
  quota: Quota,
): void {
  const row = currentOf(work, stream);
  if (row === undefined) throw new TypeError(`the stream ${stream} has no epoch`);
  for (const entry of waiting) {
    if (entry.kind === "event") appendEvent(work, row, entry.event, entry.bytes);
    else appendLoss(work, row, entry.events, entry.reason, entry.bytes);
  }
  enforceQuota(work, stream, quota);
}

/** Drops the oldest events of the stream, over all its epochs, until it keeps to its quota. */
function enforceQuota(work: Work, stream: StreamName, { bytesMax, eventsMax }: Quota): void {
  const rows = rowsOf(work, stream);
  let bytesOver = rows.reduce((sum, row) => sum + row.pendingBytes, 0) - bytesMax;
  let eventsOver = rows.reduce((sum, row) => sum + row.pending, 0) - eventsMax;
  for (const row of rows) {
    while (row.pending > 0 && (bytesOver > 0 || eventsOver > 0)) {
      const dropped = dropRun(work, row, bytesOver, eventsOver);
      bytesOver -= dropped.bytes;
      eventsOver -= dropped.events;
      if (dropped.events === 0) return;
    }
  }
}

/** Drops the oldest events that stand beside each other, as many as are needed. */
function dropRun(
  work: Work,
  row: EpochRow,
  bytesOver: number,
  eventsOver: number,
): { events: number; bytes: number } {
  const sizes = work.database.eventSizes(row.id, row.cursor + 1, DROPPED_AT_ONCE);
  const [first] = sizes;
  if (first === undefined) return { events: 0, bytes: 0 };
  let last = first;
  let bytes = 0;
  let events = 0;
  for (const each of sizes) {
    if (each.seq !== first.seq + events || (bytes >= bytesOver && events >= eventsOver)) break;
    last = each;
    bytes += each.bytes;
    events += 1;
  }
  loseStored(work, row, {
    firstSeq: first.seq,
    lastSeq: last.seq,
    reason: "quota",
    bytes,
    chain: last.chain,
  });
  return { events, bytes };
}

/** Removes stored events that stand beside each other, and records their loss. */
export function loseStored(work: Work, row: EpochRow, loss: Parameters<typeof recordLoss>[2]): void {
  const removed = work.database.removeEvents(row.id, loss.firstSeq, loss.lastSeq);
  row.pending -= removed.events;
  row.pendingBytes -= removed.bytes;
  row.lost += removed.events;
  recordLoss(work, row, loss);
}

/** One pending event becomes a loss in its place. False where it is not pending. */
export function giveUpStored(work: Work, row: EpochRow, seq: number, reason: LossReason): boolean {
  const [stored] = work.database.eventSizes(row.id, seq, 1);
  if (seq <= row.cursor || stored?.seq !== seq) return false;
  const { bytes, chain } = stored;
  loseStored(work, row, { firstSeq: seq, lastSeq: seq, reason, bytes, chain });
  return true;
}

/** Events that were found not to be what was stored. */
export function loseDamaged(work: Work, row: EpochRow, damaged: readonly StoredEvent[]): void {
  for (const { seq, payload, chain } of damaged) {
    const known = LossItem.shape.chain.safeParse(chain).success ? chain : null;
    const bytes = Buffer.byteLength(payload);
    loseStored(work, row, { firstSeq: seq, lastSeq: seq, reason: "corrupt", bytes, chain: known });
  }
}
