/**
 * Files of /proc/PID (man 5 proc): stat, status and cmdline. Pure; a file that is not what it should be is undefined,
 * because a process that ends while it is read leaves an empty one.
 */

export interface ProcStat {
  /** The kernel's short name, at most 15 bytes; may hold any byte but NUL. */
  readonly comm: string;
  readonly parentPid: number;
  /** User and system time in clock ticks. */
  readonly cpuTicks: number;
  /** Clock ticks from boot to the start. */
  readonly startTicks: number;
  readonly residentPages: number;
}

const decoder = new TextDecoder();

/** Of /proc/PID/stat. The name is between the first `(` and the last `)`: it may hold both, and spaces. */
export function parseProcStat(bytes: Uint8Array): ProcStat | undefined {
  const open = bytes.indexOf(0x28);
  const close = bytes.lastIndexOf(0x29);
  if (open < 0 || close < open) return undefined;
  const fields = decoder.decode(bytes.subarray(close + 2)).split(" ");
  // The first of these is field 3, the state.
  const field = (number: number): number => Number(fields[number - 3]);
  const stat = {
    comm: decoder.decode(bytes.subarray(open + 1, close)),
    parentPid: field(4),
    cpuTicks: field(14) + field(15),
    startTicks: field(22),
    residentPages: field(24),
  };
  const whole = [stat.parentPid, stat.cpuTicks, stat.startTicks, stat.residentPages].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  );
  return whole ? stat : undefined;
}

/** The numbers of /proc/PID/stat that a scan of all processes looks at, for an object that is used again. */
export interface ScannedStat {
  comm: string;
  parentPid: number;
  /** Clock ticks from boot to the start. */
  startTicks: number;
  cpuTicks: number;
  residentPages: number;
  isKernelThread: boolean;
  /** Nothing of it runs any more: it only waits for its parent to take notice. */
  hasEnded: boolean;
}

/** Fields of man 5 proc_pid_stat. */
const STATE = 3;
const PARENT = 4;
const FLAGS = 9;
const USER_TIME = 14;
const SYSTEM_TIME = 15;
const THREADS = 20;
const START_TIME = 22;
const RESIDENT = 24;
/** PF_KTHREAD, linux/sched.h. */
const KERNEL_THREAD = 0x0020_0000;
/** The states Z, X and x. */
const ENDED_STATES = [0x5a, 0x58, 0x78];

/** Reads /proc/PID/stat into an object, with no other object but the name. False where it is not what it should be. */
export function scanProcStat(bytes: Uint8Array, into: ScannedStat): boolean {
  const open = bytes.indexOf(0x28);
  const close = bytes.lastIndexOf(0x29);
  if (open < 0 || close < open) return false;
  into.comm = decoder.decode(bytes.subarray(open + 1, close));
  into.cpuTicks = 0;
  let field = STATE;
  let state = 0;
  let threads = 0;
  for (let position = close + 2; field <= RESIDENT && position < bytes.length; field += 1) {
    if (field === STATE) state = bytes[position] ?? 0;
    let value = 0;
    for (; position < bytes.length; position += 1) {
      const digit = (bytes[position] ?? 0) - 0x30;
      if (digit === 0x20 - 0x30 || digit === 0x0a - 0x30) break;
      if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    }
    position += 1;
    if (field === PARENT) into.parentPid = value;
    else if (field === FLAGS) into.isKernelThread = (value & KERNEL_THREAD) !== 0;
    else if (field === USER_TIME || field === SYSTEM_TIME) into.cpuTicks += value;
    else if (field === THREADS) threads = value;
    else if (field === START_TIME) into.startTicks = value;
    else if (field === RESIDENT) into.residentPages = value;
  }
  // The first thread of a process may end before the others.
  into.hasEnded = ENDED_STATES.includes(state) && threads <= 1;
  return field > RESIDENT && Number.isSafeInteger(into.startTicks);
}

/** The real user id of /proc/PID/status. */
export function parseStatusUserId(bytes: Uint8Array): number | undefined {
  const match = /^Uid:\t(\d{1,10})\t/m.exec(decoder.decode(bytes));
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/**
 * The arguments of /proc/PID/cmdline, each ended by a NUL; empty ones are kept, but for the rest of a program that has
 * written a title over its arguments and NULs after it (setproctitle: node, sshd, postgres).
 */
export function parseCommandLine(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  const text = decoder.decode(bytes);
  const parts = text.split("\0");
  if (parts.at(-1) === "") parts.pop();
  const isTitle = parts.length > 2 && parts.every((part, index) => (part === "") === index > 0);
  return isTitle ? parts.slice(0, 1) : parts;
}

/** The moment of boot in Unix seconds: `btime` of /proc/stat. */
export function parseBootTime(text: string): number | undefined {
  const match = /^btime (\d{1,12})$/m.exec(text);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
