/** A small snapshot whose every value is known, hostile texts among them: what the printers' tests print. */
import type { Group, QueryResult } from "../../../src/model/query.ts";
import type { Flow, InterfaceState, ProcessState, Snapshot } from "../../../src/model/snapshot.ts";
import type { ProcessInfo } from "../../../src/model/process.ts";

export const START_MS = 1_700_000_000_000;

export const CURL: ProcessInfo = {
  key: "0f3c-boot:4242:1234567",
  pid: 4242,
  parentPid: 1,
  name: "curl",
  path: "/usr/bin/curl",
  commandLine: ["curl", "-s", "https://example.org/"],
  userId: 1000,
  userName: "ada",
  startedAtMs: START_MS - 5000,
};

/** A process whose name tries to clear the screen, to be a formula, to break CSV and to turn text around. */
export const HOSTILE: ProcessInfo = {
  ...CURL,
  key: "0f3c-boot:666:99",
  pid: 666,
  name: '=cmd|"x",\u001b[2J\u009b31m\u202e',
  path: undefined,
  commandLine: ["-bash", "a\nb"],
};

export function flow(changes: Partial<Flow> = {}): Flow {
  return {
    id: "cookie-1",
    protocol: "tcp",
    localAddress: "192.0.2.1",
    localPort: 50_000,
    remoteAddress: "198.51.100.7",
    remotePort: 443,
    remoteHost: { name: "example.org", source: "ptr" },
    service: "https",
    state: "established",
    process: CURL,
    owners: [CURL.key, "0f3c-boot:4300:1234999"],
    userId: 1000,
    userName: "ada",
    attribution: "exact",
    bytesSent: 1000,
    bytesReceived: 2_000_000,
    observedBytesSent: 600,
    observedBytesReceived: 1_500_000,
    bytesMeaning: "payload",
    uncertaintyBytes: 0,
    sendBytesPerSecond: 12.34,
    receiveBytesPerSecond: 5000.06,
    firstSeenMs: START_MS + 0.4,
    lastActivityMs: START_MS + 900,
    closed: false,
    closedAtMs: undefined,
    opener: undefined,
    networkNamespace: undefined,
    ...changes,
  };
}

export const UDP_FLOW = flow({
  id: "cookie-2",
  protocol: "udp",
  localAddress: "::",
  localPort: 53,
  remoteAddress: "::",
  remotePort: 0,
  remoteHost: undefined,
  service: undefined,
  state: "unconnected",
  process: undefined,
  owners: [],
  userId: undefined,
  userName: undefined,
  attribution: "not_visible",
  bytesSent: undefined,
  bytesReceived: undefined,
  observedBytesSent: 0,
  observedBytesReceived: 0,
  bytesMeaning: "none",
  uncertaintyBytes: undefined,
  sendBytesPerSecond: 0,
  receiveBytesPerSecond: 0,
});

export const CLOSED_FLOW = flow({
  id: "cookie-3",
  state: "closed",
  process: HOSTILE,
  owners: [HOSTILE.key],
  closed: true,
  closedAtMs: START_MS + 1500,
  uncertaintyBytes: undefined,
});

const NO_TRAFFIC = { bytesSent: 0, bytesReceived: 0, sendBytesPerSecond: 0, receiveBytesPerSecond: 0 };

const SIDE = {
  interfaceBytes: 100,
  attributedBytes: 60,
  unattributedBytes: 10,
  lostBytes: 0,
  overheadBytes: 30,
};

export const LOOPBACK: InterfaceState = {
  name: "lo",
  index: 1,
  kind: "loopback",
  up: true,
  bytesSent: 10,
  bytesReceived: 10,
  packetsSent: 1,
  packetsReceived: 1,
  errors: 0,
  dropped: 0,
  addresses: ["127.0.0.1", "::1"],
  counted: false,
  reason: "loopback",
  sendBytesPerSecond: 1,
  receiveBytesPerSecond: 1,
};

export function snapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    sampledAtMs: START_MS + 2000,
    startedAtMs: START_MS,
    intervalMs: 1000,
    sequence: 3,
    capture: {
      method: "sock_diag",
      capabilities: {
        bytes: "tcp",
        closedConnections: true,
        processes: "own",
        names: false,
        namespaces: "current",
      },
      degradations: [
        {
          code: "other_users_processes",
          message: "Others' processes are not visible.",
          remedy: "sudo wb monitor",
        },
        { code: "udp_bytes", message: "UDP is not counted.", remedy: "nothing yet" },
      ],
    },
    loss: [{ cause: "netlink_overflow", count: 2, bytes: undefined }],
    totals: {
      ...NO_TRAFFIC,
      connections: 3,
      closedConnections: 1,
      processes: 2,
      interfaces: NO_TRAFFIC,
    },
    reconciliation: { sent: SIDE, received: SIDE },
    flows: [flow(), UDP_FLOW, CLOSED_FLOW],
    processes: new Map(),
    interfaces: [LOOPBACK],
    timings: { enumerateMs: 1.23456, processesMs: 2, interfacesMs: 0.1 },
    ...changes,
  };
}

export function connections(rows: readonly Flow[] = snapshot().flows): QueryResult {
  return { by: "connection", rows, matched: rows.length };
}

export function group(changes: Partial<Group> = {}): Group {
  const state: ProcessState = { info: CURL, exited: false, memoryBytes: 4096, cpuFraction: 0.123456 };
  return {
    by: "process",
    key: CURL.key,
    label: "curl",
    connections: 2,
    closedConnections: 1,
    processCount: 1,
    addressCount: 1,
    uncountedConnections: 0,
    uncertaintyBytes: 0,
    bytesSent: 1000,
    bytesReceived: 2000,
    sendBytesPerSecond: 1,
    receiveBytesPerSecond: 2,
    firstSeenMs: START_MS,
    lastActivityMs: START_MS,
    process: state,
    topFlow: flow(),
    ...changes,
  };
}

/** Collects what is written, and how often. */
export class TextOutput {
  text = "";
  writes = 0;

  write(text: string): Promise<void> {
    this.text += text;
    this.writes += 1;
    return Promise.resolve();
  }
}
