/**
 * Which processes run, by the kernel's events, by scans, or by both in any mixture: each process is told to have started once
 * and to have stopped once, in this order, whatever is told twice, late, or not at all. Events are exact; where they are lost a
 * scan finds what is missing. While events come, what only a scan knows waits for a moment, because the event may be under way.
 * Pure: no clock, no system. Its memory is that of the living processes, and of the last that ended.
 */
import type { ScanRow } from "../../capture/linux/process-scan.ts";
import type { ExecEvent, ExitEvent, ForkEvent, ProcessEvent } from "../../decode/process-events.ts";
import { HOLD_NS, Timeline } from "./timeline.ts";
import { numberOf, Run, Tracked, type Telling } from "./tracked.ts";

/** How long a scan's finding waits for the event that tells the same. */
export const CONFIRM_NS = 1_000e6;
/** So many that ended are remembered, against events that are told twice. */
const ENDED_MAX = 32_768;
/** The parent of all threads of the kernel. */
const KERNEL_PARENT = 2;
const DELETED = / \(deleted\)$/;

export interface LedgerOptions {
  readonly ticksPerSecond: number;
  /** False: /proc hides the processes of others, so that one that a scan does not see may run all the same. */
  readonly scansSeeAll: boolean;
}

/** What runs, of a process that has just begun to run it. */
export interface NewRun {
  readonly process: Tracked;
  readonly run: Run;
}

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #living = new Map<number, Tracked>();
  readonly #ended = new Set<number>();
  readonly #timeline = new Timeline();
  readonly #heldOf = new Map<Tracked, Telling>();
  /** Forked by the kernel's own threads: told only if they exec. */
  readonly #kernelForks = new WeakSet<Tracked>();
  /** Seen by a scan, and not told by the events, though they should have. */
  #candidates = new Map<number, number>();
  #newRuns: NewRun[] = [];
  #liveSinceNs: number | undefined;
  #scan = 0;
  #scanNs = 0;
  #seenCandidates = new Map<number, number>();
  #found: Tracked[] = [];
  /** When a scan has to look again at what the last one found. */
  #confirmAtNs: number | undefined;
  /** Ended without a name: neither their fork nor their exec was seen. */
  namelessCount = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Without the kernel's own threads, and with those that are not told yet. */
  get living(): IterableIterator<Tracked> {
    return this.#living.values();
  }

  get isLive(): boolean {
    return this.#liveSinceNs !== undefined;
  }

  get hasWaiting(): boolean {
    return this.#timeline.size > 0;
  }

  get confirmAtNs(): number | undefined {
    return this.#confirmAtNs;
  }

  /** It was told by an earlier run of this program. To be called before the first scan. */
  restore(process: Tracked): void {
    this.#living.set(process.pid, process);
  }

  /** From now on the kernel's events tell all; what began before is for a scan. */
  eventsBegan(nowNs: number): void {
    this.#liveSinceNs ??= nowNs;
  }

  /** From now on only scans tell. */
  eventsEnded(): void {
    this.#liveSinceNs = undefined;
    for (const telling of this.#timeline.takeHeld()) this.#resolve(telling);
  }

  take(events: readonly ProcessEvent[]): void {
    for (const event of events) {
      const known = this.#living.get(event.pid);
      const process = known?.startTicks === event.startTicks ? known : undefined;
      if (process === undefined && this.#ended.has(numberOf(event.pid, event.startTicks))) continue;
      // Its pid is already another's: of such a one only its end is worth telling.
      const isPast = known !== undefined && known.startTicks > event.startTicks;
      if (isPast && event.type !== "exit") continue;
      if (event.type === "fork") this.#takeFork(event, process);
      else if (event.type === "exec") this.#takeExec(event, process);
      else this.#takeExit(event, process);
      this.#timeline.seenUntil(event.timeNs);
    }
  }

  beginScan(nowNs: number): void {
    this.#scan += 1;
    this.#scanNs = nowNs;
    this.#confirmAtNs = undefined;
    this.#seenCandidates = new Map();
  }

  seen(row: ScanRow): void {
    if (row.hasEnded) return; // the same as one that is gone
    const known = this.#living.get(row.pid);
    if (known?.startTicks === row.startTicks) {
      known.scan = this.#scan;
      known.missingSinceNs = undefined;
      this.#compare(known, row);
    } else if (!this.#ended.has(numberOf(row.pid, row.startTicks)) && !this.#mayBeUnderWay(row)) {
      this.#find(row);
    }
  }

  /** Ends those that were not seen. Returns how many things it found out that the events had not told. */
  endScan(): number {
    this.#candidates = this.#seenCandidates;
    this.#seenCandidates = new Map();
    for (const process of this.#found) this.#adopt(process);
    let news = this.#found.length;
    this.#found = [];
    for (const process of this.#living.values()) {
      if (process.scan === this.#scan || (process.scan === 0 && !this.#options.scansSeeAll)) continue;
      process.missingSinceNs ??= this.#scanNs;
      if (this.#isToBeConfirmed(process.missingSinceNs)) continue;
      this.#end(process, process.missingSinceNs, undefined, false);
      news += 1;
    }
    return news;
  }

  /** Those that no scan can see: only the helper knows whether they still run. */
  unverified(): Tracked[] {
    if (this.#options.scansSeeAll) return [];
    return [...this.#living.values()].filter(({ scan, state }) => scan === 0 && state !== "held");
  }

  /** It is known to be gone. */
  gone(process: Tracked, atNs: number): void {
    if (process.state !== "ended") this.#end(process, atNs, undefined, false);
  }

  /**
   * Looks again at what runs in these: what was told of it may be too little, or no longer true. A change that shows none is
   * not told.
   */
  reexamine(which: (process: Tracked) => boolean, nowNs: number): void {
    for (const process of this.#living.values()) {
      if (process.state !== "told" || !which(process)) continue;
      process.run = new Run({ execNs: nowNs, comm: process.comm ?? "" });
      process.runSinceNs = nowNs;
      this.#newRuns.push({ process, run: process.run });
      this.#tell("changed", process, nowNs, { isExact: false });
    }
  }

  /** Programs that began to run since the last call, of processes that have not ended meanwhile. */
  takeNewRuns(): NewRun[] {
    return this.#newRuns.splice(0).filter(({ process }) => process.state !== "ended");
  }

  /** What may be told now, in order of time. */
  takeDue(nowNs: number): Telling[] {
    for (const telling of this.#timeline.takeOverdue(nowNs)) this.#resolve(telling);
    return this.#timeline.takeDue(nowNs, this.isLive);
  }

  #takeFork(event: ForkEvent, known: Tracked | undefined): void {
    if (known !== undefined) {
      // A scan was faster.
      known.startNs ??= event.startNs;
      known.parentStartTicks ??= event.parentPid === 0 ? undefined : event.parentStartTicks;
      return;
    }
    const parent = this.#parentOf(event);
    const isKernel = parent === undefined ? event.parentPid === KERNEL_PARENT : parent.state === "silent";
    const process = this.#begin(event, parent?.run ?? new Run({ execNs: event.timeNs, comm: "" }), "held");
    process.isForeign = isKernel ? false : (parent?.isForeign ?? true);
    process.runSinceNs = event.timeNs;
    this.#tell("started", process, event.timeNs, { isExact: true, isHeld: true });
    if (isKernel) this.#kernelForks.add(process);
  }

  #takeExec(event: ExecEvent, known: Tracked | undefined): void {
    if (known !== undefined && known.state !== "silent" && event.timeNs <= known.runSinceNs) return; // known already
    const { comm, fileName, commandLine, timeNs: execNs } = event;
    const run = new Run({ execNs, comm, fileName, commandLine });
    const process = known ?? this.#begin(event, run, "told");
    const waiting = this.#heldOf.get(process);
    if (waiting !== undefined && execNs - waiting.atNs >= HOLD_NS) this.#resolve(waiting);
    process.run = run;
    process.runSinceNs = execNs;
    process.userId = event.userId;
    process.comm = undefined;
    process.suspectSinceNs = undefined;
    const held = process.state === "held" ? this.#heldOf.get(process) : undefined;
    if (held !== undefined) {
      held.run = run;
      held.isHeld = false;
      this.#heldOf.delete(process);
    } else {
      const kind = known === undefined || process.state === "silent" ? "started" : "changed";
      this.#tell(kind, process, execNs, { isExact: true });
    }
    process.state = "told";
    this.#newRuns.push({ process, run });
  }

  #takeExit(event: ExitEvent, known: Tracked | undefined): void {
    let process = known;
    if (process === undefined) {
      const parent = this.#parentOf(event);
      if (event.parentPid === KERNEL_PARENT || parent?.state === "silent") {
        this.#remember(event.pid, event.startTicks);
        return;
      }
      process = this.#begin(event, new Run({ execNs: event.startNs, comm: "" }), "told");
      this.namelessCount += 1;
      this.#tell("started", process, event.timeNs, { isExact: true });
    }
    process.startNs ??= event.startNs;
    this.#end(process, event.timeNs, event.waitStatus, true);
  }

  #parentOf(event: ProcessEvent): Tracked | undefined {
    const parent = this.#living.get(event.parentPid);
    return parent?.startTicks === event.parentStartTicks ? parent : undefined;
  }

  #begin(event: ProcessEvent, run: Run, state: "held" | "told"): Tracked {
    const { pid, startTicks, startNs, parentPid, userId } = event;
    const parentStartTicks = parentPid === 0 ? undefined : event.parentStartTicks;
    return this.#enter(
      new Tracked({ pid, startTicks, startNs, parentPid, parentStartTicks, userId, run, state }),
      event.timeNs,
    );
  }

  /** Whoever had this pid has ended, which nobody told; unless it is the other one that is gone already. */
  #enter(process: Tracked, atNs: number): Tracked {
    const before = this.#living.get(process.pid);
    if (before !== undefined && before.startTicks > process.startTicks) return process;
    if (before !== undefined) this.#end(before, Math.min(atNs, process.startNs ?? atNs), undefined, false);
    this.#living.set(process.pid, process);
    return process;
  }

  /** While events come, what they should have told may be under way. */
  #mayBeUnderWay(row: ScanRow): boolean {
    const startNs = (row.startTicks + 1) * (1e9 / this.#options.ticksPerSecond);
    if (this.#liveSinceNs === undefined || startNs < this.#liveSinceNs) return false;
    const number = numberOf(row.pid, row.startTicks);
    const sinceNs = this.#candidates.get(number) ?? this.#scanNs;
    this.#seenCandidates.set(number, sinceNs);
    return this.#isToBeConfirmed(sinceNs);
  }

  #isToBeConfirmed(sinceNs: number): boolean {
    if (!this.isLive || this.#scanNs - sinceNs >= CONFIRM_NS) return false;
    this.#confirmAtNs = Math.min(this.#confirmAtNs ?? Infinity, sinceNs + CONFIRM_NS);
    return true;
  }

  #find({ pid, startTicks, parentPid, comm, executable, isKernelThread }: ScanRow): void {
    const run = new Run({ execNs: this.#scanNs, comm, executable });
    const state = isKernelThread ? "silent" : "told";
    const process = this.#enter(
      new Tracked({
        pid,
        startTicks,
        startNs: undefined,
        parentPid,
        parentStartTicks: undefined,
        userId: undefined,
        run,
        state,
      }),
      this.#scanNs,
    );
    process.comm = comm;
    process.scan = this.#scan;
    this.#found.push(process);
    if (isKernelThread) return;
    this.#newRuns.push({ process, run });
  }

  /** Told at the end of the scan, the oldest first where they come in the order of their pids; then its parent is known too. */
  #adopt(process: Tracked): void {
    const parent = this.#living.get(process.parentPid);
    if (parent !== undefined && parent.startTicks <= process.startTicks)
      process.parentStartTicks = parent.startTicks;
    if (process.state === "told") this.#tell("started", process, this.#scanNs, { isExact: false });
  }

  /** An exec shows in the file, or where that may not be read in the short name. */
  #compare(process: Tracked, row: ScanRow): void {
    if (process.state === "silent" && !row.isKernelThread) this.#unsilence(process, row);
    if (process.state !== "told") return;
    const { run, comm } = process;
    process.comm = row.comm;
    if (run.executable === undefined && row.executable !== undefined && run.fileName !== undefined)
      run.executable = row.executable; // the first look at what an event told of
    const isOther =
      run.executable !== undefined && row.executable !== undefined
        ? run.executable.replace(DELETED, "") !== row.executable.replace(DELETED, "")
        : !this.isLive && run.executable === undefined && comm !== undefined && comm !== row.comm;
    if (!isOther && process.suspectSinceNs === undefined) return;
    if (!isOther && run.executable !== undefined) {
      process.suspectSinceNs = undefined;
      return;
    }
    process.suspectSinceNs ??= this.#scanNs;
    if (this.#isToBeConfirmed(process.suspectSinceNs)) return;
    process.suspectSinceNs = undefined;
    process.run = new Run({ execNs: this.#scanNs, comm: row.comm, executable: row.executable });
    process.runSinceNs = this.#scanNs;
    this.#newRuns.push({ process, run: process.run });
    this.#tell("changed", process, this.#scanNs, { isExact: false });
  }

  /** Forked by the kernel itself, it has become a program, and no event told of it. */
  #unsilence(process: Tracked, { comm, executable }: ScanRow): void {
    process.state = "told";
    process.run = new Run({ execNs: this.#scanNs, comm, executable });
    process.runSinceNs = this.#scanNs;
    process.comm = comm;
    this.#newRuns.push({ process, run: process.run });
    this.#tell("started", process, this.#scanNs, { isExact: false });
  }

  /** No exec has come: it runs what its parent runs. */
  #resolve(telling: Telling): void {
    const { process } = telling;
    telling.isHeld = false;
    this.#heldOf.delete(process);
    if (process.state !== "held") return;
    if (this.#kernelForks.has(process)) {
      this.#timeline.remove(telling);
      process.state = "silent";
    } else {
      process.state = "told";
      this.#newRuns.push({ process, run: process.run });
    }
  }

  #end(process: Tracked, atNs: number, waitStatus: number | undefined, isExact: boolean): void {
    const held = this.#heldOf.get(process);
    if (held !== undefined) this.#resolve(held);
    if (process.state !== "silent") this.#tell("stopped", process, atNs, { isExact, waitStatus });
    process.state = "ended";
    if (this.#living.get(process.pid) === process) this.#living.delete(process.pid);
    this.#remember(process.pid, process.startTicks);
  }

  #remember(pid: number, startTicks: number): void {
    this.#ended.add(numberOf(pid, startTicks));
    if (this.#ended.size <= ENDED_MAX) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      return;
    }
  }

  #tell(
    kind: Telling["kind"],
    process: Tracked,
    atNs: number,
    how: { isExact: boolean; isHeld?: boolean; waitStatus?: number | undefined },
  ): void {
    const { isExact, isHeld = false, waitStatus } = how;
    const telling = { kind, process, run: process.run, atNs, isExact, waitStatus, isHeld };
    if (isHeld) this.#heldOf.set(process, telling);
    this.#timeline.add(telling);
  }
}
