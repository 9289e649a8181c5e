/** The fields of a connection's row, in the order in which JSON and CSV have them. */
import { PROTOCOLS, SOCKET_STATES } from "../../model/flow.ts";
import type { ProcessKey } from "../../model/process.ts";
import type { Flow } from "../../model/snapshot.ts";
import { rate, type Field } from "./field.ts";

/** The pid in a process key (`<boot id>:<pid>:<start time>`); undefined where the key is not of that form. */
export function pidOfKey(key: ProcessKey): number | undefined {
  const last = key.lastIndexOf(":");
  const pid = Number(key.slice(key.lastIndexOf(":", last - 1) + 1, last));
  return Number.isSafeInteger(pid) && last > 0 ? pid : undefined;
}

/** Most connections share their list of owners with others: what it says in pids is made once. */
const pidsOfOwners = new WeakMap<readonly ProcessKey[], readonly number[]>();

function ownerPids({ owners }: Flow): readonly number[] {
  let pids = pidsOfOwners.get(owners);
  if (pids === undefined) {
    pids = owners.map(pidOfKey).filter((pid) => pid !== undefined);
    pidsOfOwners.set(owners, pids);
  }
  return pids;
}

const TEXT = { kind: "text" } as const;
const COUNT = { kind: "count" } as const;

const WHO: readonly Field<Flow>[] = [
  {
    name: "id",
    type: TEXT,
    nullable: false,
    meaning: "Names the connection, the same in every sample of one boot; no two connections share it.",
    value: (flow) => flow.id,
  },
  {
    name: "pid",
    type: COUNT,
    nullable: true,
    meaning:
      "The process that the bytes are attributed to: the opener where it can be known, else the first holder. Null where no process is visible; `attribution` says why.",
    value: (flow) =>
      flow.process?.pid ?? (flow.owners[0] === undefined ? undefined : pidOfKey(flow.owners[0])),
  },
  {
    name: "processName",
    type: TEXT,
    nullable: true,
    meaning: "File name of its executable, or the kernel's short name where the path may not be read.",
    value: (flow) => flow.process?.name,
  },
  {
    name: "processPath",
    type: TEXT,
    nullable: true,
    meaning: "Absolute path of its executable.",
    value: (flow) => flow.process?.path,
  },
  {
    name: "commandLine",
    type: { kind: "texts" },
    nullable: true,
    meaning:
      "Its arguments, kept apart, the program's own name first, as far as the first 32 KiB go; empty where they may not be read.",
    value: (flow) => flow.process?.commandLine,
  },
  {
    name: "parentPid",
    type: COUNT,
    nullable: true,
    meaning: "The process that started it.",
    value: (flow) => flow.process?.parentPid,
  },
  {
    name: "processStartedAtMs",
    type: COUNT,
    nullable: true,
    unit: "Unix milliseconds",
    meaning: "When it started: pid and start together tell a reused pid from the one before it.",
    value: (flow) => flow.process?.startedAtMs,
  },
  {
    name: "user",
    type: TEXT,
    nullable: true,
    meaning:
      "Name of the user who owns the socket; null where the kernel does not tell, or the user has no name.",
    value: (flow) => flow.userName,
  },
  {
    name: "userId",
    type: COUNT,
    nullable: true,
    meaning: "Number of that user.",
    value: (flow) => flow.userId,
  },
  {
    name: "owners",
    type: { kind: "counts" },
    nullable: false,
    meaning:
      "Every process (pid) that holds the socket, the opener first where it can be known; empty where none is visible.",
    value: ownerPids,
  },
  {
    name: "attribution",
    type: { kind: "word", words: ["exact", "inferred", "not_visible", "unknown"] },
    nullable: false,
    meaning:
      "How the process is known: `exact`, it was seen holding the socket; `inferred`, by reasoning that can be wrong; `not_visible`, it belongs to another user and may not be looked at; `unknown`, no process was found.",
    value: (flow) => flow.attribution,
  },
];

const WHERE: readonly Field<Flow>[] = [
  {
    name: "protocol",
    type: { kind: "word", words: PROTOCOLS },
    nullable: false,
    meaning:
      "Transport protocol. `mptcp` is a connection of several TCP subflows, `icmp` a ping socket of either family, `raw` all else. Without the elevated helper only `tcp` and `udp` are seen.",
    value: (flow) => flow.protocol,
  },
  {
    name: "localAddress",
    type: TEXT,
    nullable: false,
    meaning:
      "Address at this end, as RFC 5952 writes it; IPv4 in IPv6 is written as IPv4. `0.0.0.0` or `::` is any.",
    value: (flow) => flow.localAddress,
  },
  {
    name: "localPort",
    type: COUNT,
    nullable: false,
    meaning: "Port at this end.",
    value: (flow) => flow.localPort,
  },
  {
    name: "remoteAddress",
    type: TEXT,
    nullable: false,
    meaning: "Address at the other end; `0.0.0.0` or `::` where there is no peer (a listener).",
    value: (flow) => flow.remoteAddress,
  },
  {
    name: "remotePort",
    type: COUNT,
    nullable: false,
    meaning: "Port at the other end; 0 where there is no peer.",
    value: (flow) => flow.remotePort,
  },
  {
    name: "remoteHost",
    type: TEXT,
    nullable: true,
    meaning: "Name of the remote address; null until, or unless, one is known.",
    value: (flow) => flow.remoteHost?.name,
  },
  {
    name: "remoteHostSource",
    type: { kind: "word", words: ["hosts", "ptr", "dns", "sni"] },
    nullable: true,
    meaning:
      "Where that name comes from: `hosts`, the hosts file; `ptr`, a PTR record; `dns`, an answer that the machine was seen to receive; `sni`, what a TLS client was seen to ask for. The last two need the elevated helper.",
    value: (flow) => flow.remoteHost?.source,
  },
  {
    name: "service",
    type: TEXT,
    nullable: true,
    meaning:
      "Service that the port is registered for, such as `https`. It is what the port is for, not what was seen in it.",
    value: (flow) => flow.service,
  },
  {
    name: "state",
    type: { kind: "word", words: SOCKET_STATES },
    nullable: false,
    meaning: "State of RFC 9293; `connected` and `unconnected` are those of a UDP socket.",
    value: (flow) => flow.state,
  },
];

