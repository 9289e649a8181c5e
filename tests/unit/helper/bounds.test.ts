/** The bounds of the helper: rates, nonces, what waits for slow readers; each exact, and each overflow counted. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { BYTES_ROW_BYTES, SOCKET_ROW_BYTES } from "../../../src/capture/linux/kernel-rows.ts";
import { BYTES, BYTES_KEY } from "../../../src/decode/ebpf-records.ts";
import { ClosedLog } from "../../../src/helper/closed-log.ts";
import { CREDITS_MAX, EventStream } from "../../../src/helper/event-stream.ts";
import { createLog } from "../../../src/helper/log.ts";
import { NonceLedger } from "../../../src/helper/nonces.ts";
import { IDLE_MS_MAX, Session } from "../../../src/helper/session.ts";
import { TokenBucket, TokenBuckets } from "../../../src/lib/token-bucket.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import { eventRecord } from "../../support/kernel-records.ts";

describe("rates", () => {
  test("a burst, then so many per second, and the time to wait is told", () => {
    const bucket = new TokenBucket(100, 100, 0);
    const taken = Array.from({ length: 101 }, () => bucket.take(0));
    expect(taken).toEqual([...Array.from({ length: 100 }, () => 0), 10]);
    expect([bucket.take(9), bucket.take(10), bucket.take(10)]).toEqual([1, 0, 10]);
    // It fills to its brim and no further, and a clock that goes back gives nothing.
    expect(
      Array.from({ length: 101 }, () => bucket.take(3_600_000)).filter((wait) => wait === 0).length,
    ).toBe(100);
    expect(bucket.take(0)).toBeGreaterThan(0);
    bucket.giveBack();
    expect(bucket.take(0)).toBe(0);
  });

  test("never more than the burst and the rate together, whatever the times", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 500 }), (pauses) => {
        const bucket = new TokenBucket(10, 20, 0);
        let nowMs = 0;
        let taken = 0;
        for (const pause of pauses) {
          nowMs += pause;
          if (bucket.take(nowMs) === 0) taken += 1;
          expect(taken).toBeLessThanOrEqual(10 + (nowMs * 20) / 1000 + 1e-9);
        }
      }),
    );
  });

  test("one for each, and who was away longest is forgotten", () => {
    const buckets = new TokenBuckets(1, 1);
    expect([buckets.of("a", 0).take(0), buckets.of("a", 0).take(0), buckets.of("b", 0).take(0)]).toEqual([
      0, 1000, 0,
    ]);
    for (let number = 0; number < 255; number += 1) buckets.of(`${number}`, 0);
    expect(buckets.of("b", 0).take(0)).toBe(1000);
    expect(buckets.of("a", 0).take(0)).toBe(0);
  });
});

describe("nonces", () => {
  test("count once within a minute, and are bounded", () => {
    const ledger = new NonceLedger();
    const nonce = (number: number): Uint8Array =>
      new Uint8Array(Uint32Array.of(number, 1, 2, 3, 4, 5, 6, 7).buffer);
    expect([ledger.note(nonce(1), 0), ledger.note(nonce(1), 0), ledger.note(nonce(2), 1)]).toEqual([
      "fresh",
      "seen",
      "fresh",
    ]);
    // As long as a time stamp that was 30 s ahead is accepted.
    expect([ledger.note(nonce(1), 60_999), ledger.note(nonce(1), 61_001)]).toEqual(["seen", "fresh"]);
    for (let number = 10; number < 10 + 4094; number += 1) ledger.note(nonce(number), 61_001);
    // One too old is forgotten for a new one; none that still counts ever is.
    expect([ledger.note(nonce(9000), 61_001), ledger.note(nonce(1), 61_001)]).toEqual(["full", "seen"]);
    expect(ledger.note(nonce(9000), 200_000)).toBe("fresh");
  });
});

describe("a session", () => {
  test("ends by either clock, and when nothing is asked", () => {
    const clock = new ManualClock(1_800_000_000_000);
    const cursor = new ClosedLog(1).end;
    const session = new Session(1, clock, { lifetimeMs: 120_000, cursor });
    expect(session.expiresAtMs).toBe(1_800_000_120_000);
    expect([
      session.accepts(session.token),
      session.accepts(new Uint8Array(32)),
      session.accepts(new Uint8Array(0)),
    ]).toEqual([true, false, false]);
    clock.advance(IDLE_MS_MAX);
    expect([session.isIdle, session.isExpired]).toEqual([false, false]);
    clock.advance(1);
    expect(session.isIdle).toBe(true);
    session.asked();
    clock.advance(119_998 - IDLE_MS_MAX);
    expect([session.isIdle, session.isExpired]).toEqual([false, false]);
    clock.advance(1);
    expect(session.isExpired).toBe(true);
    // Only the system's time goes on, as in a machine that sleeps.
    let nowMs = 1_800_000_000_000;
    const sleeping = { nowMs: () => nowMs, monotonicMs: () => 0 };
    const other = new Session(2, sleeping, { lifetimeMs: 120_000, cursor });
    expect(other.isExpired).toBe(false);
    nowMs += 120_000;
    expect(other.isExpired).toBe(true);
  });
});

/** Rows of wb_bytes with these counts. */
function bytesRows(counts: readonly (readonly [sent: number, received: number])[]): Uint8Array {
  const rows = new Uint8Array(counts.length * BYTES_ROW_BYTES);
  const view = new DataView(rows.buffer);
  counts.forEach(([sent, received], index) => {
    BYTES.set.sent(view, index * BYTES_ROW_BYTES + BYTES_KEY.size, sent);
    BYTES.set.received(view, index * BYTES_ROW_BYTES + BYTES_KEY.size, received);
  });
  return rows;
}

