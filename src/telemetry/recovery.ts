/**
 * What is done when the outbox is opened: its database is compared with what else is known (the sidecar ledger, or the
 * memory of the run that found the damage), and whatever the database has lost is declared, epoch by epoch, from its cursor
 * to its end. Then each stream gets the epoch that it goes on in.
 *
 * How the loss of an old epoch reaches the parent: as records of loss in that very epoch, which are sent before anything of
 * the epochs after it; and where nobody knows how much was produced, by `follows` of the next one with `produced` null.
 */
import type { StreamName } from "../protocol/fleet/envelope.ts";
import type { EpochRow, Owner } from "../store/outbox-schema.ts";
import type { LedgerEpoch, LedgerImage } from "./ledger.ts";
import { beginForNewOwner, foldOldEpochs, originAfter } from "./succession.ts";
import { currentOf, findEpoch, insertCurrent, insertRow, recordLoss, rowsOf, type Work } from "./work.ts";

export interface Knowledge {
  readonly image: LedgerImage;
  /** Whether its numbers are exact; else they are a lower bound. */
  readonly isExact: boolean;
}

export interface RecoveryFacts {
  readonly streams: readonly StreamName[];
  readonly owner: Owner;
  /** Undefined where nothing is known beside the database. */
  readonly knowledge: Knowledge | undefined;
  /** A damaged database was set aside just now. */
  readonly wasDamaged: boolean;
}

export function recover(work: Work, facts: RecoveryFacts): void {
  const { owner, streams } = facts;
  const stored = work.database.owner();
  const isOther = stored !== undefined && !isSameOwner(stored, owner);
  const image = facts.knowledge?.image;
  const knowledge = image !== undefined && isSameOwner(image, owner) ? facts.knowledge : undefined;
  if (stored === undefined && knowledge !== undefined)
    for (const past of knowledge.image.past) work.database.addPast(past);
  // Where nothing has changed nothing is written: it must be possible to open it on a full disk.
  if (stored === undefined || isOther) work.database.setOwner(owner);
  for (const stream of streams) {
    if (isOther) beginForNewOwner(work, stream);
    else recoverStream(work, stream, knowledge, facts.wasDamaged);
  }
  foldOldEpochs(work);
}

function isSameOwner(a: Owner, b: Owner): boolean {
  return a.agentId === b.agentId && a.parentId === b.parentId;
}

function recoverStream(
  work: Work,
  stream: StreamName,
  knowledge: Knowledge | undefined,
  wasDamaged: boolean,
): void {
  const known = knowledge?.image.epochs.filter((epoch) => epoch.stream === stream) ?? [];
  const hadRows = rowsOf(work, stream).length > 0;
  for (const epoch of known) declareMissingEnd(work, epoch);
  const missing = missingEpochs(work, stream, known);
  const imported = missing.map((epoch) => importEpoch(work, epoch, knowledge?.isExact === true));
  const current = currentOf(work, stream);
  const before = imported.at(-1) ?? current;
  if (before === undefined) {
    insertCurrent(work, stream, null);
    if (wasDamaged) countUnknownPast(work, stream);
  } else if (imported.length > 0) {
    const reason = wasDamaged && !hadRows ? "corrupt" : "state_lost";
    insertCurrent(work, stream, originAfter(work, before, reason));
  } else if (before.bootId !== work.bootId) {
    if (before.produced === 0) before.bootId = work.bootId;
    else insertCurrent(work, stream, originAfter(work, before, "reboot"));
  }
}

/** Not even the name of what was there is known: one more end that nobody knows. */
function countUnknownPast(work: Work, stream: StreamName): void {
  work.database.addPast({ stream, produced: 0, acked: 0, lost: 0, unknownTails: 1 });
}

/** An epoch of which the database holds less than was committed: its log was damaged, or it is an older copy. */
function declareMissingEnd(work: Work, known: LedgerEpoch): void {
  const row = findEpoch(work.rows, known.stream, known.epoch);
  if (row === undefined || row.produced >= known.produced) return;
  const [firstSeq, lastSeq] = [row.produced + 1, known.produced];
  row.produced = lastSeq;
  row.lost += lastSeq - firstSeq + 1;
  row.lastChain = null;
  recordLoss(work, row, { firstSeq, lastSeq, reason: "corrupt", bytes: null, chain: null });
}

/**
 * Known epochs that the database should have and has not. Those before one that it has are not missing: they were told as
 * a whole, and their rows were given up.
 */
function missingEpochs(work: Work, stream: StreamName, known: readonly LedgerEpoch[]): LedgerEpoch[] {
  const shared = known.findLastIndex(({ epoch }) => findEpoch(work.rows, stream, epoch) !== undefined);
  return known.slice(shared + 1);
}

function importEpoch(work: Work, known: LedgerEpoch, isExact: boolean): EpochRow {
  const { stream, epoch, bootId, cursor, cursorChain, acked, follows } = known;
  const produced = Math.max(known.produced, known.intended);
  const row = insertRow(work, stream, {
    epoch,
    bootId,
    produced,
    cursor,
    cursorChain,
    acked,
    lost: produced - acked,
    unknownTail: known.unknownTail || (known.isCurrent && !isExact),
    follows,
  });
  if (produced > cursor) {
    const range = { firstSeq: cursor + 1, lastSeq: produced };
    recordLoss(work, row, { ...range, reason: "corrupt", bytes: null, chain: null });
  }
  return row;
}

/** What a damaged database still says, where there is no sidecar: names of epochs, and numbers that are a lower bound. */
export function knowledgeOfDamaged(
  rows: readonly EpochRow[],
  owner: Owner,
  bootId: string,
): Knowledge | undefined {
  const credible = rows.filter(
    ({ epoch, produced, acked, cursor, pending, lost, follows }) =>
      /^[0-9a-f]{16}$/.test(epoch) &&
      (follows === null || /^[0-9a-f]{16}$/.test(follows.epoch)) &&
      [produced, acked, cursor, pending, lost].every((each) => Number.isSafeInteger(each) && each >= 0) &&
      produced === acked + pending + lost &&
      acked <= cursor &&
      cursor <= produced,
  );
  if (credible.length === 0) return undefined;
  const epochs = credible.map((row) => ({
    stream: row.stream,
    epoch: row.epoch,
    isCurrent: row.isCurrent,
    bootId: row.bootId,
    produced: row.produced,
    intended: row.produced,
    cursor: row.cursor,
    cursorChain: row.cursorChain,
    acked: row.acked,
    unknownTail: row.unknownTail,
    follows: row.follows,
  }));
  return { image: { ...owner, bootId, isClean: false, epochs, past: [] }, isExact: false };
}
