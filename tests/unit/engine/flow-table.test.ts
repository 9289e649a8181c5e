/** The flow table: what is observed, how closings, resets and reuse are told, and that nothing is counted twice. */
import { describe, expect, test } from "bun:test";
import { FlowTable, type FlowTableOptions } from "../../../src/engine/flow-table.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { CaptureStatus } from "../../../src/model/capture-status.ts";
import type { Flow, Snapshot } from "../../../src/model/snapshot.ts";
import { batchAt, closedAt, counted, socket, START_MS, STATUS } from "../../support/batches.ts";

function table(options: Partial<FlowTableOptions> = {}): FlowTable {
  return new FlowTable({ clock: new ManualClock(START_MS), ...options });
}

function only(snapshot: Snapshot): Flow {
  expect(snapshot.flows).toHaveLength(1);
  const [flow] = snapshot.flows;
  if (flow === undefined) throw new Error("no flow");
  return flow;
}

function bytesOf(flow: Flow): readonly (number | undefined)[] {
  return [flow.bytesSent, flow.bytesReceived, flow.observedBytesSent, flow.observedBytesReceived];
}

function lossOf(snapshot: Snapshot): Record<string, number> {
  return Object.fromEntries(snapshot.loss.map((loss) => [loss.cause, loss.count]));
}

describe("what is observed", () => {
  test("the first batch's earlier bytes are not, later growth is", () => {
    const flows = table();
    const first = flows.ingest(batchAt(0, { sockets: [socket("a", 1000, 2000)] }), STATUS);
    expect(bytesOf(only(first))).toEqual([1000, 2000, 0, 0]);
    expect(first.totals.bytesSent).toBe(0);
    expect(only(first).sendBytesPerSecond).toBe(0);
    const second = flows.ingest(batchAt(1, { sockets: [socket("a", 1500, 2000)] }), STATUS);
    expect(bytesOf(only(second))).toEqual([1500, 2000, 500, 0]);
    expect([second.totals.bytesSent, second.totals.bytesReceived]).toEqual([500, 0]);
    expect([second.sequence, second.intervalMs, first.intervalMs]).toEqual([1, 1000, undefined]);
  });

  test("everything of a socket that appears later is", () => {
    const flows = table();
    flows.ingest(batchAt(0), STATUS);
    const flow = only(flows.ingest(batchAt(1, { sockets: [socket("a", 700, 80)] }), STATUS));
    expect(bytesOf(flow)).toEqual([700, 80, 700, 80]);
    expect(flow.firstSeenMs).toBe(START_MS + 1000);
  });

  test("a socket that was born and closed between two samples is a closed flow with all its bytes", () => {
    const flows = table();
    flows.ingest(batchAt(0), STATUS);
    const snapshot = flows.ingest(batchAt(1, { closed: [closedAt(0.5, socket("a", 300, 4))] }), STATUS);
    const flow = only(snapshot);
    expect(bytesOf(flow)).toEqual([300, 4, 300, 4]);
    expect([flow.closed, flow.closedAtMs, flow.state]).toEqual([true, START_MS + 500, "closed"]);
    expect([snapshot.totals.connections, snapshot.totals.closedConnections]).toEqual([0, 1]);
  });

  test("a socket that was closed before the first batch counts nothing", () => {
    const flow = only(table().ingest(batchAt(0, { closed: [closedAt(0, socket("a", 300, 4))] }), STATUS));
    expect(bytesOf(flow)).toEqual([300, 4, 0, 0]);
  });

  test("counters that can be read only later begin where they are first read", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", undefined, undefined)] }), STATUS);
    flows.ingest(batchAt(1, { sockets: [socket("a", 5000, 10)] }), STATUS);
    const flow = only(flows.ingest(batchAt(2, { sockets: [socket("a", 5100, 10)] }), STATUS));
    expect(bytesOf(flow)).toEqual([5100, 10, 100, 0]);
  });

  test("another way of capturing begins anew with what it sees first", () => {
    const flows = table();
    const procfs: CaptureStatus = { ...STATUS, method: "procfs" };
    flows.ingest(batchAt(0), procfs);
    const snapshot = flows.ingest(batchAt(1, { sockets: [socket("cookie", 9000, 9000)] }), STATUS);
    expect(bytesOf(only(snapshot))).toEqual([9000, 9000, 0, 0]);
  });

  test("what can't be counted stays undefined and is in no sum", () => {
    const flows = table();
    flows.ingest(batchAt(0), STATUS);
    const udp = socket("u", undefined, undefined, { state: "connected", identity: { protocol: "udp" } });
    const snapshot = flows.ingest(batchAt(1, { sockets: [udp] }), STATUS);
    expect(bytesOf(only(snapshot))).toEqual([undefined, undefined, 0, 0]);
    expect(only(snapshot).bytesMeaning).toBe("none");
    expect(snapshot.totals.bytesSent).toBe(0);
  });
});

