/**
 * What /proc tells of some processes, as the helper hands it to a client that may not read it by itself. A process that is
 * gone, or that can't be read, is left out.
 */
import { libc } from "../../../ffi/linux/libc.ts";
import { parseCommandLine, parseProcStat, parseStatusUserId } from "../../decode/proc-pid.ts";
import type { ProcessRow } from "../../protocol/helper/messages.ts";
import type { ProcFiles } from "./proc-files.ts";

/** unistd.h */
const SC_CLK_TCK = 2;
const SC_PAGESIZE = 30;
const DELETED_SUFFIX = " (deleted)";
/** A thousand processes fit into one answer so. */
const COMMAND_LINE_BYTES_MAX = 4096;

/** Parent and start of a process: enough to tell it from another one that got its pid. */
export interface ProcessOrigin {
  readonly parentPid: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
}

export class ProcessRows {
  readonly #files: ProcFiles;
  readonly #ticksPerSecond = libc().sysconf(SC_CLK_TCK);
  readonly #pageBytes = libc().sysconf(SC_PAGESIZE);

  constructor(files: ProcFiles) {
    this.#files = files;
  }

  /** Rows of those that there are, in the order asked for. Reading `exe` of others needs CAP_SYS_PTRACE. */
  rows(pids: readonly number[]): ProcessRow[] {
    return pids.map((pid) => this.#row(pid)).filter((row) => row !== undefined);
  }

  /** Undefined where there is no such process. */
  origin(pid: number): ProcessOrigin | undefined {
    const stat = this.#stat(pid);
    return stat === undefined ? undefined : { parentPid: stat.parentPid, startTicks: stat.startTicks };
  }

  /** Its real user, and the groups that it is in besides its own; undefined where there is no such process. */
  groups(
    pid: number,
  ): { readonly userId: number | undefined; readonly groupIds: readonly number[] } | undefined {
    const status = this.#files.read(pid, "status");
    if (typeof status === "string") return undefined;
    const line = /^Groups:\t(.*)$/m.exec(new TextDecoder().decode(status))?.[1] ?? "";
    const groupIds = line.split(" ").filter((word) => /^\d+$/.test(word));
    return { userId: parseStatusUserId(status), groupIds: groupIds.map(Number) };
  }

  #stat(pid: number): ReturnType<typeof parseProcStat> {
    const bytes = this.#files.read(pid, "stat");
    return typeof bytes === "string" ? undefined : parseProcStat(bytes);
  }

  #row(pid: number): ProcessRow | undefined {
    const stat = this.#stat(pid);
    const status = this.#files.read(pid, "status");
    const userId = typeof status === "string" ? undefined : parseStatusUserId(status);
    if (stat === undefined || userId === undefined) return undefined;
    const commandLine = this.#files.read(pid, "cmdline");
    const path = this.#path(pid);
    const row: ProcessRow = {
      pid,
      startTime: stat.startTicks,
      parentPid: stat.parentPid,
      userId,
      name: path?.slice(path.lastIndexOf("/") + 1) || stat.comm,
      path,
      commandLine:
        typeof commandLine === "string"
          ? []
          : parseCommandLine(commandLine.subarray(0, COMMAND_LINE_BYTES_MAX)),
      memoryBytes: stat.residentPages * this.#pageBytes,
      cpuTimeMs: Math.round((stat.cpuTicks * 1000) / this.#ticksPerSecond),
    };
    // The pid may have become another's between the reads: then all of it is worth nothing.
    return this.#stat(pid)?.startTicks === stat.startTicks ? row : undefined;
  }

  #path(pid: number): string | undefined {
    const link = this.#files.link(pid, "exe");
    if (link === undefined || !link.startsWith("/")) return undefined;
    // The kernel says so of an executable that was replaced or removed while it runs.
    return link.endsWith(DELETED_SUFFIX) ? link.slice(0, -DELETED_SUFFIX.length) : link;
  }
}
