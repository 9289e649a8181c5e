/** Rows as the kernel programs write them, made through the layouts' own setters: only what a test is about has to be said. */
import {
  BYTES,
  BYTES_KEY,
  BYTES_ROW_BYTES,
  EVENT,
  EXEC,
  EXIT,
  SOCKET,
  SOCKET_KEY,
  SOCKET_ROW_BYTES,
} from "../../src/decode/ebpf-records.ts";
import { parseIp } from "../../src/lib/ip.ts";
import type { Rows } from "../../src/capture/helper/row-table.ts";

/** Nanoseconds of one clock tick at 100 a second. */
export const TICK_NS = 10_000_000;
export const OWN_NAMESPACE = 4_026_531_840;
export const TCP = 6;
export const UDP = 17;
export const STATES = { established: 1, close: 7, listen: 10 } as const;

export interface SocketRow {
  readonly cookie: number;
  readonly netns?: number;
  readonly protocol?: number;
  readonly type?: number;
  readonly family?: number;
  readonly state?: number;
  readonly flags?: number;
  readonly calls?: number;
  readonly uid?: number;
  readonly local?: readonly [address: string, port: number];
  readonly remote?: readonly [address: string, port: number];
  readonly opener?: readonly [pid: number, startNs: number];
  readonly base?: readonly [sent: number, received: number];
  readonly createdNs?: number;
  readonly closedNs?: number;
}

export interface BytesRow {
  readonly cookie: number;
  readonly netns?: number;
  /** Of the process; pid 0: the kernel's own. */
  readonly actor: readonly [pid: number, startNs: number];
  readonly peer?: readonly [address: string, port: number];
  readonly sent?: number;
  readonly received?: number;
  readonly comm?: string;
  readonly uid?: number;
  readonly parent?: number;
}

/** Sixteen bytes; IPv4 mapped into IPv6. */
export function mapped(address: string): Uint8Array {
  const bytes = parseIp(address);
  if (bytes === undefined) throw new Error(`${address} is no address`);
  if (bytes.length === 16) return bytes;
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes);
}

/** An established TCP connection of this network namespace to 198.51.100.7:443. */
export function socketRows(...rows: readonly SocketRow[]): Uint8Array {
  const bytes = new Uint8Array(rows.length * SOCKET_ROW_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, row] of rows.entries()) {
    const start = index * SOCKET_ROW_BYTES;
    const base = start + SOCKET_KEY.size;
    const protocol = row.protocol ?? TCP;
    const [localAddress, localPort] = row.local ?? ["192.0.2.10", 40_000];
    const [remoteAddress, remotePort] = row.remote ?? ["198.51.100.7", 443];
    SOCKET_KEY.set.cookie(view, start, row.cookie);
    SOCKET_KEY.set.netns(view, start, row.netns ?? OWN_NAMESPACE);
    SOCKET.set.baseSent(view, base, row.base?.[0] ?? 0);
    SOCKET.set.baseReceived(view, base, row.base?.[1] ?? 0);
    SOCKET.set.createdNs(view, base, row.createdNs ?? 1);
    SOCKET.set.closedNs(view, base, row.closedNs ?? 0);
    SOCKET.set.openerTgid(view, base, row.opener?.[0] ?? 0);
    SOCKET.set.openerStartNs(view, base, row.opener?.[1] ?? 0);
    SOCKET.set.uid(view, base, row.uid ?? 1000);
    SOCKET.set.family(view, base, row.family ?? 2);
    SOCKET.set.protocol(view, base, protocol);
    SOCKET.set.type(view, base, row.type ?? (protocol === UDP ? 2 : 1));
    SOCKET.set.localPort(view, base, localPort);
    SOCKET.set.remotePort(view, base, remotePort);
    SOCKET.set.state(view, base, row.state ?? STATES.established);
    SOCKET.set.flags(view, base, row.flags ?? 0);
    SOCKET.set.calls(view, base, row.calls ?? 0);
    bytes.set(mapped(localAddress), base + SOCKET.offsetOf.local);
    bytes.set(mapped(remoteAddress), base + SOCKET.offsetOf.remote);
  }
  return bytes;
}