describe("the log of closed rows", () => {
  const NOTHING = new Uint8Array(0);

  test("tells each reader everything once, from where it began", () => {
    const log = new ClosedLog(1_000_000);
    log.append(new Uint8Array(SOCKET_ROW_BYTES), bytesRows([[1, 2]]));
    const early = log.end;
    log.append(
      new Uint8Array(2 * SOCKET_ROW_BYTES).fill(7),
      bytesRows([
        [10, 20],
        [30, 40],
      ]),
    );
    const first = log.read(early);
    expect([first.sockets.length, first.bytes.length]).toEqual([2 * SOCKET_ROW_BYTES, 2 * BYTES_ROW_BYTES]);
    expect([first.missedRows, first.missedBytes]).toEqual([0, 0]);
    log.append(NOTHING, bytesRows([[5, 5]]));
    const second = log.read(first.cursor);
    expect([second.sockets.length, second.bytes]).toEqual([0, bytesRows([[5, 5]])]);
    const again = log.read(second.cursor);
    expect([again.sockets.length, again.bytes.length, again.missedRows]).toEqual([0, 0, 0]);
    // What everybody has read is forgotten; without readers all is.
    log.trim([second.cursor, first.cursor]);
    expect(log.read(early)).toMatchObject({ missedRows: 4, missedBytes: 100 });
    log.trim([]);
    expect(log.read(early)).toMatchObject({ missedRows: 5, missedBytes: 110 });
  });

  test("what is told and what is missed are all that there was, whoever reads whenever", () => {
    const step = fc.record({
      sockets: fc.nat(40),
      bytes: fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { maxLength: 60 }),
      reads: fc.boolean(),
      trims: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(20_000), (steps, bound) => {
        const log = new ClosedLog(bound);
        let cursor = log.end;
        const told = { rows: 0, traffic: 0 };
        const truth = { rows: 0, traffic: 0 };
        const read = (): void => {
          const news = log.read(cursor);
          cursor = news.cursor;
          const view = new DataView(news.bytes.buffer, news.bytes.byteOffset, news.bytes.byteLength);
          for (let at = 0; at < news.bytes.length; at += BYTES_ROW_BYTES) {
            told.traffic +=
              BYTES.get.sent(view, at + BYTES_KEY.size) + BYTES.get.received(view, at + BYTES_KEY.size);
          }
          told.rows +=
            news.sockets.length / SOCKET_ROW_BYTES + news.bytes.length / BYTES_ROW_BYTES + news.missedRows;
          told.traffic += news.missedBytes;
        };
        for (const { sockets, bytes, reads, trims } of steps) {
          log.append(new Uint8Array(sockets * SOCKET_ROW_BYTES), bytesRows(bytes));
          truth.rows += sockets + bytes.length;
          truth.traffic += bytes.reduce((sum, [sent, received]) => sum + sent + received, 0);
          if (reads) read();
          if (trims) log.trim([cursor]);
        }
        read();
        expect(told).toEqual(truth);
      }),
    );
  });
});

