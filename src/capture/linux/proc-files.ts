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
  SEEK_SET,
} from "../../../ffi/linux/libc.ts";
import { WbError } from "../../model/errors.ts";

/** Why nothing was read: the process is gone, or this user may not look. */
export type ProcAbsence = "gone" | "forbidden";

const DIRECTORY_BUFFER_BYTES = 64 * 1024;
const FILE_BUFFER_BYTES = 32 * 1024;
const LINK_BUFFER_BYTES = 4096;
const PATH_BUFFER_BYTES = 64;
const NUMBER_BUFFER_BYTES = 16;
/**
 * The kernel gives a new descriptor the lowest free number, so there are few gaps: from this many descriptors on they are
 * asked for by number, which spares the kernel from listing them, the greater half of the work. So many gaps are borne.
 */
const COUNTED_MIN = 16;
const GAPS_MIN = 8;
/** Where the entry of descriptor 0 is in its directory, after `.` and `..` (fs/proc/fd.c, proc_readfd_common). */
const FIRST_DESCRIPTOR_POSITION = 2;
/** struct linux_dirent64 (man 2 getdents64): d_ino u64, d_off i64, d_reclen u16 at 16, d_type u8, d_name from 19. */
const RECORD_LENGTH_OFFSET = 16;
const NAME_OFFSET = 19;
const ZERO = 48;
const NINE = 57;
/** struct statx (man 2 statx; linux/stat.h): stx_size is a u64 at 40. */
const STATX_BYTES = 256;
const STATX_SIZE = 0x200;
const STATX_SIZE_OFFSET = 40;
/** What readlink answers for a socket's descriptor, before the inode. */
const SOCKET_PREFIX = new TextEncoder().encode("socket:[");

export class ProcFiles implements Disposable {
  readonly root: string;
  /** -1 once it is closed: then every process is gone. */
  #root: number;
  readonly #directory = new Uint8Array(DIRECTORY_BUFFER_BYTES);
  readonly #directoryView = new DataView(this.#directory.buffer);
  readonly #file = new Uint8Array(FILE_BUFFER_BYTES);
  readonly #link = new Uint8Array(LINK_BUFFER_BYTES);
  /** Where the two buffers are in memory: they live as long as this object, and passing numbers is the fastest call. */
  readonly #directoryAddress = ptr(this.#directory);
  readonly #linkAddress = ptr(this.#link);
  readonly #number = new Uint8Array(NUMBER_BUFFER_BYTES);
  readonly #numberAddress = ptr(this.#number);
  readonly #path = new Uint8Array(PATH_BUFFER_BYTES);
  readonly #statx = new Uint8Array(STATX_BYTES);
  readonly #statxView = new DataView(this.#statx.buffer);
  readonly #decoder = new TextDecoder();
  /** Whether the kernel tells how many descriptors a process has: then we have some ourselves. */
  readonly #countsDescriptors: boolean;
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
    this.#countsDescriptors = this.#directorySize("self") > 0;
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
   * at, or why none could be. `expected`: what `descriptorCount` says; it makes this faster, and what is found the same.
   */
  sockets(pid: number, visit: (inode: number) => void, expected: number | undefined): number | ProcAbsence {
    if (expected === 0) return 0; // a kernel thread
    const fd = libc().openat(this.#root, this.#pathOf(pid, "fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return absence(errno());
    let count = 0;
    if (expected !== undefined && expected >= COUNTED_MIN) count = this.#visitCounted(fd, expected, visit);
    count += this.#visitListed(fd, visit);
    libc().close(fd);
    return count;
  }

  /**
   * How many descriptors the process has; undefined where the kernel doesn't tell (before Linux 6.2), or it is gone. It
   * costs about as much as looking at one of them.
   */
  descriptorCount(pid: number): number | undefined {
    const size = this.#countsDescriptors ? this.#directorySize(pid) : -1;
    return size < 0 ? undefined : size;
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
    this.#root = -1;
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

  /** By the entries of the directory from where it stands, in whatever order; returns how many there were. */
  #visitListed(directory: number, visit: (inode: number) => void): number {
    let count = 0;
    this.#eachNumber(directory, (_number, nameStart) => {
      count += 1;
      const inode = this.#socketInode(directory, (this.#directoryAddress + nameStart) as Pointer);
      if (inode > 0) visit(inode);
    });
    return count;
  }

  /**
   * By number from 0 on, until there were as many as expected or too many gaps. The directory then stands behind the last
   * one: what was opened meanwhile, or comes after a gap, is left for listing. Returns how many there were.
   */
  #visitCounted(directory: number, expected: number, visit: (inode: number) => void): number {
    let gaps = GAPS_MIN + (expected >> 2);
    let count = 0;
    let number = 0;
    this.#number.fill(0);
    this.#number[0] = ZERO;
    for (; count < expected && gaps >= 0; number += 1) {
      if (number > 0) this.#increment();
      const inode = this.#socketInode(directory, this.#numberAddress);
      if (inode < 0) gaps -= 1;
      else count += 1;
      if (inode > 0) visit(inode);
    }
    libc().lseek(directory, FIRST_DESCRIPTOR_POSITION + number, SEEK_SET);
    return count;
  }

  /** The inode in `socket:[123]`; 0 where the descriptor is something else, -1 where there is none. */
  #socketInode(directory: number, name: Pointer): number {
    const size = libc().readlinkat(directory, name, this.#linkAddress, LINK_BUFFER_BYTES);
    if (size < 0) return -1;
    if (size <= SOCKET_PREFIX.length) return 0;
    const link = this.#link;
    let index = 0;
    for (; index < SOCKET_PREFIX.length; index += 1) if (link[index] !== SOCKET_PREFIX[index]) return 0;
    let inode = 0;
    for (; index < size; index += 1) {
      const digit = (link[index] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      inode = inode * 10 + digit;
    }
    return inode;
  }

  /**
   * The size of the directory of descriptors; -1 where there is none. In proc it is their number since Linux 6.2
   * (fs/proc/fd.c, proc_fd_getattr), and 0 before.
   */
  #directorySize(process: number | "self"): number {
    const result = libc().statx(this.#root, this.#pathOf(process, "fd"), 0, STATX_SIZE, this.#statx);
    // The upper half of the size is 0: a process has at most 2^31 descriptors.
    return result < 0 ? -1 : this.#statxView.getUint32(STATX_SIZE_OFFSET, true);
  }

  /** Counts the number in its buffer on: decimal digits, ended by a NUL. */
  #increment(): void {
    const digits = this.#number;
    const length = digits.indexOf(0);
    let index = length - 1;
    for (; index >= 0 && digits[index] === NINE; index -= 1) digits[index] = ZERO;
    if (index >= 0) {
      digits[index] = (digits[index] ?? 0) + 1;
    } else {
      // All were nines: 1 and as many noughts.
      digits[0] = ZERO + 1;
      digits[length] = ZERO;
    }
  }

  /** `<pid>/<name>` with its NUL, in the reused buffer. */
  #pathOf(pid: number | "self", name: string): Uint8Array {
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
