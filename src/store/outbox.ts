/**
 * The SQL of an agent's outbox: rows in, rows out; what they mean is telemetry/'s. Every method throws what SQLite throws.
 *
 * Storing is synced (synchronous=FULL): it costs one fdatasync per group of events, ten per second at most (0.3 ms each on
 * the disk of a virtual machine), and gives what NORMAL can't: a power failure takes nothing that was produced, so that
 * the account of the epoch before the failure is exact. Acknowledging is only written (NORMAL): what a power failure undoes
 * of it is sent again and recognised by the parent.
 */
import { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import {
  forgetOldDamagedFiles,
  isDamage,
  openForReading,
  openForWriting,
  openOwn,
  setAside,
} from "./database.ts";
import {
  OUTBOX,
  type EpochRow,
  type Owner,
  type PastRow,
  type StoredEvent,
  type StoredLoss,
} from "./outbox-schema.ts";
import { inconsistencyOf } from "./outbox-audit.ts";
import { epochFromRow, epochParameters, type RawEpoch } from "./outbox-rows.ts";

export type Durability = "synced" | "written";

/** Rows contradict each other: the file is damaged although SQLite can read it. */
export class DamagedRowsError extends Error {}

/** 1 MiB: on a full disk the reserve must have room for what is in the log and not in the file yet. */
const LOG_PAGES = 256;

export function isOutboxDamage(error: unknown): boolean {
  if (error instanceof DamagedRowsError || isDamage(error)) return true;
  return error instanceof Error && error.cause !== undefined && isOutboxDamage(error.cause);
}

export interface OpenedOutbox {
  readonly database: OutboxDatabase;
  /** Where a damaged file went. */
  readonly setAsidePath: string | undefined;
}

/**
 * Opens or makes it; a damaged one is set aside first, also one that only contradicts itself.
 * @throws WbError("storage") where it can't be opened or made
 */
export function openOutboxDatabase(path: string): OpenedOutbox {
  forgetOldDamagedFiles(path);
  const opened = openOwn(path, OUTBOX);
  const problem = problemOf(opened.database);
  if (problem === undefined)
    return { database: new OutboxDatabase(path, opened.database), setAsidePath: opened.setAsidePath };
  opened.database.close();
  const setAsidePath = setAside(path);
  return { database: new OutboxDatabase(path, openForWriting(path, OUTBOX).database), setAsidePath };
}

function problemOf(database: Database): string | undefined {
  try {
    return inconsistencyOf(database);
  } catch (error) {
    if (isDamage(error)) return "it can't be read as a whole";
    database.close();
    throw error;
  }
}

/** Moves the file away where it is known to be damaged. Its connection must have been closed. */
export function setOutboxAside(path: string): string {
  forgetOldDamagedFiles(path);
  return setAside(path);
}

/** The epochs that a damaged file still tells of, as far as it can be read: their names are worth having. */
export function epochsOfDamaged(path: string): EpochRow[] {
  try {
    const database = openForReading(path, OUTBOX);
    try {
      return database.query<RawEpoch, []>("SELECT * FROM epoch ORDER BY ordinal").all().map(epochFromRow);
    } finally {
      database.close();
    }
  } catch {
    return []; // nothing can be read of it: then its epochs are not known
  }
}

/** Epochs and totals of an outbox that another process may have open; changes nothing. Throws WbError("storage"). */
export function readOutboxAccounts(path: string): { epochs: EpochRow[]; past: PastRow[] } {
  const database = openForReading(path, OUTBOX);
  try {
    return database.transaction(() => accountsOf(database))();
  } finally {
    database.close();
  }
}

function accountsOf(database: Database): { epochs: EpochRow[]; past: PastRow[] } {
  const epochs = database.query<RawEpoch, []>("SELECT * FROM epoch ORDER BY stream, ordinal").all();
  const past = database
    .query<PastRow, []>("SELECT stream, produced, acked, lost, unknown_tails AS unknownTails FROM past")
    .all();
  return { epochs: epochs.map(epochFromRow), past };
}

const EVENT_COLUMNS = "seq, type, timestamp_ms AS timestampMs, provider, event_id AS eventId, payload, chain";
const LOSS_COLUMNS =
  "first_seq AS firstSeq, last_seq AS lastSeq, reason, bytes, chain, declared_at_ms AS declaredAtMs";

export class OutboxDatabase {
  readonly #path: string;
  readonly #database: Database;
  readonly #inode: number;
  #durability: Durability | undefined;

  constructor(path: string, database: Database) {
    this.#path = path;
    this.#database = database;
    this.#inode = statSync(path).ino;
    database.run(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`);
  }

  /** Undone as a whole where `work` throws. */
  transact<T>(durability: Durability, work: () => T): T {
    if (durability !== this.#durability) {
      this.#database.run(`PRAGMA synchronous = ${durability === "synced" ? "FULL" : "NORMAL"}`);
      this.#durability = durability;
    }
    this.#database.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.run("COMMIT");
      return result;
    } catch (error) {
      if (this.#database.inTransaction) this.#database.run("ROLLBACK");
      throw error;
    }
  }

  /** False where somebody moved or deleted the file: what is written from now on would be lost. */
  isInPlace(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  /** Moves what is in the log to the file, so that the log's room can be used again. */
  recycleLog(): void {
    this.#database.run("PRAGMA wal_checkpoint(RESTART)");
  }

  /** Bytes that can be stored without the file growing. */
  freeBytesInside(): number {
    const pages = this.#database.query<{ freelist_count: number }, []>("PRAGMA freelist_count").get();
    const size = this.#database.query<{ page_size: number }, []>("PRAGMA page_size").get();
    return (pages?.freelist_count ?? 0) * (size?.page_size ?? 0);
  }

  close(): void {
    this.#database.close();
  }

  /** In one transaction, so that they agree. */
  accounts(): { epochs: EpochRow[]; past: PastRow[] } {
    return this.#database.transaction(() => accountsOf(this.#database))();
  }

  /** Gives the row its id. */
  addEpoch(row: Omit<EpochRow, "id">): EpochRow {
    const { id } = this.#database
      .query<{ id: number }, (string | number | null)[]>(
        `INSERT INTO epoch (stream, epoch, ordinal, is_current, boot_id, produced, last_chain, cursor, cursor_chain, acked,
           lost, pending, pending_bytes, unknown_tail, follows_epoch, follows_produced, follows_reason)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
      )
      .get(...epochParameters(row)) ?? { id: 0 };
    return { ...row, id };
  }

  saveEpoch(row: EpochRow): void {
    this.#database
      .query(
        `UPDATE epoch SET stream = ?, epoch = ?, ordinal = ?, is_current = ?, boot_id = ?, produced = ?, last_chain = ?,
           cursor = ?, cursor_chain = ?, acked = ?, lost = ?, pending = ?, pending_bytes = ?, unknown_tail = ?,
           follows_epoch = ?, follows_produced = ?, follows_reason = ? WHERE id = ?`,
      )
      .run(...epochParameters(row), row.id);
  }

  /** Adds the epoch, which is at the parent as a whole, to the totals of the past. */
  foldEpoch(row: EpochRow): void {
    this.addPast({ ...row, unknownTails: Number(row.unknownTail) });
    this.#database.query("DELETE FROM loss WHERE epoch_id = ?").run(row.id);
    this.#database.query("DELETE FROM epoch WHERE id = ?").run(row.id);
  }

  addPast({ stream, produced, acked, lost, unknownTails }: PastRow): void {
    this.#database
      .query(
        `INSERT INTO past VALUES (?, ?, ?, ?, ?) ON CONFLICT (stream) DO UPDATE SET produced = produced + excluded.produced,
           acked = acked + excluded.acked, lost = lost + excluded.lost, unknown_tails = unknown_tails + excluded.unknown_tails`,
      )
      .run(stream, produced, acked, lost, unknownTails);
  }

  addEvent(epochId: number, event: StoredEvent, bytes: number): void {
    const { seq, chain, type, timestampMs, provider, eventId, payload } = event;
    this.#database
      .query("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(epochId, seq, bytes, chain, type, timestampMs, provider, eventId, payload);
  }

  /** Places and sizes from `fromSeq` on, without payloads. */
  eventSizes(
    epochId: number,
    fromSeq: number,
    limit: number,
  ): { seq: number; bytes: number; chain: string }[] {
    return this.#database
      .query<{ seq: number; bytes: number; chain: string }, [number, number, number]>(
        "SELECT seq, bytes, chain FROM event WHERE epoch_id = ? AND seq >= ? ORDER BY seq LIMIT ?",
      )
      .all(epochId, fromSeq, limit);
  }

  events(epochId: number, firstSeq: number, lastSeq: number): StoredEvent[] {
    return this.#database
      .query<StoredEvent, [number, number, number]>(
        `SELECT ${EVENT_COLUMNS} FROM event WHERE epoch_id = ? AND seq BETWEEN ? AND ? ORDER BY seq`,
      )
      .all(epochId, firstSeq, lastSeq);
  }

  /** Removes what is stored from `firstSeq` to `lastSeq`; how many events and payload bytes that was. */
  removeEvents(epochId: number, firstSeq: number, lastSeq: number): { events: number; bytes: number } {
    const found = this.#database
      .query<{ events: number; bytes: number | null }, [number, number, number]>(
        "SELECT count(*) AS events, sum(bytes) AS bytes FROM event WHERE epoch_id = ? AND seq BETWEEN ? AND ?",
      )
      .get(epochId, firstSeq, lastSeq);
    this.#database
      .query("DELETE FROM event WHERE epoch_id = ? AND seq BETWEEN ? AND ?")
      .run(epochId, firstSeq, lastSeq);
    return { events: found?.events ?? 0, bytes: found?.bytes ?? 0 };
  }

  /** Ranges that end at `fromSeq` or later, in their order. */
  losses(epochId: number, fromSeq: number, limit: number): StoredLoss[] {
    // Ranges don't overlap, so only the last that begins before can reach beyond.
    return this.#database
      .query<StoredLoss, [number, number, number, number, number]>(
        `SELECT ${LOSS_COLUMNS} FROM loss WHERE epoch_id = ?1 AND last_seq >= ?2 AND first_seq >= coalesce(
           (SELECT max(first_seq) FROM loss WHERE epoch_id = ?3 AND first_seq <= ?4), 0) ORDER BY first_seq LIMIT ?5`,
      )
      .all(epochId, fromSeq, epochId, fromSeq, limit);
  }

  addLoss(epochId: number, loss: StoredLoss): void {
    const { firstSeq, lastSeq, reason, bytes, chain, declaredAtMs } = loss;
    this.#database
      .query("INSERT INTO loss VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(epochId, firstSeq, lastSeq, reason, bytes, chain, declaredAtMs);
  }

  removeLoss(epochId: number, firstSeq: number): void {
    this.#database.query("DELETE FROM loss WHERE epoch_id = ? AND first_seq = ?").run(epochId, firstSeq);
  }

  /** Of the ranges that end at or before `lastSeq` only the newest `keep` stay. */
  forgetLosses(epochId: number, lastSeq: number, keep: number): void {
    this.#database
      .query(
        `DELETE FROM loss WHERE epoch_id = ?1 AND first_seq <= (SELECT first_seq FROM loss
           WHERE epoch_id = ?2 AND last_seq <= ?3 ORDER BY first_seq DESC LIMIT 1 OFFSET ?4)`,
      )
      .run(epochId, epochId, lastSeq, keep);
  }

  owner(): Owner | undefined {
    return (
      this.#database.query<Owner, []>("SELECT agent_id AS agentId, parent_id AS parentId FROM owner").get() ??
      undefined
    );
  }

  setOwner({ agentId, parentId }: Owner): void {
    this.#database.run("DELETE FROM owner");
    this.#database.query("INSERT INTO owner VALUES (?, ?)").run(agentId, parentId);
  }
}
