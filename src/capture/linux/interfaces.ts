/** The interfaces of this network namespace by rtnetlink, or by /proc/net/dev where that is refused. */
import { readFileSync } from "node:fs";
import { ERRNO } from "../../../ffi/linux/libc.ts";
import { classifyLinks, type LinkClass } from "../../decode/interface-kind.ts";
import { NetlinkReader, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR } from "../../decode/netlink.ts";
import { parseProcNetDevices } from "../../decode/proc-net.ts";
import {
  addressDumpRequest,
  decodeAddress,
  decodeLink,
  linkDumpRequest,
  RTM_NEWADDR,
  RTM_NEWLINK,
  type LinkRecord,
} from "../../decode/rtnetlink.ts";
import type { InterfaceSample } from "../../model/interface.ts";
import { NETLINK_ROUTE, NetlinkError, NetlinkSocket, RECEIVE_OVERFLOW } from "./netlink-socket.ts";

const ATTEMPTS = 4;
const NO_ADDRESSES: readonly string[] = [];
const ARPHRD_LOOPBACK = 772;
const UNCLASSIFIED: LinkClass = { kind: "other", counted: true, reason: undefined };

/** A sample of all interfaces, with what could not be read. */
export interface InterfaceReading {
  readonly interfaces: readonly InterfaceSample[];
  readonly malformed: number;
}

export class Interfaces implements Disposable {
  readonly #procRoot: string;
  readonly #buffer = new Uint8Array(64 * 1024);
  readonly #reader = new NetlinkReader(this.#buffer);
  readonly #socket: NetlinkSocket | undefined;
  #sequence = 0;
  #malformed = 0;

  constructor(procRoot = "/proc") {
    this.#procRoot = procRoot;
    try {
      this.#socket = NetlinkSocket.open(NETLINK_ROUTE);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#socket = undefined; // refused: /proc/net/dev has the counters too
    }
  }

  sample(): InterfaceReading {
    this.#malformed = 0;
    const socket = this.#socket;
    if (socket === undefined) return this.#fromProc();
    try {
      return { interfaces: this.#fromNetlink(socket), malformed: this.#malformed };
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      return this.#fromProc();
    }
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
  }

  #fromNetlink(socket: NetlinkSocket): InterfaceSample[] {
    const links = new Map<number, LinkRecord>();
    this.#dump(socket, linkDumpRequest, (start, end) => {
      if (this.#reader.type !== RTM_NEWLINK) return;
      const link = decodeLink(this.#reader.view, start, end);
      if (link === undefined) this.#malformed += 1;
      else links.set(link.index, link);
    });
    const addresses = new Map<number, Set<string>>();
    this.#dump(socket, addressDumpRequest, (start, end) => {
      if (this.#reader.type !== RTM_NEWADDR) return;
      const record = decodeAddress(this.#reader.view, start, end);
      if (record === undefined) return;
      const known = addresses.get(record.index);
      if (known === undefined) addresses.set(record.index, new Set([record.address]));
      else known.add(record.address);
    });
    const list = [...links.values()];
    const classes = classifyLinks(list);
    return list.map((link, position) => {
      const { kind, counted, reason } = classes[position] ?? UNCLASSIFIED;
      return {
        name: link.name,
        index: link.index,
        kind,
        up: link.up,
        bytesSent: link.bytesSent,
        bytesReceived: link.bytesReceived,
        packetsSent: link.packetsSent,
        packetsReceived: link.packetsReceived,
        errors: link.errors,
        dropped: link.dropped,
        addresses: [...(addresses.get(link.index) ?? NO_ADDRESSES)],
        counted,
        reason,
      };
    });
  }

  #dump(
    socket: NetlinkSocket,
    request: (sequence: number) => Uint8Array,
    visit: (start: number, end: number) => void,
  ): void {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      this.#sequence = (this.#sequence + 1) >>> 0;
      socket.send(request(this.#sequence));
      if (this.#receive(socket, visit)) return;
    }
  }

  /** Reads one dump to its end; false where it changed under way. Visiting twice is harmless: the last one counts. */
  #receive(socket: NetlinkSocket, visit: (start: number, end: number) => void): boolean {
    let clean = true;
    for (;;) {
      const length = socket.receive(this.#buffer);
      if (length === RECEIVE_OVERFLOW) return false;
      this.#reader.reset(length);
      while (this.#reader.next()) {
        const { type, flags, sequence, bodyStart, bodyEnd } = this.#reader;
        if (sequence !== this.#sequence) continue;
        if ((flags & NLM_F_DUMP_INTR) !== 0) clean = false;
        if (type === NLMSG_DONE || type === NLMSG_ERROR) {
          const error = this.#reader.errorNumber();
          if (error === ERRNO.EINTR || error === ERRNO.EBUSY) return false;
          if (error !== 0) throw new NetlinkError("reading the interfaces", error);
          return clean;
        }
        visit(bodyStart, bodyEnd);
      }
      if (this.#reader.malformed) this.#malformed += 1;
    }
  }

  /** Kinds and addresses are not told there; loopback is known by its name. */
  #fromProc(): InterfaceReading {
    let text: string;
    try {
      text = readFileSync(`${this.#procRoot}/net/dev`, "utf8");
    } catch {
      return { interfaces: [], malformed: 0 }; // no source of interface counters is left
    }
    const { rows, malformed } = parseProcNetDevices(text);
    const facts = rows.map((row) => ({
      hardwareType: row.name === "lo" ? ARPHRD_LOOPBACK : 1,
      linkKind: undefined,
      lowerElsewhere: false,
    }));
    const classes = classifyLinks(facts);
    const interfaces: InterfaceSample[] = [];
    for (const [position, row] of rows.entries()) {
      const { kind, counted, reason } = classes[position] ?? UNCLASSIFIED;
      const rest = { index: position + 1, kind, up: true, addresses: NO_ADDRESSES, counted, reason };
      interfaces.push({ ...row, ...rest });
    }
    return { interfaces, malformed };
  }
}
