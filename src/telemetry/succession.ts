/**
 * New epochs: what follows what, and how pending events come along. An epoch is left where its numbers can no longer be
 * relied on: the machine was started anew, the state is older than what the parent has, or the parent has other events
 * under the same numbers.
 */
import type { EpochOrigin, StreamName } from "../protocol/fleet/envelope.ts";
import type { EpochRow } from "../store/outbox-schema.ts";
import { appendEvent } from "./storing.ts";
import { appendLoss, insertCurrent, insertRow, rowsOf, type Work } from "./work.ts";

const MOVED_AT_ONCE = 200;
/** Old epochs that are at the parent as a whole and are still kept, per stream: it may ask for less than it had. */
const OLD_EPOCHS_KEPT = 16;

/** The parent has more of the current epoch than was produced here: what is left of it is sent first, then the new one. */
export function leaveCurrent(work: Work, row: EpochRow, reason: EpochOrigin["reason"]): EpochRow {
  row.unknownTail = true;
  return insertCurrent(work, row.stream, { epoch: row.epoch, produced: null, reason });
}

/**
 * The parent has other events under the numbers of what is pending in this epoch: all of it moves to a new epoch, which
 * stands between this one and those after it.
 */
export function divertPending(work: Work, row: EpochRow): EpochRow {
  const rows = rowsOf(work, row.stream);
  const next = rows[rows.indexOf(row) + 1];
  const follows: EpochOrigin = { epoch: row.epoch, produced: null, reason: "conflict" };
  const target =
    next === undefined || row.isCurrent
      ? insertCurrent(work, row.stream, follows)
      : insertRow(work, row.stream, { follows }, row);
  row.unknownTail = true;
  movePending(work, row, target);
  // What follows an epoch was never sent while that one had anything pending, so it can still be told otherwise.
  if (next?.follows?.epoch === row.epoch)
    next.follows = { ...next.follows, epoch: target.epoch, produced: target.produced };
  return target;
}

/** All that is not acknowledged gets a new place at the end of another epoch; the numbers of the first shrink by it. */
export function movePending(work: Work, from: EpochRow, to: EpochRow): void {
  const { database } = work;
  for (let next = from.cursor + 1; next <= from.produced;) {
    const [loss] = database.losses(from.id, next, 1);
    if (loss !== undefined && loss.firstSeq <= next) {
      const events = loss.lastSeq - next + 1;
      appendLoss(work, to, events, loss.reason, loss.bytes);
      database.removeLoss(from.id, loss.firstSeq);
      from.lost -= events;
      next = loss.lastSeq + 1;
      continue;
    }
    const until = Math.min(next + MOVED_AT_ONCE - 1, (loss?.firstSeq ?? Infinity) - 1, from.produced);
    for (const event of database.events(from.id, next, until))
      appendEvent(work, to, event, Buffer.byteLength(event.payload));
    const removed = database.removeEvents(from.id, next, until);
    from.pending -= removed.events;
    from.pendingBytes -= removed.bytes;
    next = until + 1;
  }
  from.produced = from.cursor;
  from.lastChain = from.cursorChain;
}

/** What a new epoch says of the one before it. One in which nothing was ever produced is not worth telling of. */
export function originAfter(work: Work, before: EpochRow, reason: EpochOrigin["reason"]): EpochOrigin | null {
  if (before.produced === 0 && !before.unknownTail) {
    work.rows = work.rows.filter((row) => row !== before);
    work.database.foldEpoch(before);
    return before.follows;
  }
  return { epoch: before.epoch, produced: before.unknownTail ? null : before.produced, reason };
}

/** Another agent's key, or another parent: nothing that was told before is known there. */
export function beginForNewOwner(work: Work, stream: StreamName): void {
  const old = rowsOf(work, stream);
  const target = insertCurrent(work, stream, null);
  for (const row of old) movePending(work, row, target);
}

/** Keeps the table of epochs short: the oldest that are told as a whole become part of the totals. */
export function foldOldEpochs(work: Work): void {
  for (const stream of new Set(work.rows.map((row) => row.stream))) {
    const done = rowsOf(work, stream).filter((row) => !row.isCurrent && row.cursor === row.produced);
    for (const row of done.slice(0, Math.max(0, done.length - OLD_EPOCHS_KEPT))) {
      work.database.foldEpoch(row);
      work.rows = work.rows.filter((each) => each !== row);
    }
  }
}
