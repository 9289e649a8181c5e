/**
 * The outbox (contract.ts): rings in memory, emptied into the journal on disk by one transaction for all that waits, and
 * batches out of the journal until the parent has them. Whatever the disk does, appending goes on: while nothing can be
 * stored events wait in the rings, what does not fit is counted, and storing is tried again until it works.
 */
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_ITEMS_MAX,
  EventItem,
  isLoss,
  STREAMS,
  type BatchAnswer,
  type EpochOrigin,
  type LossReason,
  type SignedBatch,
  type StreamName,
} from "../protocol/fleet/envelope.ts";
import type { Signer } from "../protocol/fleet/identity.ts";
import type { Durability } from "../store/outbox.ts";
import type { EpochRow, StoredEvent } from "../store/outbox-schema.ts";
import { epochAccounts, streamReports, type Accounts } from "./accounts.ts";
import { pickItems, signBatch, type Position } from "./batches.ts";
import { FLUSH_MS, type NewEvent, type Outbox, type OutboxStatus, type StreamQuota } from "./contract.ts";
import { HeardAnswers } from "./heard.ts";
import type { Journal } from "./journal.ts";
import { Reserve } from "./reserve.ts";
import { countPlaces, Ring, type RingBounds, type Waiting } from "./ring.ts";
import { giveUpStored, loseDamaged, quotaOf, storeWaiting, type Quota } from "./storing.ts";
import { divertPending, foldOldEpochs, leaveCurrent } from "./succession.ts";
import { rewind } from "./acknowledging.ts";
import { Spool } from "./spool.ts";
import { Waiters } from "./waiters.ts";
import { findEpoch, type Work } from "./work.ts";

export interface OutboxOptions {
  /** Where outbox.db, outbox.ledger and outbox.reserve are; made where it is missing. One outbox at a time, by a lock of the caller's. */
  readonly directory: string;
  readonly signer: Signer;
  readonly parentId: string;
  readonly bootId: string;
  readonly clock: Clock;
  /** Streams that are not named have 16 MiB each. */
  readonly quotas: readonly StreamQuota[];
  /** Of each stream's ring. */
  readonly ring?: RingBounds;
  readonly reserveBytes?: number;
}

const QUOTA_BYTES = 16 * 1024 * 1024;
const RING: RingBounds = { eventsMax: 8192, bytesMax: 4 * 1024 * 1024 };
/** Of one stream in one transaction: some ten milliseconds of work, and all streams together far less than the reserve. */
const STORED_AT_ONCE = { entriesMax: 1000, bytesMax: 256 * 1024 };
/** While the disk is full: so much may be pending in what was the reserve, taken in such pieces. */
const TRICKLE = { pendingBytesMax: 256 * 1024, bytesMax: 64 * 1024 };
const ATTEMPTS_MAX = 8;

/** Never throws for what the disk does: an outbox that can't store yet says so in its status, and tries again. */
export function openOutbox(options: OutboxOptions): Outbox {
  return new StoredOutbox(options);
}

class StoredOutbox implements Outbox {
  readonly #options: OutboxOptions;
  readonly #spool: Spool;
  readonly #rings: ReadonlyMap<StreamName, Ring>;
  readonly #quotas: ReadonlyMap<StreamName, Quota>;
  readonly #heard = new HeardAnswers();
  readonly #waiters = new Waiters((stream) => this.#hasPending(stream));
  #lastAccounts: Accounts = { epochs: [], past: [] };
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerIsUrgent = false;

