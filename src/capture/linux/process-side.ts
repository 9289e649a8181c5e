/**
 * The process half of a sample, the same for sock_diag and /proc/net: inodes to processes, and their details. Where
 * there is no usable /proc, nobody is named.
 */
import { WbError } from "../../model/errors.ts";
import type { ProcessInfo, ProcessKey, ProcessUsage } from "../../model/process.ts";
import { withBreaths } from "../../lib/breath.ts";
import type { Clock } from "../../lib/clock.ts";
import { readBootId } from "../../platform/boot-id.ts";
import { effectiveUserId, maySeeAllProcesses } from "../../platform/privileges.ts";
import type { Sight } from "./attribution.ts";
import { ProcFiles } from "./proc-files.ts";
import { ProcessTable } from "./process-table.ts";
import { SocketOwners } from "./socket-owners.ts";
import { Users } from "./users.ts";

export interface ProcessReading {
  readonly processes: readonly ProcessInfo[];
  readonly exited: readonly ProcessKey[];
  readonly usage: readonly ProcessUsage[];
  /** Processes that vanished while they were read and may have held a socket whose holder is not known. */
  readonly vanished: number;
}

/** Names each inode in use, by `owners.use`. */
export type InodeUses = (owners: SocketOwners, nowMs: number) => void;

/** So many processes are remembered for the next sample at most; then glances wait for it. */
const UNTOLD_MAX = 10_000;

const NOTHING: ProcessReading = { processes: [], exited: [], usage: [], vanished: 0 };

export class ProcessSide implements Disposable {
  readonly owners: SocketOwners;
  readonly sight: Sight;
  readonly #files: ProcFiles;
  readonly #users = new Users();
  readonly #table: ProcessTable;
  readonly #clock: Clock;
  /** Learned since the last sample. */
  #processes: ProcessInfo[] = [];
  #exited: ProcessKey[] = [];
  #usage: readonly ProcessUsage[] = [];

  private constructor(files: ProcFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
    this.owners = new SocketOwners(files, readBootId(files.root));
    this.#table = new ProcessTable(files, this.#users);
    this.sight = { allProcesses: maySeeAllProcesses(files.root), userId: effectiveUserId() };
  }

  /** Undefined where there is no proc file system. */
  static open(procRoot: string, clock: Clock): ProcessSide | undefined {
    try {
      return new ProcessSide(new ProcFiles(procRoot), clock);
    } catch (error) {
      if (error instanceof WbError && error.code === "unavailable") return undefined; // told as a degradation
      throw error;
    }
  }

  /**
   * The inodes in use are named; then the holders are looked for and described. With thousands of sockets that takes long:
   * others have their turn under way, and no glance may come.
   */
  async sample(uses: InodeUses): Promise<ProcessReading> {
    this.#users.refresh();
    const pids = this.#files.pids();
    if (pids.length === 0) return NOTHING;
    this.owners.begin();
    uses(this.owners, this.#clock.monotonicMs());
    await withBreaths(this.owners.searching(pids, () => this.#clock.monotonicMs()));
    this.#describe(pids);
    const news = { processes: this.#processes, exited: this.#exited, usage: this.#usage };
    this.#processes = [];
    this.#exited = [];
    // A process that is gone is a loss only where the holder of a new socket was not found.
    const vanished = Math.min(this.owners.vanishedCount, this.owners.missedCount);
    this.owners.vanishedCount = 0;
    this.owners.missedCount = 0;
    return { ...news, vanished };
  }

  /**
   * Between two samples: looks for a holder of each socket that is new, before it is gone again. What is found is told
   * by the next sample. False where nothing was new, which costs next to nothing.
   */
  glance(uses: InodeUses): boolean {
    if (this.#processes.length >= UNTOLD_MAX) return false;
    this.owners.begin(true);
    uses(this.owners, this.#clock.monotonicMs());
    if (!this.owners.isSearching) return false;
    const pids = this.#files.pids();
    this.owners.search(pids, () => this.#clock.monotonicMs());
    this.#describe(pids);
    return true;
  }

  #describe(pids: readonly number[]): void {
    const { processes, exited, usage, stale } = this.#table.update(this.owners.holders(), new Set(pids));
    for (const holder of stale) this.owners.forgetProcess(holder.pid);
    this.#processes.push(...processes);
    this.#exited.push(...exited);
    this.#usage = usage;
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }
}
