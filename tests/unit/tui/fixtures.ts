/** Hand-made flows, snapshots and a small query, so that the screen is tested without any other room. */
import { App, type AppOptions } from "../../../src/tui/app.ts";
import type { Key } from "../../../src/tui/keys.ts";
import { frameText } from "../../../src/tui/line.ts";
import type { QueryFunction } from "../../../src/model/contracts.ts";
import type { ProcessInfo } from "../../../src/model/process.ts";
import type { Flow, ProcessState, Snapshot } from "../../../src/model/snapshot.ts";

export const START_MS = Date.UTC(2026, 0, 31, 14, 2, 7);

export function processOf(name: string, pid: number, more: Partial<ProcessInfo> = {}): ProcessInfo {
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
    ...more,
  };
}

/** An established TCP connection of curl with exact bytes; everything can be overridden. */
export function flowOf(id: string, more: Partial<Flow> = {}): Flow {
  const process = "process" in more ? more.process : processOf("curl", 4242);
  return {
    id,
    protocol: "tcp",
    localAddress: "192.0.2.10",
    localPort: 40_000,
    remoteAddress: "198.51.100.7",
    remotePort: 443,
    remoteHost: { name: "www.example.org", source: "ptr" },
    service: "https",
    state: "established",
    owners: process === undefined ? [] : [process.key],
    userId: 1000,
    userName: "ada",
    attribution: process === undefined ? "unknown" : "exact",
    bytesSent: 1000,
    bytesReceived: 2000,
    observedBytesSent: 1000,
    observedBytesReceived: 2000,
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
    ...more,
    process,
  };
}

const SIDE = {
  interfaceBytes: 100,
  attributedBytes: 60,
  unattributedBytes: 10,
  lostBytes: 5,
  overheadBytes: 25,
};

export function snapshotOf(flows: readonly Flow[], more: Partial<Snapshot> = {}): Snapshot {
  const processes = new Map<string, ProcessState>();
  for (const { process } of flows) {
    if (process === undefined) continue;
    processes.set(process.key, { info: process, exited: false, memoryBytes: 1024, cpuFraction: 0.5 });
  }
  return {
    sampledAtMs: START_MS + 10_000,
    startedAtMs: START_MS,
    intervalMs: 1000,
    sequence: 1,
    capture: {
      method: "sock_diag",
      capabilities: {
        bytes: "tcp",
        closedConnections: true,
        processes: "own",
        names: false,
        namespaces: "current",
      },
      degradations: [],
    },
    loss: [],
    totals: {
      connections: flows.length,
      closedConnections: 0,
      processes: processes.size,
      bytesSent: 1000,
      bytesReceived: 2000,
      sendBytesPerSecond: 10,
      receiveBytesPerSecond: 20,
      interfaces: { bytesSent: 1, bytesReceived: 2, sendBytesPerSecond: 3, receiveBytesPerSecond: 4 },
    },
    reconciliation: { sent: SIDE, received: SIDE },
    flows,
    processes,
    interfaces: [],
    timings: { enumerateMs: 1, processesMs: 2, interfacesMs: 3 },
    ...more,
  };
}

/** Connections only: free text is looked for in the process's name, and a column of numbers or text is sorted by. */
export const smallQuery: QueryFunction = (snapshot, { filter, sort }) => {
  if (filter.startsWith("throw")) throw new Error("no such filter");
  const flows = snapshot.flows.filter((flow) => (flow.process?.name ?? "").includes(filter));
  const value = (flow: Flow): number =>
    sort?.column === "bytesSent" ? (flow.bytesSent ?? 0) : flow.receiveBytesPerSecond;
  const sign = sort?.descending === false ? 1 : -1;
  const rows = flows.toSorted((one, other) => sign * (value(one) - value(other)));
  return { by: "connection", rows, matched: rows.length };
};

export function keyOf(text: string, more: Partial<Key> = {}): Key {
  return {
    name: text.length === 1 ? text.toLowerCase() : text,
    sequence: text,
    ctrl: false,
    shift: false,
    meta: false,
    ...more,
  };
}

/** Presses keys one after another; words of several letters are the names of keys, `type abc` is text. */
export function press(app: App, ...keys: readonly string[]): void {
  for (const key of keys) {
    if (!key.startsWith("type ")) app.key(keyOf(key));
    else for (const letter of key.slice("type ".length).split("")) app.key(keyOf(letter));
  }
}

export function appOf(
  snapshot: Snapshot | undefined,
  options: Partial<AppOptions> = {},
  size: readonly [number, number] = [80, 24],
): App {
  const app = new App({ query: smallQuery, ...options });
  app.resize(size[0], size[1]);
  if (snapshot !== undefined) app.ingest(snapshot);
  return app;
}

export function screenOf(app: App): string {
  return frameText(app.frame()).join("\n");
}

/** The line of the screen that holds the text, else an empty one. */
export function lineWith(app: App, text: string): string {
  return frameText(app.frame()).find((line) => line.includes(text)) ?? "";
}
