/**
 * What the kernel says of the process at the other end of a connection: who it is, what it runs, and from whom it descends.
 * Nothing here is believed of what the process says itself.
 */
import type { ProcessRows } from "../capture/linux/process-rows.ts";
import { withCapability } from "../platform/capabilities.ts";
import { ExecutableIdentity } from "../platform/executable-identity.ts";
import type { ProcessRow } from "../protocol/helper/messages.ts";

/** The first process of the system, or of a container, where it may be a monitor: nobody's child. */
const INIT = 1;
/** sudo, its monitor, a shell in between: more there are not. */
const ANCESTORS_MAX = 5;

export interface PeerFacts {
  /** Start of the process in clock ticks since boot; undefined where there is none of this pid. */
  startTicks(pid: number): number | undefined;
  /** Its real user id and supplementary groups. */
  groups(
    pid: number,
  ): { readonly userId: number | undefined; readonly groupIds: readonly number[] } | undefined;
  executable(pid: number): "file" | "digest" | "other" | "unreadable";
  /** Whether this process descends from it, within a few generations. */
  isAncestor(pid: number): boolean;
  rows(pids: readonly number[]): readonly ProcessRow[];
}

/** By /proc, with CAP_SYS_PTRACE in effect during each look only. */
export function peerFacts(processes: ProcessRows, ownPid = process.pid): PeerFacts {
  const executables = new ExecutableIdentity();
  const looking = <T>(look: () => T): T => withCapability("sysPtrace", look);
  return {
    startTicks: (pid) => looking(() => processes.origin(pid)?.startTicks),
    groups: (pid) => looking(() => processes.groups(pid)),
    executable: (pid) => looking(() => executables.compare(pid)),
    isAncestor: (pid) => looking(() => descendsFrom(processes, ownPid, pid)),
    rows: (pids) => looking(() => processes.rows(pids)),
  };
}

function descendsFrom(processes: ProcessRows, ownPid: number, wanted: number): boolean {
  let pid = ownPid;
  for (let generation = 0; generation < ANCESTORS_MAX; generation += 1) {
    const parent = processes.origin(pid)?.parentPid;
    if (parent === undefined || parent < INIT) return false;
    if (parent === wanted) return true;
    if (parent === INIT) return false;
    pid = parent;
  }
  return false;
}
