/** Snapshots made by hand, and a world of sockets whose true bytes are known: for the tests of the history. */
import type { ExclusiveLock } from "../../src/model/history.ts";
import type { Loss } from "../../src/model/loss.ts";
import type { ProcessInfo } from "../../src/model/process.ts";
import type { Flow, Snapshot } from "../../src/model/snapshot.ts";

/** 2026-11-19 12:00:00 UTC. */
export const NOON_MS = Date.UTC(2026, 10, 19, 12);

export function makeProcess(name: string, changes: Partial<ProcessInfo> = {}): ProcessInfo {
  return {
    key: `boot:1:${name}`,
    pid: 1,
    parentPid: undefined,
    name,
    path: `/usr/bin/${name}`,
    commandLine: [name],
    userId: 1000,
    userName: "alice",
    startedAtMs: 0,
    ...changes,
  };
}

export function makeFlow(id: string, changes: Partial<Flow> = {}): Flow {
  return {
    id,
    protocol: "tcp",
    localAddress: "192.0.2.1",
    localPort: 50_000,
    remoteAddress: "198.51.100.7",
    remotePort: 443,
    remoteHost: undefined,
    service: undefined,
    state: "established",
    process: makeProcess("curl"),
    owners: [],
    userId: 1000,
    userName: "alice",
    attribution: "exact",
    bytesSent: changes.observedBytesSent ?? 0,
    bytesReceived: changes.observedBytesReceived ?? 0,
    observedBytesSent: 0,
    observedBytesReceived: 0,
    bytesMeaning: "payload",
    uncertaintyBytes: 0,
    sendBytesPerSecond: 0,
    receiveBytesPerSecond: 0,
    firstSeenMs: NOON_MS,
    lastActivityMs: NOON_MS,
    closed: false,
    closedAtMs: undefined,
    opener: undefined,
    networkNamespace: undefined,
    ...changes,
  };
}

const NO_TRAFFIC = { bytesSent: 0, bytesReceived: 0, sendBytesPerSecond: 0, receiveBytesPerSecond: 0 };
const NO_SIDE = {
  interfaceBytes: 0,
  attributedBytes: 0,
  unattributedBytes: 0,
  lostBytes: 0,
  overheadBytes: 0,
};

export function makeSnapshot(
  sampledAtMs: number,
  flows: readonly Flow[],
  more: { loss?: readonly Loss[]; intervalMs?: number | undefined; method?: "sock_diag" | "procfs" } = {},
): Snapshot {
  return {
    sampledAtMs,
    startedAtMs: sampledAtMs,
    intervalMs: more.intervalMs,
    sequence: 0,
    capture: {
      method: more.method ?? "sock_diag",
      capabilities: {
        bytes: "tcp",
        closedConnections: true,
        processes: "all",
        names: false,
        namespaces: "current",
      },
      degradations: [],
    },
    loss: more.loss ?? [],
    totals: { ...NO_TRAFFIC, connections: 0, closedConnections: 0, processes: 0, interfaces: NO_TRAFFIC },
    reconciliation: { sent: NO_SIDE, received: NO_SIDE },
    flows,
    processes: new Map(),
    interfaces: [],
    timings: { enumerateMs: 0, processesMs: 0, interfacesMs: 0 },
  };
}

/** A lock that several recorders of one test share; `kill` is what the kernel does when a holder dies. */
export class SharedLock {
  #holder: symbol | undefined;
  #touchedAtMs: number | undefined;
  /** Set to make every attempt fail. */
  failure: Error | undefined;

  forOne(nowMs: () => number): ExclusiveLock & { kill(): void } {
    const me = Symbol("holder");
    const release = (): void => {
      if (this.#holder === me) this.#holder = undefined;
    };
    return {
      tryAcquire: () => {
        if (this.failure !== undefined) throw this.failure;
        this.#holder ??= me;
        return this.#holder === me;
      },
      release,
      kill: release,
      touch: () => {
        this.#touchedAtMs = nowMs();
      },
      touchedAtMs: () => this.#touchedAtMs,
    };
  }
}

interface Growth {
  readonly atMs: number;
  readonly sent: number;
  readonly received: number;
}

/** A socket of the world, with all that ever happened to it. */
export class WorldSocket {
  readonly id: string;
  readonly bornAtMs: number;
  readonly growth: Growth[] = [];
  sent = 0;
  received = 0;
  closedAtMs: number | undefined;

  constructor(id: string, bornAtMs: number) {
    this.id = id;
    this.bornAtMs = bornAtMs;
  }

  grow(atMs: number, sent: number, received: number): void {
    this.growth.push({ atMs, sent, received });
    this.sent += sent;
    this.received += received;
  }

  /** Bytes of both directions after one moment, up to and with another. */
  bytesBetween(afterMs: number, untilMs: number): number {
    let bytes = 0;
    for (const each of this.growth) {
      if (each.atMs > afterMs && each.atMs <= untilMs) bytes += each.sent + each.received;
    }
    return bytes;
  }
}

/** What a monitor of the world sees: as the flow table shows it, with exact final counters of what closes meanwhile. */
export class WorldMonitor {
  readonly #base = new Map<string, { sent: number; received: number; firstSeenMs: number }>();
  readonly #closed = new Map<string, { flow: Flow; noticedAtMs: number }>();
  #lastMs: number | undefined;

  look(nowMs: number, sockets: readonly WorldSocket[]): Snapshot {
    const flows: Flow[] = [];
    for (const socket of sockets) {
      const known = this.#base.get(socket.id);
      const isOver = socket.closedAtMs !== undefined;
      if (isOver && (this.#closed.has(socket.id) || (known === undefined && !this.#sawClosing(socket))))
        continue;
      const base = known ?? {
        sent: this.#lastMs === undefined ? socket.sent : 0,
        received: this.#lastMs === undefined ? socket.received : 0,
        firstSeenMs: nowMs,
      };
      this.#base.set(socket.id, base);
      const flow = makeFlow(socket.id, {
        bytesSent: socket.sent,
        bytesReceived: socket.received,
        observedBytesSent: socket.sent - base.sent,
        observedBytesReceived: socket.received - base.received,
        firstSeenMs: base.firstSeenMs,
        closed: isOver,
        state: isOver ? "closed" : "established",
        closedAtMs: socket.closedAtMs,
      });
      if (isOver) this.#closed.set(socket.id, { flow, noticedAtMs: nowMs });
      else flows.push(flow);
    }
    for (const [id, { flow, noticedAtMs }] of this.#closed) {
      if (nowMs - noticedAtMs > 30_000) this.#closed.delete(id);
      else flows.push(flow);
      this.#base.delete(id);
    }
    const snapshot = makeSnapshot(nowMs, flows, {
      intervalMs: this.#lastMs === undefined ? undefined : nowMs - this.#lastMs,
    });
    this.#lastMs = nowMs;
    return snapshot;
  }

  /** Whether the socket closed while this monitor ran, so that its end was told. */
  #sawClosing(socket: WorldSocket): boolean {
    if (this.#lastMs === undefined || socket.closedAtMs === undefined) return false;
    return socket.closedAtMs > this.#lastMs;
  }
}
