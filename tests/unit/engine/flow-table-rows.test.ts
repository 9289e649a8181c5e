/** The rows of the flow table: when they change, and how processes, names, services and interfaces come into them. */
import { describe, expect, test } from "bun:test";
import { FlowTable, type FlowTableOptions } from "../../../src/engine/flow-table.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { Flow, Snapshot } from "../../../src/model/snapshot.ts";
import { batchAt, closedAt, processInfo, socket, START_MS, STATUS, wire } from "../../support/batches.ts";

function table(options: Partial<FlowTableOptions> = {}): FlowTable {
  return new FlowTable({ clock: new ManualClock(START_MS), ...options });
}

function only(snapshot: Snapshot): Flow {
  expect(snapshot.flows).toHaveLength(1);
  const [flow] = snapshot.flows;
  if (flow === undefined) throw new Error("no flow");
  return flow;
}

describe("rows", () => {
  test("that did not change are the same objects", () => {
    const flows = table();
    const sockets = [socket("a", 1, 1), socket("b", 1, 1)];
    const first = flows.ingest(batchAt(0, { sockets }), STATUS);
    const second = flows.ingest(batchAt(1, { sockets: [socket("a", 1, 1), socket("b", 900, 1)] }), STATUS);
    expect(second.flows[0]).toBe(first.flows[0] as Flow);
    expect(second.flows[1]).not.toBe(first.flows[1] as Flow);
    expect(first.flows[1]?.bytesSent).toBe(1);
  });

  test("say when their counters last grew", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 1, 1)] }), STATUS);
    flows.ingest(batchAt(1, { sockets: [socket("a", 1, 2)] }), STATUS);
    const idle = flows.ingest(batchAt(2, { sockets: [socket("a", 1, 2)] }), STATUS);
    expect([only(idle).firstSeenMs, only(idle).lastActivityMs]).toEqual([START_MS, START_MS + 1000]);
  });

  test("take a name as soon as there is one, asked for once per address", () => {
    const asked: string[] = [];
    let name: string | undefined;
    const flows = table({
      nameOf: (address) => {
        asked.push(address);
        return name === undefined ? undefined : { name, source: "ptr" };
      },
      serviceOf: (protocol, port) => `${protocol}-${port}`,
    });
    const listener = socket("l", 0, 0, {
      state: "listen",
      identity: { localPort: 22, remoteAddress: "0.0.0.0", remotePort: 0 },
    });
    const sockets = [socket("a", 1, 1), socket("b", 1, 1), listener];
    const first = flows.ingest(batchAt(0, { sockets }), STATUS);
    expect(asked).toEqual(["198.51.100.1"]);
    expect(first.flows.map((flow) => [flow.remoteHost, flow.service])).toEqual([
      [undefined, "tcp-443"],
      [undefined, "tcp-443"],
      [undefined, "tcp-22"],
    ]);
    name = "www.example.org";
    const second = flows.ingest(batchAt(1, { sockets }), STATUS);
    expect(second.flows[1]?.remoteHost).toEqual({ name: "www.example.org", source: "ptr" });
    expect(flows.ingest(batchAt(2, { sockets }), STATUS).flows[1]).toBe(second.flows[1] as Flow);
  });

  test("name an accepted connection's service by the listener's port, also when the listener is gone", () => {
    const flows = table({ serviceOf: (_protocol, port) => String(port) });
    const listener = socket("l", 0, 0, {
      state: "listen",
      identity: { localPort: 3000, remoteAddress: "0.0.0.0", remotePort: 0 },
    });
    const accepted = socket("a", 1, 1, { identity: { localPort: 3000, remotePort: 50_000 } });
    const first = flows.ingest(batchAt(0, { sockets: [accepted, listener] }), STATUS);
    expect(first.flows[0]?.service).toBe("3000");
    const second = flows.ingest(batchAt(1, { sockets: [accepted] }), STATUS);
    expect(second.flows[0]?.service).toBe("3000");
  });
});

