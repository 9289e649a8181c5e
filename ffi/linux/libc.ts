/**
 * The C library of Linux (glibc): the one table of what is called in it. Each function is as its page in the Linux
 * manual says (https://man7.org/linux/man-pages/); on failure it returns -1 and `errno()` tells why, if it is asked
 * before anything else is called. Sizes and results fit 31 bits in all uses here, so they are declared as i32.
 */
import { read, type Pointer } from "bun:ffi";
import { LazyLibrary } from "../library.ts";

const library = new LazyLibrary(["libc.so.6"], {
  __errno_location: { args: [], returns: "ptr" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  capget: { args: ["ptr", "ptr"], returns: "i32" },
  capset: { args: ["ptr", "ptr"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  getdents64: { args: ["i32", "ptr", "u64"], returns: "i32" },
  geteuid: { args: [], returns: "u32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  kill: { args: ["i32", "i32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  lseek: { args: ["i32", "u64", "i32"], returns: "i32" },
  memcpy: { args: ["ptr", "ptr", "u64"], returns: "void" },
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
  openat: { args: ["i32", "ptr", "i32", "u32"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  prctl: { args: ["i32", "u64", "ptr", "u64", "u64"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  readlinkat: { args: ["i32", "ptr", "ptr", "u64"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  sendfile: { args: ["i32", "i32", "ptr", "u64"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
  setresuid: { args: ["u32", "u32", "u32"], returns: "i32" },
  setns: { args: ["i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  statx: { args: ["i32", "ptr", "i32", "u32", "ptr"], returns: "i32" },
  syscall: { args: ["i64", "u64", "u64", "u64", "u64"], returns: "i32" },
  sysconf: { args: ["i32"], returns: "i32" },
  vsnprintf: { args: ["ptr", "u64", "ptr", "ptr"], returns: "i32" },
  write: { args: ["i32", "ptr", "u64"], returns: "i32" },
});

export type Libc = typeof library.symbols;

/** Opens the library at the first call. Throws LibraryError where there is no glibc. */
export function libc(): Libc {
  return library.symbols;
}

/** For tests: takes the functions from other files. */
export function useLibcPaths(paths: readonly string[]): void {
  library.usePaths(paths);
  errnoPointer = undefined;
}

let errnoPointer: Pointer | undefined;

/** The error number of the call that just failed on this thread. */
export function errno(): number {
  // The location is fixed per thread, and each thread has its own copy of this module.
  errnoPointer ??= (libc().__errno_location() as Pointer | null) ?? undefined;
  return errnoPointer === undefined ? 0 : read.i32(errnoPointer, 0);
}

/** A path or name as C takes it. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** A four-byte integer as setsockopt and getsockopt take it. */
export function cInt(value: number): Int32Array {
  return Int32Array.of(value);
}

/** Error numbers (asm-generic/errno-base.h and errno.h; the same on x86-64 and arm64). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ENOTSOCK: 88,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
  /** Of the kernel alone (linux/errno.h). */
  ENOTSUPP: 524,
} as const;

const ERRNO_NAMES = new Map<number, string>(Object.entries(ERRNO).map(([name, value]) => [value, name]));

/** `EPERM`, or `errno 77` where the table has no name. */
export function errnoName(value: number): string {
  return ERRNO_NAMES.get(value) ?? `errno ${value}`;
}

/** sys/socket.h, netinet/in.h and linux/netlink.h, as on x86-64 and arm64. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_LINGER = 13;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_RCVBUFFORCE = 33;
export const SOL_NETLINK = 270;
export const NETLINK_ADD_MEMBERSHIP = 1;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;

/** fcntl.h: another descriptor of the same open file, closed at execve. */
export const F_DUPFD_CLOEXEC = 1030;
/** fcntl.h. O_DIRECTORY differs on arm64. */
export const O_RDONLY = 0;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;
export const AT_FDCWD = -100;
export const SEEK_SET = 0;
