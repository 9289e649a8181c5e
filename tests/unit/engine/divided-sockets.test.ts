/** Sockets with several rows, openers, other network namespaces, and observation that begins where the capture says. */
import { describe, expect, test } from "bun:test";
import { FlowTable } from "../../../src/engine/flow-table.ts";
import { groupFlows } from "../../../src/engine/grouping.ts";
import { query } from "../../../src/engine/query.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { CaptureStatus } from "../../../src/model/capture-status.ts";
import type { SocketSample } from "../../../src/model/flow.ts";
import type { Snapshot } from "../../../src/model/snapshot.ts";
import { batchAt, closedAt, counted, processInfo, socket, START_MS, STATUS } from "../../support/batches.ts";
import { flow, snapshotOf } from "../../support/flows.ts";

const HELPER: CaptureStatus = { ...STATUS, method: "ebpf_tracepoint" };
const PARENT = "boot:1:1";
const CHILD = "boot:2:1";

function tableOf(options: { maxFlows?: number } = {}): FlowTable {
  return new FlowTable({ clock: new ManualClock(START_MS), ...options });
}

/** A UDP socket of the parent, with a part of the child's and one with a remote end. */
function divided(sent: number): SocketSample[] {
  const udp = { protocol: "udp", remoteAddress: "0.0.0.0", remotePort: 0, localPort: 5353 } as const;
  return [
    socket("udp:1", sent, 0, { identity: udp, state: "unconnected", owners: [PARENT], attribution: "exact" }),
    socket(`udp:1@${CHILD}`, sent, 0, {
      identity: { ...udp, opener: PARENT },
      state: "unconnected",
      owners: [CHILD],
    }),
    socket("udp:1>203.0.113.5:53", sent, 0, {
      identity: { ...udp, remoteAddress: "203.0.113.5", remotePort: 53 },
      state: "unconnected",
      owners: [PARENT],
      attribution: "exact",
    }),
  ];
}

describe("a socket with several rows", () => {
  test("is one connection, alive and closed, and all its bytes count", () => {
    const table = tableOf();
    table.ingest(batchAt(0), HELPER);
    const alive = table.ingest(batchAt(1, { sockets: divided(5) }), HELPER);
    expect([alive.flows.length, alive.totals.connections, alive.totals.bytesSent]).toEqual([3, 1, 15]);
    const over = table.ingest(batchAt(2, { closed: divided(6).map((each) => closedAt(2, each)) }), HELPER);
    expect([over.totals.connections, over.totals.closedConnections, over.totals.bytesSent]).toEqual([
      0, 1, 18,
    ]);
  });

  test("has the remote end that it was connected to after the last look", () => {
    const table = tableOf();
    const ends = { protocol: "udp", localPort: 5353, remoteAddress: "0.0.0.0", remotePort: 0 } as const;
    table.ingest(batchAt(0), HELPER);
    table.ingest(batchAt(1, { sockets: [socket("udp:1", 0, 0, { identity: ends })] }), HELPER);
    const connected = { ...ends, remoteAddress: "203.0.113.5", remotePort: 53 };
    const last = closedAt(2, socket("udp:1", 7, 0, { identity: connected }));
    const [row] = table.ingest(batchAt(2, { closed: [last] }), HELPER).flows;
    expect([row?.remoteAddress, row?.remotePort, row?.bytesSent]).toEqual(["203.0.113.5", 53, 7]);
  });

  test("is one connection in a table that has no room for its rows", () => {
    const table = tableOf({ maxFlows: 1 });
    table.ingest(batchAt(0), HELPER);
    table.ingest(batchAt(1, { sockets: divided(5) }), HELPER);
    const crowded = table.ingest(batchAt(2, { sockets: divided(7) }), HELPER);
    expect([crowded.flows.length, crowded.totals.connections, crowded.totals.bytesSent]).toEqual([1, 1, 21]);
  });

  test("counts once in each group that has some of it", () => {
    const child = processInfo(2, "child", { key: CHILD });
    const parent = processInfo(1, "parent", { key: PARENT });
    const flows = [
      flow("udp:1", { process: parent }),
      flow(`udp:1@${CHILD}`, { process: child }),
      flow("udp:1>203.0.113.5:53", { process: parent }),
      flow("udp:1>203.0.113.6:53", { process: parent }),
      flow("tcp:2", { process: parent }),
      flow("udp:3>203.0.113.6:53", { process: child, closed: true }),
    ];
    const groups = groupFlows("process", flows, snapshotOf(flows));
    expect(
      groups.map(({ label, connections, closedConnections }) => [label, connections, closedConnections]),
    ).toEqual([
      ["parent", 2, 0],
      ["child", 1, 1],
    ]);
  });

  test("has remote ends that are somebody, though it is not connected", () => {
    const flows = [
      flow("udp:1", { protocol: "udp", state: "unconnected", remoteAddress: "0.0.0.0", remotePort: 0 }),
      flow("udp:1>203.0.113.5:53", {
        protocol: "udp",
        state: "unconnected",
        remoteAddress: "203.0.113.5",
        remotePort: 53,
      }),
    ];
    const addresses = groupFlows("address", flows, snapshotOf(flows));
    expect(addresses.map(({ label }) => label)).toEqual(["203.0.113.5"]);
    expect(groupFlows("port", flows, snapshotOf(flows)).map(({ label }) => label)).toEqual([
      "40000/udp",
      "53/udp",
    ]);
  });
});

