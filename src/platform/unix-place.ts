/**
 * The place of a listening Unix socket in the file system: taken without ever being open to others, over nobody's file,
 * symlink or living socket, and given back only if it is still the same. Linux only.
 */
import { type BigIntStats, lstatSync, unlinkSync } from "node:fs";
import { isAbsolute } from "node:path";
import {
  AF_UNIX,
  errno,
  ERRNO,
  errnoName,
  libc,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "../../ffi/linux/libc.ts";
import { WbError } from "../model/errors.ts";

/** struct sockaddr_un (linux/un.h): the family, then 108 bytes with the final NUL. */
const PATH_BYTES_MAX = 107;
const FAMILY_BYTES = 2;
/** Of the socket's file: read and write for its owner. Whoever starts it may widen that afterwards. */
const OPEN_TO_OWNER_MASK = 0o177;
/** Connections that wait to be accepted. */
const BACKLOG = 64;

export interface UnixPlace {
  /** Of the listening socket; whoever listens on it closes it. */
  readonly descriptor: number;
  /** Removes the socket's file if it is still the one that was made. To be called before the descriptor is closed. */
  release(): void;
}

/** Throws WbError("usage") where no Unix socket can have this path. */
export function checkSocketPath(path: string): void {
  const size = Buffer.byteLength(path);
  if (path.includes("\0") || !isAbsolute(path)) {
    throw new WbError("usage", `${JSON.stringify(path)} is not the path of a socket`, {
      hint: "give an absolute path; abstract sockets are not supported, since anybody may take their names",
    });
  }
  if (size > PATH_BYTES_MAX) {
    throw new WbError("usage", `the socket's path has ${size} bytes, more than ${PATH_BYTES_MAX}: ${path}`, {
      hint: "give a shorter path: the kernel allows no longer one for a socket",
    });
  }
}

/**
 * Makes a listening socket at `path`, for its owner alone (mode 0600) from its first moment. A socket of ours that nobody
 * listens on any more is replaced. Throws WbError where something else is there, or where none may be made.
 */
export function takeUnixPlace(path: string): UnixPlace {
  checkSocketPath(path);
  clearStale(path);
  const descriptor = makeSocket();
  let made: BigIntStats | undefined;
  try {
    bindForOwner(descriptor, path);
    // While the socket is open the kernel keeps its inode, so the number can't become another file's.
    const identity = lstatSync(path, { bigint: true });
    made = identity;
    if (libc().listen(descriptor, BACKLOG) !== 0) throw failure("listen on", path, errno());
    return { descriptor, release: () => removeIfSame(path, identity) };
  } catch (error) {
    if (made !== undefined) removeIfSame(path, made);
    libc().close(descriptor);
    throw error;
  }
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw new WbError("unavailable", `cannot look at ${path}: ${String(error)}`, {
      cause: error,
      hint: "give a path in a directory that you may enter",
    });
  }
}

function removeIfSame(path: string, known: BigIntStats): void {
  const there = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (there !== undefined && there.dev === known.dev && there.ino === known.ino) unlinkSync(path);
}

/** Removes a socket that its owner left behind; throws where anything else is in the way. */
function clearStale(path: string): void {
  const there = statOf(path);
  if (there === undefined) return;
  if (!there.isSocket()) {
    throw new WbError(
      "config",
      `${path} exists and is ${there.isSymbolicLink() ? "a symlink" : "not a socket"}`,
      {
        hint: "remove it, or give another path",
      },
    );
  }
  if (isAnswered(path)) {
    throw new WbError("unavailable", `${path} is in use by another process`, {
      hint: "stop the helper that listens there, or give another path",
    });
  }
  if (there.uid !== BigInt(libc().geteuid())) {
    throw new WbError("permission", `${path} was left behind by another user (${there.uid})`, {
      hint: "remove it, or give another path",
    });
  }
  // Another starter may have replaced it since: then it is not the one that nobody answered.
  removeIfSame(path, there);
}

/** Whether somebody listens there, or may do so: only a clear refusal counts as nobody. */
function isAnswered(path: string): boolean {
  const descriptor = makeSocket();
  try {
    const address = addressOf(path);
    if (libc().connect(descriptor, address, address.byteLength) === 0) return true;
    const error = errno();
    return error !== ERRNO.ECONNREFUSED && error !== ERRNO.ENOENT;
  } finally {
    libc().close(descriptor);
  }
}

function bindForOwner(descriptor: number, path: string): void {
  const address = addressOf(path);
  const mask = process.umask(OPEN_TO_OWNER_MASK); // of the whole process, for the time of one call
  let error = 0;
  try {
    if (libc().bind(descriptor, address, address.byteLength) !== 0) error = errno();
  } finally {
    process.umask(mask);
  }
  if (error !== 0) throw failure("make a socket at", path, error);
}

function makeSocket(): number {
  const descriptor = libc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) throw new WbError("unavailable", `no Unix socket: ${errnoName(errno())}`);
  return descriptor;
}

function addressOf(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  const address = new Uint8Array(FAMILY_BYTES + name.byteLength + 1);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, FAMILY_BYTES);
  return address;
}

function failure(action: string, path: string, error: number): WbError {
  const refused = error === ERRNO.EACCES || error === ERRNO.EPERM;
  const hints = new Map<number, string>([
    [ERRNO.ENOENT, "make its directory first"],
    [ERRNO.EADDRINUSE, "another process made a file there in this moment: try again"],
  ]);
  const hint = refused ? "give a path in a directory that you may write to" : hints.get(error);
  return new WbError(
    refused ? "permission" : "unavailable",
    `cannot ${action} ${path}: ${errnoName(error)}`,
    hint === undefined ? {} : { hint },
  );
}
