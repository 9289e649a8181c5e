/** Medians and percentiles, and what the kernel says a process has used. */
import { readFileSync } from "node:fs";

/** USER_HZ, the unit of times in /proc/PID/stat (proc(5)): 100 on every Linux of today. */
const TICKS_PER_SECOND = 100;

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The smallest value that so many percent of all are not above (nearest rank). NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((values.length * percent) / 100));
  return values.toSorted((left, right) => left - right)[rank - 1] ?? Number.NaN;
}

/** Seconds of processor time. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

/** Of a process and its threads, in steps of 10 ms. */
export function cpuOf(pid: number): CpuTime {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // After the name, which may hold anything: utime and stime are fields 14 and 15 of all, 12 and 13 of these.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { user: Number(fields[11]) / TICKS_PER_SECOND, system: Number(fields[12]) / TICKS_PER_SECOND };
}

/** What was used between two looks, as a part of one core over so many seconds. */
export function shareOf(before: CpuTime, after: CpuTime, seconds: number): CpuTime {
  return { user: (after.user - before.user) / seconds, system: (after.system - before.system) / seconds };
}

/** Bytes of memory that are resident: now, at most so far, and now without what the program's files hold. */
export interface Memory {
  readonly residentBytes: number;
  readonly peakBytes: number;
  readonly anonymousBytes: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? Number.NaN) * 1024;
  return { residentBytes: bytes("VmRSS"), peakBytes: bytes("VmHWM"), anonymousBytes: bytes("RssAnon") };
}

export function percentText(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
