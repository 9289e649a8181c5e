/**
 * Blocking and non-blocking TCP over the C library, for programs that have to know exactly how many bytes each call
 * took or gave: the ground truth that the capture is measured by.
 */
import { ptr } from "bun:ffi";
import {
  AF_INET,
  AF_INET6,
  cInt,
  errno,
  ERRNO,
  errnoName,
  libc,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SO_LINGER,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../../ffi/linux/libc.ts";
import { formatIpv4, formatIpv6, parseIp } from "../../../src/lib/ip.ts";

const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const POLLIN = 1;
const POLLOUT = 4;
const MSG_PEEK = 2;

/** One connection as its program counted it. */
export interface Counted {
  readonly local: string;
  readonly remote: string;
  readonly sent: number;
  readonly received: number;
}

/** One TCP socket that counts what passes through its calls. */
export class CountingSocket {
  readonly fd: number;
  local = "";
  remote = "";
  sent = 0;
  received = 0;
  closed = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** `address` may be v4-mapped: then the socket is an IPv6 one. */
  static connect(address: string, port: number): CountingSocket {
    const sockaddr = socketAddress(address, port);
    const socket = new CountingSocket(open(address));
    must("connect", libc().connect(socket.fd, sockaddr, sockaddr.length));
    socket.learnEnds();
    return socket;
  }

  /** `peer`, where it is known already: that of a connection that was reset is told by nobody any more. */
  learnEnds(peer?: Uint8Array): void {
    const buffer = new Uint8Array(28);
    const length = Int32Array.of(28);
    must("getsockname", libc().getsockname(this.fd, buffer, length));
    this.local = textOf(buffer);
    length[0] = 28;
    if (peer === undefined) must("getpeername", libc().getpeername(this.fd, buffer, length));
    this.remote = textOf(peer ?? buffer);
  }

  /** Sends all, blocking. */
  send(byteCount: number): void {
    let left = byteCount;
    while (left > 0) {
      const chunk = Math.min(left, PATTERN.length);
      const count = must("send", libc().send(this.fd, PATTERN, chunk, MSG_NOSIGNAL));
      this.sent += count;
      left -= count;
    }
  }

  /** Sends what fits now; the number of bytes that the kernel took, or the negative error number. */
  trySend(byteCount: number): number {
    const count = libc().send(
      this.fd,
      PATTERN,
      Math.min(byteCount, PATTERN.length),
      MSG_NOSIGNAL | MSG_DONTWAIT,
    );
    if (count < 0) return -errno();
    this.sent += count;
    return count;
  }

  /** Sends these bytes, blocking: for the few that mean something. */
  sendBytes(bytes: Uint8Array): void {
    this.sent += must("send", libc().send(this.fd, bytes, bytes.length, MSG_NOSIGNAL));
  }

  /** Sends a file's bytes by sendfile until `byteCount` are sent. */
  sendFile(file: number, byteCount: number): void {
    let left = byteCount;
    const offset = BigInt64Array.of(0n);
    while (left > 0) {
      const count = libc().sendfile(this.fd, file, ptr(offset), left);
      if (count < 0 && errno() === ERRNO.EAGAIN) {
        this.waitFor("out");
        continue;
      }
      must("sendfile", count);
      if (count === 0) throw new Error("the file is shorter than what it should send");
      this.sent += count;
      left -= count;
    }
  }

  /** Receives exactly so many bytes, blocking; fewer where the stream ends. Returns how many. */
  receive(byteCount: number): number {
    let left = byteCount;
    while (left > 0) {
      const count = libc().recv(this.fd, SCRATCH, Math.min(left, SCRATCH.length), 0);
      if (count <= 0) break;
      this.received += count;
      left -= count;
    }
    return byteCount - left;
  }

  /** Receives what is there: bytes, 0 at the end of the stream, or the negative error number. */
  tryReceive(limit = SCRATCH.length): number {
    const count = libc().recv(this.fd, SCRATCH, Math.min(limit, SCRATCH.length), MSG_DONTWAIT);
    if (count < 0) return -errno();
    this.received += count;
    return count;
  }

  /** Waits until so many bytes have come, and counts them without reading them: the kernel has received them. */
  leaveUnread(byteCount: number): void {
    for (;;) {
      const count = must("recv", libc().recv(this.fd, SCRATCH, SCRATCH.length, MSG_PEEK));
      if (count === 0) throw new Error("the stream ended too early");
      if (count < byteCount) continue;
      this.received += count;
      return;
    }
  }

  waitFor(direction: "in" | "out"): void {
    pollOne(this.fd, direction === "in" ? POLLIN : POLLOUT);
  }

  shutdownSending(): void {
    must("shutdown", libc().shutdown(this.fd, 1));
  }

  smallSendBuffer(): void {
    must("setsockopt", libc().setsockopt(this.fd, SOL_SOCKET, SO_SNDBUF, cInt(8192), 4));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    must("close", libc().close(this.fd));
  }

  /** A close with linger 0: the connection is reset. */
  reset(): void {
    must("setsockopt", libc().setsockopt(this.fd, SOL_SOCKET, SO_LINGER, Int32Array.of(1, 0), 8));
    this.close();
  }

  counted(): Counted {
    return { local: this.local, remote: this.remote, sent: this.sent, received: this.received };
  }
}

const PATTERN = new Uint8Array(256 * 1024).fill(0x77);
const SCRATCH = new Uint8Array(256 * 1024);

/** What the first bytes of the last received chunk were. */
export function lastChunk(): DataView {
  return new DataView(SCRATCH.buffer);
}

/** Listens on an address and a port that the kernel chooses. */
export function listen(address: string): { readonly fd: number; readonly port: number } {
  const fd = open(address);
  if (address.includes(":")) libc().setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, cInt(0), 4);
  const sockaddr = socketAddress(address, 0);
  must("bind", libc().bind(fd, sockaddr, sockaddr.length));
  must("listen", libc().listen(fd, 1024));
  const buffer = new Uint8Array(28);
  must("getsockname", libc().getsockname(fd, buffer, Int32Array.of(28)));
  return { fd, port: new DataView(buffer.buffer).getUint16(2, false) };
}

