/**
 * The columns of every view: titles, widths, which give way first on a narrow screen, how they are sorted and what
 * stands in them.
 */
import {
  BYTES_WIDTH,
  bytesSpans,
  endpoint,
  hasPeer,
  isWaiting,
  NOT_VISIBLE,
  percentText,
  processRole,
  processText,
  PROTOCOL_WIDTH,
  protocolText,
  remoteHostText,
  stateRole,
  stateText,
  UNKNOWN,
  userText,
} from "./cells.ts";
import {
  countColumn,
  idleColumn,
  numberColumn,
  RECEIVE,
  RECEIVED,
  SEND,
  SENT,
  textColumn,
  type CellContext,
  type Column,
} from "./column.ts";
import type { Role } from "./line.ts";
import type { TableRow } from "./table-row.ts";
import { cut, padStart, safe, widthOf, type CutAt } from "./text.ts";
import type { ViewName } from "./views.ts";

/** The flow that a row is or is led by; undefined for an interface. */
function flowOf(row: TableRow): Extract<TableRow, { kind: "flow" }>["flow"] | undefined {
  if (row.kind === "flow") return row.flow;
  return row.kind === "group" ? row.group.topFlow : undefined;
}

/** The end of an address matters less than its port, the beginning of a name less than its domain. */
function endpointText(host: string, tail: string, width: number, at: CutAt): string {
  return cut(host, Math.max(1, width - widthOf(tail)), at) + tail;
}

function remoteText(row: TableRow, { names, width }: CellContext): { text: string; role?: Role; at?: CutAt } {
  const flow = flowOf(row);
  if (flow === undefined) return { text: UNKNOWN };
  if (!hasPeer(flow)) {
    const where = endpoint(flow.localAddress, flow.localPort);
    const verb = isWaiting(flow) ? "on" : "from";
    return { text: `${verb} ${where}`, role: "dim" };
  }
  const named = names && flow.remoteHost !== undefined;
  const host = remoteHostText(flow, names);
  return { text: endpointText(host, `:${flow.remotePort}`, width, named ? "start" : "middle") };
}

const REMOTE = textColumn(
  "remote",
  "REMOTE",
  "remoteHost",
  { min: 22, max: 64, priority: 1, grow: 4 },
  remoteText,
);

/** The same column where addresses are shown: then they are also what is sorted by. */
export const REMOTE_BY_ADDRESS: Column = { ...REMOTE, sort: "remoteAddress" };

const PROTOCOL_COLUMN = { min: PROTOCOL_WIDTH, max: PROTOCOL_WIDTH, priority: 7, grow: 0 };

const CONNECTIONS: readonly Column[] = [
  textColumn("process", "PROCESS", "processName", { min: 11, max: 26, priority: 1, grow: 1 }, (row) => {
    const flow = flowOf(row);
    if (flow === undefined) return { text: UNKNOWN };
    const indent = row.kind === "flow" && row.indented ? "  " : "";
    return { text: indent + processText(flow), role: processRole(flow) };
  }),
  numberColumn("pid", "PID", "pid", 7, 8, (row) => {
    const pid = flowOf(row)?.process?.pid;
    return [{ text: padStart(pid === undefined ? UNKNOWN : String(pid), 7), role: "dim" }];
  }),
  textColumn("user", "USER", "user", { min: 8, max: 12, priority: 9 }, (row) => {
    const flow = flowOf(row);
    return { text: flow === undefined ? UNKNOWN : userText(flow), role: "dim" };
  }),
  textColumn("protocol", "PROT", "protocol", PROTOCOL_COLUMN, (row) => {
    const flow = flowOf(row);
    return { text: flow === undefined ? UNKNOWN : protocolText(flow), role: "dim" };
  }),
  textColumn("state", "STATE", "state", { min: 11, max: 11, priority: 6, grow: 0 }, (row) => {
    const flow = flowOf(row);
    return flow === undefined ? { text: UNKNOWN } : { text: stateText(flow), role: stateRole(flow) };
  }),
  textColumn(
    "local",
    "LOCAL",
    "localAddress",
    { min: 21, max: 47, priority: 11, grow: 1 },
    (row, { width }) => {
      const flow = flowOf(row);
      if (flow === undefined) return { text: UNKNOWN };
      const address = flow.localAddress.includes(":")
        ? `[${safe(flow.localAddress)}]`
        : safe(flow.localAddress);
      return { text: endpointText(address, `:${flow.localPort}`, width, "middle"), role: "dim" };
    },
  ),
  REMOTE,
  textColumn("service", "SERVICE", "service", { min: 8, max: 14, priority: 12 }, (row) => ({
    text: safe(flowOf(row)?.service ?? UNKNOWN),
    role: "dim",
  })),
  SEND,
  RECEIVE,
  SENT,
  RECEIVED,
  textColumn("meaning", "BYTES ARE", "bytesMeaning", { min: 9, max: 9, priority: 13, grow: 0 }, (row) => {
    const meaning = flowOf(row)?.bytesMeaning ?? "none";
    return { text: meaning === "none" ? UNKNOWN : meaning, role: "dim" };
  }),
  idleColumn(10),
];

