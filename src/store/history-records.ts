/** The stored rows of a range, one after the other in order of time: what an export is made of. Streams, holds nothing. */
import type { Database } from "bun:sqlite";
import { conditionOf } from "./history-filter.ts";
import { type StoredRow, STORED_COLUMNS, storedAmounts, storedSubject } from "./history-stored.ts";
import type { HistoryFilter, HistoryRecord } from "../model/history.ts";

export const HOUR_MS = 3_600_000;

const AMOUNTS = "connections, bytes_sent, bytes_received, uncertainty_bytes, lower_bound_connections";

function select(table: "hourly" | "daily", condition: string): string {
  const end = table === "hourly" ? `start_ms + ${HOUR_MS}` : "day.end_ms";
  const days = table === "hourly" ? "" : "JOIN day USING (start_ms)";
  return `SELECT start_ms, ${end} AS end_ms, ${STORED_COLUMNS}, meaning, ${AMOUNTS}
    FROM ${table} ${days} JOIN process ON process.id = process_id JOIN endpoint ON endpoint.id = endpoint_id
    WHERE ${end} > ? AND start_ms < ?${condition} ORDER BY start_ms, process_id, endpoint_id`;
}

export interface RecordRange {
  /** Unix milliseconds; hours and days that only overlap are told whole. */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly filter?: HistoryFilter;
}

export function* historyRecords(database: Database, range: RecordRange): IterableIterator<HistoryRecord> {
  const condition = conditionOf(range.filter);
  // One transaction, so that what moves from hours to days meanwhile is told once.
  database.run("BEGIN");
  try {
    for (const table of ["daily", "hourly"] as const) {
      const statement = database.prepare<StoredRow & { end_ms: number }, (string | number)[]>(
        select(table, condition.sql),
      );
      try {
        for (const row of statement.iterate(range.sinceMs, range.untilMs, ...condition.values)) {
          yield {
            resolution: table === "hourly" ? "hour" : "day",
            startMs: row.start_ms,
            endMs: row.end_ms,
            subject: storedSubject(row),
            ...storedAmounts(row),
          };
        }
      } finally {
        statement.finalize();
      }
    }
  } finally {
    if (database.inTransaction) database.run("COMMIT");
  }
}
