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
