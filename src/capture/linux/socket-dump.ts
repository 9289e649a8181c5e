/**
 * Dumps of the kernel's socket tables over sock_diag: every TCP and UDP socket of this network namespace, of every
 * user, in one reused buffer. A dump that changed under way is repeated a bounded number of times, then counted.
 */
import { ERRNO } from "../../../ffi/linux/libc.ts";
import { NetlinkReader, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, nlmsghdr } from "../../decode/netlink.ts";
import {
  AF_INET,
  AF_INET6,
  DiagRecord,
  familyDumpRequest,
  sameEndsRequest,
  IPPROTO_TCP,
  IPPROTO_UDP,
  tcpDumpRequest,
} from "../../decode/sock-diag.ts";
import { NETLINK_SOCK_DIAG, NetlinkError, NetlinkSocket, RECEIVE_OVERFLOW } from "./netlink-socket.ts";

/** The kernel makes parts of at most 32 KiB (af_netlink.c, netlink_dump). */
const BUFFER_BYTES = 64 * 1024;
const ATTEMPTS = 4;

/** What went wrong in a dump; all zero is a clean one. */
export interface DumpLoss {
  interrupted: number;
  truncated: number;
  malformed: number;
}

/** Told of each socket; the record is used again for the next one. `protocol` is 6 or 17. */
export type DumpVisitor = (record: DiagRecord, protocol: number) => void;

export class SocketDumper implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #reader = new NetlinkReader(this.#buffer);
  readonly #record = new DiagRecord();
  #sequence = 0;
  /** The older request dumps both families at once; false after a kernel without it was met. */
  #bothFamilies = true;

  /** Throws NetlinkError where the kernel refuses NETLINK_SOCK_DIAG. */
  constructor() {
    this.#socket = NetlinkSocket.open(NETLINK_SOCK_DIAG);
  }

  /**
   * Visits every socket once per attempt: a repeated attempt visits sockets again, so the visitor must be idempotent.
   * Throws NetlinkError where the kernel refuses.
   */
  dump(visit: DumpVisitor): DumpLoss {
    const loss: DumpLoss = { interrupted: 0, truncated: 0, malformed: 0 };
    this.#dumpTcp(visit, loss);
    this.#repeat((sequence) => familyDumpRequest(sequence, AF_INET, IPPROTO_UDP), IPPROTO_UDP, visit, loss);
    this.#repeat((sequence) => familyDumpRequest(sequence, AF_INET6, IPPROTO_UDP), IPPROTO_UDP, visit, loss);
    return loss;
  }

  /** The request for the socket that has the ends of this record now; for `look`, later. */
  requestFor(record: DiagRecord): Uint8Array {
    return sameEndsRequest(0, record);
  }

  /**
   * The one TCP socket or minisocket that a request of `requestFor` names, or undefined where there is none: one
   * exact query (about 5 µs), no walk. Throws NetlinkError.
   */
  look(request: Uint8Array): DiagRecord | undefined {
    this.#sequence = (this.#sequence + 1) >>> 0;
    nlmsghdr.set.sequence(new DataView(request.buffer), 0, this.#sequence);
    this.#socket.send(request);
    for (;;) {
      const length = this.#socket.receive(this.#buffer);
      if (length === RECEIVE_OVERFLOW) return undefined;
      this.#reader.reset(length);
      while (this.#reader.next()) {
        if (this.#reader.sequence !== this.#sequence) continue; // the rest of a dump that was given up
        const { type, view, bodyStart, bodyEnd } = this.#reader;
        if (type === NLMSG_ERROR) return undefined; // ENOENT, most often
        return this.#record.read(view, bodyStart, bodyEnd) ? this.#record : undefined;
      }
    }
  }

  /** As `dump`, of TCP sockets alone. */
  dumpTcp(visit: DumpVisitor): DumpLoss {
    const loss: DumpLoss = { interrupted: 0, truncated: 0, malformed: 0 };
    this.#dumpTcp(visit, loss);
    return loss;
  }

  /** Throws NetlinkError where the kernel refuses any of the tables; asks for no socket, so nothing is walked. */
  probe(): void {
    const loss: DumpLoss = { interrupted: 0, truncated: 0, malformed: 0 };
    const ignore = (): void => undefined;
    for (const protocol of [IPPROTO_TCP, IPPROTO_UDP]) {
      this.#repeat((sequence) => familyDumpRequest(sequence, AF_INET, protocol, 0), protocol, ignore, loss);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #dumpTcp(visit: DumpVisitor, loss: DumpLoss): void {
    if (this.#bothFamilies) {
      try {
        this.#repeat(tcpDumpRequest, IPPROTO_TCP, visit, loss);
        return;
      } catch (error) {
        const absent =
          error instanceof NetlinkError &&
          (error.errorNumber === ERRNO.EINVAL || error.errorNumber === ERRNO.EOPNOTSUPP);
        if (!absent) throw error;
        this.#bothFamilies = false; // this kernel knows only the newer request
      }
    }
    this.#repeat((sequence) => familyDumpRequest(sequence, AF_INET, IPPROTO_TCP), IPPROTO_TCP, visit, loss);
    this.#repeat((sequence) => familyDumpRequest(sequence, AF_INET6, IPPROTO_TCP), IPPROTO_TCP, visit, loss);
  }

  #repeat(
    request: (sequence: number) => Uint8Array,
    protocol: number,
    visit: DumpVisitor,
    loss: DumpLoss,
  ): void {
    for (let attempt = 1; ; attempt += 1) {
      this.#sequence = (this.#sequence + 1) >>> 0;
      this.#socket.send(request(this.#sequence));
      const clean = this.#receive(protocol, visit, loss);
      if (clean) return;
      if (attempt === ATTEMPTS) {
        loss.interrupted += 1;
        return;
      }
    }
  }

  /** Reads one dump to its end; false where it should be repeated. */
  #receive(protocol: number, visit: DumpVisitor, loss: DumpLoss): boolean {
    let clean = true;
    for (;;) {
      const length = this.#socket.receive(this.#buffer);
      if (length === RECEIVE_OVERFLOW) return false;
      if (this.#socket.truncated) loss.truncated += 1;
      this.#reader.reset(length);
      while (this.#reader.next()) {
        if (this.#reader.sequence !== this.#sequence) continue; // the rest of a dump that was given up
        if ((this.#reader.flags & NLM_F_DUMP_INTR) !== 0) clean = false;
        if (this.#reader.type === NLMSG_DONE || this.#reader.type === NLMSG_ERROR) {
          const error = this.#reader.errorNumber();
          if (error === ERRNO.EINTR || error === ERRNO.EBUSY) return false;
          if (error !== 0) throw new NetlinkError("dumping the socket table", error);
          return clean;
        }
        if (this.#record.read(this.#reader.view, this.#reader.bodyStart, this.#reader.bodyEnd)) {
          visit(this.#record, protocol);
        } else loss.malformed += 1;
      }
      if (this.#reader.malformed) loss.malformed += 1;
    }
  }
}
