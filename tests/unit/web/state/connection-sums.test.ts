/** Sums of flows: what is told twice counts once, order does not matter, and what was left out is said. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { ConnectionRecord } from "../../../../src/model/fleet.ts";
import { ConnectionWindow, RECORDS_MAX } from "../../../../src/web/state/connection-sums.ts";

const RECORD: ConnectionRecord = {
  agentId: "a",
  processId: "1_1",
  processName: "firefox",
  protocol: "tcp",
  remoteAddress: "192.0.2.1",
  remotePort: 443,
  remoteHost: null,
  bytesSent: 10,
  bytesReceived: 100,
  uncertaintyBytes: 0,
  meaning: "payload",
  connections: 1,
  intervalStartMs: 0,
  intervalEndMs: 5000,
};
const at = (interval: number, change: Partial<ConnectionRecord> = {}): ConnectionRecord => ({
  ...RECORD,
  intervalStartMs: interval * 5000,
  intervalEndMs: interval * 5000 + 5000,
  ...change,
});

function sumsOf(...records: ConnectionRecord[]) {
  const held = new ConnectionWindow();
  held.add(records);
  return held.sums();
}

describe("sums", () => {
  test("add intervals of the same process and remote end, and know its name once it is known", () => {
    const [sum, ...others] = sumsOf(at(0), at(1, { remoteHost: "example.org", uncertaintyBytes: 3 }), at(2));
    expect(others).toEqual([]);
    expect(sum).toMatchObject({
      bytesSent: 30,
      bytesReceived: 300,
      uncertaintyBytes: 3,
      remoteHost: "example.org",
      connections: 1,
      lastMs: 15_000,
    });
  });

  test("are lower bounds where one part is", () => {
    expect(sumsOf(at(0), at(1, { uncertaintyBytes: null }))[0]?.uncertaintyBytes).toBeNull();
  });

  test("keep apart processes, ends and kinds of bytes; most bytes first", () => {
    const sums = sumsOf(
      at(0),
      at(0, { processId: "2_2", bytesSent: 5000 }),
      at(0, { remotePort: 80 }),
      at(0, { meaning: "wire" }),
      at(0, { protocol: "udp" }),
    );
    expect(sums.length).toBe(5);
    expect(sums[0]?.processId).toBe("2_2");
  });
});

test("neither order nor repetition changes a sum", () => {
  const record = fc.record({
    interval: fc.integer({ min: 0, max: 3 }),
    port: fc.constantFrom(80, 443),
  });
  const told = ({ interval, port }: { interval: number; port: number }): ConnectionRecord =>
    at(interval, { remotePort: port, bytesSent: interval * 7 + port });
  fc.assert(
    fc.property(fc.array(record), fc.array(record), (some, more) => {
      const all = [...some, ...more].map(told);
      expect(sumsOf(...all, ...some.map(told).toReversed())).toEqual(sumsOf(...all));
    }),
  );
});

test("what ended before the window is forgotten", () => {
  const held = new ConnectionWindow();
  held.add([at(0), at(1)]);
  held.expire(5001);
  expect(held.sums()[0]?.bytesSent).toBe(10);
  held.expire(20_000);
  expect(held.sums()).toEqual([]);
});

test("more than can be held leaves out the oldest, and says so", () => {
  const held = new ConnectionWindow();
  held.add(Array.from({ length: RECORDS_MAX }, (_, interval) => at(interval)));
  expect([held.isTruncated, held.sums()[0]?.bytesSent]).toEqual([false, RECORDS_MAX * 10]);
  held.add([at(RECORDS_MAX)]);
  expect([held.isTruncated, held.sums()[0]?.bytesSent]).toEqual([true, RECORDS_MAX * 10]);
  held.clear();
  expect([held.isTruncated, held.sums()]).toEqual([false, []]);
});
