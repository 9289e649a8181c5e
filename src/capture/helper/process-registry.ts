/**
 * The processes that the kernel programs name: one object per process, whatever was told of it by events and by its
 * traffic. Bounded: of the processes without a row only the newest are remembered, of those that have ended fewer, which
 * suffices for those whose traffic is told a moment after their end.
 */
import { EVENT, EVENT_TYPES, EXEC, wholeTicks } from "../../decode/ebpf-records.ts";
import { processKey, type ProcessKey } from "../../model/process.ts";

/** Without a row. An exec's record has at most 2.3 KB of text; most have a tenth of it. */
const IDLE_MAX = 16_384;
/** Without a row, and ended: a machine that compiles has thousands of them each minute. */
const PAST_MAX = 2048;
const NS_PER_SECOND = 1_000_000_000;
/** Larger than every pid (PID_MAX_LIMIT, linux/threads.h). */
const PIDS = 4_194_304;
const TICKS_RANGE = 2 ** 31;

/** What a process runs, by its exec. */
export interface Program {
  /** As it was given to execve: absolute, or relative to a directory that is not known. */
  readonly fileName: string;
  readonly commandLine: readonly string[];
}

export class KnownProcess {
  readonly pid: number;
  readonly ticks: number;
  readonly key: ProcessKey;
  /** As owners of a socket. */
  readonly alone: readonly ProcessKey[];
  comm = "";
  userId: number | undefined;
  parentPid = 0;
  program: Program | undefined;
  /** Rises with each exec. */
  version = 0;
  /** The version that was told last; -1: none. */
  toldVersion = -1;
  toldName = "";
  /** Whether what was told is all that can be known of that version. */
  isComplete = false;
  /** CLOCK_BOOTTIME nanoseconds of its end; undefined while it lives, as far as is known. */
  exitedNs: number | undefined;
  /** How many rows refer to it. */
  references = 0;

  constructor(pid: number, ticks: number, key: ProcessKey) {
    this.pid = pid;
    this.ticks = ticks;
    this.key = key;
    this.alone = [key];
  }
}

export class ProcessRegistry {
  readonly #bootId: string;
  readonly #nsPerTick: number;
  readonly #held = new Map<number, KnownProcess>();
  readonly #idle = new Map<number, KnownProcess>();
  /** As idle, but ended. */
  readonly #past = new Map<number, KnownProcess>();
  /** Held, but by no row any more. */
  readonly #leaving = new Set<KnownProcess>();
  /** Told, ended, and not yet told to have ended. */
  readonly #ended = new Set<KnownProcess>();
  readonly #idleMax: number;
  readonly #pastMax: number;
  readonly #decoder = new TextDecoder();

  /** `ticksPerSecond`: sysconf(_SC_CLK_TCK), which /proc/PID/stat counts start times in. */
  constructor(bootId: string, ticksPerSecond: number, idleMax = IDLE_MAX, pastMax = PAST_MAX) {
    this.#bootId = bootId;
    this.#nsPerTick = NS_PER_SECOND / ticksPerSecond;
    this.#idleMax = idleMax;
    this.#pastMax = pastMax;
  }

  get size(): number {
    return this.#held.size + this.#idle.size + this.#past.size;
  }

