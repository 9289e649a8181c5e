/** How the event that a parent does not accept is found among others, and how slowly it is given up. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { GIVE_UP_PAUSE_MS, GIVEN_UP_AT_ONCE, Narrowing } from "../../../src/agent/narrowing.ts";
import { BATCH_ITEMS_MAX } from "../../../src/protocol/fleet/envelope.ts";
import { StoredAgent, event, loss } from "../../support/fleet/stored.ts";
import type { SignedBatch } from "../../../src/protocol/fleet/envelope.ts";

const agent = new StoredAgent();
const template = agent.batch("process", [event(1, "test", {})]).batch;

/** What matters of a batch here: where it begins, and what is in it. Not signed anew, for that costs time. */
function batchOf(firstSeq: number, count: number): SignedBatch {
  const items = Array.from({ length: count }, (_, index) => event(firstSeq + index, "test", {}));
  return { ...template, header: { ...template.header, firstSeq, lastSeq: firstSeq + count - 1 }, items };
}

interface Told {
  readonly arrived: number[];
  readonly givenUp: number[];
  requests: number;
  nowMs: number;
}

/** Sends events 1 to `count` to a parent that refuses some, until none is left. */
function sendAll(count: number, isRefused: (seq: number) => boolean): Told {
  const told: Told = { arrived: [], givenUp: [], requests: 0, nowMs: 0 };
  const narrowing = new Narrowing(0);
  for (let next = 1; next <= count && told.requests < 100_000;) {
    const batch = batchOf(next, Math.min(narrowing.itemsMax, count - next + 1));
    const seqs = batch.items.map((_, index) => next + index);
    told.requests += 1;
    if (!seqs.some(isRefused)) {
      narrowing.taken(batch);
      told.arrived.push(...seqs);
      next += seqs.length;
      continue;
    }
    const verdict = narrowing.refused(batch, told.nowMs);
    if (verdict.kind === "smaller" || verdict.kind === "paced") told.nowMs += verdict.waitMs;
    if (verdict.kind !== "give-up") continue;
    expect(seqs).toEqual([next]);
    narrowing.givenUp();
    told.givenUp.push(next);
    next += 1;
  }
  return told;
}

test("one in a thousand is found in few requests, refused twice alone, and all others arrive", () => {
  for (const bad of [1, 2, 500, 777, 999, 1000]) {
    const told = sendAll(1000, (seq) => seq === bad);
    expect(told.givenUp).toEqual([bad]);
    expect(told.arrived.length).toBe(999);
    expect(told.requests).toBeLessThan(35);
  }
});

test("where nothing is refused batches are as large as they may be", () => {
  expect(sendAll(5000, () => false).requests).toBe(5);
});

test("whatever is refused: exactly that is given up, in order, and the rest arrives in order", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { maxLength: 9 }), (bad) => {
      const told = sendAll(300, (seq) => bad.includes(seq));
      expect(told.givenUp).toEqual(bad.toSorted((left, right) => left - right));
      expect(told.arrived).toEqual(
        Array.from({ length: 300 }, (_, index) => index + 1).filter((seq) => !bad.includes(seq)),
      );
    }),
    { numRuns: 50 },
  );
});

test("a parent that refuses everything is believed ten times at once, then once in ten seconds", () => {
  const told = sendAll(GIVEN_UP_AT_ONCE + 6, () => true);
  expect(told.givenUp.length).toBe(GIVEN_UP_AT_ONCE + 6);
  expect(told.nowMs).toBeGreaterThanOrEqual(6 * GIVE_UP_PAUSE_MS - 2000);
  const alone = new Narrowing(0);
  for (let seq = 1; seq <= GIVEN_UP_AT_ONCE; seq += 1) {
    expect(alone.refused(batchOf(seq, 1), 0).kind).toBe("again");
    expect(alone.refused(batchOf(seq, 1), 0).kind).toBe("give-up");
    alone.givenUp();
  }
  expect(alone.refused(batchOf(11, 1), 0)).toEqual({ kind: "again" });
  expect(alone.refused(batchOf(11, 1), 0)).toEqual({ kind: "paced", waitMs: GIVE_UP_PAUSE_MS });
  expect(alone.refused(batchOf(11, 1), GIVE_UP_PAUSE_MS).kind).toBe("give-up");
});

test("refusals of different events are not added up; a record of loss is never given up", () => {
  const narrowing = new Narrowing(0);
  expect(narrowing.refused(batchOf(1, 1), 0).kind).toBe("again");
  expect(narrowing.refused(batchOf(2, 1), 0).kind).toBe("again");
  expect(narrowing.refused(batchOf(1, 1), 0).kind).toBe("again");
  const { batch } = agent.batch("process", [loss(1, 5)]);
  for (let attempt = 0; attempt < 5; attempt += 1) expect(narrowing.refused(batch, 0).kind).toBe("again");
});

test("once it has been found, batches grow again", () => {
  const narrowing = new Narrowing(0);
  narrowing.refused(batchOf(1, 1), 0);
  narrowing.refused(batchOf(1, 1), 0);
  narrowing.givenUp();
  const sizes: number[] = [];
  for (let seq = 2; narrowing.itemsMax < BATCH_ITEMS_MAX;) {
    sizes.push(narrowing.itemsMax);
    narrowing.taken(batchOf(seq, narrowing.itemsMax));
    seq += narrowing.itemsMax;
  }
  expect(sizes).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512]);
});
