/** The fields of a row of `--by process`, `address`, `host`, `user` or `port`, in the order of JSON and CSV. */
import { PROTOCOLS } from "../../model/flow.ts";
import type { Group } from "../../model/query.ts";
import type { Flow } from "../../model/snapshot.ts";
import { rate, type Field } from "./field.ts";

/** Whether any of its connections can be counted; if none can, its sums are not 0 but unknown. */
export function isCounted(group: Group): boolean {
  return group.uncountedConnections < group.connections + group.closedConnections;
}

/** A flow that tells the user of a process group without a process: only one of those that are told per user does. */
export function userFlow(group: Group): Flow | undefined {
  return group.by === "process" && group.topFlow.attribution === "not_visible" ? group.topFlow : undefined;
}

const TEXT = { kind: "text" } as const;
const COUNT = { kind: "count" } as const;

const WHICH: readonly Field<Group>[] = [
  {
    name: "key",
    type: TEXT,
    nullable: false,
    meaning: "Names the group: unique in the document, and the same in the next one.",
    value: (group) => group.key,
  },
  {
    name: "label",
    type: TEXT,
    nullable: false,
    meaning: "What a person reads: a process's name, an address, a host, a user, a port with its service.",
    value: (group) => group.label,
  },
  {
    name: "pid",
    type: COUNT,
    nullable: true,
    meaning: "With `--by process`: the process. Null in other groups and where the process is not visible.",
    value: (group) => group.process?.info.pid,
  },
  {
    name: "processName",
    type: TEXT,
    nullable: true,
    meaning: "With `--by process`: file name of its executable.",
    value: (group) => group.process?.info.name,
  },
  {
    name: "processPath",
    type: TEXT,
    nullable: true,
    meaning: "With `--by process`: absolute path of its executable.",
    value: (group) => group.process?.info.path,
  },
  {
    name: "commandLine",
    type: { kind: "texts" },
    nullable: true,
    meaning: "With `--by process`: its arguments, kept apart, as far as the first 32 KiB go.",
    value: (group) => group.process?.info.commandLine,
  },
  {
    name: "parentPid",
    type: COUNT,
    nullable: true,
    meaning: "With `--by process`: the process that started it.",
    value: (group) => group.process?.info.parentPid,
  },
  {
    name: "processStartedAtMs",
    type: COUNT,
    nullable: true,
    unit: "Unix milliseconds",
    meaning: "With `--by process`: when it started.",
    value: (group) => group.process?.info.startedAtMs,
  },
  {
    name: "exited",
    type: { kind: "boolean" },
    nullable: true,
    meaning: "With `--by process`: whether it is gone.",
    value: (group) => group.process?.exited,
  },
  {
    name: "memoryBytes",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning: "With `--by process`: its resident memory.",
    value: (group) => group.process?.memoryBytes,
  },
  {
    name: "cpuFraction",
    type: { kind: "number" },
    nullable: true,
    unit: "cores",
    meaning:
      "With `--by process`: share of one core since the sample before, 0 to the number of cores. Null with one sample.",
    value: (group) =>
      group.process?.cpuFraction === undefined
        ? undefined
        : Math.max(0, Math.round(group.process.cpuFraction * 10_000) / 10_000),
  },
  {
    name: "user",
    type: TEXT,
    nullable: true,
    meaning: "With `--by user` and `--by process`: the user's name.",
    value: (group) =>
      group.by === "user"
        ? group.topFlow.userName
        : (group.process?.info.userName ?? userFlow(group)?.userName),
  },
  {
    name: "userId",
    type: COUNT,
    nullable: true,
    meaning: "With `--by user` and `--by process`: the user's number.",
    value: (group) =>
      group.by === "user" ? group.topFlow.userId : (group.process?.info.userId ?? userFlow(group)?.userId),
  },
  {
    name: "remoteAddress",
    type: TEXT,
    nullable: true,
    meaning: "With `--by address`: the address.",
    value: (group) => (group.by === "address" ? group.topFlow.remoteAddress : undefined),
  },
  {
    name: "remoteHost",
    type: TEXT,
    nullable: true,
    meaning: "With `--by host` and `--by address`: the name, where one is known.",
    value: (group) =>
      group.by === "address" || group.by === "host" ? group.topFlow.remoteHost?.name : undefined,
  },
  {
    name: "port",
    type: COUNT,
    nullable: true,
    meaning:
      "With `--by port`: the port of the service, local for connections that were accepted, remote for the others.",
    value: (group) => (group.by === "port" ? Number(group.key.slice(group.key.indexOf(":") + 1)) : undefined),
  },
  {
    name: "protocol",
    type: { kind: "word", words: PROTOCOLS },
    nullable: true,
    meaning: "With `--by port`: the transport protocol.",
    value: (group) => (group.by === "port" ? group.topFlow.protocol : undefined),
  },
  {
    name: "service",
    type: TEXT,
    nullable: true,
    meaning: "With `--by port`: the service that the port is registered for.",
    value: (group) => (group.by === "port" ? group.topFlow.service : undefined),
  },
];