function labelColumn(title: string, sort: string, min: number, max: number, at: CutAt = "end"): Column {
  return textColumn("label", title, sort, { min, max, priority: 1, grow: 4 }, (row) => {
    if (row.kind === "interface") return { text: safe(row.interface.name) };
    return row.kind === "group" ? { text: safe(row.group.label), at } : { text: UNKNOWN };
  });
}

/** The name of a process; of one that may not be looked at its user, which is what is known of it. */
function processLabel(row: TableRow): { text: string; role?: Role } {
  if (row.kind !== "group") return { text: UNKNOWN };
  const { topFlow, label } = row.group;
  if (topFlow.process !== undefined) return { text: safe(label) };
  if (topFlow.attribution !== "not_visible") return { text: "unknown", role: "dim" };
  return { text: `${userText(topFlow)}: ${NOT_VISIBLE}`, role: "dim" };
}

/** A number of a group; undefined (shown as unknown) for rows that are none. */
function groupCount(
  field: "connections" | "closedConnections" | "processCount" | "addressCount",
): (row: TableRow) => number | undefined {
  return (row) => (row.kind === "group" ? row.group[field] : undefined);
}

const CONNECTION_COUNT = countColumn("connections", "CONN", "connections", 6, groupCount("connections"));
const CLOSED_COUNT = countColumn(
  "closed",
  "CLOSED",
  "closedConnections",
  10,
  groupCount("closedConnections"),
);
const PROCESS_COUNT = countColumn("processes", "PROCS", "processCount", 8, groupCount("processCount"));
const ADDRESS_COUNT = countColumn("addresses", "ADDRS", "addressCount", 9, groupCount("addressCount"));

function topProcessColumn(priority: number): Column {
  return textColumn(
    "top-process",
    "TOP PROCESS",
    undefined,
    { min: 11, max: 24, priority, grow: 1 },
    (row) => {
      const flow = flowOf(row);
      return flow === undefined ? { text: UNKNOWN } : { text: processText(flow), role: processRole(flow) };
    },
  );
}

function topRemoteColumn(priority: number): Column {
  return textColumn(
    "top-remote",
    "TOP REMOTE",
    undefined,
    { min: 16, max: 56, priority, grow: 3 },
    (row, context) => {
      const { text, at = "end" } = remoteText(row, context);
      return { text, at, role: "dim" };
    },
  );
}

function processOf(row: TableRow): Extract<TableRow, { kind: "group" }>["group"]["process"] {
  return row.kind === "group" ? row.group.process : undefined;
}

const PROCESSES: readonly Column[] = [
  textColumn("label", "PROCESS", "processName", { min: 18, max: 36, priority: 1, grow: 4 }, processLabel),
  numberColumn("pid", "PID", "pid", 7, 5, (row) => {
    const pid = processOf(row)?.info.pid;
    return [{ text: padStart(pid === undefined ? UNKNOWN : String(pid), 7), role: "dim" }];
  }),
  textColumn("user", "USER", "user", { min: 8, max: 12, priority: 9 }, (row) => {
    const flow = flowOf(row);
    return { text: flow === undefined ? UNKNOWN : userText(flow), role: "dim" };
  }),
  CONNECTION_COUNT,
  CLOSED_COUNT,
  ADDRESS_COUNT,
  SEND,
  RECEIVE,
  SENT,
  RECEIVED,
  numberColumn("cpu", "CPU", "cpuFraction", 5, 7, (row) => {
    const text = percentText(processOf(row)?.cpuFraction);
    return [{ text: padStart(text, 5), role: text === UNKNOWN ? "dim" : "text" }];
  }),
  numberColumn("memory", "MEMORY", "memoryBytes", BYTES_WIDTH, 8, (row) => {
    const bytes = processOf(row)?.memoryBytes;
    return bytes === undefined ? bytesSpans(0, "uncounted") : bytesSpans(bytes, "exact");
  }),
  topRemoteColumn(11),
  idleColumn(10),
];

