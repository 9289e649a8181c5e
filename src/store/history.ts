/**
 * The history's database. Every commit is one transaction that holds the bytes, how far each flow is recorded, and when
 * it was; so whatever kills the recorder, what is there is consistent and says where it ends. One writer at a time (the
 * holder of the lock), any number of readers.
 */
import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { type DatabaseDefinition, openForReading, openForWriting } from "./database.ts";
import { queryHistory } from "./history-query.ts";
import { historyRecords } from "./history-records.ts";
import { APPLICATION_ID, MIGRATIONS, TABLES } from "./history-schema.ts";
import type { RecordedTime, RecordingSession, RecordingStart } from "./history-session.ts";
import { HistoryWriter } from "./history-writer.ts";
import type { Clock } from "../lib/clock.ts";
import { WbError } from "../model/errors.ts";
import type {
  HistoryAnswer,
  HistoryBatch,
  HistoryFilter,
  HistoryQuery,
  HistoryRecord,
} from "../model/history.ts";

export interface HistoryOptions {
  readonly path: string;
  readonly readonly?: boolean;
  readonly clock: Clock;
  /** Days that are kept by the hour before they are kept by the day; 90 by default, at least 1. */
  readonly hourlyRetentionDays?: number | undefined;
  /** Days that are kept by the day; undefined: for ever. */
  readonly dailyRetentionDays?: number | undefined;
  /** Distinct rows per hour and per day; the rest is folded together and counted. 5000 by default. */
  readonly rowsMax?: number | undefined;
}

export interface HistoryStore {
  /** Where the damaged database went that was found at opening. */
  readonly setAsidePath: string | undefined;
  /** Tells how the last recording ended, and begins a new one. Throws what SQLite throws, as do the next two. */
  begin(session: RecordingSession): RecordingStart;
  /** One transaction: all of it or nothing. */
  record(batch: HistoryBatch, time: RecordedTime): void;
  /** False once somebody has removed or replaced the file: what is written then goes nowhere. */
  isInPlace(): boolean;
  /** Marks the history as closed in order: nothing is missing. */
  end(): void;
  query(query: HistoryQuery): HistoryAnswer;
  /** Every stored row of the range, in order of time. */
  records(range: {
    sinceMs: number;
    untilMs: number;
    filter?: HistoryFilter;
  }): IterableIterator<HistoryRecord>;
  close(): void;
}

const DEFINITION: DatabaseDefinition = {
  applicationId: APPLICATION_ID,
  migrations: MIGRATIONS,
  tables: TABLES,
  what: "history",
};

const HOURLY_RETENTION_DAYS = 90;
const ROWS_MAX = 5000;

class SqliteHistory implements HistoryStore {
  readonly setAsidePath: string | undefined;
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #writer: HistoryWriter | undefined;
  readonly #path: string;
  readonly #inode: number | undefined;

  constructor(options: HistoryOptions) {
    this.#clock = options.clock;
    this.#path = options.path;
    if (options.readonly === true) {
      this.#database = openForReading(options.path, DEFINITION);
      this.setAsidePath = undefined;
      return;
    }
    const opened = openForWriting(options.path, DEFINITION);
    this.#database = opened.database;
    this.setAsidePath = opened.setAsidePath;
    this.#inode = inodeOf(options.path);
    this.#writer = new HistoryWriter(opened.database, {
      clock: options.clock,
      hourlyRetentionDays: Math.max(1, options.hourlyRetentionDays ?? HOURLY_RETENTION_DAYS),
      dailyRetentionDays: options.dailyRetentionDays,
      rowsMax: options.rowsMax ?? ROWS_MAX,
    });
  }

  begin(session: RecordingSession): RecordingStart {
    return this.#writing.begin(session, this.setAsidePath);
  }

  record(batch: HistoryBatch, time: RecordedTime): void {
    this.#writing.record(batch, time);
  }

  isInPlace(): boolean {
    return inodeOf(this.#path) === this.#inode;
  }

  end(): void {
    this.#writing.end();
  }

  query(query: HistoryQuery): HistoryAnswer {
    return queryHistory(this.#database, query, this.#clock.nowMs());
  }

  records(range: {
    sinceMs: number;
    untilMs: number;
    filter?: HistoryFilter;
  }): IterableIterator<HistoryRecord> {
    return historyRecords(this.#database, range);
  }

  close(): void {
    this.#writer?.finalize();
    this.#database.close();
  }

  get #writing(): HistoryWriter {
    if (this.#writer === undefined) throw new WbError("internal", "the history was opened for reading only");
    return this.#writer;
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/**
 * Opens the history. For writing it is made where it is missing, and a damaged one is set aside.
 * @throws WbError("storage") where it can't be opened, is newer than this program, or (reading) is missing or damaged.
 */
export function openHistory(options: HistoryOptions): HistoryStore {
  return new SqliteHistory(options);
}
