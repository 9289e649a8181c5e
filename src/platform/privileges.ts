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
 * which root has unless it was taken away. In a user namespace of its own (man 7 user_namespaces) it has it only over
 * that namespace's processes.
 */
export function maySeeAllProcesses(procRoot = "/proc"): boolean {
  try {
    const match = /^CapEff:\t([0-9a-f]{1,16})$/m.exec(readFileSync(`${procRoot}/self/status`, "utf8"));
    if (match?.[1] === undefined) return effectiveUserId() === 0;
    if (((BigInt(`0x${match[1]}`) >> BigInt(CAP_SYS_PTRACE)) & 1n) === 0n) return false;
    return isInitialUserNamespace(procRoot);
  } catch {
    return effectiveUserId() === 0; // no proc file system: what the user id promises
  }
}

/** The first user namespace maps all ids to themselves: `0 0 4294967295`. A kernel without user namespaces has no map. */
function isInitialUserNamespace(procRoot: string): boolean {
  try {
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync(`${procRoot}/self/uid_map`, "utf8"));
  } catch {
    return true;
  }
}