const ADDRESSES: readonly Column[] = [
  labelColumn("ADDRESS", "remoteAddress", 22, 41, "middle"),
  textColumn("host", "HOST", "remoteHost", { min: 14, max: 50, priority: 7, grow: 3 }, (row) => {
    const name = flowOf(row)?.remoteHost?.name;
    return { text: name === undefined ? UNKNOWN : safe(name), at: "start" };
  }),
  CONNECTION_COUNT,
  CLOSED_COUNT,
  PROCESS_COUNT,
  SEND,
  RECEIVE,
  SENT,
  RECEIVED,
  topProcessColumn(11),
  idleColumn(12),
];

/** Of flows of many processes to many addresses. */
const SUMS: readonly Column[] = [
  CONNECTION_COUNT,
  CLOSED_COUNT,
  PROCESS_COUNT,
  ADDRESS_COUNT,
  SEND,
  RECEIVE,
  SENT,
  RECEIVED,
  topProcessColumn(11),
  idleColumn(12),
];

const HOSTS: readonly Column[] = [
  labelColumn("HOST", "remoteHost", 24, 64, "start"),
  textColumn("source", "NAME BY", undefined, { min: 7, max: 7, priority: 10, grow: 0 }, (row) => ({
    text: flowOf(row)?.remoteHost?.source ?? UNKNOWN,
    role: "dim",
  })),
  ...SUMS,
];

const INTERFACES: readonly Column[] = [
  { ...labelColumn("INTERFACE", "name", 14, 20), grow: 1 },
  textColumn("kind", "KIND", "kind", { min: 8, max: 8, priority: 6, grow: 0 }, (row) => ({
    text: row.kind === "interface" ? row.interface.kind : UNKNOWN,
    role: "dim",
  })),
  textColumn("counted", "COUNTED", undefined, { min: 7, max: 60, priority: 7, grow: 4 }, (row) => {
    if (row.kind !== "interface") return { text: UNKNOWN };
    if (row.interface.counted) return { text: "yes", role: "good" };
    const reason = row.interface.reason;
    return { text: reason === undefined ? "no" : `no: ${safe(reason)}`, role: "dim" };
  }),
  SEND,
  RECEIVE,
  SENT,
  RECEIVED,
  ...(["packetsSent", "packetsReceived", "errors", "dropped"] as const).map((field, index) =>
    countColumn(
      field,
      ["PKTS SENT", "PKTS RECV", "ERRORS", "DROPPED"][index] ?? field,
      field,
      9 + index,
      (row) => (row.kind === "interface" ? row.interface[field] : undefined),
      index < 2 ? 13 : 9,
    ),
  ),
  textColumn("addresses", "ADDRESSES", undefined, { min: 15, max: 60, priority: 13, grow: 3 }, (row) => {
    const addresses = row.kind === "interface" ? row.interface.addresses : [];
    return { text: addresses.length === 0 ? UNKNOWN : safe(addresses.join(" ")), role: "dim" };
  }),
];

const USERS: readonly Column[] = [labelColumn("USER", "user", 18, 32), ...SUMS];

const PORTS: readonly Column[] = [
  labelColumn("PORT", "port", 18, 32),
  ...USERS.slice(1),
  topRemoteColumn(13),
];

export const COLUMNS: Readonly<Record<ViewName, readonly Column[]>> = {
  connections: CONNECTIONS,
  processes: PROCESSES,
  addresses: ADDRESSES,
  hosts: HOSTS,
  interfaces: INTERFACES,
  users: USERS,
  ports: PORTS,
};
