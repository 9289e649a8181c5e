/**
 * The table that people read without the screen: aligned, no escape codes, nothing in it that could steer a terminal.
 * A count that is not exact says so: `≥` a lower bound, `~` off by a known amount, `-` not countable.
 */
import { formatBytes, formatRate } from "../../lib/format.ts";
import type { CaptureCapabilities } from "../../model/capture-status.ts";
import type { Group, QueryResult } from "../../model/query.ts";
import type { Flow, InterfaceState, Snapshot } from "../../model/snapshot.ts";
import { METHOD_WORDS } from "../../tui/notices.ts";
import type { FieldContext } from "./field.ts";
import { isCounted, userFlow } from "./group-fields.ts";
import { layOut, type Column } from "./layout.ts";

function bytes(value: number | undefined, uncertainty: number | undefined): string {
  if (value === undefined) return "-";
  const mark = uncertainty === undefined ? "≥" : uncertainty === 0 ? "" : "~";
  return mark + formatBytes(value);
}

function endpoint(address: string, port: number): string {
  const shownPort = port === 0 ? "*" : String(port);
  if (address === "0.0.0.0" || address === "::") return `*:${shownPort}`;
  return address.includes(":") ? `[${address}]:${shownPort}` : `${address}:${shownPort}`;
}

function remote(flow: Flow): string {
  if (flow.remotePort === 0 && (flow.remoteAddress === "0.0.0.0" || flow.remoteAddress === "::")) return "-";
  const service = flow.service ?? String(flow.remotePort);
  return flow.remoteHost === undefined
    ? endpoint(flow.remoteAddress, flow.remotePort)
    : `${flow.remoteHost.name}:${service}`;
}

function processName(flow: Flow): string {
  if (flow.process !== undefined) return flow.process.name;
  return flow.attribution === "not_visible" ? "(not visible)" : "-";
}

const PROCESS: Column<Flow> = { heading: "PROCESS", widthMax: 28, text: processName };

const CONNECTION_COLUMNS: readonly Column<Flow>[] = [
  PROCESS,
  { heading: "PID", right: true, text: (flow) => String(flow.process?.pid ?? "-") },
  {
    heading: "USER",
    widthMax: 16,
    text: (flow) => flow.userName ?? (flow.userId === undefined ? "-" : String(flow.userId)),
  },
  { heading: "PROTO", text: (flow) => flow.protocol },
  {
    heading: "LOCAL",
    widthMax: 47,
    shrinks: true,
    text: (flow) => endpoint(flow.localAddress, flow.localPort),
  },
  { heading: "REMOTE", widthMax: 60, shrinks: true, text: remote },
  { heading: "STATE", text: (flow) => (flow.closed ? "closed" : flow.state) },
  { heading: "SENT", right: true, text: (flow) => bytes(flow.bytesSent, flow.uncertaintyBytes) },
  { heading: "RECEIVED", right: true, text: (flow) => bytes(flow.bytesReceived, flow.uncertaintyBytes) },
];

const GROUP_HEADINGS: Readonly<Record<Group["by"], string>> = {
  process: "PROCESS",
  address: "ADDRESS",
  host: "HOST",
  user: "USER",
  port: "PORT",
};

function groupBytes(group: Group, value: number): string {
  return isCounted(group) ? bytes(value, group.uncertaintyBytes) : "-";
}

function groupColumns(by: Group["by"]): Column<Group>[] {
  const own: Column<Group>[] = [
    { heading: GROUP_HEADINGS[by], widthMax: 60, shrinks: true, text: (group) => group.label },
  ];
  if (by === "process") {
    own.push(
      { heading: "PID", right: true, text: (group) => String(group.process?.info.pid ?? "-") },
      {
        heading: "USER",
        widthMax: 16,
        text: (group) => group.process?.info.userName ?? userFlow(group)?.userName ?? "-",
      },
    );
  }
  own.push(
    { heading: "CONNECTIONS", right: true, text: (group) => String(group.connections) },
    { heading: "CLOSED", right: true, text: (group) => String(group.closedConnections) },
  );
  if (by !== "process")
    own.push({ heading: "PROCESSES", right: true, text: (group) => String(group.processCount) });
  if (by !== "address")
    own.push({ heading: "ADDRESSES", right: true, text: (group) => String(group.addressCount) });
  own.push(
    { heading: "SENT", right: true, text: (group) => groupBytes(group, group.bytesSent) },
    { heading: "RECEIVED", right: true, text: (group) => groupBytes(group, group.bytesReceived) },
  );
  return own;
}

