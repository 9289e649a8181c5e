/**
 * The messages of NETLINK_SOCK_DIAG (linux/inet_diag.h, linux/sock_diag.h; man 7 sock_diag): requests for dumps, and
 * one socket's record, read in place into an object that the caller uses again. Pure; never reads outside the message.
 */
import { defineLayout } from "../../ffi/layout.ts";
import { sharedIpv4, sharedIpv6 } from "../lib/ip.ts";
import type { SocketState } from "../model/flow.ts";
import { NLM_F_DUMP, netlinkRequest } from "./netlink.ts";
import {
  TCP_INFO_SIZE_WITH_BYTES_RECEIVED,
  TCP_INFO_SIZE_WITH_BYTES_SENT,
  TCP_INFO_SIZE_WITH_DATA_SEGMENTS,
  TCP_NEW_SYN_RECV,
  tcpInfo,
} from "./tcp-info.ts";

export const SOCK_DIAG_BY_FAMILY = 20;
/** The older request, which dumps the TCP sockets of both families in one walk of the kernel's table. */
export const TCPDIAG_GETSOCK = 18;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

/** Multicast groups on which the final record of a destroyed socket is told (linux/sock_diag.h). */
export const DESTROY_GROUPS = {
  inetTcp: 1,
  inetUdp: 2,
  inet6Tcp: 3,
  inet6Udp: 4,
} as const;

const inetDiagReqV2 = defineLayout("inet_diag_req_v2", 56, {
  family: [0, "u8"],
  protocol: [1, "u8"],
  extensions: [2, "u8"],
  states: [4, "u32"],
  id: [8, "u8", 48],
});

const inetDiagReq = defineLayout("inet_diag_req", 60, {
  family: [0, "u8"],
  sourceLength: [1, "u8"],
  destinationLength: [2, "u8"],
  extensions: [3, "u8"],
  id: [4, "u8", 48],
  states: [52, "u32"],
  dbs: [56, "u32"],
});

export const inetDiagMsg = defineLayout("inet_diag_msg", 72, {
  family: [0, "u8"],
  state: [1, "u8"],
  timer: [2, "u8"],
  retransmits: [3, "u8"],
  sourcePort: [4, "u16be"],
  destinationPort: [6, "u16be"],
  source: [8, "u8", 16],
  destination: [24, "u8", 16],
  interfaceIndex: [40, "u32"],
  cookieLow: [44, "u32"],
  cookieHigh: [48, "u32"],
  /** Milliseconds until the timer fires. */
  expires: [52, "u32"],
  receiveQueue: [56, "u32"],
  sendQueue: [60, "u32"],
  userId: [64, "u32"],
  inode: [68, "u32"],
});

/** INET_DIAG_NOCOOKIE: any socket with these ends. */
const NO_COOKIE = 0xffff_ffff;
const ID_OFFSET = 4;
const ID_SIZE = 48;
const COOKIE_OFFSET = inetDiagMsg.offsetOf.cookieLow - ID_OFFSET;

const INET_DIAG_INFO = 2;
const INET_DIAG_SHUTDOWN = 8;
const INET_DIAG_PROTOCOL = 10;

/** All states from ESTABLISHED to NEW_SYN_RECV; the bound but idle sockets of newer kernels (13) are not asked for. */
const ALL_STATES = (1 << (TCP_NEW_SYN_RECV + 1)) - 2;

/** Asks for every TCP socket of both families, with TCP_INFO. */
export function tcpDumpRequest(sequence: number): Uint8Array {
  const body = new Uint8Array(inetDiagReq.size);
  const view = new DataView(body.buffer);
  inetDiagReq.set.extensions(view, 0, 1 << (INET_DIAG_INFO - 1));
  inetDiagReq.set.states(view, 0, ALL_STATES);
  return netlinkRequest(TCPDIAG_GETSOCK, NLM_F_DUMP, sequence, body);
}

/** Asks for the sockets of one family and protocol in the given states (a bit each); with TCP_INFO for TCP. */
export function familyDumpRequest(
  sequence: number,
  family: number,
  protocol: number,
  states = ALL_STATES,
): Uint8Array {
  const body = new Uint8Array(inetDiagReqV2.size);
  const view = new DataView(body.buffer);
  inetDiagReqV2.set.family(view, 0, family);
  inetDiagReqV2.set.protocol(view, 0, protocol);
  inetDiagReqV2.set.extensions(view, 0, protocol === IPPROTO_TCP ? 1 << (INET_DIAG_INFO - 1) : 0);
  inetDiagReqV2.set.states(view, 0, states);
  return netlinkRequest(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sequence, body);
}

