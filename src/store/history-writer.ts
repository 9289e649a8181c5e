/** Writing the history: how a recording begins and ends, commits, and what becomes of old hours. All in transactions. */
import type { Database } from "bun:sqlite";
import { Dictionaries } from "./history-dictionary.ts";
import { pruneOneDay } from "./history-retention.ts";
import { RollupTable } from "./history-rows.ts";
import type { RecordedTime, RecordingSession, RecordingStart } from "./history-session.ts";
import { localDate, localTime } from "../lib/calendar.ts";
import type { Clock } from "../lib/clock.ts";
import type { Continuation, FlowMark, HistoryBatch, HistoryGap, LossIncrement } from "../model/history.ts";

export interface WriterOptions {
  readonly clock: Clock;
  readonly hourlyRetentionDays: number;
  readonly dailyRetentionDays: number | undefined;
  readonly rowsMax: number;
}

/** What a flow did in a longer pause is not booked to the moment of the next start, where it did not happen. */
const CONTINUATION_MAX_MS = 600_000;
/** Without a new boot nothing is lost to a power failure; with one, what was written since the last sync may be. */
const SYNC_PERIOD_MS = 60_000;
const PRUNE_PERIOD_MS = 60_000;
/** After such a jump of the clock nothing is pruned for a while: it may be a clock that is not set yet. */
const CLOCK_JUMP_MS = 7 * 86_400_000;
const CLOCK_TRUST_MS = 600_000;
const COVERAGE_ROWS_MAX = 20_000;
const GAP_ROWS_MAX = 5000;

interface StateRow {
  readonly last_commit_ms: number;
  readonly clean: number;
  readonly window_ms: number;
  readonly scope: string;
  readonly marks_complete: number;
  readonly hourly_from_ms: number;
}

interface MarkRow {
  readonly id: string;
  readonly bytes_sent: number | null;
  readonly bytes_received: number | null;
  readonly uncertainty_bytes: number;
  readonly lower_bound_connections: number;
  readonly start_ms: number;
}

function markFrom(row: MarkRow): FlowMark {
  return {
    id: row.id,
    bytesSent: row.bytes_sent ?? undefined,
    bytesReceived: row.bytes_received ?? undefined,
    uncertaintyBytes: row.uncertainty_bytes,
    lowerBoundConnections: row.lower_bound_connections,
    hourStartMs: row.start_ms,
  };
}

function bootOf(scope: string): string {
  return scope.split(" ", 1)[0] ?? "";
}

function seconds(milliseconds: number): string {
  return `${Math.max(1, Math.ceil(milliseconds / 1000))} s`;
}

export class HistoryWriter {
  readonly #database: Database;
  readonly #options: WriterOptions;
  readonly #dictionaries: Dictionaries;
  readonly #hourly: RollupTable;
  readonly #daily: RollupTable;
  #begun = false;
  #coverageId: number | undefined;
  #coveredUntilMs = 0;
  #hourlyFromMs = 0;
  #syncedAtMs = 0;
  #prunedAtMs: number | undefined;
  #pruneNotBeforeMs = 0;

  constructor(database: Database, options: WriterOptions) {
    this.#database = database;
    this.#options = options;
    this.#dictionaries = new Dictionaries(database);
    this.#hourly = new RollupTable(database, "hourly", this.#dictionaries, options.rowsMax);
    this.#daily = new RollupTable(database, "daily", this.#dictionaries, options.rowsMax);
  }

