/**
 * The process half of a sample, the same for sock_diag and /proc/net: inodes to processes, and their details. Where
 * there is no usable /proc, nobody is named.
 */
import { WbError } from "../../model/errors.ts";
import type { ProcessInfo, ProcessKey, ProcessUsage } from "../../model/process.ts";
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

const NOTHING: ProcessReading = { processes: [], exited: [], usage: [], vanished: 0 };

export class ProcessSide implements Disposable {
  readonly owners: SocketOwners;
  readonly sight: Sight;
  readonly #files: ProcFiles;
  readonly #users = new Users();
  readonly #table: ProcessTable;
  readonly #clock: Clock;

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

  /** `uses` names each inode in use, by `owners.use`; then the holders are looked for and described. */
  sample(uses: (owners: SocketOwners, nowMs: number) => void): ProcessReading {
    const now = (): number => this.#clock.monotonicMs();
    this.#users.refresh();
    const pids = this.#files.pids();
    if (pids.length === 0) return NOTHING;
    this.owners.begin();
    uses(this.owners, now());
    this.owners.search(pids, now);
    const living = new Set(pids);
    const news = this.#table.update(this.owners.holders(), living);
    for (const holder of news.stale) this.owners.forgetProcess(holder.pid);
    // A process that is gone is a loss only where some socket's holder was not found.
    const vanished = this.owners.hasUnfound ? this.owners.vanishedCount : 0;
    this.owners.vanishedCount = 0;
    return { ...news, vanished };
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }
}
