/**
 * The judge is strict: rows that say the truth are exact, and any change of a count, an end, a process or a protocol, a row
 * too few and a row too many are found.
 */
import { describe, expect, test } from "bun:test";
import { assert, boolean, constantFrom, integer, nat, property } from "fast-check";
import { Comparison } from "./compare.ts";
import { excuse } from "./expectations.ts";
import { nameOfRow, type ToldRow } from "./rows.ts";
import { Account, type Line } from "./truth.ts";

const BOOTED_AT_MS = 1_700_000_000_000;

const COMMON: Line = { family: "ipv4", startTicks: 5000, netns: 1, localPort: 40_000, local: "127.0.0.1" };
const TCP: Line = { ...COMMON, scenario: "tcp-passed", protocol: "tcp", remote: "127.0.0.1", remotePort: 80 };
const UDP: Line = { ...COMMON, scenario: "udp-peers", protocol: "udp", remote: "0.0.0.0", remotePort: 0 };

/** Two processes at one connection, and one socket with two remote ends. */
const LINES: readonly Line[] = [
  { phase: "prepared", bootedAtMs: BOOTED_AT_MS },
  { ...TCP, role: "server", pid: 10, cookie: "7", sent: 100, received: 200 },
  { ...TCP, role: "other", pid: 11, cookie: "7", sent: 30, received: 40 },
  { ...UDP, role: "client", pid: 12, cookie: "8", peer: "127.0.0.1", peerPort: 53, sent: 5, received: 6 },
  { ...UDP, role: "client", pid: 12, cookie: "8", peer: "127.0.0.2", peerPort: 54, sent: 7, received: 0 },
  { ...COMMON, scenario: "unix-netlink", pid: 13, cookie: "9", uncounted: "unix", sent: 1, received: 1 },
];

const ROW: ToldRow = {
  id: "tcp:7",
  pid: 10,
  owners: [10],
  processStartedAtMs: BOOTED_AT_MS + 50_000,
  attribution: "exact",
  protocol: "tcp",
  localAddress: "127.0.0.1",
  localPort: 40_000,
  remoteAddress: "127.0.0.1",
  remotePort: 80,
  bytesSent: 100,
  bytesReceived: 200,
  bytesMeaning: "payload",
  uncertaintyBytes: 0,
  closed: true,
};

const UDP_ROW: ToldRow = { ...ROW, protocol: "udp", pid: 12 };

const ROWS: readonly ToldRow[] = [
  ROW,
  { ...ROW, id: "tcp:7@boot-id:11:5000", pid: 11, bytesSent: 30, bytesReceived: 40 },
  { ...UDP_ROW, id: "udp:8>127.0.0.1:53", remotePort: 53, bytesSent: 5, bytesReceived: 6 },
  {
    ...UDP_ROW,
    id: "udp:8>127.0.0.2:54",
    remoteAddress: "127.0.0.2",
    remotePort: 54,
    bytesSent: 7,
    bytesReceived: 0,
  },
];

function judge(rows: readonly ToldRow[], method = "ebpf_tracepoint"): string[] {
  const account = Account.parse(LINES.map((line) => JSON.stringify(line)).join("\n"));
  return new Comparison(account, { method, rows, loss: [] }).findings.map(({ outcome }) => outcome).sort();
}

/** The rows with one of them changed. */
function changed(index: number, change: Partial<ToldRow>, rows = ROWS): ToldRow[] {
  return rows.with(index, { ...(rows[index] ?? ROW), ...change });
}

describe("a row's name", () => {
  test("has the cookie, the process and the remote end", () => {
    expect(nameOfRow("tcp:7")).toEqual({ cookie: "7", actor: undefined, isOfPeer: false });
    expect(nameOfRow("tcp:2097152:7#2%4026532>::1:53")).toEqual({
      cookie: "2097152:7",
      actor: undefined,
      isOfPeer: true,
    });
    expect(nameOfRow("udp:8%40@a-b:11:5000>fe80::1:53")).toEqual({
      cookie: "8",
      actor: { pid: 11, startTicks: 5000 },
      isOfPeer: true,
    });
  });
});

