/** The members of a document around its rows: name, type and meaning. Source of docs/json.md and of the schema. */
import { DEGRADATIONS } from "../../capture/linux/degradations.ts";
import { LOSS_WORDS, METHOD_WORDS } from "../../tui/notices.ts";

/** A JSON type as the documents have it. `object` and `list` name another table of members. */
export interface Member {
  readonly name: string;
  readonly type:
    | "text"
    | "count"
    | "integer"
    | "number"
    | "boolean"
    | "document version"
    | { readonly words: readonly string[] }
    | { readonly object: string }
    | { readonly list: string };
  readonly nullable?: true;
  readonly unit?: string;
  readonly meaning: string;
}

const CAPTURE: readonly Member[] = [
  {
    name: "method",
    type: { words: Object.keys(METHOD_WORDS) },
    meaning:
      "Where the facts come from: the elevated helper's eBPF programs at tracepoints, at fentry and fexit, or at kprobes; the kernel's socket diagnosis; /proc; a simulated world; a recording.",
  },
  { name: "capabilities", type: { object: "capabilities" }, meaning: "What this method can do here." },
  {
    name: "degradation",
    type: { object: "degradation" },
    nullable: true,
    meaning: "The worst thing that is missing; null where nothing is.",
  },
  { name: "degradations", type: { list: "degradation" }, meaning: "All that is missing, the worst first." },
];

const CAPABILITIES: readonly Member[] = [
  {
    name: "bytes",
    type: { words: ["none", "tcp", "all"] },
    meaning: "Which traffic is counted per connection.",
  },
  {
    name: "closedConnections",
    type: "boolean",
    meaning: "Whether the final counts of closed connections are delivered.",
  },
  {
    name: "processes",
    type: { words: ["none", "own", "all"] },
    meaning: "Whose sockets are tied to a process: nobody's, those of this user, everybody's.",
  },
  { name: "names", type: "boolean", meaning: "Whether names come from observed traffic." },
  { name: "namespaces", type: { words: ["current", "all"] }, meaning: "Which network namespaces are seen." },
];

const DEGRADATION: readonly Member[] = [
  {
    name: "code",
    type: {
      words: Object.keys(DEGRADATIONS),
    },
    meaning: "Names it for programs.",
  },
  { name: "message", type: "text", meaning: "Says it to a person." },
  { name: "remedy", type: "text", meaning: "One thing to do about it, usually a command." },
];

const LOSS: readonly Member[] = [
  {
    name: "cause",
    type: {
      words: Object.keys(LOSS_WORDS),
    },
    meaning: "What happened.",
  },
  { name: "count", type: "count", meaning: "How often since the start." },
  {
    name: "bytes",
    type: "count",
    nullable: true,
    unit: "bytes",
    meaning: "Bytes known to be lost; null where their number can't be known.",
  },
];

const RATES: readonly Member[] = [
  {
    name: "sendBytesPerSecond",
    type: "number",
    nullable: true,
    unit: "bytes per second",
    meaning: "Sending rate. Null with one sample.",
  },
  {
    name: "receiveBytesPerSecond",
    type: "number",
    nullable: true,
    unit: "bytes per second",
    meaning: "Receiving rate. Null with one sample.",
  },
];

const INTERFACE_TOTALS: readonly Member[] = [
  { name: "bytesSent", type: "count", unit: "bytes", meaning: "Bytes on the wire since wb started." },
  { name: "bytesReceived", type: "count", unit: "bytes", meaning: "Bytes on the wire since wb started." },
  ...RATES,
];

const TOTALS: readonly Member[] = [
  { name: "connections", type: "count", meaning: "Living connections, whatever the filter." },
  { name: "closedConnections", type: "count", meaning: "Connections that were closed since wb started." },
  { name: "processes", type: "count", meaning: "Distinct processes that hold a living connection." },
  {
    name: "bytesSent",
    type: "count",
    unit: "bytes",
    meaning: "Payload of all connections since wb started, as far as it can be counted.",
  },
  {
    name: "bytesReceived",
    type: "count",
    unit: "bytes",
    meaning: "Payload of all connections since wb started, as far as it can be counted.",
  },
  ...RATES,
  { name: "interfaces", type: { object: "interfaceTotals" }, meaning: "The same of all counted interfaces." },
];

const RECONCILIATION: readonly Member[] = [
  { name: "sent", type: { object: "reconciliationSide" }, meaning: "What was sent since wb started." },
  {
    name: "received",
    type: { object: "reconciliationSide" },
    meaning: "What was received since wb started.",
  },
];

const RECONCILIATION_SIDE: readonly Member[] = [
  { name: "interfaceBytes", type: "count", unit: "bytes", meaning: "Growth of all counted interfaces." },
  {
    name: "attributedBytes",
    type: "integer",
    unit: "bytes",
    meaning: "Payload of connections whose process is known.",
  },
  {
    name: "unattributedBytes",
    type: "integer",
    unit: "bytes",
    meaning: "Payload of connections whose process is not known.",
  },
  { name: "lostBytes", type: "count", unit: "bytes", meaning: "Bytes declared lost." },
  {
    name: "overheadBytes",
    type: "integer",
    unit: "bytes",
    meaning:
      "The remainder: headers, retransmissions, and protocols that this method can't count. Negative where the two sides were not sampled at one moment.",
  },
];