const AMOUNTS: readonly Field<Group>[] = [
  {
    name: "connections",
    type: COUNT,
    nullable: false,
    meaning: "Living connections in the group; closed ones are counted apart.",
    value: (group) => group.connections,
  },
  {
    name: "closedConnections",
    type: COUNT,
    nullable: false,
    meaning:
      "Connections of the group that are over and still known: all of a --duration, else those of the last half minute.",
    value: (group) => group.closedConnections,
  },
  {
    name: "processCount",
    type: COUNT,
    nullable: false,
    meaning: "Distinct processes among them.",
    value: (group) => group.processCount,
  },
  {
    name: "addressCount",
    type: COUNT,
    nullable: false,
    meaning: "Distinct remote addresses among them.",
    value: (group) => group.addressCount,
  },
  {
    name: "bytesSent",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning: "Sum over its connections, since each began. Null where none of them can be counted.",
    value: (group) => (isCounted(group) ? group.bytesSent : undefined),
  },
  {
    name: "bytesReceived",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning: "Sum over its connections, since each began. Null where none of them can be counted.",
    value: (group) => (isCounted(group) ? group.bytesReceived : undefined),
  },
  {
    name: "uncountedConnections",
    type: COUNT,
    nullable: false,
    meaning: "Connections that this method can't count: their bytes are not in the sums.",
    value: (group) => group.uncountedConnections,
  },
  {
    name: "uncertaintyBytes",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning:
      "By how many bytes the sums may be off. 0 is exact; null: by an unknown amount (the sums are lower bounds), or nothing is counted.",
    value: (group) => (isCounted(group) ? group.uncertaintyBytes : undefined),
  },
  {
    name: "sendBytesPerSecond",
    type: { kind: "number" },
    nullable: true,
    unit: "bytes per second",
    meaning: "Sum of the sending rates. Null with one sample, and where nothing is counted.",
    value: (group, context) => (isCounted(group) ? rate(group.sendBytesPerSecond, context) : undefined),
  },
  {
    name: "receiveBytesPerSecond",
    type: { kind: "number" },
    nullable: true,
    unit: "bytes per second",
    meaning: "Sum of the receiving rates. Null with one sample, and where nothing is counted.",
    value: (group, context) => (isCounted(group) ? rate(group.receiveBytesPerSecond, context) : undefined),
  },
  {
    name: "firstSeenMs",
    type: COUNT,
    nullable: false,
    unit: "Unix milliseconds",
    meaning: "When wb saw the first of its connections.",
    value: (group) => Math.round(group.firstSeenMs),
  },
  {
    name: "lastActivityMs",
    type: COUNT,
    nullable: false,
    unit: "Unix milliseconds",
    meaning: "When the counts of any of its connections last grew.",
    value: (group) => Math.round(group.lastActivityMs),
  },
];

export const GROUP_FIELDS: readonly Field<Group>[] = [...WHICH, ...AMOUNTS];