describe("a stream of events", () => {
  const one = eventRecord(48);

  test("sends one frame for one credit, with everything that waits", () => {
    const stream = new EventStream(3);
    stream.add({ events: one, names: new Uint8Array(0) });
    expect(stream.take()).toBeUndefined();
    stream.give(2);
    stream.add({ events: one, names: eventRecord(60) });
    expect(stream.take()).toEqual({
      type: "processEvents",
      id: 3,
      events: new Uint8Array([...one, ...one]),
      names: eventRecord(60),
      droppedEvents: 0,
    });
    expect(stream.take()).toBeUndefined(); // nothing to tell costs no credit
    stream.add({ events: one, names: new Uint8Array(0) });
    expect(stream.take()?.events).toEqual(one);
    stream.add({ events: one, names: new Uint8Array(0) });
    expect(stream.take()).toBeUndefined();
  });

  test("drops the oldest beyond a mebibyte, and counts each record", () => {
    const stream = new EventStream(1);
    const thousand = new Uint8Array(1000 * 100);
    for (let index = 0; index < 1000; index += 1) thousand.set(eventRecord(100), index * 100);
    for (let index = 0; index < 25; index += 1) stream.add({ events: thousand, names: one });
    stream.give(1);
    const frame = stream.take();
    // Ten of 100,048 bytes are below the bound, eleven are not.
    expect([frame?.events.length, frame?.names.length]).toEqual([10 * 100_000, 10 * 48]);
    expect(frame?.droppedEvents).toBe(15 * 1001);
  });

  test("takes no more credits than are of use", () => {
    const stream = new EventStream(1);
    stream.give(2 ** 32 - 1);
    for (let index = 0; index < CREDITS_MAX; index += 1) {
      stream.add({ events: one, names: new Uint8Array(0) });
      expect(stream.take()).toBeDefined();
    }
    stream.add({ events: one, names: new Uint8Array(0) });
    expect(stream.take()).toBeUndefined();
  });
});

describe("the log", () => {
  test("bounds what strangers can cause, tells how much was left out, and can't be forged", () => {
    const clock = new ManualClock(1000);
    const lines: string[] = [];
    const log = createLog({
      level: "warning",
      form: "text",
      isJournal: true,
      clock,
      write: (line) => lines.push(line),
    });
    log.say("info", "started");
    for (let index = 0; index < 150; index += 1)
      log.sayBounded("warning", "refused", { reason: "secret", uid: 7 });
    log.sayBounded("warning", "refused", {
      reason: "version",
      detail: 'a "b"\nwb helper: started',
      pid: undefined,
    });
    expect(lines.length).toBe(101);
    expect([lines[0], lines[100]]).toEqual([
      "<4>refused reason=secret uid=7",
      '<4>refused reason=version detail="a \\"b\\"\uFFFDwb helper: started"',
    ]);
    clock.advance(1000);
    log.sayBounded("warning", "refused", { reason: "secret", uid: 7 });
    expect(lines[101]).toBe("<4>refused reason=secret uid=7 leftOut=50");
  });
});
