/** Moments, ranges and filters as people write them to `wb history`. */
import { expect, test } from "bun:test";
import { parseHistoryFilter, parseMoment, parseRange } from "../../../src/cli/history-options.ts";
import { localDayStart } from "../../../src/lib/calendar.ts";

const NOW = new Date(2026, 10, 20, 14, 30, 15).getTime();

function local(...parts: [number, number, number, number?, number?, number?]): number {
  const [year, month, day, hour = 0, minute = 0, second = 0] = parts;
  return new Date(year, month - 1, day, hour, minute, second).getTime();
}

test("moments", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["now", NOW],
    ["24h", NOW - 86_400_000],
    ["90m", NOW - 5_400_000],
    ["7d", NOW - 7 * 86_400_000],
    ["today", local(2026, 11, 20)],
    ["yesterday", local(2026, 11, 19)],
    ["2026-11-19", local(2026, 11, 19)],
    ["2026-11-19 14:00", local(2026, 11, 19, 14)],
    ["2026-11-19T14:00:30", local(2026, 11, 19, 14, 0, 30)],
    ["14:00", local(2026, 11, 20, 14)],
    ["2026-11-19T14:00:00Z", Date.UTC(2026, 10, 19, 14)],
    ["2026-11-19 14:00+02:00", Date.UTC(2026, 10, 19, 12)],
    ["2026-02-30", undefined],
    ["2026-11-19 24:00", undefined],
    ["2026-13-01", undefined],
    ["5", undefined],
    ["", undefined],
    ["next week", undefined],
    ["Z", undefined],
    ["-1h", undefined],
  ];
  for (const [text, expected] of cases) expect([text, parseMoment(text, NOW)]).toEqual([text, expected]);
});

test("ranges", () => {
  expect(parseRange({}, NOW, "24h")).toEqual({ sinceMs: NOW - 86_400_000, untilMs: NOW });
  expect(parseRange({ on: "yesterday" }, NOW, "24h")).toEqual({
    sinceMs: localDayStart(NOW, -1),
    untilMs: localDayStart(NOW),
  });
  expect(() => parseRange({ on: "today", since: "1h" }, NOW, "24h")).toThrow("--on already says");
  expect(() => parseRange({ since: "2027-01-01" }, NOW, "24h")).toThrow("the time ends before it begins");
});

test("filters are those of the monitor, as far as the history knows", () => {
  expect(parseHistoryFilter({ filter: 'process:curl,wget -port:22 "a b"', host: "*.example.org" })).toEqual([
    {
      key: "process",
      isNegated: false,
      values: [
        { text: "curl", isQuoted: false, position: 8 },
        { text: "wget", isQuoted: false, position: 13 },
      ] as never,
    },
    { key: "port", isNegated: true, values: [{ text: "22", isQuoted: false, position: 24 }] as never },
    { key: "text", isNegated: false, values: [{ text: "a b", isQuoted: true, position: 27 }] as never },
    { key: "host", isNegated: false, values: [{ text: "*.example.org", isQuoted: false }] },
  ]);
  for (const filter of [
    "state:listen",
    "port:>1024",
    "port:70000",
    "proto:quic",
    "address:10.0.0.0/8",
    "host:",
    '"open',
  ]) {
    expect(() => parseHistoryFilter({ filter })).toThrow();
  }
});