  #find(number: number): KnownProcess | undefined {
    return this.#held.get(number) ?? this.#idle.get(number) ?? this.#past.get(number);
  }

  /** Those with a row, or with one that was closed since the last `letGo`. */
  held(): IterableIterator<KnownProcess> {
    return this.#held.values();
  }

  /** Those that were told, and whose end is known and was not told. */
  ended(): IterableIterator<KnownProcess> {
    return this.#ended.values();
  }

  /** Whether it was told by this side. */
  isTold(key: ProcessKey): boolean {
    const [pid, ticks] = key.split(":").slice(-2).map(Number);
    if (pid === undefined || ticks === undefined) return false;
    return (this.#find(numberOf(pid, ticks))?.toldVersion ?? -1) >= 0;
  }

  /** The process with this pid that began so many nanoseconds after boot, given as two words. */
  obtain(pid: number, startLow: number, startHigh: number): KnownProcess {
    const ticks = this.#ticks(startLow, startHigh);
    const number = numberOf(pid, ticks);
    const known = this.#find(number);
    if (known !== undefined) return known;
    const process = new KnownProcess(pid, ticks, processKey(this.#bootId, pid, ticks));
    this.#idle.set(number, process);
    this.#trim();
    return process;
  }

  hold(process: KnownProcess): void {
    process.references += 1;
    if (process.references > 1 || this.#leaving.delete(process)) return;
    const number = numberOf(process.pid, process.ticks);
    this.#idle.delete(number);
    this.#past.delete(number);
    this.#held.set(number, process);
  }

  /** A row refers to it no more. It is held all the same until `letGo`, because the row is still to be told. */
  release(process: KnownProcess): void {
    process.references -= 1;
    if (process.references === 0) this.#leaving.add(process);
  }

  /** All rows have been told. */
  letGo(): void {
    for (const process of this.#leaving) {
      if (process.references > 0) continue;
      const number = numberOf(process.pid, process.ticks);
      this.#held.delete(number);
      (process.exitedNs === undefined ? this.#idle : this.#past).set(number, process);
    }
    this.#leaving.clear();
    this.#trim();
  }

  /** Its end was seen otherwise than by an event. */
  end(process: KnownProcess, atNs: number): void {
    process.exitedNs ??= atNs;
    if (process.toldVersion >= 0) this.#ended.add(process);
    const number = numberOf(process.pid, process.ticks);
    if (!this.#idle.delete(number)) return;
    this.#past.set(number, process);
    this.#trim();
  }

  /** Its end has been told; if more of it comes it is told anew. */
  forgetEnd(process: KnownProcess): void {
    this.#ended.delete(process);
    process.toldVersion = -1;
    process.isComplete = false;
  }

  /** Takes records of struct wb_event one after the other. False where they end in something else. */
  take(records: Uint8Array): boolean {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    let start = 0;
    while (start + EVENT.size <= records.byteLength) {
      const size = EVENT.get.size(view, start);
      if (size < EVENT.size || start + size > records.byteLength) return false;
      this.#takeOne(view, start, size);
      start += size;
    }
    return start === records.byteLength;
  }

  #takeOne(view: DataView, start: number, size: number): void {
    const type = EVENT.get.type(view, start);
    const pid = EVENT.get.tgid(view, start);
    if (pid === 0 || (type !== EVENT_TYPES.exec && type !== EVENT_TYPES.fork && type !== EVENT_TYPES.exit))
      return;
    const at = start + EVENT.offsetOf.startNs;
    const process = this.obtain(pid, view.getUint32(at, true), view.getUint32(at + 4, true));
    process.userId = EVENT.get.uid(view, start);
    process.parentPid = EVENT.get.parentTgid(view, start);
    if (type === EVENT_TYPES.exec) this.#takeExec(process, view, start, size);
    else if (type === EVENT_TYPES.exit) this.end(process, EVENT.get.timeNs(view, start));
    else this.#takeFork(process, view, start);
  }

  /** A child runs what its parent runs until it execs. */
  #takeFork(child: KnownProcess, view: DataView, start: number): void {
    const at = start + EVENT.offsetOf.parentStartNs;
    const ticks = this.#ticks(view.getUint32(at, true), view.getUint32(at + 4, true));
    const number = numberOf(child.parentPid, ticks);
    const parent = this.#find(number);
    if (parent === undefined) return;
    child.program ??= parent.program;
    if (child.comm === "") child.comm = parent.comm;
  }

  #takeExec(process: KnownProcess, view: DataView, start: number, size: number): void {
    if (size < EXEC.size) return;
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, size);
    const nameEnd = Math.min(size, EXEC.size + EXEC.get.filenameSize(view, start));
    const argumentsEnd = Math.min(size, nameEnd + EXEC.get.argumentsSize(view, start));
    const commandLine = this.#text(bytes.subarray(nameEnd, argumentsEnd)).split("\0");
    if (commandLine.at(-1) === "") commandLine.pop();
    process.program = { fileName: this.textOf(bytes.subarray(EXEC.size, nameEnd)), commandLine };
    process.comm = this.textOf(bytes.subarray(EXEC.offsetOf.comm, EXEC.offsetOf.comm + 16));
    process.version += 1;
    process.isComplete = false;
  }

  /** Text up to the first NUL. */
  textOf(bytes: Uint8Array): string {
    const end = bytes.indexOf(0);
    return this.#text(end < 0 ? bytes : bytes.subarray(0, end));
  }

  #text(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes);
  }

  #ticks(low: number, high: number): number {
    return wholeTicks(low, high, this.#nsPerTick);
  }

  #trim(): void {
    trimTo(this.#idle, this.#idleMax);
    trimTo(this.#past, this.#pastMax);
  }
}

/** The oldest go first. */
function trimTo(processes: Map<number, KnownProcess>, max: number): void {
  for (const number of processes.keys()) {
    if (processes.size <= max) return;
    processes.delete(number);
  }
}

/** Unique as long as no pid is used again exactly 248 days later. */
function numberOf(pid: number, ticks: number): number {
  return (ticks % TICKS_RANGE) * PIDS + pid;
}