const TIMINGS: readonly Member[] = [
  { name: "enumerateMs", type: "number", unit: "milliseconds", meaning: "Enumerating the sockets." },
  { name: "processesMs", type: "number", unit: "milliseconds", meaning: "Finding their processes." },
  { name: "interfacesMs", type: "number", unit: "milliseconds", meaning: "Reading the interfaces." },
];

const QUERY: readonly Member[] = [
  {
    name: "by",
    type: { words: ["connection", "process", "address", "host", "user", "port", "interface"] },
    meaning: "What a row is.",
  },
  { name: "filter", type: "text", meaning: "The filter; empty: everything." },
  {
    name: "sort",
    type: "text",
    nullable: true,
    meaning: "`column:asc` or `column:desc`; null: the busiest first, then the most bytes.",
  },
  { name: "limit", type: "count", nullable: true, meaning: "At most so many rows; null: all." },
];

const DOCUMENT: readonly Member[] = [
  {
    name: "version",
    type: "document version",
    meaning:
      "Version of this shape. It grows where a field goes away or changes its meaning; new fields may come without it.",
  },
  { name: "wbVersion", type: "text", meaning: "Version of wb." },
  { name: "host", type: "text", meaning: "Name of the machine." },
  { name: "capture", type: { object: "capture" }, meaning: "How it was seen, and why not better." },
  { name: "startedAtMs", type: "count", unit: "Unix milliseconds", meaning: "When wb began to watch." },
  {
    name: "sampledAtMs",
    type: "count",
    unit: "Unix milliseconds",
    meaning: "When the last sample was taken.",
  },
  {
    name: "durationMs",
    type: "count",
    unit: "milliseconds",
    meaning: "From the first sample to the last; 0 for one sample.",
  },
  {
    name: "requestedDurationMs",
    type: "count",
    nullable: true,
    unit: "milliseconds",
    meaning: "What `--duration` asked for; null without it.",
  },
  { name: "interrupted", type: "boolean", meaning: "Whether a signal ended it before that." },
  {
    name: "intervalMs",
    type: "count",
    nullable: true,
    unit: "milliseconds",
    meaning: "Time since the sample before; null where there is only one, and then no rates are known.",
  },
  { name: "query", type: { object: "query" }, meaning: "What was asked." },
  {
    name: "loss",
    type: { list: "loss" },
    meaning: "What was lost since the start, by cause; empty: nothing.",
  },
  { name: "totals", type: { object: "totals" }, meaning: "Of everything known, whatever the filter." },
  {
    name: "reconciliation",
    type: { object: "reconciliation" },
    meaning: "interface bytes = attributed + unattributed + overhead + lost.",
  },
  { name: "timings", type: { object: "timings" }, meaning: "How long the last sample took." },
  { name: "matched", type: "count", meaning: "Rows that match the filter, before the limit." },
];

/** The tables by the names that members refer to; `document` is the whole without its rows. */
export const MEMBER_TABLES: Readonly<Record<string, readonly Member[]>> = {
  document: DOCUMENT,
  capture: CAPTURE,
  capabilities: CAPABILITIES,
  degradation: DEGRADATION,
  query: QUERY,
  loss: LOSS,
  totals: TOTALS,
  interfaceTotals: INTERFACE_TOTALS,
  reconciliation: RECONCILIATION,
  reconciliationSide: RECONCILIATION_SIDE,
  timings: TIMINGS,
};

function picked(names: readonly string[]): Member[] {
  return DOCUMENT.filter((member) => names.includes(member.name));
}

const SAMPLED: Member = {
  name: "sampledAtMs",
  type: "count",
  unit: "Unix milliseconds",
  meaning: "When the sample was taken.",
};

/** The lines of `--jsonl` that are not rows, by their type. */
export const LINE_TABLES: Readonly<
  Record<string, { readonly meaning: string; readonly members: readonly Member[] }>
> = {
  start: {
    meaning: "The first line.",
    members: [
      ...picked(["version", "wbVersion", "host", "capture", "startedAtMs"]),
      {
        name: "intervalMs",
        type: "count",
        unit: "milliseconds",
        meaning: "Time between samples that was asked for.",
      },
      ...picked(["query"]),
    ],
  },
  totals: {
    meaning: "Ends the lines of one sample.",
    members: [
      SAMPLED,
      { name: "sequence", type: "count", meaning: "Number of the sample, growing by one." },
      ...picked(["intervalMs", "matched", "totals", "reconciliation", "timings"]),
    ],
  },
  capture: {
    meaning: "The capture changed: a method or a privilege was lost or won.",
    members: [SAMPLED, ...picked(["capture"])],
  },
  loss: { meaning: "Something was lost: the count since the start has grown.", members: [SAMPLED, ...LOSS] },
  end: {
    meaning: "The last line of a complete stream.",
    members: [
      SAMPLED,
      { name: "samples", type: "count", meaning: "How many samples there were." },
      { name: "reason", type: { words: ["duration", "once", "signal"] }, meaning: "Why it ended." },
    ],
  },
};
