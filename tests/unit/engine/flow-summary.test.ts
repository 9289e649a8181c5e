/** What each process exchanged with each address: sums that never lose or repeat a byte, whatever the snapshots do. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { FlowSummaries } from "../../../src/engine/flow-summary.ts";
import type { Flow } from "../../../src/model/snapshot.ts";
import { processInfo } from "../../support/batches.ts";
import { flow, snapshotOf } from "../../support/flows.ts";

const curl = processInfo(41, "curl");

function tcp(id: string, sent: number, received: number, parts: Partial<Flow> = {}): Flow {
  return flow(id, {
    protocol: "tcp",
    state: "established",
    remoteAddress: "192.0.2.1",
    remotePort: 443,
    process: curl,
    bytesSent: sent,
    bytesReceived: received,
    observedBytesSent: sent,
    observedBytesReceived: received,
    bytesMeaning: "payload",
    uncertaintyBytes: 0,
    ...parts,
  });
}

describe("summaries", () => {
  test("add up per process and address, and begin anew after being taken", () => {
    const summaries = new FlowSummaries();
    summaries.observe(
      snapshotOf([tcp("a", 10, 100), tcp("b", 1, 2), tcp("c", 5, 5, { remoteAddress: "192.0.2.2" })]),
    );
    const first = summaries.take();
    expect(
      first.map(({ remoteAddress, bytesSent, bytesReceived, connections }) => [
        remoteAddress,
        bytesSent,
        bytesReceived,
        connections,
      ]),
    ).toEqual([
      ["192.0.2.1", 11, 102, 2],
      ["192.0.2.2", 5, 5, 1],
    ]);
    expect(first[0]?.uncertaintyBytes).toBe(0);
    summaries.observe(snapshotOf([tcp("a", 30, 100), tcp("b", 1, 2)]));
    const second = summaries.take();
    expect(second).toHaveLength(1);
    expect(second[0]).toMatchObject({ bytesSent: 20, bytesReceived: 0, connections: 0, processName: "curl" });
    expect(summaries.take()).toEqual([]);
  });

  test("a correction downwards is taken off what comes next", () => {
    const summaries = new FlowSummaries();
    summaries.observe(snapshotOf([tcp("a", 100, 0)]));
    summaries.take();
    summaries.observe(snapshotOf([tcp("a", 98, 0)]));
    expect(summaries.take()).toEqual([]);
    summaries.observe(snapshotOf([tcp("a", 108, 0)]));
    expect(summaries.take()[0]?.bytesSent).toBe(8);
  });

  test("a flow whose bytes are a lower bound makes its summary one", () => {
    const summaries = new FlowSummaries();
    summaries.observe(snapshotOf([tcp("a", 7, 7), tcp("b", 7, 7, { uncertaintyBytes: undefined })]));
    expect(summaries.take()[0]).toMatchObject({ bytesSent: 14, uncertaintyBytes: undefined });
  });

  test("bytes that nobody counts are a lower bound, not an exact nothing", () => {
    const summaries = new FlowSummaries();
    const uncounted = { protocol: "udp", bytesMeaning: "none", uncertaintyBytes: undefined } as const;
    const none = { bytesSent: undefined, bytesReceived: undefined };
    summaries.observe(snapshotOf([tcp("a", 0, 0, { ...uncounted, ...none })]));
    expect(summaries.take()[0]).toMatchObject({
      meaning: "none",
      bytesSent: 0,
      bytesReceived: 0,
      uncertaintyBytes: undefined,
    });
  });

  test("a flow that goes missing for a look and comes back is not counted twice", () => {
    const summaries = new FlowSummaries();
    summaries.observe(snapshotOf([tcp("a", 10, 10)]));
    summaries.observe(snapshotOf([]));
    summaries.observe(snapshotOf([tcp("a", 15, 10)]));
    expect(summaries.take()[0]).toMatchObject({ bytesSent: 15, bytesReceived: 10, connections: 1 });
  });

  test("beyond the bound addresses are folded, and no byte is missing", () => {
    const summaries = new FlowSummaries(2);
    const flows = [1, 2, 3, 4].map((n) => tcp(`f${n}`, n, 0, { remoteAddress: `192.0.2.${n}` }));
    summaries.observe(snapshotOf(flows));
    const rows = summaries.take();
    expect(rows.map(({ remoteAddress, bytesSent }) => [remoteAddress, bytesSent])).toEqual([
      ["192.0.2.1", 1],
      ["192.0.2.2", 2],
      ["*", 7],
    ]);
    expect(rows[2]?.remotePort).toBeUndefined();
  });

  test("the sums are what the counters grew by, for any growth and any moments of taking", () => {
    const step = fc.record({
      flow: fc.nat(4),
      sent: fc.nat(1000),
      received: fc.nat(1000),
      take: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const summaries = new FlowSummaries();
        const totals = new Map<number, Flow>();
        let sent = 0;
        let received = 0;
        const take = (): void => {
          for (const row of summaries.take()) {
            expect(row.bytesSent).toBeGreaterThanOrEqual(0);
            sent += row.bytesSent;
            received += row.bytesReceived;
          }
        };
        for (const each of steps) {
          const before = totals.get(each.flow);
          totals.set(
            each.flow,
            tcp(
              `f${each.flow}`,
              (before?.bytesSent ?? 0) + each.sent,
              (before?.bytesReceived ?? 0) + each.received,
            ),
          );
          summaries.observe(snapshotOf([...totals.values()]));
          if (each.take) take();
        }
        take();
        expect([sent, received]).toEqual([
          [...totals.values()].reduce((sum, { bytesSent }) => sum + (bytesSent ?? 0), 0),
          [...totals.values()].reduce((sum, { bytesReceived }) => sum + (bytesReceived ?? 0), 0),
        ]);
      }),
    );
  });
});
