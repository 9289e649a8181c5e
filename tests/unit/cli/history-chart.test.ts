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
      "PROCESS                           SENT   RECEIVED   SHARE  CONNECTIONS",
      "curl            ████████████  1.00 GiB   6.00 GiB  87.5 %            3",
      "(another user…  █▊                ≥0 B  ≥1.00 GiB  12.5 %            1",
      "chrony                               -          -   0.0 %            1",
      "",
      "Total: 1.00 GiB sent, 7.00 GiB received, 5 connections (2 more not shown: --limit)",
      "Bytes are payload, a lower bound for 1 connection whose end was not seen; UDP is not counted by this method (4 sockets).",
      "Recorded 12h 00m of 1d 00h (50.0 %).",
      "Gap: the last monitor ended.",
      "Lost: netlink overflow, 2 times, bytes not known.",
    ]);
  });

  test("fits every width from 40 cells on, without bars where there is no room", () => {
    const rows = [
      row("a-process-with-a-very-long-name".repeat(3), { bytesReceived: 1 }),
      row("漢字".repeat(30), { bytesSent: 1 }),
    ];
    for (let width = 50; width <= 200; width += 1) {
      for (const line of chartLines(answer(rows), { ...FRAME, width }).slice(2, 5)) {
        expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
      }
    }
    const narrow = chartLines(answer(rows), { ...FRAME, width: 40 }).slice(2, 5);
    expect(narrow.join("")).not.toContain("█");
  });

  test("lets no recorded name steer the terminal", () => {
    const rows = [row("\u001b[2J\u009b31m\u202eevil\n", { bytesSent: 1, detail: "\u0007" })];
    const text = chartLines(answer(rows), FRAME).join("|");
    // eslint-disable-next-line no-control-regex -- control characters are what this is about
    expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  test("says so where nothing was recorded, and where the history begins later", () => {
    const { coverage } = answer([]);
    const lines = chartLines(
      answer([], { coverage: { ...coverage, recordedMs: 0, firstRecordedMs: SINCE + 3_600_000 } }),
      FRAME,
    );
    expect(lines).toEqual([
      "Network use by process, 2026-11-19",
      "",
      "Nothing that matches was recorded.",
      "",
      "Recorded 0 ms of 1d 00h (0.0 %); the history begins 2026-11-19 01:00.",
    ]);
  });
});

test("bars are drawn in eighths of a cell; anything at all is seen", () => {
  expect([bar(1, 4), bar(0.5, 4), bar(0.53, 4), bar(0.000_001, 4), bar(0, 4), bar(2, 4)]).toEqual([
    "████",
    "██",
    "██▏",
    "▏",
    "",
    "████",
  ]);
});

test("ranges read as people say them", () => {
  expect(rangeText(SINCE, UNTIL)).toBe("2026-11-19");
  expect(rangeText(SINCE + 3_600_000, SINCE + 7_200_000)).toBe("2026-11-19 01:00 to 02:00");
  expect(rangeText(SINCE + 3_600_000, UNTIL + 3_600_000)).toBe("2026-11-19 01:00 to 2026-11-20 01:00");
});