  begin(session: RecordingSession, setAsidePath: string | undefined): RecordingStart {
    const now = this.#options.clock.nowMs();
    const state = this.#state();
    const gaps: HistoryGap[] = [];
    if (setAsidePath !== undefined) {
      const message = `the history was damaged: it was set aside as ${setAsidePath}, and a new one begun`;
      gaps.push({ fromMs: now, untilMs: now, reason: "database_corrupt", message });
    }
    const unclean = uncleanEnd(state, session, now);
    if (unclean !== undefined) gaps.push(unclean);
    if (session.failedSinceMs !== undefined) {
      const message = `nothing could be recorded from ${localTime(session.failedSinceMs)} to ${localTime(now)}`;
      gaps.push({ fromMs: session.failedSinceMs, untilMs: now, reason: "storage_failed", message });
    }
    const continuation = session.startsAnew === true ? undefined : this.#continuation(state, session, now);
    this.#transaction(() => {
      for (const gap of gaps) {
        this.#database.run("INSERT INTO gap (from_ms, until_ms, reason, message) VALUES (?, ?, ?, ?)", [
          gap.fromMs,
          gap.untilMs,
          gap.reason,
          gap.message,
        ]);
      }
      this.#database.run("DELETE FROM gap WHERE id <= (SELECT max(id) FROM gap) - ?", [GAP_ROWS_MAX]);
      // Told once. The first commit follows at once and says again that a recorder is at work.
      this.#database.run("UPDATE state SET clean = 1");
      if (continuation === undefined) {
        // Marks that nobody goes on from must not be mistaken for complete ones later.
        this.#database.run("DELETE FROM mark");
        this.#database.run("UPDATE state SET scope = '', marks_complete = 0");
      }
    });
    this.#begun = true;
    this.#hourlyFromMs = state.hourly_from_ms;
    const monotonicMs = this.#options.clock.monotonicMs();
    this.#syncedAtMs = monotonicMs;
    const jumped = state.last_commit_ms > 0 && now - state.last_commit_ms > CLOCK_JUMP_MS;
    this.#pruneNotBeforeMs = jumped ? monotonicMs + CLOCK_TRUST_MS : monotonicMs;
    return { continuation, notices: gaps.map((gap) => gap.message) };
  }

  record(batch: HistoryBatch, time: RecordedTime): void {
    if (!this.#begun) throw new Error("record() before begin()");
    const coverageId = this.#transaction(() => {
      const folded = new Map<number, number>();
      for (const { hourStartMs, subject, ...amounts } of batch.increments) {
        // A correction of an hour that is already kept by the day goes to the first hour that isn't.
        const startMs = Math.max(hourStartMs, this.#hourlyFromMs);
        if (this.#hourly.add(startMs, subject, amounts)) folded.set(startMs, (folded.get(startMs) ?? 0) + 1);
      }
      this.#addLoss(batch.loss);
      this.#addLoss(
        Array.from(folded, ([hourStartMs, count]) => ({
          hourStartMs,
          cause: "flow_merged",
          count,
          bytes: 0,
        })),
      );
      this.#writeMarks(batch);
      this.#database
        .query(
          "UPDATE state SET last_commit_ms = ?, clean = 0, window_ms = ?, scope = ?, marks_complete = ? WHERE id = 1",
        )
        .run(time.untilMs, time.windowMs, time.scope ?? "", Number(batch.marksComplete));
      return this.#cover(time);
    });
    this.#coverageId = coverageId;
    this.#coveredUntilMs = time.untilMs;
    this.#maintain();
  }

  end(): void {
    this.#transaction(() => this.#database.run("UPDATE state SET clean = 1"));
  }

  finalize(): void {
    this.#hourly.finalize();
    this.#daily.finalize();
    this.#dictionaries.finalize();
  }

  #state(): StateRow {
    const row = this.#database.query<StateRow, []>("SELECT * FROM state WHERE id = 1").get();
    if (row === null) throw new Error("the history has no state row"); // the first migration makes it
    return row;
  }

  /** All or nothing; after nothing, what is remembered of the database is forgotten. */
  #transaction<T>(body: () => T): T {
    this.#database.run("BEGIN IMMEDIATE");
    try {
      const result = body();
      this.#database.run("COMMIT");
      return result;
    } catch (error) {
      this.#dictionaries.forget();
      this.#hourly.forget();
      this.#daily.forget();
      // SQLite has rolled back by itself after some errors (a full disk); then there is nothing left to roll back.
      if (this.#database.inTransaction) this.#database.run("ROLLBACK");
      throw error;
    }
  }

  #continuation(state: StateRow, session: RecordingSession, now: number): Continuation | undefined {
    const agoMs = now - state.last_commit_ms;
    if (session.scope === undefined || session.scope !== state.scope) return undefined;
    const rows = this.#database.query<MarkRow, []>("SELECT * FROM mark").all();
    return {
      lastCommitMs: state.last_commit_ms,
      marks: new Map(rows.map((row) => [row.id, markFrom(row)])),
      marksComplete: state.marks_complete === 1,
      booksGrowth: agoMs >= 0 && agoMs <= CONTINUATION_MAX_MS,
    };
  }

  #addLoss(loss: readonly LossIncrement[]): void {
    const statement = this.#database.query(
      `INSERT INTO loss (start_ms, cause, count, bytes) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET count = count + excluded.count, bytes = bytes + excluded.bytes`,
    );
    for (const each of loss) {
      statement.run(
        Math.max(each.hourStartMs, this.#hourlyFromMs),
        each.cause,
        each.count,
        each.bytes ?? null,
      );
    }
  }

  #writeMarks(batch: HistoryBatch): void {
    const remove = this.#database.query("DELETE FROM mark WHERE id = ?");
    for (const id of batch.forgotten) remove.run(id);
    const write = this.#database.query("INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?, ?, ?)");
    for (const mark of batch.marks) {
      write.run(
        mark.id,
        mark.bytesSent ?? null,
        mark.bytesReceived ?? null,
        mark.uncertaintyBytes,
        mark.lowerBoundConnections,
        mark.hourStartMs,
      );
    }
  }

  /** Extends the stretch of recorded time that ends where this one begins, or begins a new one. Returns its id. */
  #cover(time: RecordedTime): number | undefined {
    if (
      this.#coverageId !== undefined &&
      time.fromMs === this.#coveredUntilMs &&
      time.untilMs >= time.fromMs
    ) {
      this.#database
        .query("UPDATE coverage SET until_ms = ? WHERE id = ?")
        .run(time.untilMs, this.#coverageId);
      return this.#coverageId;
    }
    this.#database
      .query("DELETE FROM coverage WHERE id <= (SELECT max(id) FROM coverage) - ?")
      .run(COVERAGE_ROWS_MAX);
    return this.#database
      .query<{ id: number }, [number, number]>(
        "INSERT INTO coverage (from_ms, until_ms) VALUES (?, ?) RETURNING id",
      )
      .get(Math.min(time.fromMs, time.untilMs), time.untilMs)?.id;
  }

  /** What need not happen in every commit: syncing the log, and moving old hours to days, one day at a time. */
  #maintain(): void {
    const monotonicMs = this.#options.clock.monotonicMs();
    if (monotonicMs - this.#syncedAtMs >= SYNC_PERIOD_MS) {
      this.#syncedAtMs = monotonicMs;
      this.#database.query("PRAGMA wal_checkpoint(PASSIVE)").get();
    }
    const due = this.#prunedAtMs === undefined || monotonicMs - this.#prunedAtMs >= PRUNE_PERIOD_MS;
    if (!due || monotonicMs < this.#pruneNotBeforeMs) return;
    const retention = { ...this.#options, nowMs: this.#options.clock.nowMs() };
    // The check of each deleted entry would read all rollups; only entries that none of them names are deleted.
    this.#database.run("PRAGMA foreign_keys = OFF");
    let outcome;
    try {
      outcome = this.#transaction(() => pruneOneDay(this.#database, this.#daily, retention));
    } finally {
      this.#database.run("PRAGMA foreign_keys = ON");
    }
    if (outcome.hourlyFromMs !== undefined) this.#hourlyFromMs = outcome.hourlyFromMs;
    if (outcome.entriesDeleted) this.#dictionaries.forget();
    // Behind by more than one day: the next commit goes on at once.
    this.#prunedAtMs = outcome.moreToDo ? undefined : monotonicMs;
  }
}

