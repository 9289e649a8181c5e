/**
 * A full table and the summaries that are made of its rows: no byte is told twice, and what no row showed is counted. Summed up
 * without rows it is the same at every step.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { FlowSummaries } from "../../../src/engine/flow-summary.ts";
import { FlowTable } from "../../../src/engine/flow-table.ts";
import { withoutBreath } from "../../../src/lib/breath.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import { batchAt, closedAt, socket, START_MS, STATUS } from "../../support/batches.ts";

class World {
  readonly table = new FlowTable({ clock: new ManualClock(START_MS), maxFlows: 3, closedRetentionMs: 1 });
  readonly summaries = new FlowSummaries();
  told = 0;
  #totalBytes = 0;
  /** The same, summed up without rows. */
  readonly followed = {
    table: new FlowTable({ clock: new ManualClock(START_MS), maxFlows: 3, closedRetentionMs: 1 }),
    summaries: new FlowSummaries(),
  };

  ingest(batch: Parameters<FlowTable["ingest"]>[0]): void {
    const snapshot = this.table.ingest(batch, STATUS);
    this.summaries.observe(snapshot);
    const rows = this.summaries.take();
    for (const row of rows) this.told += row.bytesSent + row.bytesReceived;
    const { table, summaries } = this.followed;
    summaries.observe(withoutBreath(table.follow(batch, STATUS)));
    expect(summaries.take()).toEqual(rows);
    expect([table.untold, table.evictedCount]).toEqual([this.table.untold, this.table.evictedCount]);
    this.#totalBytes = snapshot.totals.bytesSent + snapshot.totals.bytesReceived;
  }

  /** What was observed in all, what was told of it, and what was not. */
  get account(): [observed: number, told: number, untold: number] {
    return [this.#totalBytes, this.told, this.table.untold.bytes];
  }
}

test("short connections that come in a crowd: those beyond the room are counted, with their bytes", () => {
  const world = new World();
  world.ingest(batchAt(0));
  const closed = [1, 2, 3, 4, 5].map((id) => closedAt(1, socket(`s${id}`, 100 * id, 1)));
  world.ingest(batchAt(2, { closed }));
  const [observed, told, untold] = world.account;
  expect(observed).toBe(1505);
  expect(told + untold).toBe(1505);
  expect([world.table.untold.flows, world.table.evictedCount]).toEqual([2, 2]);
  // What was shown and is let go is no loss.
  world.ingest(batchAt(4));
  world.ingest(batchAt(6));
  expect([world.table.untold.flows, world.table.evictedCount]).toEqual([2, 2]);
});

test("a connection that sleeps without a row is told in full when it wakes, also after long", () => {
  const world = new World();
  const all = (sent: number): ReturnType<typeof socket>[] =>
    ["a", "b", "c", "d"].map((id) => socket(id, id === "a" ? sent : 100, 0));
  world.ingest(batchAt(0, { sockets: all(100) }));
  for (let second = 1; second < 300; second += 1) world.ingest(batchAt(second, { sockets: all(100) }));
  world.ingest(batchAt(300, { sockets: all(150) }));
  expect(world.account).toEqual([50, 50, 0]);
  world.ingest(batchAt(301, { sockets: all(170) }));
  expect(world.account).toEqual([70, 70, 0]);
});

test("whatever comes and goes: observed is told plus untold", () => {
  const step = fc.record({
    grow: fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 500 })), {
      maxLength: 8,
    }),
    close: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 3 }),
    seconds: fc.constantFrom(1, 2, 200),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const world = new World();
      const living = new Map<number, { id: string; bytes: number }>();
      let nowSeconds = 0;
      let made = 0;
      world.ingest(batchAt(0));
      for (const { grow, close, seconds } of steps) {
        nowSeconds += seconds;
        for (const [slot, bytes] of grow) {
          const flow = living.get(slot) ?? { id: `f${(made += 1)}`, bytes: 0 };
          living.set(slot, { ...flow, bytes: flow.bytes + bytes });
        }
        const closed = close.flatMap((slot) => {
          const flow = living.get(slot);
          living.delete(slot);
          return flow === undefined ? [] : [closedAt(nowSeconds, socket(flow.id, flow.bytes, 0))];
        });
        const sockets = [...living.values()].map(({ id, bytes }) => socket(id, bytes, 0));
        world.ingest(batchAt(nowSeconds, { sockets, closed }));
      }
      // All end, so that nothing is still to be told.
      const closed = [...living.values()].map(({ id, bytes }) =>
        closedAt(nowSeconds + 1, socket(id, bytes, 0)),
      );
      world.ingest(batchAt(nowSeconds + 1, { closed }));
      const [observed, told, untold] = world.account;
      expect(told + untold).toBe(observed);
    }),
    { numRuns: 300 },
  );
});
