/** Queries: groups and their sums, the order of rows, limits, and what is refused. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { COLUMNS, query, sortColumns } from "../../../src/engine/query.ts";
import { WbError } from "../../../src/model/errors.ts";
import { GROUP_KEYS, type Group, type GroupKey, type SnapshotQuery } from "../../../src/model/query.ts";
import type { Snapshot } from "../../../src/model/snapshot.ts";
import { processInfo, START_MS, wire } from "../../support/batches.ts";
import { flow, snapshotOf } from "../../support/flows.ts";

const curl = processInfo(12, "curl");
const nginx = processInfo(80, "nginx", { userId: 33, userName: "www-data" });
const cdn = { name: "cdn.example.net", source: "ptr" } as const;

const SNAPSHOT: Snapshot = snapshotOf(
  [
    flow("a", {
      process: curl,
      attribution: "exact",
      remoteHost: cdn,
      service: "https",
      bytesSent: 10,
      bytesReceived: 1000,
      receiveBytesPerSecond: 50,
      lastActivityMs: START_MS + 5000,
    }),
    flow("b", {
      process: curl,
      attribution: "exact",
      remoteAddress: "198.51.100.9",
      remoteHost: cdn,
      service: "https",
      bytesSent: 5,
      bytesReceived: 1000,
      uncertaintyBytes: 3,
      closed: true,
      state: "closed",
      firstSeenMs: START_MS - 1000,
    }),
    flow("c", { userId: 33, userName: "www-data", attribution: "not_visible", sendBytesPerSecond: 50 }),
    flow("d", {
      attribution: "unknown",
      userId: undefined,
      userName: undefined,
      bytesSent: 7,
      uncertaintyBytes: undefined,
    }),
    flow("listener", {
      process: nginx,
      userId: 33,
      userName: "www-data",
      attribution: "exact",
      state: "listen",
      localAddress: "::",
      localPort: 8080,
      remoteAddress: "::",
      remotePort: 0,
      service: "http-alt",
    }),
    flow("accepted", {
      process: nginx,
      userId: 33,
      userName: "www-data",
      attribution: "exact",
      localPort: 8080,
      remotePort: 50_000,
      remoteAddress: "2001:db8::7",
      service: "http-alt",
      bytesSent: 100,
    }),
    flow("udp", {
      process: curl,
      protocol: "udp",
      state: "connected",
      remotePort: 53,
      attribution: "exact",
      bytesSent: undefined,
      bytesReceived: undefined,
      bytesMeaning: "none",
      uncertaintyBytes: undefined,
    }),
  ],
  {
    processes: new Map([[curl.key, { info: curl, exited: false, memoryBytes: 4096, cpuFraction: 0.5 }]]),
    interfaces: [
      { ...wire("lo", 1, 1, 1, { kind: "loopback" }), sendBytesPerSecond: 0, receiveBytesPerSecond: 0 },
      {
        ...wire("eth0", 2, 9, 9, { addresses: ["192.0.2.10"] }),
        sendBytesPerSecond: 0,
        receiveBytesPerSecond: 1,
      },
    ],
  },
);

function ask(by: GroupKey, parts: Partial<SnapshotQuery> = {}): ReturnType<typeof query> {
  return query(SNAPSHOT, { by, filter: "", sort: undefined, limit: undefined, ...parts });
}

function groups(by: Group["by"], parts: Partial<SnapshotQuery> = {}): readonly Group[] {
  return ask(by, parts).rows as readonly Group[];
}

function ids(parts: Partial<SnapshotQuery> = {}): readonly string[] {
  const result = ask("connection", parts);
  return result.by === "connection" ? result.rows.map((row) => row.id) : [];
}

function sums(group: Group | undefined): readonly unknown[] {
  if (group === undefined) return [];
  const { label, connections, closedConnections, bytesSent, bytesReceived, processCount, addressCount } =
    group;
  return [label, connections, closedConnections, bytesSent, bytesReceived, processCount, addressCount];
}

describe("connections", () => {
  test("come busiest first, then with the most bytes, then in a stable order", () => {
    expect(ids()).toEqual(["a", "c", "b", "accepted", "d", "listener", "udp"]);
  });

  test("sort by a column either way, what is unknown last", () => {
    const by = (column: string, descending: boolean): readonly string[] =>
      ids({ sort: { column, descending } });
    expect(by("bytesReceived", true)).toEqual(["a", "b", "c", "accepted", "d", "listener", "udp"]);
    expect(by("processName", true)).toEqual(["accepted", "listener", "a", "b", "udp", "c", "d"]);
    expect(by("remoteAddress", false).slice(0, 2)).toEqual(["a", "c"]);
    expect(by("remoteAddress", true).slice(0, 2)).toEqual(["accepted", "listener"]);
    expect(by("closed", true)[0]).toBe("b");
  });

  test("are cut after they are counted", () => {
    const result = ask("connection", { filter: "process:curl", limit: 2 });
    expect([result.matched, result.rows.length]).toEqual([3, 2]);
    expect(ask("connection", { limit: 0 }).rows).toEqual([]);
  });
});

describe("groups", () => {
  test("by process: the invisible by user, the unknown together", () => {
    const rows = groups("process");
    expect(rows.map((row) => [row.key, row.label])).toEqual([
      [curl.key, "curl"],
      ["not_visible:33", "(not visible) www-data"],
      [nginx.key, "nginx"],
      ["unknown", "(unknown)"],
    ]);
    expect(rows[0]).toEqual({
      by: "process",
      key: curl.key,
      label: "curl",
      connections: 2,
      closedConnections: 1,
      processCount: 1,
      addressCount: 2,
      bytesSent: 15,
      bytesReceived: 2000,
      sendBytesPerSecond: 0,
      receiveBytesPerSecond: 50,
      uncountedConnections: 1,
      uncertaintyBytes: 3,
      firstSeenMs: START_MS - 1000,
      lastActivityMs: START_MS + 5000,
      process: { info: curl, exited: false, memoryBytes: 4096, cpuFraction: 0.5 },
      topFlow: SNAPSHOT.flows[0] as (typeof SNAPSHOT.flows)[number],
    });
    expect([rows[3]?.uncertaintyBytes, rows[3]?.bytesSent]).toEqual([undefined, 7]);
  });

  test("by address and host leave out what has no peer", () => {
    expect(groups("address").map(sums)).toEqual([
      ["198.51.100.1", 4, 0, 17, 1000, 1, 1],
      ["198.51.100.9", 0, 1, 5, 1000, 1, 1],
      ["2001:db8::7", 1, 0, 100, 0, 1, 1],
    ]);
    expect(groups("host").map(sums)).toEqual([
      ["cdn.example.net", 1, 1, 15, 2000, 1, 2],
      ["198.51.100.1", 3, 0, 7, 0, 1, 1],
      ["2001:db8::7", 1, 0, 100, 0, 1, 1],
    ]);
  });

  test("by user and by the service's port, TCP and UDP apart", () => {
    expect(groups("user").map(sums)).toEqual([
      ["ada", 2, 1, 15, 2000, 1, 2],
      ["www-data", 3, 0, 100, 0, 1, 2],
      ["(unknown)", 1, 0, 7, 0, 0, 1],
    ]);
    expect(groups("port").map((row) => [row.key, row.label, row.connections])).toEqual([
      ["tcp:443", "443 https", 3],
      ["tcp:8080", "8080 http-alt", 2],
      ["udp:53", "53/udp", 1],
    ]);
  });

  test("sort by columns of their own", () => {
    const labels = (by: Group["by"], column: string): readonly string[] =>
      groups(by, { sort: { column, descending: false } }).map((row) => row.label);
    expect(labels("port", "port")).toEqual(["53/udp", "443 https", "8080 http-alt"]);
    expect(labels("process", "memoryBytes")[0]).toBe("curl");
    expect(labels("address", "remoteAddress")[2]).toBe("2001:db8::7");
  });

  test("the sums of all groups are those of the filtered flows", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...GROUP_KEYS),
        fc.constantFrom("", "process:curl", "-port:443"),
        (by, filter) => {
          if (by === "connection" || by === "interface" || by === "address" || by === "host") return;
          const flows = ask("connection", { filter }).rows as readonly { bytesSent: number | undefined }[];
          const expected = flows.reduce((sum, each) => sum + (each.bytesSent ?? 0), 0);
          expect(groups(by, { filter }).reduce((sum, each) => sum + each.bytesSent, 0)).toBe(expected);
        },
      ),
    );
  });
});

describe("interfaces", () => {
  test("are filtered by free text alone", () => {
    const names = (filter: string): readonly unknown[] =>
      ask("interface", { filter }).rows.map((row) => ("name" in row ? row.name : undefined));
    expect(names("")).toEqual(["eth0", "lo"]);
    expect(names("eth")).toEqual(["eth0"]);
    expect(names("192.0.2")).toEqual(["eth0"]);
    expect(names("-loopback process:curl")).toEqual(["eth0"]);
  });
});

describe("a question is refused", () => {
  test("for a column that there isn't, with the nearest one", () => {
    let problem: unknown;
    try {
      ask("interface", { sort: { column: "bytesent", descending: true } });
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(WbError);
    const { code, message, hint } = problem as WbError;
    expect([code, message]).toEqual(["usage", 'rows by interface have no column "bytesent" to sort by']);
    expect(hint).toBe(`Did you mean bytesSent? Columns: ${COLUMNS.interface.join(", ")}.`);
    expect(() => ask("connection", { sort: { column: "constructor", descending: true } })).toThrow(WbError);
  });

  test("for a wrong filter", () => {
    expect(() => ask("connection", { filter: "state:lis" })).toThrow(WbError);
  });

  test("never for a column that is offered", () => {
    for (const by of GROUP_KEYS) {
      expect(sortColumns(by)).toContain("bytesSent");
      for (const column of sortColumns(by)) {
        const result = ask(by, { sort: { column, descending: true } });
        expect(result.rows.length).toBe(result.matched);
      }
    }
  });
});
