/**
 * Everything that is known of the chosen row, in words: exact numbers with their meaning and uncertainty, who, where,
 * since when, and how each of it is known. What is not known is said to be not known, and what would help.
 */
import { formatBytes, formatDuration, formatRate } from "../lib/format.ts";
import type { AttributionQuality, BytesMeaning } from "../model/flow.ts";
import type { Group } from "../model/query.ts";
import type { Flow, NameSource, ProcessState, Snapshot } from "../model/snapshot.ts";
import {
  endpoint,
  hasPeer,
  isWaiting,
  NOT_VISIBLE,
  percentText,
  stateRole,
  stateText,
  userText,
} from "./cells.ts";
import { interfaceFields } from "./detail-interface.ts";
import { field, heading, type Field } from "./field.ts";
import type { Span } from "./line.ts";
import type { TableRow } from "./table-row.ts";
import { dateAndTime, exact, safe, wrap } from "./text.ts";

const NAME_WIDTH = 13;

/** The details as lines of at most `width` cells. */
export function detailLines(row: TableRow, snapshot: Snapshot, width: number): Span[][] {
  const lines: Span[][] = [];
  for (const { name, value, role } of fieldsOf(row, snapshot)) {
    if (name === "") {
      if (lines.length > 0) lines.push([]);
      for (const text of wrap(value, width)) lines.push([{ text, role }]);
      continue;
    }
    for (const [index, text] of wrap(value, width - NAME_WIDTH).entries()) {
      const label = index === 0 ? name : "";
      lines.push([
        { text: label.padEnd(NAME_WIDTH), role: "dim" },
        { text, role },
      ]);
    }
  }
  return lines;
}

function fieldsOf(row: TableRow, snapshot: Snapshot): Field[] {
  switch (row.kind) {
    case "flow":
      return flowFields(row.flow, snapshot);
    case "group":
      return groupFields(row.group, snapshot);
    case "interface":
    default:
      return interfaceFields(row.interface);
  }
}

function flowFields(flow: Flow, snapshot: Snapshot): Field[] {
  const now = snapshot.sampledAtMs;
  const title = hasPeer(flow)
    ? `${flow.protocol.toUpperCase()} to ${endpoint(flow.remoteAddress, flow.remotePort)}`
    : `${flow.protocol.toUpperCase()} ${isWaiting(flow) ? "on" : "from"} ${endpoint(flow.localAddress, flow.localPort)}`;
  const fields = [
    heading(title),
    field("state", stateText(flow), stateRole(flow)),
    field("local", endpoint(flow.localAddress, flow.localPort)),
    field("remote", hasPeer(flow) ? endpoint(flow.remoteAddress, flow.remotePort) : "none: it has no peer"),
    ...nameFields(flow),
    ...namespaceFields(flow),
    field(
      "service",
      flow.service === undefined ? "no service is registered for the port" : safe(flow.service),
    ),
    heading("BYTES"),
    ...byteFields(flow),
    heading("PROCESS"),
    ...ownerFields(flow, snapshot),
    heading("TIME"),
    field("first seen", `${dateAndTime(flow.firstSeenMs)} (${ago(now - flow.firstSeenMs)})`),
    field("last byte", `${dateAndTime(flow.lastActivityMs)} (${ago(now - flow.lastActivityMs)})`),
  ];
  if (flow.closedAtMs !== undefined) fields.push(field("closed", dateAndTime(flow.closedAtMs)));
  fields.push(field("id", safe(flow.id), "dim"));
  return fields;
}

function ago(milliseconds: number): string {
  return milliseconds < 1000 ? "now" : `${formatDuration(milliseconds)} ago`;
}

const NAME_SOURCES: Readonly<Record<NameSource, string>> = {
  hosts: "from the hosts file",
  ptr: "from reverse DNS",
  dns: "from a DNS answer that this machine received",
  sni: "from the name that a TLS client asked for",
};

function nameFields(flow: Flow): Field[] {
  if (!hasPeer(flow)) return [field("name", "none")];
  const { remoteHost } = flow;
  if (remoteHost === undefined) return [field("name", "not known (not found yet, or there is none)", "dim")];
  const { name, source, chain = [] } = remoteHost;
  const fields = [field("name", `${safe(name)}, ${NAME_SOURCES[source]}`)];
  if (chain.length > 0) fields.push(field("alias of", chain.map(safe).join(" → "), "dim"));
  return fields;
}

