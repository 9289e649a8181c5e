/** The account of each epoch, and the batch that an event came in, as its agent signed it. */
import {
  isLoss,
  lastSeqOf,
  type BatchHeader,
  type BatchItem,
  type EventItem,
} from "../../protocol/fleet/envelope.ts";
import type { Heartbeat } from "../../protocol/fleet/messages.ts";
import { agentKeyOf } from "./agent-rows.ts";
import type { EventProof, EventStore } from "./contract.ts";
import type { Sql } from "./sql.ts";

/** The newest of one agent: it begins one at a reboot, not ten thousand. */
const EPOCHS_TOLD_MAX = 10_000;

type Account = Awaited<ReturnType<EventStore["reconciliation"]>>[number];

interface AccountRow {
  readonly stream: string;
  readonly epoch: string;
  readonly cursor_seq: number;
  readonly stored: number;
  readonly lost: number;
  readonly is_ended: number;
  readonly produced: number | null;
}

/** Cursors of the epochs that are named; 0 where nothing of one is stored. */
export async function readCursors(
  sql: Sql,
  agentId: string,
  of: readonly { stream: string; epoch: string }[],
): Promise<{ stream: string; epoch: string; cursor: number }[]> {
  const cursors: { stream: string; epoch: string; cursor: number }[] = [];
  for (const { stream, epoch } of of) {
    const row = await sql.one<{ cursor_seq: number }>(
      `SELECT e.cursor_seq FROM event_epochs e JOIN agents a ON a.agent_key = e.agent_key
       WHERE a.id = $1 AND e.stream = $2 AND e.epoch = $3`,
      [agentId, stream, epoch],
    );
    cursors.push({ stream, epoch, cursor: row?.cursor_seq ?? 0 });
  }
  return cursors;
}

/** Epochs in the order in which they were heard of. `lost` has the hole of one that ended, where its end is known. */
export async function readReconciliation(sql: Sql, agentId: string): Promise<Account[]> {
  const rows = await sql.all<AccountRow>(
    `SELECT e.stream, e.epoch, e.cursor_seq, e.stored, e.lost, e.is_ended, e.produced
     FROM event_epochs e JOIN agents a ON a.agent_key = e.agent_key WHERE a.id = $1
     ORDER BY e.epoch_key DESC LIMIT ${EPOCHS_TOLD_MAX}`,
    [agentId],
  );
  rows.reverse();
  const status = await sql.one<{ heartbeat: string }>(
    "SELECT s.heartbeat FROM agent_status s JOIN agents a ON a.agent_key = s.agent_key WHERE a.id = $1",
    [agentId],
  );
  const reports = status === undefined ? [] : (JSON.parse(status.heartbeat) as Heartbeat).streams;
  return rows.map((row) => ({
    stream: row.stream,
    epoch: row.epoch,
    cursor: row.cursor_seq,
    stored: row.stored,
    lost: row.lost + Math.max(0, (row.produced ?? 0) - row.cursor_seq),
    produced: row.is_ended === 1 ? row.produced : producedNow(row, rows, reports),
  }));
}

/**
 * A heartbeat counts a stream over all epochs, so those that ended are taken away. It may be older than what was stored
 * since: so much was produced at least.
 */
function producedNow(
  row: AccountRow,
  rows: readonly AccountRow[],
  reports: Heartbeat["streams"],
): number | null {
  const report = reports.find(({ stream, epoch }) => stream === row.stream && epoch === row.epoch);
  if (report === undefined) return null;
  let produced = report.produced;
  for (const other of rows) {
    if (other === row || other.stream !== row.stream) continue;
    if (other.produced === null) return null;
    produced -= other.produced;
  }
  return Math.max(produced, row.cursor_seq);
}

interface BatchRow {
  readonly epoch_key: number;
  readonly public_key: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly header: string;
  readonly signature: string;
  readonly own_items: string | null;
}

interface ItemRow {
  readonly seq: number;
  readonly event_type: string;
  readonly provider: string;
  readonly event_id: number;
  readonly event_timestamp_ms: number;
  readonly payload: string;
}

/** Undefined where there is no such event, or not all of its batch is kept any more. */
export async function readProof(
  sql: Sql,
  agentId: string,
  stream: string,
  epoch: string,
  seq: number,
): Promise<EventProof | undefined> {
  const agentKey = await agentKeyOf(sql, agentId);
  if (agentKey === undefined || !Number.isSafeInteger(seq)) return undefined;
  // What a batch told anew is above the last seq of the batch before it: the first that reaches the event is the one.
  const batch = await sql.one<BatchRow>(
    `SELECT b.epoch_key, a.public_key, b.first_seq, b.last_seq, b.header, b.signature, b.own_items
     FROM event_batches b JOIN event_epochs e ON e.epoch_key = b.epoch_key JOIN agents a ON a.agent_key = e.agent_key
     WHERE e.agent_key = $1 AND e.stream = $2 AND e.epoch = $3 AND b.last_seq >= $4 ORDER BY b.last_seq LIMIT 1`,
    [agentKey, stream, epoch, seq],
  );
  if (batch === undefined || batch.first_seq > seq) return undefined;
  const header = JSON.parse(batch.header) as BatchHeader;
  const items = await itemsOf(sql, batch);
  const index = items.findIndex((item) => !isLoss(item) && item.seq === seq);
  if (index === -1 || items.length !== header.count) return undefined;
  return { agentId, publicKey: batch.public_key, header, signature: batch.signature, items, index };
}

async function itemsOf(sql: Sql, batch: BatchRow): Promise<BatchItem[]> {
  const own = batch.own_items === null ? [] : (JSON.parse(batch.own_items) as BatchItem[]);
  const rows = await sql.all<ItemRow>(
    `SELECT seq, event_type, provider, event_id, event_timestamp_ms, payload FROM agent_process_events
     WHERE epoch_key = $1 AND seq >= $2 AND seq <= $3`,
    [batch.epoch_key, batch.first_seq, batch.last_seq],
  );
  const events = rows
    .filter(({ seq }) => !own.some((item) => firstSeqOf(item) <= seq && seq <= lastSeqOf(item)))
    .map((row): EventItem => ({
      seq: row.seq,
      type: row.event_type,
      timestampMs: row.event_timestamp_ms,
      provider: row.provider,
      eventId: row.event_id,
      payload: row.payload,
    }));
  return [...own, ...events].sort((one, other) => firstSeqOf(one) - firstSeqOf(other));
}

function firstSeqOf(item: BatchItem): number {
  return isLoss(item) ? item.firstSeq : item.seq;
}
