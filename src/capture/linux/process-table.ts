/**
 * The processes behind the sockets: their details once, again when they exec, and what they use at each sample. A
 * process that vanishes while it is read is absent, never an error.
 */
import { readFileSync } from "node:fs";
import { libc } from "../../../ffi/linux/libc.ts";
import {
  parseBootTime,
  parseCommandLine,
  parseProcStat,
  parseStatusUserId,
  type ProcStat,
} from "../../decode/proc-pid.ts";
import type { ProcessInfo, ProcessKey, ProcessUsage } from "../../model/process.ts";
import type { ProcFiles } from "./proc-files.ts";
import type { Holder } from "./socket-owners.ts";
import type { Users } from "./users.ts";

/** unistd.h */
export const SC_CLK_TCK = 2;
export const SC_PAGESIZE = 30;
const DELETED_SUFFIX = " (deleted)";

interface Known {
  readonly pid: number;
  readonly comm: string;
  readonly path: string | undefined;
}

export interface ProcessNews {
  readonly processes: ProcessInfo[];
  readonly exited: ProcessKey[];
  readonly usage: ProcessUsage[];
  /** Holders that are gone, or whose pid is another's now. */
  readonly stale: Holder[];
}

export class ProcessTable {
  readonly #files: ProcFiles;
  readonly #users: Users;
  readonly #known = new Map<ProcessKey, Known>();
  readonly #ticksPerSecond = libc().sysconf(SC_CLK_TCK);
  readonly #pageBytes = libc().sysconf(SC_PAGESIZE);
  readonly #bootedAtMs: number | undefined;

  constructor(files: ProcFiles, users: Users) {
    this.#files = files;
    this.#users = users;
    this.#bootedAtMs = readBootTimeMs(files.root);
  }

  /** Reads the holders of sockets, and tells who of those told before is gone. `living`: the pids that there are. */
  update(holders: Iterable<Holder>, living: ReadonlySet<number>): ProcessNews {
    const news: ProcessNews = { processes: [], exited: [], usage: [], stale: [] };
    const seen = new Set<ProcessKey>();
    for (const holder of holders) {
      const stat = this.#stat(holder.pid);
      if (stat?.startTicks !== holder.startTicks) {
        news.stale.push(holder);
        continue;
      }
      seen.add(holder.key);
      this.#tellIfChanged(holder, stat, news);
      news.usage.push({
        key: holder.key,
        memoryBytes: stat.residentPages * this.#pageBytes,
        cpuTimeMs: (stat.cpuTicks * 1000) / this.#ticksPerSecond,
      });
    }
    for (const [key, known] of this.#known) {
      if (seen.has(key) || (living.has(known.pid) && this.#isStill(key, known.pid))) continue;
      this.#known.delete(key);
      news.exited.push(key);
    }
    return news;
  }

  #stat(pid: number): ProcStat | undefined {
    const bytes = this.#files.read(pid, "stat");
    return typeof bytes === "string" ? undefined : parseProcStat(bytes);
  }

  /** Whether a process that holds no socket any more still is the one that was told. */
  #isStill(key: ProcessKey, pid: number): boolean {
    const stat = this.#stat(pid);
    return stat !== undefined && key.endsWith(`:${pid}:${stat.startTicks}`);
  }

  /** An exec changes the short name or the executable: either is enough to read all anew. */
  #tellIfChanged(holder: Holder, stat: ProcStat, news: ProcessNews): void {
    const link = this.#files.link(holder.pid, "exe");
    const path = link === undefined || !link.startsWith("/") ? undefined : withoutSuffix(link);
    const known = this.#known.get(holder.key);
    if (known !== undefined && known.comm === stat.comm && known.path === path) return;
    this.#known.set(holder.key, { pid: holder.pid, comm: stat.comm, path });
    news.processes.push(this.#describe(holder, stat, path));
  }

  #describe(holder: Holder, stat: ProcStat, path: string | undefined): ProcessInfo {
    const commandLine = this.#files.read(holder.pid, "cmdline");
    const commandArguments = typeof commandLine === "string" ? [] : parseCommandLine(commandLine);
    const status = this.#files.read(holder.pid, "status");
    const userId = typeof status === "string" ? undefined : parseStatusUserId(status);
    const name = path?.slice(path.lastIndexOf("/") + 1);
    return {
      key: holder.key,
      pid: holder.pid,
      parentPid: stat.parentPid === 0 ? undefined : stat.parentPid,
      name: name === undefined || name === "" ? stat.comm : name,
      path,
      commandLine: commandArguments,
      userId,
      userName: this.#users.name(userId),
      startedAtMs:
        this.#bootedAtMs === undefined
          ? undefined
          : this.#bootedAtMs + (stat.startTicks * 1000) / this.#ticksPerSecond,
    };
  }
}

/** The kernel says so of an executable that was replaced or removed while it runs. */
export function withoutSuffix(path: string): string {
  return path.endsWith(DELETED_SUFFIX) ? path.slice(0, -DELETED_SUFFIX.length) : path;
}

/** Unix milliseconds of the boot; undefined where the kernel does not tell. */
export function readBootTimeMs(root: string): number | undefined {
  try {
    const seconds = parseBootTime(readFileSync(`${root}/stat`, "utf8"));
    return seconds === undefined ? undefined : seconds * 1000;
  } catch {
    return undefined; // without it, no start time is told
  }
}