const HOW_MUCH: readonly Field<Flow>[] = [
  {
    name: "bytesSent",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning:
      "Sent since the connection began, also before wb started. Null where this method can't count it.",
    value: (flow) => flow.bytesSent,
  },
  {
    name: "bytesReceived",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning:
      "Received since the connection began, also before wb started. Null where this method can't count it.",
    value: (flow) => flow.bytesReceived,
  },
  {
    name: "bytesMeaning",
    type: { kind: "word", words: ["payload", "acked", "wire", "none"] },
    nullable: false,
    meaning:
      "What the counts mean: `payload`, what the program passed; `acked`, what the peer has acknowledged; `wire`, with headers and retransmissions; `none`, not counted.",
    value: (flow) => flow.bytesMeaning,
  },
  {
    name: "uncertaintyBytes",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning:
      "By how many bytes the counts may be off, both directions together. 0 is exact. Null: by an unknown amount (the counts are a lower bound), or nothing was counted.",
    value: (flow) => (flow.bytesMeaning === "none" ? undefined : flow.uncertaintyBytes),
  },
  {
    name: "observedBytesSent",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning: "The part of bytesSent that happened while wb watched.",
    value: (flow) => (flow.bytesSent === undefined ? undefined : flow.observedBytesSent),
  },
  {
    name: "observedBytesReceived",
    type: COUNT,
    nullable: true,
    unit: "bytes",
    meaning: "The part of bytesReceived that happened while wb watched.",
    value: (flow) => (flow.bytesReceived === undefined ? undefined : flow.observedBytesReceived),
  },
  {
    name: "sendBytesPerSecond",
    type: { kind: "number" },
    nullable: true,
    unit: "bytes per second",
    meaning:
      "Sending rate, decayed over the last samples. Null with one sample, and where nothing is counted.",
    value: (flow, context) =>
      flow.bytesSent === undefined ? undefined : rate(flow.sendBytesPerSecond, context),
  },
  {
    name: "receiveBytesPerSecond",
    type: { kind: "number" },
    nullable: true,
    unit: "bytes per second",
    meaning:
      "Receiving rate, decayed over the last samples. Null with one sample, and where nothing is counted.",
    value: (flow, context) =>
      flow.bytesReceived === undefined ? undefined : rate(flow.receiveBytesPerSecond, context),
  },
];

const WHEN: readonly Field<Flow>[] = [
  {
    name: "firstSeenMs",
    type: COUNT,
    nullable: false,
    unit: "Unix milliseconds",
    meaning: "When wb saw it first; it may be older.",
    value: (flow) => Math.round(flow.firstSeenMs),
  },
  {
    name: "lastActivityMs",
    type: COUNT,
    nullable: false,
    unit: "Unix milliseconds",
    meaning: "When its counts last grew, or firstSeenMs where they did not.",
    value: (flow) => Math.round(flow.lastActivityMs),
  },
  {
    name: "closed",
    type: { kind: "boolean" },
    nullable: false,
    meaning: "Whether the connection is gone; then its counts are final.",
    value: (flow) => flow.closed,
  },
  {
    name: "closedAtMs",
    type: COUNT,
    nullable: true,
    unit: "Unix milliseconds",
    meaning: "When it was closed, or when wb noticed where the kernel does not tell. Null while it lives.",
    value: (flow) => (flow.closedAtMs === undefined ? undefined : Math.round(flow.closedAtMs)),
  },
];

/** Later fields come last, so that columns of a CSV file stay where they were. */
const LATER: readonly Field<Flow>[] = [
  {
    name: "openerPid",
    type: COUNT,
    nullable: true,
    meaning:
      "The process that created, connected or accepted the socket, where that is another one than the bytes are of (a passed or an inherited socket) and is known, which needs the elevated helper.",
    value: (flow) => flow.opener?.pid,
  },
  {
    name: "openerName",
    type: TEXT,
    nullable: true,
    meaning: "Name of that process.",
    value: (flow) => flow.opener?.name,
  },
  {
    name: "networkNamespace",
    type: COUNT,
    nullable: true,
    meaning:
      "Inode of the network namespace that the socket is in, where that is another one than wb's own; ls -l /proc/*/ns/net tells whose it is.",
    value: (flow) => flow.networkNamespace,
  },
];

export const CONNECTION_FIELDS: readonly Field<Flow>[] = [...WHO, ...WHERE, ...HOW_MUCH, ...WHEN, ...LATER];