describe("the judge", () => {
  test("finds the truth exact", () => {
    expect(judge(ROWS)).toEqual(["exact", "exact", "exact"]);
  });

  test("finds any count that is off by anything", () => {
    assert(
      property(
        nat({ max: ROWS.length - 1 }),
        constantFrom("bytesSent", "bytesReceived"),
        integer({ min: 1, max: 2 ** 40 }),
        boolean(),
        (index, field, by, up) => {
          const value = ROWS[index]?.[field] ?? 0;
          const wrong = up || by > value ? value + by : value - by;
          expect(judge(changed(index, { [field]: wrong }))).toContain("WRONG");
        },
      ),
    );
  });

  test("finds a row of another process, another end, another protocol", () => {
    expect(judge(changed(0, { pid: 99 }))).toContain("other process");
    expect(judge(changed(0, { processStartedAtMs: BOOTED_AT_MS }))).toContain("other process");
    expect(judge(changed(1, { id: "tcp:7@boot-id:11:5001" }))).toContain("other process");
    expect(judge(changed(0, { remotePort: 81 }))).toContain("WRONG");
    expect(judge(changed(0, { localAddress: "127.0.0.9" }))).toContain("WRONG");
    expect(judge(changed(0, { protocol: "mptcp" }))).toContain("WRONG");
    expect(judge(changed(2, { remotePort: 99 }))).toContain("ends merged");
  });

  test("finds bytes that one process got of another's", () => {
    const taken = changed(0, { bytesSent: 130, bytesReceived: 240 });
    const swapped = changed(1, { bytesSent: 0, bytesReceived: 0 }, taken);
    expect(judge(swapped)).toEqual(["exact", "other process", "other process"]);
  });

  test("finds remote ends that were not told apart, and bytes under the wrong one", () => {
    const merged = [
      ...ROWS.slice(0, 2),
      { ...UDP_ROW, id: "udp:8", remotePort: 0, bytesSent: 12, bytesReceived: 6 },
    ];
    expect(judge(merged)).toEqual(["ends merged", "exact", "exact"]);
    const moved = changed(3, { bytesSent: 0 }, changed(2, { bytesSent: 12 }));
    expect(judge(moved)).toContain("WRONG");
  });

  test("finds a row too few and a row too many", () => {
    expect(judge(ROWS.slice(1))).toContain("no row");
    expect(judge([...ROWS, { ...ROW, id: "tcp:70" }])).toContain("WRONG");
    expect(judge([...ROWS, { ...ROW, id: "tcp:9", pid: 13 }])).toContain("WRONG");
    expect(judge([...ROWS, { ...ROW, id: "tcp:7@boot-id:12:5000", pid: 12 }])).toContain("WRONG");
  });

  test("takes a row at its word, and no further", () => {
    expect(judge(changed(0, { bytesSent: 99, uncertaintyBytes: 1 }))).toEqual(["bounded", "exact", "exact"]);
    expect(judge(changed(0, { bytesSent: 98, uncertaintyBytes: 1 }))).toContain("WRONG");
    expect(judge(changed(0, { bytesSent: 50, uncertaintyBytes: null }))).toEqual([
      "exact",
      "exact",
      "lower bound",
    ]);
    expect(judge(changed(0, { bytesSent: 101, uncertaintyBytes: null }))).toContain("WRONG");
    expect(judge(changed(0, { bytesSent: null, bytesReceived: null }))).toContain("not counted");
  });
});

test("no table excuses a wrong count", () => {
  for (const method of ["ebpf_tracepoint", "ebpf_fentry", "ebpf_kprobe", "sock_diag", "unheard-of"]) {
    const finding = { scenario: "tcp-send-recv", family: "ipv4", text: "", bytes: 0 };
    expect(excuse(method, { ...finding, outcome: "WRONG" })).toBeUndefined();
    expect(excuse(method, { ...finding, outcome: "exact" })).toBe("");
  }
});
