/** Whatever happens to sockets, the flow table's sums are the truth, never go down, and its size is bounded. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { FlowTable } from "../../../src/engine/flow-table.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { ClosedSocket, SocketSample } from "../../../src/model/flow.ts";
import type { Snapshot } from "../../../src/model/snapshot.ts";
import { batchAt, closedAt, socket, START_MS, STATUS } from "../../support/batches.ts";

/** One socket as it really is. */
interface Truth {
  readonly id: string;
  /** What it had sent before the first batch. */
  base: number;
  sent: number;
  /** As the last dump saw it; undefined if none did. */
  sampled: number | undefined;
  state: "alive" | "closing" | "gone";
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("grow" as const), who: fc.nat(30), bytes: fc.nat(100_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("open" as const), who: fc.nat(30), bytes: fc.nat(5_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "close" as const,
        "closeLate" as const,
        "closeTwice" as const,
        "closeUnseen" as const,
      ),
      who: fc.nat(30),
      bytes: fc.nat(5_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("sample" as const), who: fc.nat(30), bytes: fc.nat(2_000) }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

class World {
  readonly all: Truth[] = [];
  readonly snapshots: Snapshot[] = [];
  readonly #table: FlowTable;
  #closedNow: ClosedSocket[] = [];
  #closedNext: ClosedSocket[] = [];
  #seconds = 0;

  constructor(table: FlowTable, steps: readonly Step[]) {
    this.#table = table;
    for (const each of steps) this.#take(each);
    this.#sample(1000);
    for (const truth of this.all) if (truth.state === "alive") this.#close(truth, "close");
    for (let batch = 0; batch < 4; batch += 1) this.#sample(1000);
  }

  /** What could be known to have been sent since the first batch. */
  get observed(): number {
    return this.all.reduce((sum, truth) => {
      const last = truth.state === "closing" ? truth.sampled : truth.sent;
      return sum + Math.max(0, (last ?? truth.base) - truth.base);
    }, 0);
  }

  #take({ kind, who, bytes }: Step): void {
    const living = this.all.filter((truth) => truth.state === "alive");
    const truth = living[who % Math.max(1, living.length)];
    if (kind === "sample") {
      this.#sample(bytes);
    } else if (kind === "open") {
      const base = this.snapshots.length === 0 ? bytes : 0;
      this.all.push({ id: `s${this.all.length}`, base, sent: bytes, sampled: undefined, state: "alive" });
    } else if (truth !== undefined) {
      truth.sent += bytes;
      if (this.snapshots.length === 0) truth.base = truth.sent;
      if (kind !== "grow") this.#close(truth, kind);
    }
  }

  #close(truth: Truth, how: "close" | "closeLate" | "closeTwice" | "closeUnseen"): void {
    if (this.snapshots.length === 0) return; // before anybody looked there is nothing to be told
    truth.state = how === "closeUnseen" ? "closing" : "gone";
    const final = closedAt(this.#seconds, socket(truth.id, truth.sent, 0));
    if (how === "close" || how === "closeTwice") this.#closedNow.push(final);
    if (how === "closeLate" || how === "closeTwice") this.#closedNext.push(final);
  }

  #sample(milliseconds: number): void {
    this.#seconds += milliseconds / 1000;
    const sockets: SocketSample[] = [];
    for (const truth of this.all) {
      if (truth.state !== "alive") continue;
      truth.sampled = truth.sent;
      sockets.push(socket(truth.id, truth.sent, 0));
    }
    const closed = this.#closedNow;
    this.#closedNow = this.#closedNext;
    this.#closedNext = [];
    this.snapshots.push(this.#table.ingest(batchAt(this.#seconds, { sockets, closed }), STATUS));
  }
}

function makeTable(options: { maxFlows?: number; closedRetentionMs?: number }): FlowTable {
  return new FlowTable({ clock: new ManualClock(START_MS), ...options });
}

function check(snapshots: readonly Snapshot[], maxFlows: number): void {
  let before = 0;
  for (const { totals, flows } of snapshots) {
    expect(totals.bytesSent).toBeGreaterThanOrEqual(before);
    before = totals.bytesSent;
    expect(flows.length).toBeLessThanOrEqual(maxFlows);
    expect(totals.sendBytesPerSecond).toBeGreaterThanOrEqual(0);
    expect(new Set(flows.map((flow) => flow.id)).size).toBe(flows.length);
    for (const flow of flows) {
      expect(flow.sendBytesPerSecond).toBeGreaterThanOrEqual(0);
      expect(flow.observedBytesSent).toBeGreaterThanOrEqual(0);
      expect(flow.bytesSent ?? 0).toBeGreaterThanOrEqual(flow.observedBytesSent);
    }
  }
}

const steps = fc.array(step, { maxLength: 120, size: "max" });

describe("for any life of any sockets", () => {
  test("totals and rows are the truth when all flows are kept", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const world = new World(makeTable({ closedRetentionMs: Number.POSITIVE_INFINITY }), list);
        check(world.snapshots, 1000);
        const last = world.snapshots.at(-1);
        expect(last?.totals.bytesSent).toBe(world.observed);
        expect(last?.flows.reduce((sum, flow) => sum + flow.observedBytesSent, 0)).toBe(world.observed);
        expect(last?.totals.connections).toBe(0);
        expect(last?.flows.filter((flow) => flow.closed).length).toBe(last?.totals.closedConnections ?? -1);
      }),
      { numRuns: 300 },
    );
  });

  test("totals are the truth when flows leave soon", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const world = new World(makeTable({ closedRetentionMs: 500 }), list);
        check(world.snapshots, 1000);
        expect(world.snapshots.at(-1)?.totals.bytesSent).toBe(world.observed);
      }),
      { numRuns: 300 },
    );
  });

  test("totals are the truth when the table is far too small", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (list, maxFlows) => {
        const world = new World(makeTable({ maxFlows }), list);
        check(world.snapshots, maxFlows);
        const last = world.snapshots.at(-1);
        expect(last?.totals.bytesSent).toBe(world.observed);
        expect(last?.reconciliation.sent.unattributedBytes).toBe(world.observed);
        expect(last?.totals.connections).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("rates fall to exactly 0 when nothing happens", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), (bytes) => {
        const table = makeTable({});
        table.ingest(batchAt(0), STATUS);
        table.ingest(batchAt(1, { sockets: [socket("a", bytes, 0)] }), STATUS);
        const late = table.ingest(batchAt(121, { sockets: [socket("a", bytes, 0)] }), STATUS);
        expect([late.flows[0]?.sendBytesPerSecond, late.totals.sendBytesPerSecond]).toEqual([0, 0]);
      }),
    );
  });
});
