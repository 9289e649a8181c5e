/**
 * Values as a table shows them. A number says what it means: `~` is off by a known amount, `≥` is a lower bound, `—` can
 * not be counted or is not known. Nothing unknown is ever blank or 0.
 */
import { formatBytes, formatDuration } from "../lib/format.ts";
import type { Flow } from "../model/snapshot.ts";
import type { Protocol, SocketState } from "../model/flow.ts";
import type { Group } from "../model/query.ts";
import type { Role, Span } from "./line.ts";
import { exact, padStart, safe } from "./text.ts";

export const UNKNOWN = "—";
export const NOT_VISIBLE = "not visible";

/** How well a byte count is known. */
export type Certainty = "exact" | "approximate" | "lower-bound" | "uncounted";

const MARKS: Readonly<Record<Certainty, string>> = {
  exact: "",
  approximate: "~",
  "lower-bound": "≥",
  uncounted: "",
};

export function flowCertainty(flow: Flow): Certainty {
  if (flow.bytesMeaning === "none" || flow.bytesSent === undefined || flow.bytesReceived === undefined) {
    return "uncounted";
  }
  if (flow.uncertaintyBytes === undefined) return "lower-bound";
  return flow.uncertaintyBytes > 0 ? "approximate" : "exact";
}

/** A group's sums miss the flows that can't be counted: then they are lower bounds, or nothing at all. */
export function groupCertainty(group: Group): Certainty {
  const { uncountedConnections, uncertaintyBytes, connections, closedConnections } = group;
  if (uncountedConnections > 0) {
    const none = group.bytesSent === 0 && group.bytesReceived === 0;
    return none && uncountedConnections >= connections + closedConnections ? "uncounted" : "lower-bound";
  }
  if (uncertaintyBytes === undefined) return "lower-bound";
  return uncertaintyBytes > 0 ? "approximate" : "exact";
}

/** Cells that a byte count takes: a mark, three digits with their point, a space, a unit. */
export const BYTES_WIDTH = 9;

/** `~1.21 MiB`, the units aligned below each other and dim. */
export function bytesSpans(bytes: number, certainty: Certainty, role: Role = "text"): Span[] {
  if (certainty === "uncounted") return [{ text: padStart(UNKNOWN, BYTES_WIDTH - 4) + "    ", role: "dim" }];
  const [digits = "", unit = ""] = formatBytes(bytes).split(" ");
  const number = padStart(MARKS[certainty] + digits, BYTES_WIDTH - 4);
  return [
    { text: number, role: bytes === 0 && certainty === "exact" ? "dim" : role },
    { text: ` ${unit.padEnd(3)}`, role: "dim" },
  ];
}

export function countSpans(count: number, width: number): Span[] {
  const text = exact(count);
  const shown = text.length <= width ? text : count.toExponential(0);
  return [{ text: padStart(shown, width), role: count === 0 ? "dim" : "text" }];
}

/** Share of one core: `3.2%`, `104%`. */
export function percentText(fraction: number | undefined): string {
  if (fraction === undefined) return UNKNOWN;
  const percent = fraction * 100;
  return percent < 9.95 ? `${percent.toFixed(1)}%` : `${Math.round(percent)}%`;
}

/** Time since the last byte: `now`, `12 s`, `2h 07m`. */
export function idleText(nowMs: number, lastActivityMs: number): string {
  const idle = nowMs - lastActivityMs;
  return idle < 1000 ? "now" : formatDuration(idle);
}

const STATE_WORDS: Readonly<Record<SocketState, string>> = {
  established: "established",
  syn_sent: "opening",
  syn_received: "opening",
  fin_wait1: "fin wait 1",
  fin_wait2: "fin wait 2",
  time_wait: "time wait",
  closed: "closed",
  close_wait: "close wait",
  last_ack: "last ack",
  listen: "listening",
  closing: "closing",
  unconnected: "unconnected",
  connected: "connected",
  unknown: "unknown",
};

export function stateText(flow: Flow): string {
  return flow.closed ? "closed" : STATE_WORDS[flow.state];
}

const STATE_ROLES: Readonly<Partial<Record<SocketState, Role>>> = {
  established: "good",
  connected: "good",
  syn_sent: "warning",
  syn_received: "warning",
  close_wait: "warning",
};

export function stateRole(flow: Flow): Role {
  return flow.closed ? "dim" : (STATE_ROLES[flow.state] ?? "dim");
}

const STATE_GLYPHS: Readonly<Partial<Record<SocketState, string>>> = {
  established: "●",
  connected: "●",
  listen: "○",
  unconnected: "○",
};

/** One character that says a flow's state without colour: explained in the help. */
export function stateGlyph(flow: Flow): string {
  return flow.closed ? "×" : (STATE_GLYPHS[flow.state] ?? "◌");
}

/** Cells of the column of protocols. */
export const PROTOCOL_WIDTH = 4;

/** Four letters at most; the detail has the whole name. */
const PROTOCOL_TEXTS: Readonly<Record<Protocol, string>> = {
  tcp: "tcp",
  udp: "udp",
  mptcp: "mptc",
  udplite: "udpl",
  sctp: "sctp",
  dccp: "dccp",
  icmp: "icmp",
  raw: "raw",
};

export function protocolText(flow: Flow): string {
  return PROTOCOL_TEXTS[flow.protocol];
}

export function isWaiting(flow: Flow): boolean {
  return flow.state === "listen" || (flow.state === "unconnected" && flow.remotePort === 0);
}

/** The process's name; a name with `?` is inferred, `+2` tells of two more processes that hold the socket. */
export function processText(flow: Flow): string {
  if (flow.process === undefined) return flow.attribution === "not_visible" ? NOT_VISIBLE : "unknown";
  const others = flow.owners.length > 1 ? `+${flow.owners.length - 1}` : "";
  const doubt = flow.attribution === "inferred" ? "?" : "";
  return safe(flow.process.name) + doubt + others;
}

export function processRole(flow: Flow): Role {
  return flow.process === undefined ? "dim" : "text";
}

export function userText(flow: Flow): string {
  if (flow.userName !== undefined) return safe(flow.userName);
  return flow.userId === undefined ? UNKNOWN : `uid ${flow.userId}`;
}

/** `address:port`, an IPv6 address in brackets (RFC 3986). */
export function endpoint(address: string, port: number): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `${safe(host)}:${port}`;
}

/** The other end as its name or its address; a waiting socket has none, which is said. */
export function remoteHostText(flow: Flow, names: boolean): string {
  const name = names ? flow.remoteHost?.name : undefined;
  if (name !== undefined) return safe(name);
  return flow.remoteAddress.includes(":") ? `[${safe(flow.remoteAddress)}]` : safe(flow.remoteAddress);
}

/** Whether somebody is at the other end. */
export function hasPeer(flow: Flow): boolean {
  return flow.remotePort !== 0 && !isWaiting(flow);
}
