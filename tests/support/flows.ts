/** Builds flows and snapshots for queries and filters: only what a test is about has to be said. */
import type { Flow, Snapshot } from "../../src/model/snapshot.ts";
import { START_MS, STATUS } from "./batches.ts";

/** An established TCP connection of ada's to 198.51.100.1:443 without a process. */
export function flow(id: string, parts: Partial<Flow> = {}): Flow {
  return {
    id,
    protocol: "tcp",
    localAddress: "192.0.2.10",
    localPort: 40_000,
    remoteAddress: "198.51.100.1",
    remotePort: 443,
    remoteHost: undefined,
    service: undefined,
    state: "established",
    process: undefined,
    owners: [],
    userId: 1000,
    userName: "ada",
    attribution: "unknown",
    bytesSent: 0,
    bytesReceived: 0,
    observedBytesSent: 0,
    observedBytesReceived: 0,
    bytesMeaning: "payload",
    uncertaintyBytes: 0,
    sendBytesPerSecond: 0,
    receiveBytesPerSecond: 0,
    firstSeenMs: START_MS,
    lastActivityMs: START_MS,
    closed: false,
    closedAtMs: undefined,
    opener: undefined,
    networkNamespace: undefined,
    ...parts,
  };
}

export function snapshotOf(flows: readonly Flow[], parts: Partial<Snapshot> = {}): Snapshot {
  const traffic = { bytesSent: 0, bytesReceived: 0, sendBytesPerSecond: 0, receiveBytesPerSecond: 0 };
  const side = {
    interfaceBytes: 0,
    attributedBytes: 0,
    unattributedBytes: 0,
    lostBytes: 0,
    overheadBytes: 0,
  };
  return {
    sampledAtMs: START_MS,
    startedAtMs: START_MS,
    intervalMs: undefined,
    sequence: 0,
    capture: STATUS,
    loss: [],
    totals: { ...traffic, connections: 0, closedConnections: 0, processes: 0, interfaces: traffic },
    reconciliation: { sent: side, received: side },
    flows,
    processes: new Map(),
    interfaces: [],
    timings: { enumerateMs: 0, processesMs: 0, interfacesMs: 0 },
    ...parts,
  };
}
