/** The rows of events, batches and losses that one transaction stores: collected, then written many at once. */
import { isLoss, type BatchItem, type EventItem, type LossItem } from "../../protocol/fleet/envelope.ts";
import type { SignedBatch } from "../../protocol/fleet/envelope.ts";
import type { EpochState } from "./epochs.ts";
import type { Sql, SqlValue } from "./sql.ts";
import { insertRows, reserveNumbers, selectIn } from "./statements.ts";

const EVENT_COLUMNS = [
  "id",
  "epoch_key",
  "agent_key",
  "seq",
  "event_type",
  "provider",
  "event_id",
  "event_timestamp_ms",
  "received_at_ms",
  "chain",
  "payload",
] as const;
const BATCH_COLUMNS = [
  "id",
  "epoch_key",
  "first_seq",
  "last_seq",
  "header",
  "signature",
  "own_items",
  "received_at_ms",
] as const;
const LOSS_COLUMNS = [
  "id",
  "epoch_key",
  "agent_key",
  "first_seq",
  "last_seq",
  "bytes",
  "reason",
  "declared_at_ms",
  "received_at_ms",
  "is_hole",
] as const;

/** Of one batch. */
const LOSSES_LOOKED_AT_MAX = 5000;

/** A row without its number, which it gets when it is written. */
type Row = readonly SqlValue[];

export interface Range {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export class EventWriter {
  readonly #sql: Sql;
  #events: Row[] = [];
  #batches: Row[] = [];
  #losses: Row[] = [];

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  addEvent(epoch: EpochState, event: EventItem, chain: string, receivedAtMs: number): void {
    const { seq, type, provider, eventId, timestampMs, payload } = event;
    this.#events.push([
      epoch.key,
      epoch.agentKey,
      seq,
      type,
      provider,
      eventId,
      timestampMs,
      receivedAtMs,
      chain,
      payload,
    ]);
  }

  addLoss(epoch: EpochState, loss: LossItem, receivedAtMs: number): void {
    const { firstSeq, lastSeq, bytes, reason, declaredAtMs } = loss;
    this.#losses.push([
      epoch.key,
      epoch.agentKey,
      firstSeq,
      lastSeq,
      bytes,
      reason,
      declaredAtMs,
      receivedAtMs,
      0,
    ]);
  }

  addBatch(epoch: EpochState, batch: SignedBatch, own: readonly BatchItem[], receivedAtMs: number): void {
    const { header, signature } = batch;
    const ownItems = own.length === 0 ? null : JSON.stringify(own);
    this.#batches.push([
      epoch.key,
      header.firstSeq,
      header.lastSeq,
      JSON.stringify(header),
      signature,
      ownItems,
      receivedAtMs,
    ]);
  }

  /** Chains of the stored events with these numbers, by seq. Those of a pruned event are not known any more. */
  async chains(epoch: EpochState, seqs: readonly number[]): Promise<Map<number, string>> {
    await this.write(); // the same events may have come twice in one call
    const rows = await selectIn<{ seq: number; chain: string }>(
      this.#sql,
      (list) => `SELECT seq, chain FROM agent_process_events WHERE epoch_key = $1 AND seq IN (${list})`,
      [epoch.key],
      seqs,
    );
    return new Map(rows.map(({ seq, chain }) => [seq, chain]));
  }

  /**
   * What these items declare lost, and is stored: up to the cursor, whatever is not a stored loss. Of a batch that overlaps
   * thousands of losses, which only a liar has made, the rest stays lost as it says.
   */
  async notLost(epoch: EpochState, items: readonly BatchItem[]): Promise<Range[]> {
    const ranges: Range[] = [];
    let lookedAt = 0;
    for (const item of items) {
      if (!isLoss(item) || item.firstSeq > epoch.cursor || lookedAt >= LOSSES_LOOKED_AT_MAX) continue;
      let lastSeq = Math.min(item.lastSeq, epoch.cursor);
      await this.write();
      const lost = await this.#sql.all<{ first_seq: number; last_seq: number }>(
        `SELECT first_seq, last_seq FROM event_losses
         WHERE epoch_key = $1 AND is_hole = 0 AND first_seq <= $3 AND last_seq >= $2 ORDER BY first_seq LIMIT $4`,
        [epoch.key, item.firstSeq, lastSeq, LOSSES_LOOKED_AT_MAX],
      );
      lookedAt += lost.length + 1;
      if (lost.length === LOSSES_LOOKED_AT_MAX) lastSeq = Math.min(lastSeq, lost.at(-1)?.last_seq ?? lastSeq);
      ranges.push(...without({ firstSeq: item.firstSeq, lastSeq }, lost));
    }
    return ranges;
  }

  async write(): Promise<void> {
    await this.#insert("agent_process_events", "events", EVENT_COLUMNS, this.#events);
    await this.#insert("event_batches", "batches", BATCH_COLUMNS, this.#batches);
    await this.#insert("event_losses", "losses", LOSS_COLUMNS, this.#losses);
    this.#events = [];
    this.#batches = [];
    this.#losses = [];
  }

  async #insert(
    table: string,
    name: string,
    columns: readonly string[],
    rows: readonly Row[],
  ): Promise<void> {
    if (rows.length === 0) return;
    const first = await reserveNumbers(this.#sql, name, rows.length);
    const numbered = rows.map((row, index) => [first + index, ...row]);
    await insertRows(this.#sql, table, columns, numbered);
  }
}

/** What is left of a range. `taken` in order and not overlapping. */
function without(range: Range, taken: readonly { first_seq: number; last_seq: number }[]): Range[] {
  const left: Range[] = [];
  let next = range.firstSeq;
  for (const { first_seq: first, last_seq: last } of taken) {
    if (first > next) left.push({ firstSeq: next, lastSeq: first - 1 });
    next = Math.max(next, last + 1);
  }
  if (next <= range.lastSeq) left.push({ firstSeq: next, lastSeq: range.lastSeq });
  return left;
}
