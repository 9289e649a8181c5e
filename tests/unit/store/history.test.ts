/** The history's answers: what is written is what is answered, and it stays within its bounds. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { localHourStart } from "../../../src/lib/calendar.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { HistoryStore } from "../../../src/store/history.ts";
import { begun, DAY, EVER, HOUR, increment, SCOPE, write } from "../../support/history-store.ts";
import { NOON_MS } from "../../support/history-world.ts";
import { tmpdir } from "../../support/tmpdir.ts";

describe("answers", () => {
  test("add up by each grouping, the most bytes first", async () => {
    await using directory = await tmpdir();
    const history = begun(join(directory.path, "history.db"));
    write(history, [
      increment(100),
      increment(50, { hourStartMs: NOON_MS + HOUR }),
      increment(1000, {}, { processName: "wget", processPath: "/usr/bin/wget", remoteHost: "", port: 80 }),
      increment(
        0,
        { bytesSent: 0 },
        { protocol: "udp", meaning: "none", port: 53, userId: 0, userName: "root" },
      ),
    ]);
    const by = (group: Parameters<HistoryStore["query"]>[0]["by"]): unknown[] =>
      history
        .query({ ...EVER, by: group })
        .rows.map((row) => [row.label, row.bytesReceived, row.connections]);
    expect(by("process")).toEqual([
      ["wget", 1000, 1],
      ["curl", 150, 3],
    ]);
    expect(by("address")).toEqual([["198.51.100.7", 1150, 4]]);
    expect(by("host")).toEqual([
      ["198.51.100.7", 1000, 1],
      ["example.org", 150, 3],
    ]);
    expect(by("user")).toEqual([
      ["alice", 1150, 3],
      ["root", 0, 1],
    ]);
    expect(by("port")).toEqual([
      ["80/tcp", 1000, 1],
      ["443/tcp", 150, 2],
      ["53/udp", 0, 1],
    ]);
    expect(
      history.query({ ...EVER, by: "hour" }).rows.map((row) => [row.startMs, row.bytesReceived]),
    ).toEqual([
      [NOON_MS, 1100],
      [NOON_MS + HOUR, 50],
    ]);
    const answer = history.query({ ...EVER, by: "process", limit: 1 });
    expect([answer.rows.length, answer.matched]).toEqual([1, 2]);
    expect(answer.totals).toMatchObject({
      bytesSent: 3,
      bytesReceived: 1150,
      connections: 4,
      uncountedConnections: 1,
    });
    expect(answer.coverage.uncounted).toEqual([{ protocol: "udp", connections: 1 }]);
    history.close();
  });

  test("hold what the filter holds, with its characters as they are", async () => {
    await using directory = await tmpdir();
    const history = begun(join(directory.path, "history.db"));
    write(history, [
      increment(1, {}, { processName: "a_b%c" }),
      increment(2, {}, { processName: "aXbYc" }),
      increment(4, {}, { processName: "'; DROP TABLE hourly; --", port: 80 }),
    ]);
    const sum = (
      key: "process" | "port" | "host",
      text: string,
      isNegated = false,
      isQuoted = false,
    ): number =>
      history.query({ ...EVER, by: "process", filter: [{ key, isNegated, values: [{ text, isQuoted }] }] })
        .totals.bytesReceived;
    expect(sum("process", "a_b%c")).toBe(1);
    expect(sum("process", "A*C", false)).toBe(3);
    expect(sum("process", "a?b?c")).toBe(3);
    expect(sum("process", "b%")).toBe(1);
    expect(sum("process", "b", false, true)).toBe(0);
    expect(sum("process", "a*c", true)).toBe(4);
    expect(sum("process", "'; DROP TABLE hourly; --")).toBe(4);
    expect(sum("port", "443")).toBe(3);
    expect(sum("port", "44")).toBe(0);
    expect(sum("host", "EXAMPLE")).toBe(7);
    history.close();
  });

  test("count whole hours that only overlap the range, and say so", async () => {
    await using directory = await tmpdir();
    const hour = localHourStart(NOON_MS); // not NOON_MS where the zone is off by half an hour
    const history = begun(join(directory.path, "history.db"));
    write(history, [
      increment(1, { hourStartMs: hour }),
      increment(2, { hourStartMs: hour + HOUR }),
      increment(4, { hourStartMs: hour - HOUR }),
    ]);
    const answer = history.query({ sinceMs: hour + 60_000, untilMs: hour + 120_000, by: "process" });
    expect(answer.totals.bytesReceived).toBe(1);
    expect(answer.coverage).toMatchObject({
      countedFromMs: hour,
      countedUntilMs: hour + HOUR,
      byDay: false,
    });
    history.close();
  });

  test("export every stored row", async () => {
    await using directory = await tmpdir();
    const history = begun(join(directory.path, "history.db"));
    write(history, [increment(1), increment(2, { hourStartMs: NOON_MS + HOUR })]);
    const { hourStartMs: _hour, ...rest } = increment(1);
    const [first, second, third] = [...history.records(EVER)];
    expect(first).toEqual({ ...rest, resolution: "hour", startMs: NOON_MS, endMs: NOON_MS + HOUR });
    expect(second?.bytesReceived).toBe(2);
    expect(third).toBeUndefined();
    history.close();
  });
});

describe("coverage", () => {
  test("is the recorded time, joined where one commit follows another", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    const clock = new ManualClock(NOON_MS + HOUR);
    const history = begun(path, { clock });
    write(history, [], NOON_MS, NOON_MS + 5000);
    write(history, [], NOON_MS + 5000, NOON_MS + 10_000);
    write(history, [], NOON_MS + 60_000, NOON_MS + 65_000);
    const { coverage } = history.query({ sinceMs: NOON_MS + 1000, untilMs: NOON_MS + DAY, by: "process" });
    expect(coverage).toMatchObject({
      recordedMs: 14_000,
      askedMs: HOUR - 1000,
      firstRecordedMs: NOON_MS,
      lastRecordedMs: NOON_MS + 65_000,
    });
    history.close();
    const rows = new Database(path).query("SELECT from_ms, until_ms FROM coverage").all();
    expect(rows).toEqual([
      { from_ms: NOON_MS, until_ms: NOON_MS + 10_000 },
      { from_ms: NOON_MS + 60_000, until_ms: NOON_MS + 65_000 },
    ]);
  });

  test("names loss, with its bytes only where all of them are known", async () => {
    await using directory = await tmpdir();
    const history = begun(join(directory.path, "history.db"));
    const loss = (count: number, bytes: number | undefined) =>
      ({ hourStartMs: NOON_MS, cause: "netlink_overflow", count, bytes }) as const;
    const time = { fromMs: NOON_MS, untilMs: NOON_MS + 1, windowMs: 6000, scope: SCOPE };
    const batch = { increments: [], marks: [], forgotten: [], marksComplete: true };
    history.record({ ...batch, loss: [loss(2, 10)] }, time);
    expect(history.query({ ...EVER, by: "day" }).coverage.loss).toEqual([
      { cause: "netlink_overflow", count: 2, bytes: 10 },
    ]);
    history.record({ ...batch, loss: [loss(1, undefined)] }, time);
    expect(history.query({ ...EVER, by: "day" }).coverage.loss).toEqual([
      { cause: "netlink_overflow", count: 3, bytes: undefined },
    ]);
    history.close();
  });
});

describe("bounds", () => {
  test("rows of an hour beyond the bound are folded, without losing a byte, and counted", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    const history = begun(path, { rowsMax: 10 });
    const many = Array.from({ length: 200 }, (_, index) =>
      increment(1, {}, { processName: `p${index}`, remoteAddress: `192.0.2.${index}` }),
    );
    for (const each of many) write(history, [each]);
    const { totals, rows, coverage } = history.query({ ...EVER, by: "process" });
    expect([totals.bytesReceived, totals.connections]).toEqual([200, 200]);
    expect(rows.length).toBe(16);
    expect(rows[0]).toMatchObject({ label: "(others)", bytesReceived: 185 });
    expect(coverage.loss).toEqual([{ cause: "flow_merged", count: 190, bytes: 0 }]);
    history.close();
    expect(new Database(path).query("SELECT count(*) AS n FROM hourly").get()).toEqual({ n: 16 });
  });

  test("days beyond the hourly retention are moved to days, once, and days beyond theirs are deleted", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    const clock = new ManualClock(NOON_MS);
    const history = begun(path, { clock, hourlyRetentionDays: 2, dailyRetentionDays: 5 });
    for (let day = 0; day < 8; day += 1) {
      for (const hour of [0, 1]) {
        write(
          history,
          [increment(10 ** day, { hourStartMs: NOON_MS + day * DAY + hour * HOUR })],
          clock.nowMs(),
          clock.nowMs(),
        );
      }
      clock.advance(DAY);
    }
    for (let more = 0; more < 10; more += 1) {
      write(history, [], clock.nowMs(), clock.nowMs());
      clock.advance(61_000);
    }
    const days = history.query({ ...EVER, by: "day" }).rows.map((row) => row.bytesReceived);
    expect(days).toEqual([2e3, 2e4, 2e5, 2e6, 2e7]);
    const resolutions = Array.from(history.records(EVER), (record) => [
      record.resolution,
      record.connections,
    ]);
    expect(resolutions).toEqual([
      ["day", 2],
      ["day", 2],
      ["day", 2],
      ["hour", 1],
      ["hour", 1],
      ["hour", 1],
      ["hour", 1],
    ]);
    const range = { sinceMs: NOON_MS + 3 * DAY + HOUR, untilMs: NOON_MS + 3 * DAY + 2 * HOUR };
    expect(history.query({ ...range, by: "day" }).coverage.byDay).toBe(true);
    history.close();
    expect(new Database(path).query("PRAGMA foreign_key_check").all()).toEqual([]);
  });

  test("a clock that jumps far ahead prunes nothing for a while", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    const first = begun(path);
    write(first, [increment(1)]);
    first.close();
    const clock = new ManualClock(NOON_MS + 3650 * DAY);
    const second = begun(path, { clock });
    write(second, [], clock.nowMs(), clock.nowMs());
    expect([...second.records(EVER)].map((record) => record.resolution)).toEqual(["hour"]);
    second.close();
  });
});