/** Asks for the one TCP socket, minisockets included, that has the ends of this record. Valid while the record is. */
export function sameEndsRequest(sequence: number, record: DiagRecord): Uint8Array {
  const body = new Uint8Array(inetDiagReqV2.size);
  const view = new DataView(body.buffer);
  inetDiagReqV2.set.family(view, 0, record.family);
  inetDiagReqV2.set.protocol(view, 0, IPPROTO_TCP);
  inetDiagReqV2.set.states(view, 0, ALL_STATES);
  const id = inetDiagReqV2.offsetOf.id;
  body.set(record.endsBytes(), id);
  view.setUint32(id + COOKIE_OFFSET, NO_COOKIE, true);
  view.setUint32(id + COOKIE_OFFSET + 4, NO_COOKIE, true);
  return netlinkRequest(SOCK_DIAG_BY_FAMILY, 0, sequence, body);
}

/** What the notice of a destroyed socket tells beside its counters; undefined where the kernel is too old to tell. */
export interface Traces {
  /** Segments received that carried payload. */
  readonly dataSegmentsIn: number;
  /** Segments sent that carried none: SYN, FIN, acknowledgements. */
  readonly bareSegmentsOut: number;
  /** Segments sent that carried payload, those again that were sent again or dropped by the local queue. */
  readonly dataSegmentsOut: number;
  /** From the last acknowledgement that came to the making of the record. */
  readonly sinceAckMs: number;
}

/** A socket's cookie: a number below 2^53, else text. Cookies that were taken inside an interrupt count down from 2^64. */
export type Cookie = number | string;

/** One socket's record; mutable and used again for each message. */
export class DiagRecord {
  family = 0;
  state = 0;
  localPort = 0;
  remotePort = 0;
  cookieLow = 0;
  cookieHigh = 0;
  expiresMs = 0;
  receiveQueue = 0;
  sendQueue = 0;
  userId = 0;
  inode = 0;
  /** 0 where the message doesn't say. */
  protocol = 0;
  /** sk_shutdown: 1 the receiving side, 2 the sending side; -1 where the message doesn't say. */
  shutdown = -1;
  /** Whether bytesAcked and bytesReceived were told. */
  hasInfo = false;
  /** Whether bytesSent and bytesRetransmitted were told too. */
  hasBytesSent = false;
  /** tcpi_state: read under the socket's lock together with the counters; `state` is not. */
  infoState = 0;
  bytesAcked = 0;
  bytesReceived = 0;
  bytesSent = 0;
  bytesRetransmitted = 0;
  notSentBytes = 0;
  unackedSegments = 0;
  sendMss = 0;
  advertisedMss = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;
  #infoStart = 0;
  #infoLength = 0;

  /** Reads the record between `start` and `end` of the view; false where it is none (too short, unknown family). */
  read(view: DataView, start: number, end: number): boolean {
    if (end > view.byteLength || start + inetDiagMsg.size > end) return false;
    this.family = view.getUint8(start);
    if (this.family !== AF_INET && this.family !== AF_INET6) return false;
    this.#view = view;
    this.#start = start;
    this.state = view.getUint8(start + inetDiagMsg.offsetOf.state);
    this.localPort = view.getUint16(start + inetDiagMsg.offsetOf.sourcePort, false);
    this.remotePort = view.getUint16(start + inetDiagMsg.offsetOf.destinationPort, false);
    this.cookieLow = view.getUint32(start + inetDiagMsg.offsetOf.cookieLow, true);
    this.cookieHigh = view.getUint32(start + inetDiagMsg.offsetOf.cookieHigh, true);
    this.expiresMs = view.getUint32(start + inetDiagMsg.offsetOf.expires, true);
    this.receiveQueue = view.getUint32(start + inetDiagMsg.offsetOf.receiveQueue, true);
    this.sendQueue = view.getUint32(start + inetDiagMsg.offsetOf.sendQueue, true);
    this.userId = view.getUint32(start + inetDiagMsg.offsetOf.userId, true);
    this.inode = view.getUint32(start + inetDiagMsg.offsetOf.inode, true);
    this.protocol = 0;
    this.shutdown = -1;
    this.hasInfo = false;
    this.hasBytesSent = false;
    return this.#readAttributes(view, start + inetDiagMsg.size, end);
  }

