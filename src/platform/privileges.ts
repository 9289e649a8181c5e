/** What this process may do. */
import { readFileSync } from "node:fs";

/** linux/capability.h */
const CAP_SYS_PTRACE = 19;

/** Effective user id; undefined where the system has none. */
export function effectiveUserId(): number | undefined {
  return process.geteuid?.();
}

/**
 * Whether the descriptors of other users' processes may be read: by CAP_SYS_PTRACE on Linux (man 5 proc, /proc/PID/fd),
 * which root has unless it was taken away.
 */
export function maySeeAllProcesses(procRoot = "/proc"): boolean {
  try {
    const match = /^CapEff:\t([0-9a-f]{1,16})$/m.exec(readFileSync(`${procRoot}/self/status`, "utf8"));
    if (match?.[1] === undefined) return effectiveUserId() === 0;
    return ((BigInt(`0x${match[1]}`) >> BigInt(CAP_SYS_PTRACE)) & 1n) === 1n;
  } catch {
    return effectiveUserId() === 0; // no proc file system: what the user id promises
  }
}
