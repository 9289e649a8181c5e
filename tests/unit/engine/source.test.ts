/** The source of snapshots: an even beat, one sample at a time, a prompt end. */
import { describe, expect, test } from "bun:test";
import { FlowTable } from "../../../src/engine/flow-table.ts";
import { snapshotSource } from "../../../src/engine/source.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { Batch, Capture } from "../../../src/model/contracts.ts";
import { batchAt, START_MS, STATUS } from "../../support/batches.ts";

interface Scene {
  readonly clock: ManualClock;
  readonly waits: number[];
  /** When samples began, in milliseconds. */
  readonly sampledAt: number[];
  readonly capture: Capture;
  mostAtOnce: number;
}

/** A capture whose samples take so many milliseconds each, in turn. */
function scene(durations: readonly number[]): Scene {
  const clock = new ManualClock(START_MS);
  let atOnce = 0;
  const made: Scene = {
    clock,
    waits: [],
    sampledAt: [],
    mostAtOnce: 0,
    capture: {
      status: () => STATUS,
      sample: async (): Promise<Batch> => {
        made.sampledAt.push(clock.monotonicMs());
        atOnce += 1;
        made.mostAtOnce = Math.max(made.mostAtOnce, atOnce);
        await Promise.resolve();
        clock.advance(durations[made.sampledAt.length - 1] ?? 0);
        atOnce -= 1;
        return batchAt(clock.monotonicMs() / 1000);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  };
  return made;
}

function sourceOf({ capture, clock, waits }: Scene): ReturnType<typeof snapshotSource> {
  return snapshotSource({
    capture,
    clock,
    table: new FlowTable({ clock }),
    intervalMs: 1000,
    wait: (milliseconds) => {
      waits.push(milliseconds);
      clock.advance(milliseconds);
      return Promise.resolve();
    },
  });
}

async function take(made: Scene, count: number): Promise<readonly number[]> {
  const abort = new AbortController();
  const sequences: number[] = [];
  for await (const snapshot of sourceOf(made).snapshots(abort.signal)) {
    sequences.push(snapshot.sequence);
    if (sequences.length === count) abort.abort();
  }
  return sequences;
}

describe("the beat", () => {
  test("begins at once and does not drift by the time that samples take", async () => {
    const made = scene([30, 250, 1, 999]);
    expect(await take(made, 5)).toEqual([0, 1, 2, 3, 4]);
    expect(made.sampledAt).toEqual([0, 1000, 2000, 3000, 4000]);
    expect(made.waits).toEqual([970, 750, 999, 1]);
  });

  test("skips the moments that a late sample missed", async () => {
    const made = scene([0, 2300, 0]);
    await take(made, 4);
    expect(made.sampledAt).toEqual([0, 1000, 4000, 5000]);
  });

  test("never takes two samples at a time", async () => {
    const made = scene([]);
    const source = sourceOf(made);
    const together = await Promise.all([source.sampleOnce(), source.sampleOnce(), source.sampleOnce()]);
    expect(together.map((snapshot) => snapshot.sequence)).toEqual([0, 1, 2]);
    expect(made.mostAtOnce).toBe(1);
  });
});

describe("the end", () => {
  test("comes at once while waiting, and a last sample can still be taken", async () => {
    const made = scene([]);
    const source = snapshotSource({
      capture: made.capture,
      clock: made.clock,
      table: new FlowTable({ clock: made.clock }),
      intervalMs: 3_600_000,
    });
    const abort = new AbortController();
    const iterator = source.snapshots(abort.signal)[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    const next = iterator.next();
    abort.abort();
    expect((await next).done).toBe(true);
    expect((await source.sampleOnce()).sequence).toBe(1);
  });

  test("comes at once while sampling; what that sample tells is not lost", async () => {
    const clock = new ManualClock(START_MS);
    const { promise, resolve } = Promise.withResolvers<Batch>();
    const batches = [promise, Promise.resolve(batchAt(2))];
    const capture: Capture = {
      status: () => STATUS,
      sample: () => batches.shift() ?? Promise.reject(new Error("one sample too many")),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const source = snapshotSource({ capture, clock, table: new FlowTable({ clock }), intervalMs: 1000 });
    const abort = new AbortController();
    const next = source.snapshots(abort.signal)[Symbol.asyncIterator]().next();
    abort.abort();
    expect((await next).done).toBe(true);
    const last = source.sampleOnce();
    resolve(batchAt(1));
    expect((await last).sequence).toBe(1);
  });

  test("is the capture's error, told to whoever asked; the next one asks anew", async () => {
    const clock = new ManualClock(START_MS);
    const results = [Promise.reject(new Error("no more")), Promise.resolve(batchAt(1))];
    const capture: Capture = {
      status: () => STATUS,
      sample: () => results.shift() ?? Promise.resolve(batchAt(2)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const source = snapshotSource({ capture, clock, table: new FlowTable({ clock }), intervalMs: 1000 });
    const iterator = source.snapshots(new AbortController().signal)[Symbol.asyncIterator]();
    const failed = iterator.next();
    const next = source.sampleOnce();
    const message = await failed.then(
      () => "nothing",
      (error: unknown) => (error instanceof Error ? error.message : "something else"),
    );
    expect(message).toBe("no more");
    expect((await next).sequence).toBe(0);
    expect((await source.sampleOnce()).sequence).toBe(1);
  });

  test("is at once for a signal that was aborted before", async () => {
    const made = scene([]);
    const iterator = sourceOf(made).snapshots(AbortSignal.abort())[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(true);
    expect(made.sampledAt).toEqual([]);
  });
});
