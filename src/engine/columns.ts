/** The columns that rows of each kind can be sorted by, by their names in JSON. */
import type { Group, GroupKey } from "../model/query.ts";
import type { Flow, InterfaceState } from "../model/snapshot.ts";
import { addressValue, flagValue, textValue, type SortRules } from "./sorting.ts";

export const FLOW_RULES: SortRules<Flow> = {
  rate: (flow) => flow.sendBytesPerSecond + flow.receiveBytesPerSecond,
  bytes: (flow) => (flow.bytesSent ?? 0) + (flow.bytesReceived ?? 0),
  key: (flow) => flow.id,
  columns: {
    id: (flow) => flow.id,
    pid: (flow) => flow.process?.pid,
    processName: (flow) => textValue(flow.process?.name),
    processPath: (flow) => textValue(flow.process?.path),
    parentPid: (flow) => flow.process?.parentPid,
    processStartedAtMs: (flow) => flow.process?.startedAtMs,
    user: (flow) => textValue(flow.userName),
    userId: (flow) => flow.userId,
    attribution: (flow) => flow.attribution,
    openerPid: (flow) => flow.opener?.pid,
    openerName: (flow) => textValue(flow.opener?.name),
    protocol: (flow) => flow.protocol,
    localAddress: (flow) => addressValue(flow.localAddress),
    localPort: (flow) => flow.localPort,
    remoteAddress: (flow) => addressValue(flow.remoteAddress),
    remotePort: (flow) => flow.remotePort,
    remoteHost: (flow) => textValue(flow.remoteHost?.name),
    remoteHostSource: (flow) => flow.remoteHost?.source,
    service: (flow) => textValue(flow.service),
    state: (flow) => flow.state,
    networkNamespace: (flow) => flow.networkNamespace,
    bytesSent: (flow) => flow.bytesSent,
    bytesReceived: (flow) => flow.bytesReceived,
    bytes: (flow) =>
      flow.bytesMeaning === "none" ? undefined : (flow.bytesSent ?? 0) + (flow.bytesReceived ?? 0),
    bytesMeaning: (flow) => flow.bytesMeaning,
    uncertaintyBytes: (flow) => flow.uncertaintyBytes,
    observedBytesSent: (flow) => flow.observedBytesSent,
    observedBytesReceived: (flow) => flow.observedBytesReceived,
    sendBytesPerSecond: (flow) => flow.sendBytesPerSecond,
    receiveBytesPerSecond: (flow) => flow.receiveBytesPerSecond,
    bytesPerSecond: (flow) => flow.sendBytesPerSecond + flow.receiveBytesPerSecond,
    firstSeenMs: (flow) => flow.firstSeenMs,
    lastActivityMs: (flow) => flow.lastActivityMs,
    closed: (flow) => flagValue(flow.closed),
    closedAtMs: (flow) => flow.closedAtMs,
  },
};

export const GROUP_RULES: SortRules<Group> = {
  rate: (group) => group.sendBytesPerSecond + group.receiveBytesPerSecond,
  bytes: (group) => group.bytesSent + group.bytesReceived,
  key: (group) => group.key,
  columns: {
    key: (group) => group.key,
    label: (group) => textValue(group.label),
    connections: (group) => group.connections,
    closedConnections: (group) => group.closedConnections,
    processCount: (group) => group.processCount,
    addressCount: (group) => group.addressCount,
    bytesSent: (group) => group.bytesSent,
    bytesReceived: (group) => group.bytesReceived,
    bytes: (group) => group.bytesSent + group.bytesReceived,
    uncountedConnections: (group) => group.uncountedConnections,
    uncertaintyBytes: (group) => group.uncertaintyBytes,
    sendBytesPerSecond: (group) => group.sendBytesPerSecond,
    receiveBytesPerSecond: (group) => group.receiveBytesPerSecond,
    bytesPerSecond: (group) => group.sendBytesPerSecond + group.receiveBytesPerSecond,
    firstSeenMs: (group) => group.firstSeenMs,
    lastActivityMs: (group) => group.lastActivityMs,
  },
};

