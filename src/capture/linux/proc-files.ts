/**
 * Fast reading of /proc: directories, links and small files by system calls into reused buffers, without a JavaScript
 * string or object per file descriptor. Whatever vanishes or may not be read is absence, a value.
 */
import { ptr, type Pointer } from "bun:ffi";
import {
  AT_FDCWD,
  cString,
  errno,
  ERRNO,
  libc,
  O_CLOEXEC,
  O_DIRECTORY,
  O_RDONLY,
} from "../../../ffi/linux/libc.ts";
import { WbError } from "../../model/errors.ts";

/** Why nothing was read: the process is gone, or this user may not look. */
export type ProcAbsence = "gone" | "forbidden";

const DIRECTORY_BUFFER_BYTES = 64 * 1024;
const FILE_BUFFER_BYTES = 32 * 1024;
const LINK_BUFFER_BYTES = 4096;
const PATH_BUFFER_BYTES = 64;
/** struct linux_dirent64 (man 2 getdents64): d_ino u64, d_off i64, d_reclen u16 at 16, d_type u8, d_name from 19. */
const RECORD_LENGTH_OFFSET = 16;
const NAME_OFFSET = 19;
const ZERO = 48;
const NINE = 57;
/** `socket:[`, as readlink answers it for a socket's descriptor, in two little-endian words. */
const SOCKET_WORD_0 = 0x6b_63_6f_73;
const SOCKET_WORD_1 = 0x5b_3a_74_65;
const SOCKET_PREFIX_LENGTH = 8;

export class ProcFiles implements Disposable {
  readonly root: string;
  readonly #root: number;
  readonly #directory = new Uint8Array(DIRECTORY_BUFFER_BYTES);
  readonly #directoryView = new DataView(this.#directory.buffer);
  readonly #file = new Uint8Array(FILE_BUFFER_BYTES);
  readonly #link = new Uint8Array(LINK_BUFFER_BYTES);
  readonly #linkView = new DataView(this.#link.buffer);
  /** Where the two buffers are in memory: they live as long as this object, and passing numbers is the fastest call. */
  readonly #directoryAddress = ptr(this.#directory);
  readonly #linkAddress = ptr(this.#link);
  readonly #path = new Uint8Array(PATH_BUFFER_BYTES);
  readonly #decoder = new TextDecoder();
  #closed = false;

  /** Throws WbError("unavailable") where there is no such directory. */
  constructor(root = "/proc") {
    this.root = root;
    this.#root = libc().openat(AT_FDCWD, cString(root), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (this.#root < 0) {
      throw new WbError("unavailable", `${root} can't be opened`, {
        hint: "Mount the proc file system there: mount -t proc proc /proc",
      });
    }
  }

  /** The processes that this one can see; the kernel tells them in ascending order. */
  pids(): number[] {
    const pids: number[] = [];
    // A directory is read from its beginning by a descriptor of its own.
    const fd = libc().openat(this.#root, cString("."), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return pids;
    this.#eachNumber(fd, (pid) => {
      pids.push(pid);
    });
    libc().close(fd);
    return pids;
  }

  /**
   * Tells the inode of each socket that the process holds, once per descriptor. Returns how many descriptors were looked
   * at, or why none could be.
   */
  sockets(pid: number, visit: (inode: number) => void): number | ProcAbsence {
    const fd = libc().openat(this.#root, this.#pathOf(pid, "fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return absence(errno());
    let count = 0;
    this.#eachNumber(fd, (_number, nameStart) => {
      count += 1;
      const inode = this.#socketInode(fd, nameStart);
      if (inode > 0) visit(inode);
    });
    libc().close(fd);
    return count;
  }

  /** The first 32 KiB of a file of the process; the bytes are valid until the next call. */
  read(pid: number, name: string): Uint8Array | ProcAbsence {
    const fd = libc().openat(this.#root, this.#pathOf(pid, name), O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return absence(errno());
    let length = 0;
    let error = 0;
    while (length < this.#file.length) {
      const room = this.#file.subarray(length);
      const count = libc().read(fd, room, room.length);
      if (count < 0) error = errno();
      if (count <= 0 && error !== ERRNO.EINTR) break;
      error = 0;
      length += Math.max(0, count);
    }
    libc().close(fd);
    return error === 0 ? this.#file.subarray(0, length) : absence(error);
  }

  /** Where a link of the process points to; undefined where it may not be read or there is none. */
  link(pid: number, name: string): string | undefined {
    const length = libc().readlinkat(this.#root, this.#pathOf(pid, name), this.#link, this.#link.length);
    if (length < 0) return undefined;
    return this.#decoder.decode(this.#link.subarray(0, length));
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    libc().close(this.#root);
  }

  /** Visits the entries whose name is a number, with where that name begins in the directory buffer. */
  #eachNumber(fd: number, visit: (value: number, nameStart: number) => void): void {
    for (;;) {
      const length = libc().getdents64(fd, this.#directory, this.#directory.length);
      if (length <= 0) return;
      let position = 0;
      while (position + NAME_OFFSET < length) {
        const recordLength = this.#directoryView.getUint16(position + RECORD_LENGTH_OFFSET, true);
        if (recordLength <= NAME_OFFSET) return;
        const value = decimalAt(this.#directory, position + NAME_OFFSET);
        if (value >= 0) visit(value, position + NAME_OFFSET);
        position += recordLength;
      }
    }
  }

  /** The inode in `socket:[123]`; 0 where the descriptor is something else. */
  #socketInode(directory: number, nameStart: number): number {
    const name = (this.#directoryAddress + nameStart) as Pointer;
    const size = libc().readlinkat(directory, name, this.#linkAddress, LINK_BUFFER_BYTES);
    if (size <= SOCKET_PREFIX_LENGTH) return 0;
    if (this.#linkView.getUint32(0, true) !== SOCKET_WORD_0) return 0;
    if (this.#linkView.getUint32(4, true) !== SOCKET_WORD_1) return 0;
    let inode = 0;
    for (let index = SOCKET_PREFIX_LENGTH; index < size; index += 1) {
      const digit = this.#linkView.getUint8(index) - ZERO;
      if (digit < 0 || digit > 9) break;
      inode = inode * 10 + digit;
    }
    return inode;
  }

  /** `<pid>/<name>` with its NUL, in the reused buffer. */
  #pathOf(pid: number, name: string): Uint8Array {
    const text = `${pid}/${name}\0`;
    for (let index = 0; index < text.length; index += 1) this.#path[index] = text.charCodeAt(index);
    return this.#path;
  }
}

function absence(error: number): ProcAbsence {
  return error === ERRNO.EACCES || error === ERRNO.EPERM ? "forbidden" : "gone";
}

/** The decimal number of a NUL-terminated name; -1 where it is none. */
function decimalAt(bytes: Uint8Array, start: number): number {
  let value = 0;
  let position = start;
  for (; position < bytes.length; position += 1) {
    const byte = bytes[position] ?? 0;
    if (byte === 0) break;
    if (byte < ZERO || byte > NINE) return -1;
    value = value * 10 + (byte - ZERO);
  }
  return position === start ? -1 : value;
}