/** An unconnected UDP socket on port 5353. */
export function udpRow(row: SocketRow): SocketRow {
  return { protocol: UDP, state: STATES.close, local: ["0.0.0.0", 5353], remote: ["0.0.0.0", 0], ...row };
}

export function bytesRows(...rows: readonly BytesRow[]): Uint8Array {
  const bytes = new Uint8Array(rows.length * BYTES_ROW_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, row] of rows.entries()) {
    const start = index * BYTES_ROW_BYTES;
    const base = start + BYTES_KEY.size;
    BYTES_KEY.set.cookie(view, start, row.cookie);
    BYTES_KEY.set.netns(view, start, row.netns ?? OWN_NAMESPACE);
    BYTES_KEY.set.tgid(view, start, row.actor[0]);
    BYTES_KEY.set.startNs(view, start, row.actor[1]);
    if (row.peer !== undefined) {
      bytes.set(mapped(row.peer[0]), start + BYTES_KEY.offsetOf.peer);
      BYTES_KEY.set.peerPort(view, start, row.peer[1]);
    }
    BYTES.set.sent(view, base, row.sent ?? 0);
    BYTES.set.received(view, base, row.received ?? 0);
    BYTES.set.uid(view, base, row.uid ?? 1000);
    BYTES.set.parentTgid(view, base, row.parent ?? 1);
    bytes.set(new TextEncoder().encode(row.comm ?? "program").subarray(0, 15), base + BYTES.offsetOf.comm);
  }
  return bytes;
}

const NOTHING = new Uint8Array(0);

/** What one answer of the helper holds of rows. */
export function rowsOf(parts: Partial<Rows>): Rows {
  return {
    timeNs: 1_000_000_000,
    sockets: NOTHING,
    bytes: NOTHING,
    closedSockets: NOTHING,
    closedBytes: NOTHING,
    ...parts,
  };
}

export interface EventParts {
  readonly pid: number;
  readonly startNs: number;
  readonly timeNs?: number;
  readonly parent?: readonly [pid: number, startNs: number];
  readonly uid?: number;
}

function eventOf(type: number, size: number, parts: EventParts): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  EVENT.set.type(view, 0, type);
  EVENT.set.size(view, 0, size);
  EVENT.set.tgid(view, 0, parts.pid);
  EVENT.set.startNs(view, 0, parts.startNs);
  EVENT.set.timeNs(view, 0, parts.timeNs ?? parts.startNs);
  EVENT.set.uid(view, 0, parts.uid ?? 1000);
  EVENT.set.parentTgid(view, 0, parts.parent?.[0] ?? 1);
  EVENT.set.parentStartNs(view, 0, parts.parent?.[1] ?? 0);
  return { bytes, view };
}

/** Padded beyond its text, as the kernel programs do. */
export function execEvent(
  parts: EventParts,
  fileName: string,
  words: readonly string[],
  comm: string,
): Uint8Array {
  const text = new TextEncoder();
  const name = text.encode(`${fileName}\0`);
  const line = text.encode(words.map((word) => `${word}\0`).join(""));
  const size = EXEC.size + 448;
  const { bytes, view } = eventOf(1, size, parts);
  EXEC.set.filenameSize(view, 0, name.length);
  EXEC.set.argumentsSize(view, 0, line.length);
  EXEC.set.argumentsLength(view, 0, line.length);
  bytes.set(text.encode(comm).subarray(0, 15), EXEC.offsetOf.comm);
  bytes.set(name, EXEC.size);
  bytes.set(line, EXEC.size + name.length);
  return bytes;
}

export function forkEvent(parts: EventParts): Uint8Array {
  return eventOf(2, EVENT.size, parts).bytes;
}

export function exitEvent(parts: EventParts): Uint8Array {
  return eventOf(3, EXIT.size, parts).bytes;
}
