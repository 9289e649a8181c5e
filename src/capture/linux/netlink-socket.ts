/**
 * A netlink socket: open, ask, receive, join groups. Every failure is told as an error number or as a value; nothing
 * blocks for longer than two seconds.
 */
import {
  AF_NETLINK,
  cInt,
  errno,
  ERRNO,
  errnoName,
  libc,
  MSG_DONTWAIT,
  MSG_TRUNC,
  NETLINK_ADD_MEMBERSHIP,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from "../../../ffi/linux/libc.ts";
import { WbError } from "../../model/errors.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;

/** sockaddr_nl: family, padding, port id (0: the kernel chooses), groups. */
const SOCKADDR_NL_SIZE = 12;
/** The longest that a reply may take; a dump's parts are made while they are received, so this is a safety net. */
const RECEIVE_TIMEOUT_SECONDS = 2;

/** What `receive` answers in place of a length. */
export const RECEIVE_NOTHING = 0;
/** The kernel dropped messages that didn't fit into the socket's buffer. */
export const RECEIVE_OVERFLOW = -1;

/** Refused by the kernel, with the error number: which one decides between falling back and failing. */
export class NetlinkError extends WbError {
  readonly errorNumber: number;

  constructor(what: string, errorNumber: number) {
    const refused = errorNumber === ERRNO.EPERM || errorNumber === ERRNO.EACCES;
    super(refused ? "permission" : "unavailable", `${what}: ${errnoName(errorNumber)}`);
    this.name = "NetlinkError";
    this.errorNumber = errorNumber;
  }
}

export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  /** Length of the last message as the kernel had it; greater than the buffer's where it was cut. */
  truncated = false;
  #closed = false;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Throws NetlinkError where the kernel refuses. */
  static open(protocol: number): NetlinkSocket {
    const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0) throw new NetlinkError("opening a netlink socket", errno());
    const socket = new NetlinkSocket(fd);
    const address = new Uint8Array(SOCKADDR_NL_SIZE);
    new DataView(address.buffer).setUint16(0, AF_NETLINK, true);
    if (libc().bind(fd, address, SOCKADDR_NL_SIZE) < 0) {
      const error = errno();
      socket.close();
      throw new NetlinkError("binding a netlink socket", error);
    }
    const timeout = BigInt64Array.of(BigInt(RECEIVE_TIMEOUT_SECONDS), 0n);
    libc().setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.byteLength);
    return socket;
  }

  /** Throws NetlinkError where the kernel refuses. */
  join(group: number): void {
    if (libc().setsockopt(this.#fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, cInt(group), 4) < 0) {
      throw new NetlinkError(`joining netlink group ${group}`, errno());
    }
  }

  /**
   * Asks for a receive buffer of `bytes`; beyond net.core.rmem_max only with CAP_NET_ADMIN. Returns what the kernel
   * now accounts against: twice what was granted (man 7 socket).
   */
  growReceiveBuffer(bytes: number): number {
    if (libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, cInt(bytes), 4) < 0) {
      libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, cInt(bytes), 4);
    }
    const value = new Int32Array(1);
    const length = Int32Array.of(4);
    return libc().getsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, value, length) < 0 ? 0 : (value[0] ?? 0);
  }

  /** Throws NetlinkError where the kernel refuses. */
  send(message: Uint8Array): void {
    for (;;) {
      if (libc().send(this.#fd, message, message.length, 0) >= 0) return;
      const error = errno();
      if (error !== ERRNO.EINTR) throw new NetlinkError("sending a netlink request", error);
    }
  }

  /** Waits for one datagram; returns its length in the buffer, or RECEIVE_OVERFLOW. Throws NetlinkError. */
  receive(buffer: Uint8Array): number {
    return this.#receive(buffer, 0);
  }

  /** As `receive`, but RECEIVE_NOTHING at once where nothing has come. */
  receiveNow(buffer: Uint8Array): number {
    return this.#receive(buffer, MSG_DONTWAIT);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    libc().close(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #receive(buffer: Uint8Array, flags: number): number {
    for (;;) {
      const length = libc().recv(this.#fd, buffer, buffer.length, flags | MSG_TRUNC);
      if (length >= 0) {
        this.truncated = length > buffer.length;
        return Math.min(length, buffer.length);
      }
      const error = errno();
      if (error === ERRNO.ENOBUFS) return RECEIVE_OVERFLOW;
      if (error === ERRNO.EAGAIN && flags !== 0) return RECEIVE_NOTHING;
      if (error !== ERRNO.EINTR) throw new NetlinkError("receiving from netlink", error);
    }
  }
}
