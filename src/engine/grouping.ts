/** Puts flows that share a process, address, host, user or port together, and adds them up. */
import { isPartOfSocket, socketIdOf } from "../model/flow.ts";
import type { Group } from "../model/query.ts";
import type { Flow, ProcessState, Snapshot } from "../model/snapshot.ts";
import { isServedHere, portKey } from "./service-port.ts";

/** Where a flow belongs. */
interface Place {
  readonly key: string;
  readonly label: string;
}

type Placer = (flow: Flow) => Place | undefined;

/**
 * The groups of these flows, in the order in which their first flows come. Flows without a peer (listeners, unconnected
 * sockets) belong to no address and no host.
 */
export function groupFlows(by: Group["by"], flows: readonly Flow[], snapshot: Snapshot): readonly Group[] {
  const place = placerOf(by, snapshot);
  const sums = new Map<string, GroupSum>();
  const divided = dividedSockets(flows);
  for (const flow of flows) {
    const where = place(flow);
    if (where === undefined) continue;
    let sum = sums.get(where.key);
    if (sum === undefined) {
      sum = new GroupSum(by, where, flow);
      sums.set(where.key, sum);
    }
    sum.add(flow, divided.size > 0 ? socketIn(divided, flow) : undefined);
  }
  return Array.from(sums.values(), (sum) => sum.finish(snapshot.processes));
}

/** The sockets that have more than one row. */
function dividedSockets(flows: readonly Flow[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { id } of flows) if (isPartOfSocket(id)) ids.add(socketIdOf(id));
  return ids;
}

/** The flow's socket if that is one of these. */
function socketIn(divided: ReadonlySet<string>, flow: Flow): string | undefined {
  const id = socketIdOf(flow.id);
  return divided.has(id) ? id : undefined;
}

/** Whether somebody is at the other end. */
export function hasPeer(flow: Flow): boolean {
  return flow.remotePort !== 0 && flow.state !== "listen";
}

function placerOf(by: Group["by"], snapshot: Snapshot): Placer {
  return by === "port" ? placeByPort(snapshot) : PLACERS[by];
}

const PLACERS: Readonly<Record<Exclude<Group["by"], "port">, Placer>> = {
  process: placeByProcess,
  address: (flow) => (hasPeer(flow) ? { key: flow.remoteAddress, label: flow.remoteAddress } : undefined),
  host: placeByHost,
  user: placeByUser,
};

function placeByProcess(flow: Flow): Place {
  if (flow.process !== undefined) return { key: flow.process.key, label: flow.process.name };
  if (flow.attribution !== "not_visible") return { key: "unknown", label: "(unknown)" };
  const user = flow.userName ?? flow.userId;
  return {
    key: `not_visible:${flow.userId ?? ""}`,
    label: user === undefined ? "(not visible)" : `(not visible) ${user}`,
  };
}

function placeByHost(flow: Flow): Place | undefined {
  if (!hasPeer(flow)) return undefined;
  const name = flow.remoteHost?.name ?? flow.remoteAddress;
  return { key: name, label: name };
}

function placeByUser(flow: Flow): Place {
  if (flow.userId === undefined) return { key: "unknown", label: flow.userName ?? "(unknown)" };
  return { key: String(flow.userId), label: flow.userName ?? String(flow.userId) };
}

/** By the port of the service (service-port.ts), protocols apart. */
function placeByPort(snapshot: Snapshot): Placer {
  const listening = new Set<number>();
  for (const flow of snapshot.flows) {
    if (flow.state === "listen") listening.add(portKey(flow.protocol, flow.localPort));
  }
  const isListeningAt = (key: number): boolean => listening.has(key);
  return (flow) => {
    const port = isServedHere(flow, isListeningAt) ? flow.localPort : flow.remotePort;
    const number = flow.protocol === "tcp" ? String(port) : `${port}/${flow.protocol}`;
    return {
      key: `${flow.protocol}:${port}`,
      label: flow.service === undefined ? number : `${number} ${flow.service}`,
    };
  };
}

/** How many different values there were; a set is made only for the second one. */
class Distinct {
  #first: string | undefined;
  #all: Set<string> | undefined;

  add(value: string): void {
    if (this.#all !== undefined) this.#all.add(value);
    else if (this.#first === undefined) this.#first = value;
    else if (this.#first !== value) this.#all = new Set([this.#first, value]);
  }

  get count(): number {
    return this.#all?.size ?? (this.#first === undefined ? 0 : 1);
  }
}

class GroupSum {
  readonly #by: Group["by"];
  readonly #place: Place;
  readonly #processes = new Distinct();
  readonly #addresses = new Distinct();
  /** Sockets with more than one row of which one is counted. */
  readonly #divided = new Set<string>();
  #connections = 0;
  #closedConnections = 0;
  #uncountedConnections = 0;
  #uncertaintyBytes: number | undefined = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  #sendBytesPerSecond = 0;
  #receiveBytesPerSecond = 0;
  #firstSeenMs = Number.POSITIVE_INFINITY;
  #lastActivityMs = 0;
  #topFlow: Flow;
  #topBytes = -1;

  constructor(by: Group["by"], place: Place, first: Flow) {
    this.#by = by;
    this.#place = place;
    this.#topFlow = first;
  }

  /** `socket`: the id of the flow's socket if that has more rows than this; it counts once. */
  add(flow: Flow, socket: string | undefined): void {
    if (socket === undefined || !this.#divided.has(socket)) {
      if (flow.closed) this.#closedConnections += 1;
      else this.#connections += 1;
    }
    if (socket !== undefined) this.#divided.add(socket);
    if (flow.process !== undefined) this.#processes.add(flow.process.key);
    if (hasPeer(flow)) this.#addresses.add(flow.remoteAddress);
    this.#sendBytesPerSecond += flow.sendBytesPerSecond;
    this.#receiveBytesPerSecond += flow.receiveBytesPerSecond;
    this.#firstSeenMs = Math.min(this.#firstSeenMs, flow.firstSeenMs);
    this.#lastActivityMs = Math.max(this.#lastActivityMs, flow.lastActivityMs);
    this.#addBytes(flow);
  }

  #addBytes(flow: Flow): void {
    if (flow.bytesSent === undefined && flow.bytesReceived === undefined) {
      this.#uncountedConnections += 1;
      return;
    }
    const sent = flow.bytesSent ?? 0;
    const received = flow.bytesReceived ?? 0;
    this.#bytesSent += sent;
    this.#bytesReceived += received;
    if (this.#uncertaintyBytes !== undefined) {
      this.#uncertaintyBytes =
        flow.uncertaintyBytes === undefined ? undefined : this.#uncertaintyBytes + flow.uncertaintyBytes;
    }
    if (sent + received <= this.#topBytes) return;
    this.#topBytes = sent + received;
    this.#topFlow = flow;
  }

  finish(processes: ReadonlyMap<string, ProcessState>): Group {
    return {
      by: this.#by,
      key: this.#place.key,
      label: this.#place.label,
      connections: this.#connections,
      closedConnections: this.#closedConnections,
      processCount: this.#processes.count,
      addressCount: this.#addresses.count,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      sendBytesPerSecond: this.#sendBytesPerSecond,
      receiveBytesPerSecond: this.#receiveBytesPerSecond,
      uncountedConnections: this.#uncountedConnections,
      uncertaintyBytes: this.#uncertaintyBytes,
      firstSeenMs: this.#firstSeenMs,
      lastActivityMs: this.#lastActivityMs,
      process: this.#by === "process" ? processes.get(this.#place.key) : undefined,
      topFlow: this.#topFlow,
    };
  }
}