/** Only where it is another one: then the addresses mean something else than here. */
function namespaceFields({ networkNamespace }: Flow): Field[] {
  if (networkNamespace === undefined) return [];
  return [field("namespace", `another network namespace: net:[${networkNamespace}]`, "warning")];
}

const MEANINGS: Readonly<Record<BytesMeaning, string>> = {
  payload: "payload: what the program handed over and was handed",
  acked: "acknowledged by the other side's TCP; what is under way is not in it",
  wire: "on the wire, with headers and what was sent again",
  none: "this way of capturing can't count them; 0 would be a lie",
};

function byteFields(flow: Flow): Field[] {
  if (flow.bytesMeaning === "none" || flow.bytesSent === undefined || flow.bytesReceived === undefined) {
    return [
      field("sent", "not countable", "dim"),
      field("received", "not countable", "dim"),
      field("meaning", MEANINGS.none),
    ];
  }
  return [
    field("sent", amount(flow.bytesSent, flow.observedBytesSent), "send"),
    field("received", amount(flow.bytesReceived, flow.observedBytesReceived), "receive"),
    field("rates", `▲ ${formatRate(flow.sendBytesPerSecond)}   ▼ ${formatRate(flow.receiveBytesPerSecond)}`),
    field("meaning", MEANINGS[flow.bytesMeaning]),
    uncertaintyField(flow.uncertaintyBytes),
  ];
}

/** `12,345 B (12.1 KiB); 345 B of it since wb runs`. */
function amount(bytes: number, observed: number): string {
  const rounded = bytes < 1000 ? "" : ` (${formatBytes(bytes)})`;
  const since = observed === bytes ? "" : `; ${exact(observed)} B of it seen by wb`;
  return `${exact(bytes)} B${rounded}${since}`;
}

function uncertaintyField(bytes: number | undefined): Field {
  if (bytes === undefined) {
    return field(
      "certainty",
      "≥ at least: the last counters were not seen, so more may have flowed",
      "warning",
    );
  }
  if (bytes === 0) return field("certainty", "exact to the byte", "good");
  return field(
    "certainty",
    `± ${exact(bytes)} ${bytes === 1 ? "byte" : "bytes"}, both directions together`,
    "warning",
  );
}

const ATTRIBUTIONS: Readonly<Record<AttributionQuality, string>> = {
  exact: "exact: the process was seen holding the socket",
  inferred: "inferred, which can be wrong: the socket was not seen in its hands",
  not_visible: "another user's process; this user may not look. Its bytes are counted all the same",
  unknown: "unknown: the socket came and went between two looks, or no process holds it",
};

function ownerFields(flow: Flow, snapshot: Snapshot): Field[] {
  const attribution = field(
    "attribution",
    ATTRIBUTIONS[flow.attribution],
    flow.attribution === "exact" ? "text" : "warning",
  );
  if (flow.process === undefined) {
    const fields = [
      field("name", flow.attribution === "not_visible" ? NOT_VISIBLE : "unknown", "warning"),
      field("user", userText(flow)),
      attribution,
      ...openerFields(flow),
    ];
    const hint = snapshot.capture.degradations.find(({ code }) => code === "other_users_processes");
    if (flow.attribution === "not_visible" && hint !== undefined)
      fields.push(field("to see it", safe(hint.remedy), "accent"));
    return fields;
  }
  const state = snapshot.processes.get(flow.process.key) ?? {
    info: flow.process,
    exited: false,
    memoryBytes: undefined,
    cpuFraction: undefined,
  };
  const fields = [...processFields(state, snapshot), attribution, ...openerFields(flow)];
  if (flow.owners.length > 1) fields.push(field("also held by", otherOwners(flow, snapshot)));
  return fields;
}

/** A passed or an inherited socket: somebody else made it. */
function openerFields({ opener }: Flow): Field[] {
  if (opener === undefined) return [];
  const path = opener.path === undefined ? "" : `, ${safe(opener.path)}`;
  return [field("opened by", `${safe(opener.name)} (${opener.pid})${path}`)];
}

/** No more than this many of the processes that share one socket are named. */
const OWNERS_MAX = 16;