describe("processes", () => {
  const curl = processInfo(77, "curl");
  const owned = { owners: [curl.key], attribution: "exact" } as const;

  test("a process once seen stays with the flow when the closing tells none, and after its exit", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 1, 1, owned)], processes: [curl] }), STATUS);
    const closed = [closedAt(1, socket("a", 2, 1, { identity: { userId: undefined } }))];
    const snapshot = flows.ingest(batchAt(1, { closed, exited: [curl.key] }), STATUS);
    const flow = only(snapshot);
    expect([flow.process?.pid, flow.attribution, flow.userName, flow.userId]).toEqual([
      77,
      "exact",
      "ada",
      1000,
    ]);
    expect(snapshot.processes.get(curl.key)?.exited).toBe(true);
    const gone = flows.ingest(batchAt(40), STATUS);
    expect([gone.flows.length, gone.processes.size]).toEqual([0, 0]);
  });

  test("a process that is told after its socket is filled in", () => {
    const flows = table();
    flows.ingest(batchAt(0, { sockets: [socket("a", 1, 1, owned)] }), STATUS);
    const snapshot = flows.ingest(
      batchAt(1, { sockets: [socket("a", 1, 1, owned)], processes: [curl] }),
      STATUS,
    );
    expect(only(snapshot).process).toBe(curl);
  });

  test("a program that becomes another is shown as that", () => {
    const flows = table();
    const sockets = [socket("a", 1, 1, owned)];
    flows.ingest(batchAt(0, { sockets, processes: [curl] }), STATUS);
    const other = processInfo(77, "wget");
    const snapshot = flows.ingest(batchAt(1, { sockets, processes: [other] }), STATUS);
    expect(only(snapshot).process?.name).toBe("wget");
  });

  test("a user's name may come later, and the user once known stays", () => {
    let name: string | undefined;
    const flows = table({ userNameOf: () => name });
    flows.ingest(batchAt(0, { sockets: [socket("a", 1, 1)] }), STATUS);
    name = "ada";
    const sockets = [socket("a", 1, 1, { state: "time_wait", identity: { userId: undefined } })];
    const flow = only(flows.ingest(batchAt(1, { sockets }), STATUS));
    expect([flow.userId, flow.userName]).toEqual([1000, "ada"]);
  });

  test("another user's flow has the user's name and no process", () => {
    const flows = table({ userNameOf: (userId) => (userId === 33 ? "www-data" : undefined) });
    const hidden = socket("a", 1, 1, { attribution: "not_visible", identity: { userId: 33 } });
    const flow = only(flows.ingest(batchAt(0, { sockets: [hidden] }), STATUS));
    expect([flow.process, flow.userName, flow.attribution]).toEqual([undefined, "www-data", "not_visible"]);
  });

  test("a connection that nobody was seen to hold is inferred to be its listener's", () => {
    const flows = table();
    const server = processInfo(5, "server");
    const listener = socket("l", 0, 0, {
      state: "listen",
      owners: [server.key],
      attribution: "exact",
      identity: { localAddress: "::", localPort: 8080, remoteAddress: "::", remotePort: 0 },
    });
    flows.ingest(batchAt(0, { sockets: [listener], processes: [server] }), STATUS);
    const brief = closedAt(1, socket("a", 5, 5, { identity: { localPort: 8080, remotePort: 50_000 } }));
    const snapshot = flows.ingest(batchAt(1, { sockets: [listener], closed: [brief] }), STATUS);
    const flow = snapshot.flows[1];
    expect([flow?.process?.name, flow?.attribution]).toEqual(["server", "inferred"]);
    const second = { ...listener, owners: ["boot:6:1"], identity: { ...listener.identity, id: "l2" } };
    const unsure = closedAt(2, socket("c", 5, 5, { identity: { localPort: 8080, remotePort: 50_001 } }));
    const both = flows.ingest(batchAt(1.5, { sockets: [listener, second], closed: [unsure] }), STATUS);
    expect(both.flows.find((each) => each.id === "c")?.attribution).toBe("unknown");
    const outgoing = closedAt(2, socket("b", 5, 5));
    const last = flows.ingest(batchAt(2, { sockets: [listener], closed: [outgoing] }), STATUS).flows.at(-1);
    expect([last?.process, last?.attribution]).toEqual([undefined, "unknown"]);
  });

  test("the share of a core is taken from the growth of the processor time", () => {
    const flows = table();
    const sockets = [socket("a", 1, 1, owned)];
    const usage = (cpuTimeMs: number): { key: string; memoryBytes: number; cpuTimeMs: number }[] => [
      { key: curl.key, memoryBytes: 4096, cpuTimeMs },
    ];
    const first = flows.ingest(batchAt(0, { sockets, processes: [curl], usage: usage(1000) }), STATUS);
    expect(first.processes.get(curl.key)).toEqual({
      info: curl,
      exited: false,
      memoryBytes: 4096,
      cpuFraction: undefined,
    });
    const second = flows.ingest(batchAt(2, { sockets, usage: usage(1500) }), STATUS);
    expect(second.processes.get(curl.key)?.cpuFraction).toBe(0.25);
    const third = flows.ingest(batchAt(3, { sockets }), STATUS);
    expect(third.processes.get(curl.key)).toEqual({
      info: curl,
      exited: false,
      memoryBytes: undefined,
      cpuFraction: undefined,
    });
  });
});

describe("the reconciliation", () => {
  test("adds up, and leaves the machine's traffic with itself out", () => {
    const flows = table();
    const curl = processInfo(77, "curl");
    const local = { localAddress: "127.0.0.1", remoteAddress: "127.0.0.1" };
    const sample = (sent: number): ReturnType<typeof socket>[] => [
      socket("known", sent, 0, { owners: [curl.key], attribution: "exact" }),
      socket("unknown", sent * 2, 0),
      socket("loop", sent * 100, 0, { identity: local }),
      socket("own", sent * 100, 0, { identity: { remoteAddress: "192.0.2.99" } }),
      socket("self", sent, 0, { identity: { localAddress: "203.0.113.5", remoteAddress: "203.0.113.5" } }),
    ];
    const wires = (sent: number): ReturnType<typeof wire>[] => [
      wire("eth0", 2, 5000 + sent, 0, { addresses: ["192.0.2.10/24", "192.0.2.99/24"] }),
      wire("wg0", 3, 900_000 + sent * 9, 0, { counted: false }),
    ];
    flows.ingest(batchAt(0, { sockets: sample(0), processes: [curl], interfaces: wires(0) }), STATUS);
    const snapshot = flows.ingest(batchAt(1, { sockets: sample(1000), interfaces: wires(3500) }), STATUS);
    expect(snapshot.reconciliation.sent).toEqual({
      interfaceBytes: 3500,
      attributedBytes: 1000,
      unattributedBytes: 2000,
      lostBytes: 0,
      overheadBytes: 500,
    });
    expect(snapshot.totals.bytesSent).toBe(204_000);
    expect(snapshot.totals.interfaces.bytesSent).toBe(3500);
    expect(snapshot.interfaces.map((each) => each.sendBytesPerSecond)).toEqual([3500, 31_500]);
  });
});
