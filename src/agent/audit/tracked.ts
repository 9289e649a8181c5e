/** What the ledger knows: processes, the programs that they run, and what is to be told of them. */

/** One program in one process, or in several of which one forked the others. Another exec makes another one. */
export class Run {
  /** CLOCK_BOOTTIME: it ran at that moment, and the last exec that is known was not later. */
  readonly execNs: number;
  /** The kernel's short name; empty where it is not known. */
  readonly comm: string;
  /** By the kernel's record of the exec: absolute, or relative to a directory that is not known. */
  readonly fileName: string | undefined;
  readonly commandLine: readonly string[] | undefined;
  /** Where /proc/PID/exe led, as a scan saw it. */
  executable: string | undefined;

  constructor(
    parts: Pick<Run, "execNs" | "comm"> & Partial<Pick<Run, "fileName" | "commandLine" | "executable">>,
  ) {
    this.execNs = parts.execNs;
    this.comm = parts.comm;
    this.fileName = parts.fileName;
    this.commandLine = parts.commandLine;
    this.executable = parts.executable;
  }
}

/** `held`: forked a moment ago, perhaps about to exec. `silent`: a thread of the kernel, which is not told. */
export type TrackedState = "held" | "told" | "silent" | "ended";

export class Tracked {
  readonly pid: number;
  /** With the pid, which process it is. */
  readonly startTicks: number;
  /** Exact; undefined where only a scan saw it. */
  startNs: number | undefined;
  /** At its start, or when it was first seen. 0: none. */
  parentPid: number;
  parentStartTicks: number | undefined;
  userId: number | undefined;
  run: Run;
  state: TrackedState;
  /** The last exec that is known was not later: what is told of an earlier one is known already. */
  runSinceNs: number;
  /** It may see other files under the same paths: nobody has looked yet. */
  isForeign = true;
  /** The short name at the last scan; undefined before the first that saw what it runs now. */
  comm: string | undefined;
  /** Number of the last scan that saw it; 0: none. */
  scan = 0;
  /** A scan found something that the events have not told, or not yet. */
  missingSinceNs: number | undefined;
  suspectSinceNs: number | undefined;

  constructor(
    parts: Pick<
      Tracked,
      "pid" | "startTicks" | "startNs" | "parentPid" | "parentStartTicks" | "userId" | "run" | "state"
    >,
  ) {
    this.pid = parts.pid;
    this.startTicks = parts.startTicks;
    this.startNs = parts.startNs;
    this.parentPid = parts.parentPid;
    this.parentStartTicks = parts.parentStartTicks;
    this.userId = parts.userId;
    this.run = parts.run;
    this.runSinceNs = parts.run.execNs;
    this.state = parts.state;
  }
}

export interface Telling {
  readonly kind: "started" | "changed" | "stopped";
  readonly process: Tracked;
  /** What it runs, from this moment on, or until now. */
  run: Run;
  /** CLOCK_BOOTTIME of what happened, or of the scan that found it. */
  readonly atNs: number;
  /** Whether `atNs` is the kernel's own word. */
  readonly isExact: boolean;
  /** Of one that stopped, as wait(2) tells it. */
  readonly waitStatus: number | undefined;
  /** Whether an exec may still come that belongs to this start. */
  isHeld: boolean;
}

/** A living process with this pid and start; the number is unique as long as no pid is used again exactly 248 days later. */
export function numberOf(pid: number, startTicks: number): number {
  return (startTicks % TICKS_RANGE) * PIDS + pid;
}

/** Larger than every pid (PID_MAX_LIMIT, linux/threads.h). */
const PIDS = 4_194_304;
const TICKS_RANGE = 2 ** 31;