describe("closing", () => {
  test("the final counters count, and the flow stays for its time", () => {
    const flows = table({ closedRetentionMs: 3000 });
    flows.ingest(batchAt(0, { sockets: [socket("a", 100, 100)] }), STATUS);
    const closed = flows.ingest(batchAt(1, { closed: [closedAt(1, socket("a", 150, 160))] }), STATUS);
    expect(bytesOf(only(closed))).toEqual([150, 160, 50, 60]);
    expect(only(flows.ingest(batchAt(3.9), STATUS)).closed).toBe(true);
    const gone = flows.ingest(batchAt(4), STATUS);
    expect(gone.flows).toEqual([]);
    expect([gone.totals.bytesSent, gone.totals.bytesReceived, gone.totals.closedConnections]).toEqual([
      50, 60, 1,
    ]);
  });

  test("a live sample and the closing in one batch are one flow", () => {
    const flows = table();
    flows.ingest(batchAt(0), STATUS);
    const live = socket("a", 10, 10);
    const snapshot = flows.ingest(
      batchAt(1, { sockets: [live], closed: [closedAt(1, socket("a", 12, 10))] }),
      STATUS,
    );
    expect(bytesOf(only(snapshot))).toEqual([12, 10, 12, 10]);
    expect(only(snapshot).closed).toBe(true);
  });

  test("a closing told again replaces the values told before, upwards and downwards", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 100, 0)] }), STATUS);
    flows.ingest(batchAt(1, { closed: [closedAt(1, socket("a", 500, 0))] }), STATUS);
    const more = flows.ingest(batchAt(2, { closed: [closedAt(1, socket("a", 700, 0))] }), STATUS);
    expect(bytesOf(only(more))).toEqual([700, 0, 600, 0]);
    expect([more.totals.bytesSent, more.totals.closedConnections]).toEqual([600, 1]);
    const less = flows.ingest(batchAt(3, { closed: [closedAt(1, socket("a", 400, 0))] }), STATUS);
    expect(bytesOf(only(less))).toEqual([400, 0, 300, 0]);
    // The total does not go down, but it takes no more than it must: the next bytes fill the gap first.
    expect(less.totals.bytesSent).toBe(600);
    const next = flows.ingest(batchAt(4, { sockets: [socket("b", 301, 0)] }), STATUS);
    expect(next.totals.bytesSent).toBe(601);
  });

  test("a closing told again after the flow has left corrects the totals and brings no row back", () => {
    const flows = table({ closedRetentionMs: 1000 });
    flows.ingest(batchAt(0), STATUS);
    flows.ingest(batchAt(1, { closed: [closedAt(1, socket("a", 500, 5))] }), STATUS);
    expect(flows.ingest(batchAt(3), STATUS).flows).toEqual([]);
    const again = flows.ingest(batchAt(4, { closed: [closedAt(1, socket("a", 520, 5))] }), STATUS);
    expect(again.flows).toEqual([]);
    expect([again.totals.bytesSent, again.totals.bytesReceived, again.totals.closedConnections]).toEqual([
      520, 5, 1,
    ]);
  });

  test("a missing socket is given one batch, then it is over and its end is declared lost", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 1, 1)] }), STATUS);
    const grace = flows.ingest(batchAt(1), STATUS);
    expect([only(grace).closed, grace.totals.connections]).toEqual([false, 1]);
    const over = flows.ingest(batchAt(2), STATUS);
    expect([only(over).closed, only(over).closedAtMs, only(over).uncertaintyBytes]).toEqual([
      true,
      START_MS + 1000,
      undefined,
    ]);
    expect(lossOf(over)).toEqual({ final_counters_missing: 1 });
    const late = flows.ingest(batchAt(3, { closed: [closedAt(1, socket("a", 9, 9))] }), STATUS);
    expect(bytesOf(only(late))).toEqual([9, 9, 8, 8]);
    expect([only(late).uncertaintyBytes, late.totals.closedConnections]).toEqual([0, 1]);
  });

  test("where no closings are told a missing socket is over at once", () => {
    const flows = table();
    const status: CaptureStatus = {
      ...STATUS,
      capabilities: { ...STATUS.capabilities, closedConnections: false },
    };
    flows.ingest(batchAt(0, { sockets: [socket("a", undefined, undefined)] }), status);
    const over = flows.ingest(batchAt(1), status);
    expect([only(over).closed, over.loss]).toEqual([true, []]);
  });

  test("no loss is declared for a listener or an uncounted socket that goes away", () => {
    const flows = table();
    const listener = socket("l", 0, 0, {
      state: "listen",
      identity: { remoteAddress: "0.0.0.0", remotePort: 0 },
    });
    const udp = socket("u", undefined, undefined, { state: "connected", identity: { protocol: "udp" } });
    flows.ingest(batchAt(0, { sockets: [listener, udp] }), STATUS);
    flows.ingest(batchAt(1), STATUS);
    const over = flows.ingest(batchAt(2), STATUS);
    expect(over.flows.map((flow) => flow.closed)).toEqual([true, true]);
    expect(over.loss).toEqual([]);
  });

  test("an incomplete dump ends nothing", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 1, 1)] }), STATUS);
    for (const second of [1, 2, 3]) {
      const loss = [{ cause: "dump_truncated", count: 1, bytes: undefined }] as const;
      expect(only(flows.ingest(batchAt(second, { loss }), STATUS)).closed).toBe(false);
    }
    const back = flows.ingest(batchAt(4, { sockets: [socket("a", 3, 1)] }), STATUS);
    expect(bytesOf(only(back))).toEqual([3, 1, 2, 0]);
    expect(lossOf(back)).toEqual({ dump_truncated: 3 });
  });

  test("a socket that was missing for too long and comes back is the same flow", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 10, 0)] }), STATUS);
    flows.ingest(batchAt(1), STATUS);
    expect(flows.ingest(batchAt(2), STATUS).totals.closedConnections).toBe(1);
    const back = flows.ingest(batchAt(3, { sockets: [socket("a", 15, 0)] }), STATUS);
    expect(bytesOf(only(back))).toEqual([15, 0, 5, 0]);
    expect([only(back).closed, only(back).closedAtMs, back.totals.closedConnections]).toEqual([
      false,
      undefined,
      0,
    ]);
  });
});

