/**
 * Whatever happens to the helper under way (gone, back, another run of it), no count goes down, no byte is told twice, and
 * where a count claims to be exact it is.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { socketIdOf } from "../../../../src/model/flow.ts";
import type { Flow, Snapshot } from "../../../../src/model/snapshot.ts";
import {
  ACTORS,
  InterruptedWorld,
  sum,
  type RealSocket,
  type Step,
} from "../../../support/interrupted-world.ts";

const who = fc.nat(20);
const bytes = fc.nat(1000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("send" as const, "receive" as const),
      who,
      actor: fc.nat(ACTORS - 1),
      bytes,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("wire" as const), who, bytes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("open" as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("lose" as const, "back" as const, "restart" as const) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("sample" as const) }) },
);

function checkGrowth(snapshots: readonly Snapshot[]): void {
  const before = new Map<string, Flow>();
  let totalSent = 0;
  let totalReceived = 0;
  for (const { flows, totals, loss } of snapshots) {
    expect(totals.bytesSent).toBeGreaterThanOrEqual(totalSent);
    expect(totals.bytesReceived).toBeGreaterThanOrEqual(totalReceived);
    totalSent = totals.bytesSent;
    totalReceived = totals.bytesReceived;
    expect(loss.filter(({ cause }) => cause === "counters_erased")).toEqual([]);
    expect(new Set(flows.map(({ id }) => id)).size).toBe(flows.length);
    for (const flow of flows) {
      const earlier = before.get(flow.id);
      expect(flow.bytesSent ?? 0).toBeGreaterThanOrEqual(earlier?.bytesSent ?? 0);
      expect(flow.bytesReceived ?? 0).toBeGreaterThanOrEqual(earlier?.bytesReceived ?? 0);
      expect(flow.observedBytesSent).toBeGreaterThanOrEqual(earlier?.observedBytesSent ?? 0);
      before.set(flow.id, flow);
    }
  }
}

function rowsOf(snapshot: Snapshot, { protocol, cookie }: RealSocket): Flow[] {
  return snapshot.flows.filter(({ id }) => socketIdOf(id) === `${protocol}:${cookie}`);
}

/** A TCP connection's rows sum up to all that its processes moved, the whole life long. */
function checkTcp(real: RealSocket, rows: readonly Flow[]): void {
  if (rows.length === 0) return; // it came and went between two samples while nobody was told
  const sent = sum(rows.map(({ bytesSent }) => bytesSent ?? 0));
  const received = sum(rows.map(({ bytesReceived }) => bytesReceived ?? 0));
  const observed = sum(rows.map(({ observedBytesSent }) => observedBytesSent));
  expect(sent).toBe(sum(real.sent.moved));
  expect(observed).toBe(sum(real.sent.moved) - real.observedFrom.sent);
  // What arrived counts as received where the helper was away: a byte that nobody took before the end is still one.
  expect(received).toBeGreaterThanOrEqual(sum(real.received.moved));
  if (rows.every(({ uncertaintyBytes }) => uncertaintyBytes === 0))
    expect(received).toBe(sum(real.received.moved));
}

function checkUdp(real: RealSocket, rows: readonly Flow[]): void {
  const sent = sum(rows.map(({ bytesSent }) => bytesSent ?? 0));
  expect(sent).toBeLessThanOrEqual(sum(real.sent.moved));
  const isExact = rows.length > 0 && rows.every(({ uncertaintyBytes }) => uncertaintyBytes === 0);
  if (isExact) expect(sent).toBe(sum(real.sent.moved));
}

describe("whatever happens to the helper", () => {
  test("counts grow only, TCP stays exact, and UDP says where it is not", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const world = new InterruptedWorld();
        for (const each of steps) world.take(each);
        const last = world.settle();
        checkGrowth(world.snapshots);
        for (const real of world.sockets) {
          const rows = rowsOf(last, real);
          if (real.protocol === "udp") checkUdp(real, rows);
          else if (real.state === "open") checkTcp(real, rows);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("each process's bytes are its own as long as the same helper counts", () => {
    const world = new InterruptedWorld();
    world.take({ kind: "open", who: 1 });
    const steps: Step[] = [
      { kind: "sample" },
      { kind: "send", who: 2, actor: 0, bytes: 10 },
      { kind: "send", who: 2, actor: 1, bytes: 20 },
      { kind: "wire", who: 2, bytes: 15 },
      { kind: "sample" },
      { kind: "lose" },
      { kind: "sample" },
      { kind: "send", who: 2, actor: 1, bytes: 300 },
      { kind: "wire", who: 2, bytes: 0 },
      { kind: "sample" },
    ];
    for (const each of steps) world.take(each);
    const rows = (snapshot: Snapshot | undefined): unknown[] =>
      (snapshot?.flows ?? [])
        .filter(({ id }) => socketIdOf(id) === "tcp:3")
        .map(({ id, bytesSent, uncertaintyBytes }) => [id, bytesSent, uncertaintyBytes]);
    // What programs wrote is ahead of the wire: nothing is taken back, and what is not known is said.
    expect(rows(world.snapshots.at(-1))).toEqual([
      ["tcp:3", 10, 15],
      ["tcp:3@boot:2:2", 20, 0],
    ]);
    const [, , real] = world.sockets;
    if (real !== undefined) real.sent.wire = 330;
    // While the helper is away the whole growth is the first row's.
    expect(rows(world.sample())).toEqual([
      ["tcp:3", 310, 0],
      ["tcp:3@boot:2:2", 20, 0],
    ]);
    // It was the second process's: what was told stays, the rest of it is known, and both say by how much they are off.
    world.take({ kind: "send", who: 2, actor: 1, bytes: 5 });
    expect(rows(world.settle())).toEqual([
      ["tcp:3", 310, 300],
      ["tcp:3@boot:2:2", 25, 300],
    ]);
  });

  test("a connection that began while it was away is observed from its beginning", () => {
    const world = new InterruptedWorld();
    const before = world.sample().totals.bytesSent;
    world.take({ kind: "lose" });
    world.take({ kind: "open", who: 1 });
    world.take({ kind: "send", who: 2, actor: 0, bytes: 70 });
    const [, , real] = world.sockets;
    if (real !== undefined) real.sent.wire = 70;
    expect([before, world.sample().totals.bytesSent]).toEqual([0, 70]);
    world.take({ kind: "restart" });
    world.take({ kind: "send", who: 2, actor: 0, bytes: 30 });
    const back = world.settle();
    expect(back.totals.bytesSent).toBe(100);
    expect(back.flows.find(({ id }) => id === "tcp:3")?.observedBytesSent).toBe(100);
  });
});
