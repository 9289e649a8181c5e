/**
 * What the parent's answers change: events that it has are deleted and counted as acknowledged; what was declared lost and
 * reached it nevertheless is not lost; and where it has less than it once acknowledged, the rest is declared.
 *
 * Nothing beyond the end of a batch is acknowledged by it, whatever the cursor: only what stands in the batch was compared
 * with what the parent has.
 */
import { isLoss, type BatchAnswer, type SignedBatch, type StreamName } from "../protocol/fleet/envelope.ts";
import type { OutboxDatabase } from "../store/outbox.ts";
import type { EpochRow, StoredLoss } from "../store/outbox-schema.ts";
import { findEpoch, recordLoss, type Work } from "./work.ts";

export interface Range {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** An acknowledgement that has been heard: it holds from then on, and is written as soon as it can be. */
export interface Acknowledgement {
  readonly stream: StreamName;
  readonly epoch: string;
  readonly upTo: number;
  readonly chain: string | null;
  /** What the parent has as events, whatever became of it here. */
  readonly stored: readonly Range[];
}

const TOLD_LOSSES_KEPT = 1000;
const LOSSES_AT_ONCE = 500;

/** The chain after `seq`: undefined where nothing ends there. */
function chainAt(database: OutboxDatabase, epochId: number, seq: number): string | null | undefined {
  const [event] = database.eventSizes(epochId, seq, 1);
  if (event?.seq === seq) return event.chain;
  const [loss] = database.losses(epochId, seq, 1);
  return loss?.lastSeq === seq ? loss.chain : undefined;
}

/** `seq`, or the end of what is before a range of loss that reaches over it: ranges are told as a whole. */
function outsideLosses(database: OutboxDatabase, epochId: number, seq: number): number {
  const [loss] = database.losses(epochId, seq, 1);
  return loss !== undefined && loss.firstSeq <= seq && loss.lastSeq > seq ? loss.firstSeq - 1 : seq;
}

function eventRanges({ items }: SignedBatch, upTo: number): Range[] {
  const ranges: Range[] = [];
  for (const item of items) {
    if (isLoss(item) || item.seq > upTo) continue;
    const before = ranges.at(-1);
    if (before?.lastSeq === item.seq - 1) ranges[ranges.length - 1] = { ...before, lastSeq: item.seq };
    else ranges.push({ firstSeq: item.seq, lastSeq: item.seq });
  }
  return ranges;
}

/** How far beyond `cursor` what is known up to `most` reaches, in whole records; undefined where not at all. */
export function readAgreement(
  database: OutboxDatabase,
  row: EpochRow,
  cursor: number,
  most: number,
): { upTo: number; chain: string | null } | undefined {
  if (most <= cursor) return undefined;
  const upTo = outsideLosses(database, row.id, most);
  const chain = upTo <= cursor ? undefined : chainAt(database, row.id, upTo);
  return chain === undefined ? undefined : { upTo, chain };
}

/** What an answer acknowledges beyond `cursor`; undefined where it is nothing new. */
export function readAnswer(
  database: OutboxDatabase,
  row: EpochRow,
  cursor: number,
  batch: SignedBatch,
  answer: BatchAnswer,
): Acknowledgement | undefined {
  const most = Math.min(answer.cursor, batch.header.lastSeq, row.produced);
  const agreement = readAgreement(database, row, cursor, most);
  if (agreement === undefined) return undefined;
  const { upTo, chain } = agreement;
  const notLost = answer.notLost
    .filter((range) => range.firstSeq <= upTo && range.lastSeq >= range.firstSeq)
    .map(({ firstSeq, lastSeq }) => ({ firstSeq, lastSeq: Math.min(lastSeq, upTo) }));
  const { stream, epoch } = row;
  return { stream, epoch, upTo, chain, stored: [...eventRanges(batch, upTo), ...notLost] };
}

/** Two that were heard one after the other. */
export function joinAcknowledgements(
  before: Acknowledgement | undefined,
  after: Acknowledgement,
): Acknowledgement {
  return before === undefined ? after : { ...after, stored: [...before.stored, ...after.stored] };
}

export function applyAcknowledgement(work: Work, heard: Acknowledgement): void {
  const row = findEpoch(work.rows, heard.stream, heard.epoch);
  const { database } = work;
  if (row === undefined || heard.upTo <= row.cursor || heard.upTo > row.produced) return;
  // What was heard before a damage may end within the range that was declared then: it is told again, and heard anew.
  if (outsideLosses(database, row.id, heard.upTo) !== heard.upTo) return;
  const removed = database.removeEvents(row.id, row.cursor + 1, heard.upTo);
  row.pending -= removed.events;
  row.pendingBytes -= removed.bytes;
  row.acked += removed.events;
  for (let from = row.cursor + 1; from <= heard.upTo;) {
    const losses = database
      .losses(row.id, from, LOSSES_AT_ONCE)
      .filter(({ lastSeq }) => lastSeq <= heard.upTo);
    for (const loss of losses) reclaim(work, row, loss, heard.stored);
    if (losses.length < LOSSES_AT_ONCE) break;
    from = (losses.at(-1)?.lastSeq ?? heard.upTo) + 1;
  }
  row.cursor = heard.upTo;
  row.cursorChain = heard.chain;
  database.forgetLosses(row.id, row.cursor, TOLD_LOSSES_KEPT);
}

/** Takes out of a declared loss what the parent has. */
function reclaim(work: Work, row: EpochRow, loss: StoredLoss, stored: readonly Range[]): void {
  const rest = without(loss, stored);
  const lost = rest.reduce((sum, range) => sum + range.lastSeq - range.firstSeq + 1, 0);
  const found = loss.lastSeq - loss.firstSeq + 1 - lost;
  if (found === 0) return;
  row.lost -= found;
  row.acked += found;
  work.database.removeLoss(row.id, loss.firstSeq);
  for (const range of rest) {
    const chain = range.lastSeq === loss.lastSeq ? loss.chain : null;
    work.database.addLoss(row.id, { ...loss, ...range, bytes: null, chain });
  }
}

/** What remains of a range without others. */
export function without(range: Range, others: readonly Range[]): Range[] {
  const rest: Range[] = [];
  let next = range.firstSeq;
  for (const { firstSeq, lastSeq } of [...others].sort((a, b) => a.firstSeq - b.firstSeq)) {
    if (lastSeq < next || firstSeq > range.lastSeq) continue;
    if (firstSeq > next) rest.push({ firstSeq: next, lastSeq: firstSeq - 1 });
    next = lastSeq + 1;
  }
  if (next <= range.lastSeq) rest.push({ firstSeq: next, lastSeq: range.lastSeq });
  return rest;
}

/**
 * The parent's cursor is lower than ours: what is between was deleted here. Losses that were told are told again, and all
 * else is declared as the parent's loss.
 */
export function rewind(work: Work, row: EpochRow, parentCursor: number): void {
  if (parentCursor < 0 || parentCursor >= row.cursor) return;
  const { database } = work;
  const gone: Range = { firstSeq: outsideLosses(database, row.id, parentCursor) + 1, lastSeq: row.cursor };
  const told = database.losses(row.id, gone.firstSeq, TOLD_LOSSES_KEPT * 2);
  const chain = row.cursorChain;
  row.cursor = gone.firstSeq - 1;
  row.cursorChain = null; // it was deleted too
  let lost = 0;
  for (const { firstSeq, lastSeq } of without(gone, told)) {
    const end = lastSeq === gone.lastSeq ? chain : null;
    recordLoss(work, row, { firstSeq, lastSeq, reason: "parent_lost", bytes: null, chain: end });
    lost += lastSeq - firstSeq + 1;
  }
  const moved = Math.min(lost, row.acked);
  row.acked -= moved;
  row.lost += moved;
}
