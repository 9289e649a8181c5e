/** When an agent tries again: jitter, Retry-After, pace and credit, and waits that end when they should. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { afterAsked, Backoff, BACKOFF_MAX_MS, backoffMs, jittered } from "../../../src/agent/backoff.ts";
import { Credit, PACE_BYTES_PER_SECOND } from "../../../src/agent/credit.ts";
import { Cursors } from "../../../src/agent/cursors.ts";
import { Link } from "../../../src/agent/link.ts";
import { waitSeconds } from "../../../src/agent/poll.ts";
import { Bell, pause } from "../../../src/agent/wait.ts";
import { ManualClock } from "../../../src/lib/clock.ts";

function manual(): {
  clock: { now(): number; monotonicMs(): number };
  advance: (milliseconds: number) => void;
} {
  const time = new ManualClock(1_000_000);
  return {
    clock: { now: () => time.nowMs(), monotonicMs: () => time.monotonicMs() },
    advance: (milliseconds) => time.advance(milliseconds),
  };
}

describe("backoff", () => {
  test("its ceiling is 1 s, doubles, and ends at 5 min; its floor is never a tight circle", () => {
    const most = () => 1 - Number.EPSILON;
    expect([0, 1, 2, 3, 8, 9, 100].map((attempt) => backoffMs(attempt, most))).toEqual([
      1000, 2000, 4000, 8000, 256_000, 300_000, 300_000,
    ]);
    expect([0, 5, 100].map((attempt) => backoffMs(attempt, () => 0))).toEqual([100, 100, 100]);
    expect(backoffMs(20, most, 2000)).toBe(2000);
  });

  test("it is spread over the whole range (full jitter)", () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, dice) => {
          const waitMs = backoffMs(attempt, () => dice);
          expect(waitMs).toBeGreaterThanOrEqual(100);
          expect(waitMs).toBeLessThanOrEqual(BACKOFF_MAX_MS);
        },
      ),
    );
  });

  test("what the other side asks for is never undercut, and not obeyed for ever", () => {
    const backoff = new Backoff({ random: () => 0 });
    expect(backoff.next(7000)).toBe(7000);
    expect(afterAsked(7000, () => 1)).toBe(8400);
    expect(afterAsked(1e12, () => 0)).toBe(3_600_000);
    expect([jittered(30_000, () => 0), jittered(30_000, () => 1)]).toEqual([27_000, 33_000]);
  });

  test("it begins anew after success", () => {
    const backoff = new Backoff({ random: () => 1 });
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([1000, 2000, 4000]);
    backoff.reset();
    expect(backoff.next()).toBe(1000);
  });
});

describe("credit", () => {
  test("what the parent grants bounds the next batch, and none at all waits a second", () => {
    const { clock, advance } = manual();
    const credit = new Credit(clock, () => 0);
    expect([credit.bytes, credit.waitMs]).toEqual([65_536, 0]);
    credit.granted(10_000, 0);
    expect([credit.bytes, credit.waitMs]).toEqual([10_000, 0]);
    credit.granted(0, 0);
    expect([credit.bytes, credit.waitMs]).toEqual([4096, 1000]);
    credit.granted(1_000_000, 5000);
    expect([credit.bytes, credit.waitMs]).toEqual([65_536, 5000]);
    advance(5000);
    expect(credit.waitMs).toBe(0);
  });

  test("batches grow while they are taken quickly, and are halved when they are not", () => {
    const { clock } = manual();
    const credit = new Credit(clock, () => 0);
    credit.sent(60_000, 100_000);
    expect(credit.bytes).toBe(32_768);
    for (let count = 0; count < 20; count += 1) credit.sent(credit.bytes, 2900);
    expect(credit.bytes).toBe(1_048_576);
    for (let count = 0; count < 20; count += 1) credit.shrink();
    expect([credit.bytes, credit.isSmallest]).toEqual([4096, true]);
  });

  test("a backlog is paced: bytes per second, by a clock that does not jump", () => {
    const { clock } = manual();
    const credit = new Credit(clock, () => 0);
    credit.sent(PACE_BYTES_PER_SECOND, 250);
    expect(credit.waitMs).toBe(750);
  });
});

describe("waiting", () => {
  test("a pause ends with its signal, and a bell that rang before is heard", async () => {
    const stop = new AbortController();
    const paused = pause(1e9, stop.signal);
    stop.abort();
    await paused;
    const bell = new Bell();
    bell.ring();
    await bell.wait(1e9, new AbortController().signal);
    const waiting = bell.wait(1e9, new AbortController().signal);
    bell.ring();
    await waiting;
    await bell.wait(1e9, stop.signal);
  });

  test("a long-poll asks for 5 minutes minus up to 30 s, and for what the way was seen to stand", () => {
    expect([waitSeconds(300, () => 0), waitSeconds(300, () => 1)]).toEqual([300, 270]);
    expect([waitSeconds(48, () => 0), waitSeconds(48, () => 1)]).toEqual([48, 36]);
    expect(waitSeconds(1, () => 1)).toBe(5);
  });
});

describe("the link", () => {
  test("who waits for the parent goes on when a heartbeat was taken, and a doubt sends them back to waiting", async () => {
    const { clock, advance } = manual();
    const link = new Link(clock);
    const stop = new AbortController();
    const first = link.up(stop.signal);
    expect(link.online(5_000_000)).toBe(true);
    await first;
    advance(700);
    expect(link.parentNow()).toBe(5_000_700);
    link.doubt("no answer");
    expect(link.status.state).toBe("connecting");
    await link.wanted.wait(1e9, stop.signal);
    expect(link.offline("refused", "quarantined")).toBe(true);
    expect(link.offline("refused", "quarantined")).toBe(false);
    link.triesAgainIn(20_000);
    expect(link.status).toEqual({
      state: "offline",
      sinceMs: 1_000_700,
      standing: "quarantined",
      problem: "refused",
      lastContactAtMs: 1_000_700,
      retryAtMs: 1_020_700,
    });
    const second = link.up(stop.signal);
    stop.abort();
    await second;
  });

  test("cursors are kept per stream and epoch, bounded", () => {
    const cursors = new Cursors();
    for (let epoch = 0; epoch < 200; epoch += 1) cursors.set("process", String(epoch), epoch);
    const before = cursors.known();
    cursors.set("process", "199", 500);
    expect(before.get(cursors.keyOf("process", "199"))).toBe(199);
    expect(cursors.known().get(cursors.keyOf("process", "199"))).toBe(500);
    expect(cursors.known().size).toBe(64);
  });
});