describe("the opener", () => {
  test("is shown beside the process that the bytes are of, as soon as it is known", () => {
    const table = tableOf();
    const sockets = [
      socket("tcp:1", 1, 1, { owners: [CHILD], attribution: "exact", identity: { opener: PARENT } }),
    ];
    const first = table.ingest(
      batchAt(0, { sockets, processes: [processInfo(2, "child", { key: CHILD })] }),
      HELPER,
    );
    expect(first.flows[0]?.opener).toBeUndefined();
    const processes = [processInfo(1, "parent", { key: PARENT })];
    const second = table.ingest(batchAt(1, { sockets, processes }), HELPER);
    expect([second.flows[0]?.process?.name, second.flows[0]?.opener?.name]).toEqual(["child", "parent"]);
    expect(table.ingest(batchAt(2, { sockets }), HELPER).flows[0]).toBe(second.flows[0] ?? flow(""));
    const asked = (filter: string): number =>
      query(second, { by: "connection", filter, sort: undefined, limit: undefined }).matched;
    expect([asked("opener:par"), asked("opener:child"), asked("process:par")]).toEqual([1, 0, 0]);
  });
});

describe("another network namespace", () => {
  const there = { networkNamespace: 4_026_532_000 };

  test("is shown and can be asked for", () => {
    const snapshot = tableOf().ingest(
      batchAt(0, { sockets: [socket("tcp:1", 1, 1), socket("tcp:2", 1, 1, { identity: there })] }),
      HELPER,
    );
    expect(snapshot.flows.map(({ networkNamespace }) => networkNamespace)).toEqual([
      undefined,
      4_026_532_000,
    ]);
    const { rows } = query(snapshot, {
      by: "connection",
      filter: "namespace:4026532000",
      sort: undefined,
      limit: 9,
    });
    expect(rows.map((row) => ("id" in row ? row.id : ""))).toEqual(["tcp:2"]);
  });

  test("has listeners of its own: a connection is accepted by one of the same namespace", () => {
    const listener = (id: string, owner: string, identity: object): SocketSample =>
      socket(id, undefined, undefined, {
        state: "listen",
        owners: [owner],
        attribution: "exact",
        identity: {
          localAddress: "0.0.0.0",
          localPort: 80,
          remoteAddress: "0.0.0.0",
          remotePort: 0,
          ...identity,
        },
      });
    const accepted = socket("tcp:3", 1, 1, { identity: { localPort: 80, remotePort: 50_000, ...there } });
    const snapshot = tableOf().ingest(
      batchAt(0, { sockets: [listener("tcp:1", PARENT, {}), listener("tcp:2", CHILD, there), accepted] }),
      HELPER,
    );
    const found = snapshot.flows.find(({ id }) => id === "tcp:3");
    expect([found?.owners, found?.attribution]).toEqual([[CHILD], "inferred"]);
  });
});

describe("observation", () => {
  const totals = ({ totals: { bytesSent, bytesReceived } }: Snapshot): unknown[] => [
    bytesSent,
    bytesReceived,
  ];

  test("begins where the capture says it does, also where the method changes", () => {
    const table = tableOf();
    table.ingest(batchAt(0), STATUS);
    const sockets = [
      socket("tcp:1", 1000, 50, { observedFrom: { bytesSent: 900, bytesReceived: 50 } }),
      socket("tcp:2", 30, 3, { observedFrom: { bytesSent: 0, bytesReceived: 0 } }),
      socket("tcp:3", 7, 7),
    ];
    const changed = table.ingest(batchAt(1, { sockets }), HELPER);
    expect(totals(changed)).toEqual([130, 3]);
    expect(changed.flows.map(({ observedBytesSent }) => observedBytesSent)).toEqual([100, 30, 0]);
    const closed = [closedAt(2, socket("tcp:4", 8, 9, { observedFrom: { bytesSent: 0, bytesReceived: 0 } }))];
    expect(totals(table.ingest(batchAt(2, { sockets, closed }), STATUS))).toEqual([138, 12]);
  });

  test("of a row that is known is not begun anew", () => {
    const table = tableOf();
    table.ingest(batchAt(0), HELPER);
    table.ingest(batchAt(1, { sockets: [socket("tcp:1", 10, 0)] }), HELPER);
    const again = socket("tcp:1", 15, 0, { observedFrom: { bytesSent: 10, bytesReceived: 0 } });
    expect(totals(table.ingest(batchAt(2, { sockets: [again] }), STATUS))).toEqual([15, 0]);
  });

  test("goes on for a row that can't be counted for a while", () => {
    const table = tableOf();
    const uncounted = socket("udp:1", 5, 5, { counters: { ...counted(5, 5), uncertaintyBytes: undefined } });
    table.ingest(batchAt(0, { sockets: [socket("udp:1", 5, 5)] }), HELPER);
    table.ingest(batchAt(1, { sockets: [uncounted] }), STATUS);
    expect(totals(table.ingest(batchAt(2, { sockets: [socket("udp:1", 25, 5)] }), HELPER))).toEqual([20, 0]);
  });
});