  /** The hot path: the attribute walk is written out, so that nothing is allocated. */
  #readAttributes(view: DataView, start: number, end: number): boolean {
    let position = start;
    while (position + 4 <= end) {
      const length = view.getUint16(position, true);
      if (length < 4 || position + length > end) return false;
      const type = view.getUint16(position + 2, true) & 0x3fff;
      const payload = position + 4;
      if (type === INET_DIAG_INFO) this.#readTcpInfo(view, payload, length - 4);
      else if (type === INET_DIAG_SHUTDOWN && length >= 5) this.shutdown = view.getUint8(payload);
      else if (type === INET_DIAG_PROTOCOL && length >= 5) this.protocol = view.getUint8(payload);
      position += (length + 3) & ~3;
    }
    return true;
  }

  #readTcpInfo(view: DataView, base: number, length: number): void {
    if (length < TCP_INFO_SIZE_WITH_BYTES_RECEIVED) return;
    this.hasInfo = true;
    this.#infoStart = base;
    this.#infoLength = length;
    this.infoState = view.getUint8(base);
    this.sendMss = view.getUint32(base + tcpInfo.offsetOf.sendMss, true);
    this.unackedSegments = view.getUint32(base + tcpInfo.offsetOf.unacked, true);
    this.advertisedMss = view.getUint32(base + tcpInfo.offsetOf.advertisedMss, true);
    this.bytesAcked = u64(view, base + tcpInfo.offsetOf.bytesAcked);
    this.bytesReceived = u64(view, base + tcpInfo.offsetOf.bytesReceived);
    this.notSentBytes = length >= 148 ? view.getUint32(base + tcpInfo.offsetOf.notSentBytes, true) : 0;
    this.hasBytesSent = length >= TCP_INFO_SIZE_WITH_BYTES_SENT;
    this.bytesSent = this.hasBytesSent ? u64(view, base + tcpInfo.offsetOf.bytesSent) : 0;
    this.bytesRetransmitted = this.hasBytesSent ? u64(view, base + tcpInfo.offsetOf.bytesRetransmitted) : 0;
  }

  cookie(): Cookie {
    return this.cookieHigh < 0x20_0000
      ? this.cookieHigh * 0x1_0000_0000 + this.cookieLow
      : `${this.cookieHigh}:${this.cookieLow}`;
  }

  /** Canonical text; v4-mapped as IPv4. Valid until the buffer is used again. */
  localAddress(): string {
    return this.#address(inetDiagMsg.offsetOf.source);
  }

  remoteAddress(): string {
    return this.#address(inetDiagMsg.offsetOf.destination);
  }

  /**
   * Changes where a socket gets other ends under the same cookie, as one that is connected anew does: a checksum of both
   * addresses, to be compared together with the ports.
   */
  addressSum(): number {
    if (this.family === AF_INET) {
      const source = this.#view.getInt32(this.#start + inetDiagMsg.offsetOf.source, true);
      const destination = this.#view.getInt32(this.#start + inetDiagMsg.offsetOf.destination, true);
      return (Math.imul(source, 31) + destination) | 0;
    }
    let sum = 0;
    for (
      let offset = inetDiagMsg.offsetOf.source;
      offset < inetDiagMsg.offsetOf.interfaceIndex;
      offset += 4
    ) {
      sum = (Math.imul(sum, 31) + this.#view.getInt32(this.#start + offset, true)) | 0;
    }
    return sum;
  }

  /** Ports, addresses, interface and cookie, as a request names a socket. Valid until the buffer is used again. */
  endsBytes(): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#start + ID_OFFSET, ID_SIZE);
  }

  /** Read only where they are wanted: dumps do not want them. Valid until the buffer is used again. */
  traces(): Traces | undefined {
    if (!this.hasInfo || this.#infoLength < TCP_INFO_SIZE_WITH_DATA_SEGMENTS) return undefined;
    const field = (offset: number): number => this.#view.getUint32(this.#infoStart + offset, true);
    return {
      dataSegmentsIn: field(tcpInfo.offsetOf.dataSegmentsIn),
      bareSegmentsOut: field(tcpInfo.offsetOf.segmentsOut) - field(tcpInfo.offsetOf.dataSegmentsOut),
      dataSegmentsOut: field(tcpInfo.offsetOf.dataSegmentsOut),
      sinceAckMs: field(tcpInfo.offsetOf.lastAckReceived),
    };
  }

  #address(offset: number): string {
    const position = this.#start + offset;
    if (this.family === AF_INET) return sharedIpv4(this.#view.getUint32(position, true));
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + position, 16);
    return sharedIpv6(bytes);
  }
}

function u64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

const TCP_STATES: readonly SocketState[] = [
  "unknown",
  "established",
  "syn_sent",
  "syn_received",
  "fin_wait1",
  "fin_wait2",
  "time_wait",
  "closed",
  "close_wait",
  "last_ack",
  "listen",
  "closing",
  "syn_received",
];

/** The name of a kernel's TCP state; `unknown` for a number that has none. */
export function tcpStateName(state: number): SocketState {
  return TCP_STATES[state] ?? "unknown";
}

/** A UDP socket's state: the kernel says ESTABLISHED for a connected one and CLOSE for any other. */
export function udpStateName(state: number): SocketState {
  return state === 1 ? "connected" : "unconnected";
}
