/**
 * The kernel's notices of destroyed sockets, with the final TCP_INFO of every user's TCP connections: multicast groups
 * of NETLINK_SOCK_DIAG, joined before the first dump so that no closing falls between the two.
 *
 * The kernel drops what doesn't fit into the socket's buffer. A notice takes 1,280 bytes of it (measured on
 * 6.18), and the kernel accounts against twice what was asked for. Forced by root to 64 MiB it holds about 100,000
 * notices; at an rmem_max of 4 MiB 6,553; at the default rmem_max (208 KiB) 332. So `drainIntervalMs` says
 * how often the buffer has to be emptied for 20,000 notices a second (10,000 connections of which both ends are here),
 * and the capture empties it that often on a timer between two samples. An empty drain is one
 * system call (0.5 µs); a notice takes 0.8 µs; at the shortest interval that was seen, 16 ms, an idle drain costs
 * 0.5 % of a core.
 */
import { NetlinkReader } from "../../decode/netlink.ts";
import {
  DESTROY_GROUPS,
  DiagRecord,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_DIAG_BY_FAMILY,
} from "../../decode/sock-diag.ts";
import { NETLINK_SOCK_DIAG, NetlinkSocket, RECEIVE_NOTHING, RECEIVE_OVERFLOW } from "./netlink-socket.ts";

const WANTED_BUFFER_BYTES = 64 * 1024 * 1024;
const NOTICE_BYTES = 1280;
const NOTICES_PER_SECOND = 20_000;
const DRAIN_INTERVAL_MIN_MS = 10;
/** Oftener than a large buffer needs: after each drain the minisockets are looked at, and the sooner, the more is proven. */
const DRAIN_INTERVAL_MAX_MS = 50;
/** So many notices are read in one go: a drain ends even where they come faster than they are read. */
const DRAIN_NOTICES_MAX = 200_000;

/** Told of each destroyed socket; the record is used again for the next one. `protocol` is 6 or 17. */
export type NoticeVisitor = (record: DiagRecord, protocol: number) => void;

/** What a drain found. */
export interface Drained {
  notices: number;
  /** How often the kernel said that it had to drop notices; how many it dropped is not told. */
  overflows: number;
  malformed: number;
}

export class DestroyListener implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #buffer = new Uint8Array(16 * 1024);
  readonly #reader = new NetlinkReader(this.#buffer);
  readonly #record = new DiagRecord();
  /** How many notices the buffer holds. */
  readonly capacity: number;
  /** How often the buffer must be emptied, in milliseconds. */
  readonly drainIntervalMs: number;

  /** Throws NetlinkError where the kernel refuses the groups. `bufferBytes` is for tests of the overflow. */
  constructor(bufferBytes = WANTED_BUFFER_BYTES) {
    this.#socket = NetlinkSocket.open(NETLINK_SOCK_DIAG);
    const granted = this.#socket.growReceiveBuffer(bufferBytes);
    this.capacity = Math.floor(granted / NOTICE_BYTES);
    const interval = Math.floor((this.capacity / NOTICES_PER_SECOND) * 1000);
    this.drainIntervalMs = Math.min(DRAIN_INTERVAL_MAX_MS, Math.max(DRAIN_INTERVAL_MIN_MS, interval));
    try {
      for (const group of Object.values(DESTROY_GROUPS)) this.#socket.join(group);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** Reads all notices that have come, without waiting. */
  drain(visit: NoticeVisitor): Drained {
    const drained: Drained = { notices: 0, overflows: 0, malformed: 0 };
    for (let count = 0; count < DRAIN_NOTICES_MAX; count += 1) {
      const length = this.#socket.receiveNow(this.#buffer);
      if (length === RECEIVE_NOTHING) break;
      drained.notices += 1;
      if (length === RECEIVE_OVERFLOW) drained.overflows += 1;
      else this.#read(length, visit, drained);
    }
    return drained;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #read(length: number, visit: NoticeVisitor, drained: Drained): void {
    if (this.#socket.truncated) drained.malformed += 1;
    this.#reader.reset(length);
    while (this.#reader.next()) {
      if (this.#reader.type !== SOCK_DIAG_BY_FAMILY) continue;
      const record = this.#record;
      const whole = record.read(this.#reader.view, this.#reader.bodyStart, this.#reader.bodyEnd);
      // Where the attribute is missing, TCP_INFO tells: UDP notices carry none.
      const protocol = record.protocol === 0 ? (record.hasInfo ? IPPROTO_TCP : IPPROTO_UDP) : record.protocol;
      if (whole && (protocol === IPPROTO_TCP || protocol === IPPROTO_UDP)) visit(record, protocol);
      else if (!whole) drained.malformed += 1;
    }
    if (this.#reader.malformed) drained.malformed += 1;
  }
}