/** What is missing because the last recorder did not end in order; undefined where it did. */
function uncleanEnd(state: StateRow, session: RecordingSession, now: number): HistoryGap | undefined {
  if (state.clean === 1 || state.last_commit_ms === 0) return undefined;
  const fromMs = state.last_commit_ms;
  const moment = `${localTime(fromMs)} on ${localDate(fromMs)}`;
  const touched = session.touchedAtMs ?? 0;
  if (touched > fromMs + state.window_ms) {
    const untilMs = Math.min(now, Math.round(touched) + SYNC_PERIOD_MS);
    const message = `the last monitor could not write its history: what happened after ${moment}, for up to ${seconds(untilMs - fromMs)}, is missing`;
    return { fromMs, untilMs, reason: "storage_failed", message };
  }
  const rebooted = session.scope !== undefined && bootOf(session.scope) !== bootOf(state.scope);
  const windowMs = state.window_ms + (rebooted ? SYNC_PERIOD_MS : 0);
  const untilMs = now >= fromMs ? Math.min(now, fromMs + windowMs) : fromMs + windowMs;
  const who = rebooted
    ? "the machine stopped while a monitor was recording"
    : "the last monitor ended without closing the history";
  const message = `${who}: up to ${seconds(untilMs - fromMs)} after ${moment} are missing`;
  return { fromMs, untilMs, reason: rebooted ? "machine_stopped" : "unclean_end", message };
}
