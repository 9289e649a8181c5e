/** Builds batches for the flow table: only what a test is about has to be said. */
import type { CaptureStatus } from "../../src/model/capture-status.ts";
import type { Batch } from "../../src/model/contracts.ts";
import type { ClosedSocket, SocketCounters, SocketIdentity, SocketSample } from "../../src/model/flow.ts";
import type { InterfaceSample } from "../../src/model/interface.ts";
import type { ProcessInfo } from "../../src/model/process.ts";

/** Where the tests' wall clock begins: 2025-06-15T15:06:40Z. */
export const START_MS = 1_750_000_000_000;

export const STATUS: CaptureStatus = {
  method: "sock_diag",
  capabilities: {
    bytes: "tcp",
    closedConnections: true,
    processes: "own",
    names: false,
    namespaces: "current",
  },
  degradations: [],
};

/** A batch `seconds` after the start. */
export function batchAt(seconds: number, parts: Partial<Batch> = {}): Batch {
  return {
    sampledAtMs: START_MS + seconds * 1000,
    monotonicMs: seconds * 1000,
    sockets: [],
    closed: [],
    processes: [],
    exited: [],
    usage: [],
    interfaces: [],
    loss: [],
    timings: { enumerateMs: 0, processesMs: 0, interfacesMs: 0 },
    ...parts,
  };
}

/** Exact payload counters, or none at all. */
export function counted(sent: number | undefined, received: number | undefined): SocketCounters {
  if (sent === undefined && received === undefined) {
    return { bytesSent: undefined, bytesReceived: undefined, meaning: "none", uncertaintyBytes: undefined };
  }
  return { bytesSent: sent, bytesReceived: received, meaning: "payload", uncertaintyBytes: 0 };
}

export interface SocketParts extends Partial<Omit<SocketSample, "identity">> {
  readonly identity?: Partial<SocketIdentity>;
}

/** An established TCP connection of user 1000 to 198.51.100.1:443, with these counts. */
export function socket(
  id: string,
  sent: number | undefined,
  received: number | undefined,
  parts: SocketParts = {},
): SocketSample {
  return {
    state: "established",
    counters: counted(sent, received),
    owners: [],
    attribution: "unknown",
    ...parts,
    identity: {
      id,
      protocol: "tcp",
      localAddress: "192.0.2.10",
      localPort: 40_000,
      remoteAddress: "198.51.100.1",
      remotePort: 443,
      userId: 1000,
      ...parts.identity,
    },
  };
}

/** The same socket, closed `seconds` after the start. */
export function closedAt(seconds: number, sample: SocketSample): ClosedSocket {
  return { ...sample, state: "closed", closedAtMs: START_MS + seconds * 1000 };
}

export function processInfo(pid: number, name: string, parts: Partial<ProcessInfo> = {}): ProcessInfo {
  return {
    key: `boot:${pid}:1`,
    pid,
    parentPid: 1,
    name,
    path: `/usr/bin/${name}`,
    commandLine: [name],
    userId: 1000,
    userName: "ada",
    startedAtMs: START_MS - 60_000,
    ...parts,
  };
}

/** A physical interface that counts. */
export function wire(
  name: string,
  index: number,
  sent: number,
  received: number,
  parts: Partial<InterfaceSample> = {},
): InterfaceSample {
  return {
    name,
    index,
    kind: "physical",
    up: true,
    bytesSent: sent,
    bytesReceived: received,
    packetsSent: 0,
    packetsReceived: 0,
    errors: 0,
    dropped: 0,
    addresses: [],
    counted: true,
    reason: undefined,
    ...parts,
  };
}