const INTERFACE_COLUMNS: readonly Column<InterfaceState>[] = [
  { heading: "INTERFACE", widthMax: 20, text: (each) => each.name },
  { heading: "KIND", text: (each) => each.kind },
  { heading: "UP", text: (each) => (each.up ? "yes" : "no") },
  { heading: "COUNTED", text: (each) => (each.counted ? "yes" : "no") },
  { heading: "SENT", right: true, text: (each) => formatBytes(each.bytesSent) },
  { heading: "RECEIVED", right: true, text: (each) => formatBytes(each.bytesReceived) },
  { heading: "ERRORS", right: true, text: (each) => String(each.errors) },
  { heading: "DROPPED", right: true, text: (each) => String(each.dropped) },
  { heading: "ADDRESSES", widthMax: 80, shrinks: true, text: (each) => each.addresses.join(" ") },
];

interface Rates {
  readonly sendBytesPerSecond: number;
  readonly receiveBytesPerSecond: number;
}

function rateColumns<Row extends Rates>(counted: (row: Row) => boolean): Column<Row>[] {
  return [
    {
      heading: "SENT/S",
      right: true,
      text: (row) => (counted(row) ? formatRate(row.sendBytesPerSecond) : "-"),
    },
    {
      heading: "RECEIVED/S",
      right: true,
      text: (row) => (counted(row) ? formatRate(row.receiveBytesPerSecond) : "-"),
    },
  ];
}

/** The lines of the table, the heading first. `width`: cells of the terminal, undefined where there is none. */
export function tableLines(
  result: QueryResult,
  context: FieldContext,
  width: number | undefined,
): Iterable<string> {
  const { ratesKnown } = context;
  if (result.by === "connection") {
    const rates = ratesKnown ? rateColumns<Flow>((flow) => flow.bytesSent !== undefined) : [];
    return layOut([...CONNECTION_COLUMNS, ...rates], result.rows, width);
  }
  if (result.by === "interface") {
    const rates = ratesKnown ? rateColumns<InterfaceState>(() => true) : [];
    return layOut([...INTERFACE_COLUMNS, ...rates], result.rows, width);
  }
  const rates = ratesKnown ? rateColumns(isCounted) : [];
  return layOut([...groupColumns(result.by), ...rates], result.rows, width);
}

function plural(count: number, word: string, words = `${word}s`): string {
  return `${count} ${count === 1 ? word : words}`;
}

const BYTES_WORDS: Readonly<Record<CaptureCapabilities["bytes"], string>> = {
  none: "TCP bytes not counted",
  tcp: "TCP bytes as payload",
  all: "bytes of every protocol as payload",
};

/** What is said on standard error below the table: what was counted, how, and what would make it better. */
export function summaryLines(snapshot: Snapshot, result: QueryResult): string[] {
  const { totals, capture } = snapshot;
  const shown =
    result.rows.length < result.matched ? `, ${result.rows.length} of ${result.matched} shown` : "";
  const closed = totals.closedConnections > 0 ? `, ${totals.closedConnections} closed` : "";
  const first =
    `${plural(totals.connections, "connection")} of ${plural(totals.processes, "process", "processes")}${closed}` +
    `${shown}; captured by ${METHOD_WORDS[capture.method]}, ${BYTES_WORDS[capture.capabilities.bytes]}`;
  const worst = capture.degradations.map((each) => `note: ${each.message}\nhint: ${each.remedy}`);
  const loss = snapshot.loss
    .filter((each) => each.count > 0)
    .map((each) => `loss: ${each.cause.replaceAll("_", " ")} ${plural(each.count, "time")}`);
  return [first, ...loss, ...worst];
}
