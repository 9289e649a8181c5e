/** What becomes of old hours: they are added up to days of local time, and the busiest rows of a day keep their detail. */
import type { Database } from "bun:sqlite";
import type { RollupTable } from "./history-rows.ts";
import { type StoredRow, storedSubject, storedAmounts, STORED_COLUMNS } from "./history-stored.ts";
import { localDayStart } from "../lib/calendar.ts";

export interface Retention {
  readonly nowMs: number;
  readonly hourlyRetentionDays: number;
  readonly dailyRetentionDays: number | undefined;
}

export interface PruneOutcome {
  /** Everything before this is kept by the day; undefined: unchanged. */
  readonly hourlyFromMs: number | undefined;
  /** Whether entries of the dictionaries may be gone. */
  readonly entriesDeleted: boolean;
  readonly moreToDo: boolean;
}

/** Moves the oldest day that is over its time from hourly to daily, and deletes the oldest that daily keeps no longer. */
export function pruneOneDay(database: Database, daily: RollupTable, retention: Retention): PruneOutcome {
  const hourlyFromMs = moveOldestDay(database, daily, retention);
  const deletedDays = deleteOldDays(database, retention);
  const entriesDeleted = hourlyFromMs !== undefined || deletedDays;
  if (entriesDeleted) deleteUnusedEntries(database);
  return { hourlyFromMs, entriesDeleted, moreToDo: hourlyFromMs !== undefined };
}

function moveOldestDay(database: Database, daily: RollupTable, retention: Retention): number | undefined {
  const oldest = database
    .query<{ start: number | null }, []>("SELECT min(start_ms) AS start FROM hourly")
    .get();
  if (oldest === null || oldest.start === null) return undefined;
  const startMs = localDayStart(oldest.start);
  const endMs = localDayStart(oldest.start, 1);
  if (endMs > localDayStart(retention.nowMs, -retention.hourlyRetentionDays)) return undefined;
  database
    .query("INSERT INTO day VALUES (?, ?) ON CONFLICT DO UPDATE SET end_ms = max(end_ms, excluded.end_ms)")
    .run(startMs, endMs);
  const rows = database
    .query<StoredRow, [number, number]>(
      `SELECT ${STORED_COLUMNS}, 0 AS start_ms, hourly.meaning AS meaning, sum(connections) AS connections,
         sum(bytes_sent) AS bytes_sent, sum(bytes_received) AS bytes_received,
         sum(uncertainty_bytes) AS uncertainty_bytes, sum(lower_bound_connections) AS lower_bound_connections
       FROM hourly JOIN process ON process.id = process_id JOIN endpoint ON endpoint.id = endpoint_id
       WHERE start_ms >= ? AND start_ms < ?
       GROUP BY process_id, endpoint_id, hourly.meaning
       ORDER BY sum(bytes_sent) + sum(bytes_received) DESC`,
    )
    .iterate(startMs, endMs);
  // The busiest come first, so they get the day's rows, and the quiet ones are folded together.
  for (const row of rows) daily.add(startMs, storedSubject(row), storedAmounts(row));
  database.query("DELETE FROM hourly WHERE start_ms < ?").run(endMs);
  database.query("UPDATE state SET hourly_from_ms = ?").run(endMs);
  return endMs;
}

function deleteOldDays(database: Database, retention: Retention): boolean {
  if (retention.dailyRetentionDays === undefined) return false;
  const beforeMs = localDayStart(retention.nowMs, -retention.dailyRetentionDays);
  const { changes } = database
    .query("DELETE FROM daily WHERE start_ms IN (SELECT start_ms FROM day WHERE end_ms <= ?)")
    .run(beforeMs);
  database.query("DELETE FROM day WHERE end_ms <= ?").run(beforeMs);
  database.query("DELETE FROM loss WHERE start_ms < ?").run(beforeMs);
  return changes > 0;
}

function deleteUnusedEntries(database: Database): void {
  for (const table of ["process", "endpoint"] as const) {
    database.run(
      `DELETE FROM ${table} WHERE id NOT IN (SELECT ${table}_id FROM hourly UNION SELECT ${table}_id FROM daily)`,
    );
  }
}
