/** A row of the outbox's table of epochs as SQLite gives and takes it, and as the program has it. Pure. */
import type { EpochRow } from "./outbox-schema.ts";
import type { EpochOrigin, StreamName } from "../protocol/fleet/envelope.ts";

export interface RawEpoch {
  readonly id: number;
  readonly stream: StreamName;
  readonly epoch: string;
  readonly ordinal: number;
  readonly is_current: number;
  readonly boot_id: string;
  readonly produced: number;
  readonly last_chain: string | null;
  readonly cursor: number;
  readonly cursor_chain: string | null;
  readonly acked: number;
  readonly lost: number;
  readonly pending: number;
  readonly pending_bytes: number;
  readonly unknown_tail: number;
  readonly follows_epoch: string | null;
  readonly follows_produced: number | null;
  readonly follows_reason: EpochOrigin["reason"] | null;
}

export function epochFromRow(row: RawEpoch): EpochRow {
  const { follows_epoch: epoch, follows_produced: produced, follows_reason: reason } = row;
  return {
    id: row.id,
    stream: row.stream,
    epoch: row.epoch,
    ordinal: row.ordinal,
    isCurrent: row.is_current === 1,
    bootId: row.boot_id,
    produced: row.produced,
    lastChain: row.last_chain,
    cursor: row.cursor,
    cursorChain: row.cursor_chain,
    acked: row.acked,
    lost: row.lost,
    pending: row.pending,
    pendingBytes: row.pending_bytes,
    unknownTail: row.unknown_tail === 1,
    follows: epoch === null || reason === null ? null : { epoch, produced, reason },
  };
}

/** In the order of the table's columns, without the id. */
export function epochParameters(row: Omit<EpochRow, "id">): (string | number | null)[] {
  return [
    row.stream,
    row.epoch,
    row.ordinal,
    Number(row.isCurrent),
    row.bootId,
    row.produced,
    row.lastChain,
    row.cursor,
    row.cursorChain,
    row.acked,
    row.lost,
    row.pending,
    row.pendingBytes,
    Number(row.unknownTail),
    row.follows?.epoch ?? null,
    row.follows?.produced ?? null,
    row.follows?.reason ?? null,
  ];
}