/** What only groups of one kind have. */
const EXTRA_COLUMNS: Readonly<Record<Group["by"], SortRules<Group>["columns"]>> = {
  process: {
    pid: (group) => group.process?.info.pid,
    processName: (group) => textValue(group.process?.info.name ?? group.label),
    processPath: (group) => textValue(group.process?.info.path),
    parentPid: (group) => group.process?.info.parentPid,
    processStartedAtMs: (group) => group.process?.info.startedAtMs,
    user: (group) => textValue(group.topFlow.userName),
    userId: (group) => group.topFlow.userId,
    memoryBytes: (group) => group.process?.memoryBytes,
    cpuFraction: (group) => group.process?.cpuFraction,
    exited: (group) => group.process && flagValue(group.process.exited),
  },
  address: {
    remoteAddress: (group) => addressValue(group.topFlow.remoteAddress),
    remoteHost: (group) => textValue(group.topFlow.remoteHost?.name),
  },
  host: { remoteHost: (group) => textValue(group.label) },
  user: { user: (group) => textValue(group.label), userId: (group) => group.topFlow.userId },
  port: {
    port: (group) => Number(group.key.slice(group.key.indexOf(":") + 1)),
    protocol: (group) => group.topFlow.protocol,
    service: (group) => textValue(group.topFlow.service),
  },
};

export const INTERFACE_RULES: SortRules<InterfaceState> = {
  rate: (each) => each.sendBytesPerSecond + each.receiveBytesPerSecond,
  bytes: (each) => each.bytesSent + each.bytesReceived,
  key: (each) => each.name,
  columns: {
    name: (each) => textValue(each.name),
    index: (each) => each.index,
    kind: (each) => each.kind,
    up: (each) => flagValue(each.up),
    counted: (each) => flagValue(each.counted),
    bytesSent: (each) => each.bytesSent,
    bytesReceived: (each) => each.bytesReceived,
    bytes: (each) => each.bytesSent + each.bytesReceived,
    packetsSent: (each) => each.packetsSent,
    packetsReceived: (each) => each.packetsReceived,
    errors: (each) => each.errors,
    dropped: (each) => each.dropped,
    sendBytesPerSecond: (each) => each.sendBytesPerSecond,
    receiveBytesPerSecond: (each) => each.receiveBytesPerSecond,
    bytesPerSecond: (each) => each.sendBytesPerSecond + each.receiveBytesPerSecond,
  },
};

/** The rules for groups of one kind. */
export const GROUP_RULES_BY: Readonly<Record<Group["by"], SortRules<Group>>> = {
  process: withColumns(EXTRA_COLUMNS.process),
  address: withColumns(EXTRA_COLUMNS.address),
  host: withColumns(EXTRA_COLUMNS.host),
  user: withColumns(EXTRA_COLUMNS.user),
  port: withColumns(EXTRA_COLUMNS.port),
};

function withColumns(columns: SortRules<Group>["columns"]): SortRules<Group> {
  return { ...GROUP_RULES, columns: { ...columns, ...GROUP_RULES.columns } };
}

/** The names that `SnapshotQuery.sort` knows, per kind of row. */
export const COLUMNS: Readonly<Record<GroupKey, readonly string[]>> = {
  connection: Object.keys(FLOW_RULES.columns),
  process: Object.keys(GROUP_RULES_BY.process.columns),
  address: Object.keys(GROUP_RULES_BY.address.columns),
  host: Object.keys(GROUP_RULES_BY.host.columns),
  user: Object.keys(GROUP_RULES_BY.user.columns),
  port: Object.keys(GROUP_RULES_BY.port.columns),
  interface: Object.keys(INTERFACE_RULES.columns),
};
