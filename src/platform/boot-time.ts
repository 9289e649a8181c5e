/** CLOCK_BOOTTIME: the clock that kernel records and the start times of processes are told by. It counts suspends too. */
import { errno, errnoName, libc } from "../../ffi/linux/libc.ts";

/** linux/time.h. */
const CLOCK_BOOTTIME = 7;
const timespec = new BigInt64Array(2);

/** Nanoseconds since boot, exact to the precision of a number: about a microsecond after 104 days. */
export function bootTimeNs(): number {
  if (libc().clock_gettime(CLOCK_BOOTTIME, timespec) < 0) {
    throw new Error(`there is no CLOCK_BOOTTIME: ${errnoName(errno())}`);
  }
  return Number(timespec[0] ?? 0n) * 1e9 + Number(timespec[1] ?? 0n);
}