describe("counters that go back", () => {
  test("by more than a SYN and a FIN: what was counted stays, as a lower bound, and is counted as a loss", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 1000, 500)] }), STATUS);
    flows.ingest(batchAt(1, { sockets: [socket("a", 1200, 500)] }), STATUS);
    const back = flows.ingest(batchAt(2, { sockets: [socket("a", 50, 500)] }), STATUS);
    expect(bytesOf(only(back))).toEqual([1200, 500, 200, 0]);
    expect(only(back).uncertaintyBytes).toBe(undefined);
    expect(lossOf(back)).toEqual({ counters_erased: 1 });
    const on = flows.ingest(batchAt(3, { sockets: [socket("a", 80, 500)] }), STATUS);
    expect(bytesOf(only(on))).toEqual([1230, 500, 230, 0]);
    expect(lossOf(on)).toEqual({ counters_erased: 1 });
  });

  test("by one: held while the socket lives, taken when it is final", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 100, 0)] }), STATUS);
    flows.ingest(batchAt(1, { sockets: [socket("a", 301, 0)] }), STATUS);
    const held = flows.ingest(batchAt(2, { sockets: [socket("a", 300, 0)] }), STATUS);
    expect([only(held).bytesSent, only(held).uncertaintyBytes]).toEqual([301, 0]);
    const final = flows.ingest(batchAt(3, { closed: [closedAt(3, socket("a", 300, 0))] }), STATUS);
    expect([only(final).bytesSent, only(final).observedBytesSent, only(final).uncertaintyBytes]).toEqual([
      300, 200, 0,
    ]);
    expect(final.loss).toEqual([]);
  });

  test("at the closing (a reset erases them): the last living ones stay", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 100, 0)] }), STATUS);
    flows.ingest(batchAt(1, { sockets: [socket("a", 900, 7)] }), STATUS);
    const erased = flows.ingest(batchAt(2, { closed: [closedAt(2, socket("a", 0, 0))] }), STATUS);
    expect(bytesOf(only(erased))).toEqual([900, 7, 800, 7]);
    expect([only(erased).uncertaintyBytes, lossOf(erased)]).toEqual([undefined, { counters_erased: 1 }]);
  });

  test("where the capture itself says that it doesn't know, the loss is its own to declare", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 100, 0)] }), STATUS);
    const unsure = socket("a", 0, 0, { counters: { ...counted(0, 0), uncertaintyBytes: undefined } });
    const snapshot = flows.ingest(batchAt(1, { closed: [closedAt(1, unsure)] }), STATUS);
    expect([only(snapshot).bytesSent, snapshot.loss]).toEqual([100, []]);
  });

  test("final counters that nobody could read are missing", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 100, 9)] }), STATUS);
    const closed = [closedAt(1, socket("a", undefined, undefined))];
    const snapshot = flows.ingest(batchAt(1, { closed }), STATUS);
    expect([only(snapshot).bytesSent, only(snapshot).bytesMeaning, only(snapshot).uncertaintyBytes]).toEqual([
      100,
      "payload",
      undefined,
    ]);
    expect(lossOf(snapshot)).toEqual({ final_counters_missing: 1 });
  });

  test("an id that belongs to another socket now is another flow, with all its bytes", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 1000, 0)] }), STATUS);
    const other = socket("a", 30, 4, { identity: { localPort: 41_000 } });
    const snapshot = flows.ingest(batchAt(1, { sockets: [other] }), STATUS);
    expect(snapshot.flows.map((flow) => [flow.id, flow.closed, ...bytesOf(flow)])).toEqual([
      ["a", true, 1000, 0, 0, 0],
      ["a#1", false, 30, 4, 30, 4],
    ]);
    expect(lossOf(snapshot)).toEqual({ final_counters_missing: 1 });
    const next = flows.ingest(batchAt(2, { sockets: [{ ...other, counters: counted(31, 4) }] }), STATUS);
    expect(next.flows.map((flow) => flow.bytesSent)).toEqual([1000, 31]);
    expect([next.totals.bytesSent, next.totals.connections]).toEqual([31, 1]);
  });

  test("an id that comes back after its closing is a new flow", () => {
    const flows = table();
    flows.ingest(batchAt(0), STATUS);
    flows.ingest(batchAt(1, { closed: [closedAt(1, socket("a", 500, 0))] }), STATUS);
    const snapshot = flows.ingest(batchAt(2, { sockets: [socket("a", 600, 0)] }), STATUS);
    expect(snapshot.flows.map((flow) => [flow.id, flow.observedBytesSent])).toEqual([
      ["a", 500],
      ["a#1", 600],
    ]);
    expect(snapshot.totals.bytesSent).toBe(1100);
  });
});
