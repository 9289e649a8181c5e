/**
 * Keeps the kernel from mapping pages of the program's own file that nobody asked for. At each fault it maps the sixteen pages
 * around the one that was touched (mm/memory.c, do_fault_around), and they count as this process's memory: of a program of 80 MB
 * of which little is used here and there, three times what is used. Memory that is registered for asynchronous write
 * protection (userfaultfd(2), Linux 6.7) is mapped page by page; nothing is ever protected, and nothing else changes.
 */
import { ptr } from "bun:ffi";
import { libc } from "../../ffi/linux/libc.ts";

/** asm/unistd_64.h; asm-generic/unistd.h for all others. */
const NUMBERS = {
  x64: { userfaultfd: 323, ioctl: 16 },
  arm64: { userfaultfd: 282, ioctl: 29 },
} as const;
/** asm-generic/fcntl.h, linux/userfaultfd.h */
const O_CLOEXEC = 0o2000000;
const UFFD_USER_MODE_ONLY = 1;
const UFFDIO_API = 0xc018_aa3f;
const UFFDIO_REGISTER = 0xc020_aa00;
const UFFD_API = 0xaan;
const UFFD_FEATURE_WP_ASYNC = 1n << 15n;
const UFFDIO_REGISTER_MODE_WP = 2n;

/** A range of addresses, whole pages. */
export interface Mapping {
  readonly start: number;
  readonly length: number;
}

/** Holds until the process ends. Undefined where the kernel can't do that, or doesn't let it. */
export class SinglePages {
  readonly #descriptor: number;
  readonly #ioctl: number;

  private constructor(descriptor: number, ioctl: number) {
    this.#descriptor = descriptor;
    this.#ioctl = ioctl;
  }

  static open(): SinglePages | undefined {
    const numbers =
      process.arch === "x64" ? NUMBERS.x64 : process.arch === "arm64" ? NUMBERS.arm64 : undefined;
    if (numbers === undefined) return undefined;
    const { userfaultfd, ioctl } = numbers;
    const descriptor = libc().syscall(userfaultfd, BigInt(O_CLOEXEC | UFFD_USER_MODE_ONLY), 0n, 0n, 0n);
    if (descriptor < 0) return undefined;
    // struct uffdio_api: api, features, ioctls
    const api = BigUint64Array.of(UFFD_API, UFFD_FEATURE_WP_ASYNC, 0n);
    if (libc().syscall(ioctl, BigInt(descriptor), BigInt(UFFDIO_API), BigInt(ptr(api)), 0n) < 0) {
      libc().close(descriptor);
      return undefined;
    }
    return new SinglePages(descriptor, ioctl);
  }

  /** From the next fault on. A part that the kernel refuses stays as it is. */
  register({ start, length }: Mapping): boolean {
    // struct uffdio_register: start, len, mode, ioctls
    const range = BigUint64Array.of(BigInt(start), BigInt(length), UFFDIO_REGISTER_MODE_WP, 0n);
    const given = [BigInt(this.#descriptor), BigInt(UFFDIO_REGISTER), BigInt(ptr(range)), 0n] as const;
    return libc().syscall(this.#ioctl, ...given) === 0;
  }
}