  constructor(options: OutboxOptions) {
    const { directory, signer, parentId, bootId, clock, ring = RING } = options;
    this.#options = options;
    this.#rings = new Map(STREAMS.map((stream) => [stream, new Ring(ring)]));
    const given = new Map(options.quotas.map(({ stream, bytesMax }) => [stream, bytesMax]));
    this.#quotas = new Map(STREAMS.map((stream) => [stream, quotaOf(given.get(stream) ?? QUOTA_BYTES)]));
    const owner = { agentId: signer.id, parentId };
    const reserve = new Reserve(join(directory, "outbox.reserve"), options.reserveBytes);
    this.#spool = new Spool({ directory, owner, bootId, clock, streams: STREAMS }, reserve, {
      opened: () => this.#waiters.wake(),
      abandoned: () => this.#heard.clear(),
      failed: () => {
        if (this.#timer === undefined && !this.#isClosed) this.#retryLater();
      },
    });
    this.#spool.working();
  }

  append(stream: StreamName, event: NewEvent): void {
    const bytes = Buffer.byteLength(event.payload);
    const ring = this.#ring(stream);
    if (isSendable(event)) ring.add(event, bytes, this.#spool.problem === null ? "quota" : "disk_full");
    else ring.lose(1, "source", bytes);
    this.#schedule(ring);
  }

  declareLoss(stream: StreamName, events: number, reason: LossReason): void {
    if (!Number.isSafeInteger(events) || events <= 0) return;
    const ring = this.#ring(stream);
    ring.lose(events, reason, null);
    this.#schedule(ring);
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let attempt = 0; this.#storeSome();) {
      attempt = this.#spool.problem === null ? 0 : attempt + 1;
      if (attempt > ATTEMPTS_MAX) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const isWaiting = this.#hasWork() || this.#spool.problem !== null;
    if (isWaiting && !this.#isClosed && this.#timer === undefined) this.#retryLater();
  }

  waitForPending(streams: readonly StreamName[], signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(streams, signal);
  }

  nextBatch(stream: StreamName, bytesMax: number, itemsMax = BATCH_ITEMS_MAX): SignedBatch | undefined {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const journal = this.#spool.journal;
      const row = journal?.rows.find(
        (each) => each.stream === stream && this.#heard.positionOf(each).seq < each.produced,
      );
      if (journal === undefined || row === undefined) return undefined;
      try {
        const batch = this.#makeBatch(journal, row, bytesMax, itemsMax);
        if (batch !== undefined) return batch;
      } catch (error) {
        this.#spool.failed(error);
      }
    }
    return undefined; // the disk fails again and again: later
  }

  acknowledge(batch: SignedBatch, answer: BatchAnswer): void {
    this.#attempt(() => {
      const { stream, epoch } = batch.header;
      const row = findEpoch(this.#spool.journal?.rows ?? [], stream, epoch);
      if (this.#spool.journal === undefined || row === undefined) return;
      this.#heard.hear(this.#spool.journal.database, row, batch, answer);
      if (this.#heard.isEmpty) return;
      this.#change("written", (work) => foldOldEpochs(work));
    });
  }

  rewindTo(stream: StreamName, epoch: string, cursor: number): void {
    this.#attempt(() => {
      const row = findEpoch(this.#spool.journal?.rows ?? [], stream, epoch);
      if (row !== undefined) this.#changeEpoch(row, (work, each) => rewind(work, each, cursor));
    });
    this.#waiters.wake();
  }

  beginEpoch(stream: StreamName, epoch: string, reason: EpochOrigin["reason"], agreedUpTo?: number): void {
    this.#attempt(() => {
      const { journal } = this.#spool;
      const row = findEpoch(journal?.rows ?? [], stream, epoch);
      if (journal === undefined || row === undefined) return;
      const isConflict = reason === "conflict";
      if (isConflict && agreedUpTo !== undefined) this.#heard.agree(journal.database, row, agreedUpTo);
      else if (isConflict && this.#heard.narrow(row)) return;
      this.#changeEpoch(row, (work, each) => {
        if (isConflict && each.cursor < each.produced) divertPending(work, each);
        else if (each.isCurrent) leaveCurrent(work, each, reason);
      });
    });
    this.#waiters.wake();
  }

  giveUp({ header, items }: SignedBatch, reason: LossReason): boolean {
    const [item] = items;
    if (item === undefined || items.length > 1 || isLoss(item)) return false;
    let isGivenUp = false;
    this.#attempt(() => {
      const row = findEpoch(this.#spool.journal?.rows ?? [], header.stream, header.epoch);
      let isDone = false;
      if (row !== undefined)
        this.#changeEpoch(row, (work, each) => (isDone = giveUpStored(work, each, item.seq, reason)));
      isGivenUp = isDone;
    });
    return isGivenUp;
  }

  status(): OutboxStatus {
    let accounts = this.#lastAccounts;
    try {
      accounts = this.#spool.journal?.accounts() ?? accounts;
    } catch (error) {
      this.#spool.failed(error);
    }
    this.#lastAccounts = accounts;
    const rings = [...this.#rings.values()];
    return {
      epochs: epochAccounts(accounts),
      streams: streamReports(accounts),
      ringEvents: rings.reduce((sum, ring) => sum + ring.events, 0),
      ringBytes: rings.reduce((sum, ring) => sum + ring.bytes, 0),
      storageProblem: this.#spool.problem,
      setAside: this.#spool.setAside,
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.flush();
    if (this.#hasWork()) this.#giveUp();
    clearTimeout(this.#timer);
    this.#waiters.release();
    try {
      this.#lastAccounts = this.#spool.journal?.accounts() ?? this.#lastAccounts;
    } catch (error) {
      this.#spool.failed(error);
    }
    this.#spool.close();
  }

  /** It ends, and what waits can't be stored: then it is lost, and its number still fits into the reserve. */
  #giveUp(): void {
    const places = [...this.#rings].map(([stream, ring]) => [stream, ring.giveUp("disk_full")] as const);
    const lost = new Map(places.filter(([, part]) => part.length > 0));
    const counts = new Map([...lost].map(([stream, part]) => [stream, countPlaces(part)] as const));
    this.#attempt(() => this.#change("synced", (work) => this.#store(work, lost), counts));
  }

  #ring(stream: StreamName): Ring {
    const ring = this.#rings.get(stream);
    if (ring === undefined) throw new TypeError(`there is no stream ${stream}`);
    return ring;
  }

  #hasWork(): boolean {
    return !this.#heard.isEmpty || [...this.#rings.values()].some((ring) => !ring.isEmpty);
  }

  #hasPending(stream: StreamName): boolean {
    return (this.#spool.journal?.rows ?? []).some(
      (row) => row.stream === stream && this.#heard.positionOf(row).seq < row.produced,
    );
  }

  #schedule(ring: Ring): void {
    if (this.#isClosed || this.#spool.problem !== null) {
      if (this.#timer === undefined && !this.#isClosed) this.#retryLater();
      return;
    }
    const isUrgent = ring.isHalfFull;
    if (this.#timer !== undefined && (this.#timerIsUrgent || !isUrgent)) return;
    this.#setTimer(isUrgent ? 0 : FLUSH_MS, isUrgent);
  }

  #retryLater(): void {
    this.#setTimer(this.#spool.problem === null ? FLUSH_MS : this.#spool.retryMs, false);
  }

  #setTimer(delayMs: number, isUrgent: boolean): void {
    clearTimeout(this.#timer);
    this.#timerIsUrgent = isUrgent;
    this.#timer = setTimeout(() => void this.flush(), delayMs);
    this.#timer.unref();
  }

  /** Stores a part of what waits; whether it is worth going on at once. */
  #storeSome(): boolean {
    const journal = this.#spool.working();
    if (journal === undefined) return false;
    try {
      const parts = this.#parts(journal);
      if (parts.size === 0 && this.#heard.isEmpty) return false;
      const places = [...parts].map(([stream, part]) => [stream, countPlaces(part)] as const);
      this.#change(
        parts.size === 0 ? "written" : "synced",
        (work) => this.#store(work, parts),
        new Map(places),
      );
      for (const [stream, part] of parts) this.#ring(stream).drop(part);
      this.#waiters.wake();
      if (this.#spool.isFull) journal.database.recycleLog();
      return this.#hasWork();
    } catch (error) {
      return this.#spool.failed(error);
    }
  }

  #store(work: Work, parts: ReadonlyMap<StreamName, readonly Waiting[]>): void {
    for (const [stream, part] of parts)
      storeWaiting(work, stream, part, this.#quotas.get(stream) ?? quotaOf(QUOTA_BYTES));
    foldOldEpochs(work);
  }

  /** What to store now. While the disk is full: losses, and events only where they can be expected to find room. */
  #parts(journal: Journal): Map<StreamName, readonly Waiting[]> {
    const { entriesMax, bytesMax } = STORED_AT_ONCE;
    const mayStore = !this.#spool.isFull || this.#mayTrickle(journal);
    const parts = new Map<StreamName, readonly Waiting[]>();
    for (const [stream, ring] of this.#rings) {
      const part = mayStore
        ? ring.oldest(entriesMax, this.#spool.isFull ? TRICKLE.bytesMax : bytesMax)
        : ring.losses();
      if (part.length > 0) parts.set(stream, part);
    }
    return parts;
  }

  #mayTrickle(journal: Journal): boolean {
    const pending = journal.rows.reduce((sum, row) => sum + row.pendingBytes, 0);
    return pending < TRICKLE.pendingBytesMax || journal.database.freeBytesInside() > 8 * TRICKLE.bytesMax;
  }

  /** One transaction; what was heard of the parent is part of it. */
  #change(
    durability: Durability,
    change: (work: Work) => void,
    intended?: ReadonlyMap<StreamName, number>,
  ): void {
    const journal = this.#spool.journal;
    if (journal === undefined) return;
    journal.change(
      durability,
      (work) => {
        this.#heard.apply(work);
        change(work);
      },
      intended,
    );
    this.#heard.clear();
    this.#spool.worked();
  }

  #changeEpoch({ stream, epoch }: EpochRow, change: (work: Work, row: EpochRow) => void): void {
    this.#change("synced", (work) => {
      const row = findEpoch(work.rows, stream, epoch);
      if (row !== undefined) change(work, row);
    });
    this.#spool.journal?.syncLedger();
  }

  /** Once more where the first attempt failed and made room. What fails for good is asked for again by the caller. */
  #attempt(change: () => void): void {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        change();
        return;
      } catch (error) {
        if (!this.#spool.failed(error)) return;
      }
    }
  }

  #makeBatch(journal: Journal, row: EpochRow, bytesMax: number, itemsMax: number): SignedBatch | undefined {
    const { signer, parentId, bootId, clock } = this.#options;
    const after: Position = this.#heard.positionOf(row);
    const origin = { agentId: signer.id, stream: row.stream, epoch: row.epoch };
    const picked = pickItems(journal.database, origin, row, after, {
      itemsMax: Math.min(itemsMax, this.#heard.itemsMax(row)),
      bytesMax: Math.min(bytesMax, BATCH_BYTES_MAX),
    });
    if ("damaged" in picked) {
      this.#declareDamaged(row, picked.damaged);
      return undefined;
    }
    this.#heard.handOut(row, picked.items.length);
    const now = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs(), bootId };
    return signBatch(signer, parentId, row, after, picked.items, now);
  }

  /** Single events that are not what was stored: the file as a whole is still worth more than a new one. */
  #declareDamaged({ stream, epoch }: EpochRow, damaged: readonly StoredEvent[]): void {
    this.#change("synced", (work) => {
      const row = findEpoch(work.rows, stream, epoch);
      if (row !== undefined) loseDamaged(work, row, damaged);
    });
  }
}

/** Whether the parent would take it: one event that it refuses would hold up all that are behind it. */
function isSendable(event: NewEvent): boolean {
  if (!EventItem.safeParse({ ...event, seq: 1 }).success) return false;
  try {
    JSON.parse(event.payload);
    return true;
  } catch {
    return false; // no JSON: it is counted as lost by its source
  }
}
