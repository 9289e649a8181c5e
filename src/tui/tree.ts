/** Connections folded into a tree: a head per process, host, address, user or port, its connections below it. */
import { socketIdOf } from "../model/flow.ts";
import type { Group } from "../model/query.ts";
import type { Flow, Snapshot } from "../model/snapshot.ts";
import { hasPeer, processText, UNKNOWN, userText } from "./cells.ts";
import { currentView, type Sort, type State, type TreeKey } from "./state.ts";
import type { TableRow } from "./table-row.ts";

/** Ids to their places in an order that is to be kept. */
export type Places = ReadonlyMap<string, number>;

/** What is known stays where it was, what is new comes after it. */
export function keepOrder<T>(
  items: readonly T[],
  idOf: (item: T) => string,
  places: Places | undefined,
): readonly T[] {
  if (places === undefined) return items;
  const place = (item: T): number => places.get(idOf(item)) ?? places.size;
  return items.toSorted((one, other) => place(one) - place(other));
}

/**
 * Rows of the tree. The flows come filtered and sorted; within a fold they keep their order. Folds are ordered by their
 * own sums where the sorting is by traffic, else by their first flow.
 */
export function treeRows(
  flows: readonly Flow[],
  by: TreeKey,
  state: State,
  snapshot: Snapshot,
  places: Places | undefined,
): TableRow[] {
  const folds = new Map<string, Flow[]>();
  const portOf = by === "port" ? servicePorts(snapshot) : (flow: Flow) => flow.remotePort;
  for (const flow of flows) {
    const key = foldKey(flow, by, portOf);
    const fold = folds.get(key);
    if (fold === undefined) folds.set(key, [flow]);
    else fold.push(flow);
  }
  const groups = [...folds].map(([key, members]) => ({
    id: `fold:${by}:${key}`,
    members,
    group: sumOf(by, key, members, snapshot, portOf),
  }));
  orderFolds(groups, currentView(state).sort);
  const rows: TableRow[] = [];
  for (const { id, group, members } of keepOrder(groups, (fold) => fold.id, places)) {
    const closed = state.collapsed.has(id);
    rows.push({ kind: "group", id, group, fold: closed ? "closed" : "open" });
    if (closed) continue;
    for (const flow of members) rows.push({ kind: "flow", id: flow.id, flow, indented: true });
  }
  return rows;
}

function foldKey(flow: Flow, by: TreeKey, portOf: PortOf): string {
  switch (by) {
    case "process":
      return flow.process?.key ?? `${flow.attribution}:${userText(flow)}`;
    case "address":
      return hasPeer(flow) ? flow.remoteAddress : UNKNOWN;
    case "host":
      return hasPeer(flow) ? (flow.remoteHost?.name ?? flow.remoteAddress) : UNKNOWN;
    case "user":
      return userText(flow);
    case "port":
    default:
      return `${flow.protocol}:${portOf(flow)}`;
  }
}

type PortOf = (flow: Flow) => number;

/**
 * The port that names a flow's service: its own where it waits, or where something on this machine listens at it (then
 * the connection was accepted), else the other end's.
 */
function servicePorts(snapshot: Snapshot): PortOf {
  const served = new Set<string>();
  const own = (flow: Flow): string => `${flow.protocol}:${flow.localPort}`;
  for (const flow of snapshot.flows) if (flow.state === "listen") served.add(own(flow));
  return (flow) => (!hasPeer(flow) || served.has(own(flow)) ? flow.localPort : flow.remotePort);
}

function foldLabel(flow: Flow, by: TreeKey, portOf: PortOf): string {
  switch (by) {
    case "process":
      if (flow.process !== undefined) return `${flow.process.name} (${flow.process.pid})`;
      return `${processText(flow)}, user ${userText(flow)}`;
    case "address":
      return hasPeer(flow) ? flow.remoteAddress : "no peer";
    case "host":
      return hasPeer(flow) ? (flow.remoteHost?.name ?? flow.remoteAddress) : "no peer";
    case "user":
      return userText(flow);
    case "port":
    default:
      return `${portOf(flow)}/${flow.protocol}${flow.service === undefined ? "" : ` ${flow.service}`}`;
  }
}

const TRAFFIC_SORTS: Readonly<Record<string, (group: Group) => number>> = {
  sendBytesPerSecond: (group) => group.sendBytesPerSecond,
  receiveBytesPerSecond: (group) => group.receiveBytesPerSecond,
  bytesSent: (group) => group.bytesSent,
  bytesReceived: (group) => group.bytesReceived,
};

function orderFolds(folds: { readonly group: Group }[], sort: Sort | undefined): void {
  if (sort === undefined) {
    const rate = (group: Group): number => group.sendBytesPerSecond + group.receiveBytesPerSecond;
    const bytes = (group: Group): number => group.bytesSent + group.bytesReceived;
    folds.sort((one, other) => rate(other.group) - rate(one.group) || bytes(other.group) - bytes(one.group));
    return;
  }
  const value = TRAFFIC_SORTS[sort.column];
  if (value === undefined) return; // the order of the first flows is the order of the folds
  const sign = sort.descending ? -1 : 1;
  folds.sort((one, other) => sign * (value(one.group) - value(other.group)));
}

function sumOf(by: TreeKey, key: string, flows: readonly Flow[], snapshot: Snapshot, portOf: PortOf): Group {
  const [first] = flows;
  if (first === undefined) throw new Error("a fold without flows"); // made from at least one
  const processes = new Set<string>();
  const addresses = new Set<string>();
  const sums = { bytesSent: 0, bytesReceived: 0, sendBytesPerSecond: 0, receiveBytesPerSecond: 0 };
  // A socket with several rows counts once.
  const open = new Set<string>();
  const closed = new Set<string>();
  let uncountedConnections = 0;
  let uncertaintyBytes: number | undefined = 0;
  let firstSeenMs = first.firstSeenMs;
  let lastActivityMs = first.lastActivityMs;
  let topFlow = first;
  for (const flow of flows) {
    sums.bytesSent += flow.bytesSent ?? 0;
    sums.bytesReceived += flow.bytesReceived ?? 0;
    sums.sendBytesPerSecond += flow.sendBytesPerSecond;
    sums.receiveBytesPerSecond += flow.receiveBytesPerSecond;
    (flow.closed ? closed : open).add(socketIdOf(flow.id));
    if (flow.bytesMeaning === "none") uncountedConnections += 1;
    else if (flow.uncertaintyBytes === undefined) uncertaintyBytes = undefined;
    else if (uncertaintyBytes !== undefined) uncertaintyBytes += flow.uncertaintyBytes;
    firstSeenMs = Math.min(firstSeenMs, flow.firstSeenMs);
    lastActivityMs = Math.max(lastActivityMs, flow.lastActivityMs);
    if (flow.process !== undefined) processes.add(flow.process.key);
    if (hasPeer(flow)) addresses.add(flow.remoteAddress);
    if (bytesOf(flow) > bytesOf(topFlow)) topFlow = flow;
  }
  return {
    ...sums,
    by,
    key,
    label: foldLabel(first, by, portOf),
    connections: open.size,
    closedConnections: closed.size,
    processCount: processes.size,
    addressCount: addresses.size,
    uncountedConnections,
    uncertaintyBytes,
    firstSeenMs,
    lastActivityMs,
    process:
      by === "process" && first.process !== undefined ? snapshot.processes.get(first.process.key) : undefined,
    topFlow,
  };
}

function bytesOf(flow: Flow): number {
  return (flow.bytesSent ?? 0) + (flow.bytesReceived ?? 0);
}