function otherOwners(flow: Flow, snapshot: Snapshot): string {
  const others = flow.owners.filter((key) => key !== flow.process?.key);
  const named = others.slice(0, OWNERS_MAX).map((key) => {
    const info = snapshot.processes.get(key)?.info;
    return info === undefined
      ? `pid ${key.split(":").at(-2) ?? "unknown"}`
      : `${safe(info.name)} (${info.pid})`;
  });
  const more = others.length - named.length;
  return named.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function processFields(
  { info, exited, memoryBytes, cpuFraction }: ProcessState,
  snapshot: Snapshot,
): Field[] {
  const parent = info.parentPid;
  const parentName =
    parent === undefined
      ? undefined
      : [...snapshot.processes.values()].find((process) => process.info.pid === parent)?.info.name;
  const user = info.userName ?? (info.userId === undefined ? "unknown" : `uid ${info.userId}`);
  const started = info.startedAtMs;
  return [
    field("name", safe(info.name) + (exited ? " (has exited)" : ""), "strong"),
    field("pid", String(info.pid)),
    field("path", info.path === undefined ? "not known: it may not be read" : safe(info.path)),
    ...commandFields(info.commandLine),
    field(
      "parent",
      parent === undefined ? "unknown" : `${parent}${parentName === undefined ? "" : ` ${safe(parentName)}`}`,
    ),
    field(
      "user",
      `${safe(user)}${info.userId === undefined || user.startsWith("uid") ? "" : ` (uid ${info.userId})`}`,
    ),
    field("started", started === undefined ? "unknown" : dateAndTime(started)),
    field("cpu", cpuFraction === undefined ? "not known yet" : `${percentText(cpuFraction)} of one core`),
    field("memory", memoryBytes === undefined ? "not known" : `${formatBytes(memoryBytes)} resident`),
  ];
}

/** Arguments beyond this are only counted. */
const ARGUMENTS_MAX = 64;

/** One argument a line, so that one with spaces can't be taken for two. */
function commandFields(commandLine: readonly string[]): Field[] {
  if (commandLine.length === 0) return [field("command", "not known: it may not be read")];
  const fields = commandLine
    .slice(0, ARGUMENTS_MAX)
    .map((argument, index) => field(index === 0 ? "command" : " ", argument === "" ? '""' : safe(argument)));
  const more = commandLine.length - ARGUMENTS_MAX;
  if (more > 0) fields.push(field(" ", `and ${exact(more)} more arguments`, "dim"));
  return fields;
}

function groupFields(group: Group, snapshot: Snapshot): Field[] {
  const now = snapshot.sampledAtMs;
  const fields = [
    heading(`${group.by.toUpperCase()} ${safe(group.label)}`),
    field("connections", `${exact(group.connections)} open, ${exact(group.closedConnections)} closed lately`),
    field("processes", exact(group.processCount)),
    field("addresses", exact(group.addressCount)),
    heading("BYTES"),
    field("sent", amount(group.bytesSent, group.bytesSent), "send"),
    field("received", amount(group.bytesReceived, group.bytesReceived), "receive"),
    field(
      "rates",
      `▲ ${formatRate(group.sendBytesPerSecond)}   ▼ ${formatRate(group.receiveBytesPerSecond)}`,
    ),
    uncertaintyField(group.uncertaintyBytes),
  ];
  if (group.uncountedConnections > 0) {
    const text = `${exact(group.uncountedConnections)} connections can't be counted and are not in the sums`;
    fields.push(field("uncounted", text, "warning"));
  }
  if (group.process !== undefined) fields.push(heading("PROCESS"), ...processFields(group.process, snapshot));
  else if (group.by === "process") {
    fields.push(heading("PROCESS"), ...ownerFields(group.topFlow, snapshot));
  }
  const top = group.topFlow;
  fields.push(
    heading("MOST BYTES"),
    field(
      "connection",
      hasPeer(top) ? endpoint(top.remoteAddress, top.remotePort) : endpoint(top.localAddress, top.localPort),
    ),
    ...nameFields(top),
    field(
      "process",
      top.process === undefined ? "not known" : `${safe(top.process.name)} (${top.process.pid})`,
    ),
    heading("TIME"),
    field("first seen", `${dateAndTime(group.firstSeenMs)} (${ago(now - group.firstSeenMs)})`),
    field("last byte", `${dateAndTime(group.lastActivityMs)} (${ago(now - group.lastActivityMs)})`),
  );
  return fields;
}
