/**
 * A change of the outbox under way: the rows of its epochs as they will be once the transaction is committed. Whoever
 * changes events or losses changes the numbers of their epoch with them, so that produced = acked + pending + lost.
 */
import { randomBytes } from "node:crypto";
import type { OutboxDatabase } from "../store/outbox.ts";
import type { EpochRow, StoredLoss } from "../store/outbox-schema.ts";
import type { EpochOrigin, StreamName } from "../protocol/fleet/envelope.ts";

export interface Work {
  readonly database: OutboxDatabase;
  /** Of all streams, each stream's in its order. Rows are changed in place. */
  rows: EpochRow[];
  readonly agentId: string;
  readonly bootId: string;
  readonly nowMs: number;
}

export function rowsOf(work: Work, stream: StreamName): EpochRow[] {
  return work.rows.filter((row) => row.stream === stream);
}

export function currentOf(work: Work, stream: StreamName): EpochRow | undefined {
  return work.rows.find((row) => row.stream === stream && row.isCurrent);
}

export function findEpoch(rows: readonly EpochRow[], stream: string, epoch: string): EpochRow | undefined {
  return rows.find((row) => row.stream === stream && row.epoch === epoch);
}

/** What an epoch is before anything is in it. */
function emptyEpoch(work: Work, stream: StreamName): Omit<EpochRow, "id"> {
  return {
    stream,
    epoch: randomBytes(8).toString("hex"),
    ordinal: 0,
    isCurrent: false,
    bootId: work.bootId,
    produced: 0,
    lastChain: null,
    cursor: 0,
    cursorChain: null,
    acked: 0,
    lost: 0,
    pending: 0,
    pendingBytes: 0,
    unknownTail: false,
    follows: null,
  };
}

/** Adds a row in its place among those of its stream: behind another one, or at the end. */
export function insertRow(
  work: Work,
  stream: StreamName,
  values: Partial<Omit<EpochRow, "id" | "stream" | "ordinal">>,
  behind?: EpochRow,
): EpochRow {
  const others = rowsOf(work, stream);
  const ordinal = 1 + ((behind ?? others.at(-1))?.ordinal ?? 0);
  for (const row of others) if (row.ordinal >= ordinal) row.ordinal += 1;
  const row = work.database.addEpoch({ ...emptyEpoch(work, stream), ...values, ordinal });
  work.rows.push(row);
  work.rows.sort((a, b) => a.ordinal - b.ordinal);
  return row;
}

/** A new epoch for what comes from now on. */
export function insertCurrent(work: Work, stream: StreamName, follows: EpochOrigin | null): EpochRow {
  for (const row of rowsOf(work, stream)) row.isCurrent = false;
  return insertRow(work, stream, { isCurrent: true, follows });
}

function sumOfBytes(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

/**
 * Writes the record of a loss; one with the same reason beside it, not yet told, becomes one with it. The numbers of the
 * epoch are its caller's to change.
 */
export function recordLoss(work: Work, row: EpochRow, loss: Omit<StoredLoss, "declaredAtMs">): void {
  let merged: StoredLoss = { ...loss, declaredAtMs: work.nowMs };
  const { database } = work;
  const [before] = loss.firstSeq - 1 > row.cursor ? database.losses(row.id, loss.firstSeq - 1, 1) : [];
  if (before?.lastSeq === loss.firstSeq - 1 && before.reason === loss.reason) {
    database.removeLoss(row.id, before.firstSeq);
    merged = { ...merged, firstSeq: before.firstSeq, bytes: sumOfBytes(before.bytes, merged.bytes) };
  }
  const [after] = database.losses(row.id, loss.lastSeq + 1, 1);
  if (after?.firstSeq === loss.lastSeq + 1 && after.reason === loss.reason) {
    database.removeLoss(row.id, after.firstSeq);
    const bytes = sumOfBytes(merged.bytes, after.bytes);
    merged = { ...merged, lastSeq: after.lastSeq, chain: after.chain, bytes };
  }
  database.addLoss(row.id, merged);
}

/** Gives so many places at the end of the epoch to what is lost. */
export function appendLoss(
  work: Work,
  row: EpochRow,
  events: number,
  reason: StoredLoss["reason"],
  bytes: number | null,
): void {
  if (events <= 0) return;
  const firstSeq = row.produced + 1;
  row.produced += events;
  row.lost += events;
  row.lastChain = null;
  recordLoss(work, row, { firstSeq, lastSeq: row.produced, reason, bytes, chain: null });
}