/** The next connection, or undefined where none waits. */
export function accept(listener: number): CountingSocket | undefined {
  if (!pollOne(listener, POLLIN, 0)) return undefined;
  const peer = new Uint8Array(28);
  const fd = must("accept4", libc().accept4(listener, peer, Int32Array.of(28), SOCK_CLOEXEC));
  const socket = new CountingSocket(fd);
  socket.learnEnds(peer);
  return socket;
}

/** The positions of those descriptors that something can be done with; waits up to `timeoutMs`. */
export function ready(wanted: readonly { fd: number; out: boolean }[], timeoutMs: number): number[] {
  const buffer = new Uint8Array(wanted.length * 8);
  const view = new DataView(buffer.buffer);
  for (const [index, { fd, out }] of wanted.entries()) {
    view.setInt32(index * 8, fd, true);
    view.setInt16(index * 8 + 4, POLLIN | (out ? POLLOUT : 0), true);
  }
  if (libc().poll(buffer, wanted.length, timeoutMs) <= 0) return [];
  return [...wanted.keys()].filter((index) => view.getInt16(index * 8 + 6, true) !== 0);
}

function pollOne(fd: number, events: number, timeoutMs = 60_000): boolean {
  const buffer = new Uint8Array(8);
  const view = new DataView(buffer.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  return libc().poll(buffer, 1, timeoutMs) > 0;
}

function open(address: string): number {
  const family = address.includes(":") ? AF_INET6 : AF_INET;
  return must("socket", libc().socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

function socketAddress(address: string, port: number): Uint8Array {
  const bytes = parseIp(address);
  if (bytes === undefined) throw new Error(`${address} is no address`);
  const sockaddr = new Uint8Array(bytes.length === 4 ? 16 : 28);
  const view = new DataView(sockaddr.buffer);
  view.setUint16(0, bytes.length === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port, false);
  sockaddr.set(bytes, bytes.length === 4 ? 4 : 8);
  return sockaddr;
}

/** `address|port`, the address canonical, v4-mapped ones as IPv4. */
function textOf(sockaddr: Uint8Array): string {
  const view = new DataView(sockaddr.buffer);
  const port = view.getUint16(2, false);
  const address = view.getUint16(0, true) === AF_INET ? formatIpv4(sockaddr, 4) : formatIpv6(sockaddr, 8);
  return `${address}|${port}`;
}

function must(what: string, result: number): number {
  if (result >= 0) return result;
  const error = errno();
  throw new Error(`${what}: ${errnoName(error)}`);
}
