/** How much of a range the history really speaks of: recorded time, gaps, loss, and what could not be counted. */
import type { Database } from "bun:sqlite";
import { HOUR_MS } from "./history-records.ts";
import { localDayStart, localHourStart } from "../lib/calendar.ts";
import type { Protocol } from "../model/flow.ts";
import type { HistoryCoverage, HistoryGap } from "../model/history.ts";
import type { Loss } from "../model/loss.ts";

export interface CoverageRange {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly nowMs: number;
}

interface Stretch {
  readonly from_ms: number;
  readonly until_ms: number;
}

const GAPS_MAX = 1000;

/** Milliseconds of the range that at least one stretch covers; stretches may overlap where the clock was set back. */
function coveredMs(stretches: Iterable<Stretch>, sinceMs: number, untilMs: number): number {
  let covered = 0;
  let reached = sinceMs;
  for (const { from_ms, until_ms } of stretches) {
    const from = Math.max(from_ms, reached);
    const until = Math.min(until_ms, untilMs);
    if (until <= from) continue;
    covered += until - from;
    reached = until;
  }
  return covered;
}

/** The range widened to what is stored: whole hours, and whole days where only those are left. */
function countedRange(
  database: Database,
  range: CoverageRange,
): { countedFromMs: number; countedUntilMs: number; byDay: boolean } {
  const lastMs = Math.max(range.sinceMs, range.untilMs - 1);
  let countedFromMs = localHourStart(range.sinceMs);
  let countedUntilMs = localHourStart(lastMs) + HOUR_MS;
  const days = database
    .query<{ from_ms: number | null; until_ms: number | null }, [number, number]>(
      "SELECT min(start_ms) AS from_ms, max(end_ms) AS until_ms FROM day WHERE end_ms > ? AND start_ms < ?",
    )
    .get(range.sinceMs, range.untilMs);
  const byDay = days?.from_ms !== null && days?.from_ms !== undefined;
  if (byDay) {
    countedFromMs = Math.min(countedFromMs, days.from_ms ?? localDayStart(range.sinceMs));
    countedUntilMs = Math.max(countedUntilMs, days.until_ms ?? countedUntilMs);
  }
  return { countedFromMs, countedUntilMs, byDay };
}

export function coverageOf(
  database: Database,
  range: CoverageRange,
  uncounted: readonly { protocol: Protocol; connections: number }[],
): HistoryCoverage {
  const counted = countedRange(database, range);
  const untilMs = Math.max(range.sinceMs, Math.min(range.untilMs, range.nowMs));
  const stretches = database
    .query<Stretch, [number, number]>(
      "SELECT from_ms, until_ms FROM coverage WHERE until_ms > ? AND from_ms < ? ORDER BY from_ms",
    )
    .all(range.sinceMs, untilMs);
  const ends = database
    .query<{ first: number | null; last: number | null }, []>(
      "SELECT min(from_ms) AS first, max(until_ms) AS last FROM coverage",
    )
    .get();
  const gaps = database
    .query<{ from_ms: number; until_ms: number; reason: HistoryGap["reason"]; message: string }, number[]>(
      `SELECT from_ms, until_ms, reason, message FROM gap WHERE until_ms >= ? AND from_ms < ?
       ORDER BY from_ms DESC LIMIT ${GAPS_MAX}`,
    )
    .all(counted.countedFromMs, range.untilMs);
  const loss = database
    .query<{ cause: Loss["cause"]; count: number; bytes: number | null }, [number, number]>(
      `SELECT cause, sum(count) AS count, CASE WHEN count(bytes) = count(*) THEN sum(bytes) END AS bytes
       FROM loss WHERE start_ms >= ? AND start_ms < ? GROUP BY cause ORDER BY cause`,
    )
    .all(counted.countedFromMs, counted.countedUntilMs);
  return {
    ...counted,
    recordedMs: coveredMs(stretches, range.sinceMs, untilMs),
    askedMs: untilMs - range.sinceMs,
    firstRecordedMs: ends?.first ?? undefined,
    lastRecordedMs: ends?.last ?? undefined,
    gaps: gaps.reverse().map(({ from_ms, until_ms, reason, message }) => ({
      fromMs: from_ms,
      untilMs: until_ms,
      reason,
      message,
    })),
    loss: loss.map(({ cause, count, bytes }) => ({ cause, count, bytes: bytes ?? undefined })),
    uncounted,
  };
}
