/**
 * Tells processes to the outbox, in the order in which it is given them. A start waits for its file to be read, for half a
 * second at most: then it is told without the hash, and when that is there a change is told. An end waits for its start.
 */
import type { ProcessStarted, ProcessStopped, RunningProcess } from "../../protocol/fleet/payloads.ts";
import type { NewEvent, Outbox } from "../../telemetry/contract.ts";
import { Turn, type Bookkeeper } from "./bookkeeper.ts";
import type { Categories } from "./categories.ts";
import { isNoise, type NoiseFilter } from "./noise.ts";
import type { ProcessIds } from "./process-ids.ts";
import type { Program, Programs } from "./programs.ts";
import type { KnownProcess, RunningProcesses } from "./running.ts";
import type { Telling, Tracked } from "./tracked.ts";

/** How long a start waits for its file. */
export const PATIENCE_MS = 500;
/** From here on nobody waits any more: memory is worth more than a hash at once. */
const WAITING_MAX = 10_000;
/** Where the disk is full it is found out so often whether it still is. */
const TRY_AGAIN_MS = 1000;
const USER_NAME_MAX = 256;
const PID_MAX = 4_194_304;

/** Numbers of the events (`eventId`). */
export const EVENT_IDS = { started: 1, changed: 2, stopped: 3, snapshot: 4, gap: 5 } as const;
export const PROVIDER = "processes";

export interface TellerOptions {
  readonly outbox: Outbox;
  readonly programs: Programs;
  readonly running: RunningProcesses;
  readonly categories: Categories;
  readonly ids: ProcessIds;
  readonly noise: NoiseFilter;
  readonly userName: (userId: number | undefined) => string | undefined;
  readonly monotonicMs: () => number;
  /** Something became ready. */
  readonly wake: () => void;
}

interface Item {
  /** Undefined: a mark in the row. */
  readonly telling: Telling | undefined;
  /** Called when all before it is told. */
  readonly reached: (() => void) | undefined;
  isReady: boolean;
  readonly untilMs: number;
}

interface Unsaid {
  readonly turn: Turn;
  readonly events: NewEvent[];
  readonly marks: (() => void)[];
}

export class Teller {
  readonly #options: TellerOptions;
  readonly #waiting: Item[] = [];
  /** Told before their file was read. */
  readonly #incomplete = new Map<string, Telling>();
  /** Made ready, and to be told as soon as that can be noted. */
  #unsaid: Unsaid | undefined;
  #tryAgainMs: number | undefined;
  toldCount = 0;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0 || this.isHolding;
  }

  /** It can't be noted what is about to be told. */
  get isHolding(): boolean {
    return this.#tryAgainMs !== undefined;
  }

  /** When the first that waits has waited for long enough, by the clock that never jumps. */
  get dueMs(): number | undefined {
    return this.#tryAgainMs ?? this.#waiting[0]?.untilMs;
  }

  /** `patienceMs`: how long they may wait for their files. */
  add(tellings: readonly Telling[], patienceMs = PATIENCE_MS): void {
    const untilMs = this.#options.monotonicMs() + patienceMs;
    for (const telling of tellings) {
      const item: Item = { telling, reached: undefined, isReady: telling.kind === "stopped", untilMs };
      this.#waiting.push(item);
      if (item.isReady) continue;
      item.isReady = this.#options.programs.of(telling.process, telling.run).isComplete;
      if (!item.isReady) void this.#awaitFile(item, telling);
    }
  }

  /** Calls it when all that was added before is told. */
  mark(reached: () => void): void {
    this.#waiting.push({ telling: undefined, reached, isReady: true, untilMs: 0 });
  }

  /**
   * Tells what is ready, or has waited for long enough; with `all`, everything. Undefined: nothing was. Where it can't be noted
   * that it is about to be told, it is told later: after a kill it would be told again.
   */
  flush(bookkeeper: Bookkeeper, observedUntilMs: number | undefined, all = false): Promise<void> | undefined {
    const held = this.#say(bookkeeper, observedUntilMs, all);
    if (this.#unsaid !== undefined) return undefined;
    this.#unsaid = this.#compose(all);
    return this.#say(bookkeeper, observedUntilMs, all) ?? held;
  }

  #compose(all: boolean): Unsaid {
    const unsaid: Unsaid = { turn: new Turn(), events: [], marks: [] };
    for (const { telling, reached } of this.#waiting.splice(0, this.#readyCount(all))) {
      if (reached !== undefined) unsaid.marks.push(reached);
      const event = telling === undefined ? undefined : this.#tell(telling, unsaid.turn);
      if (event !== undefined) unsaid.events.push(event);
    }
    return unsaid;
  }

  #say(bookkeeper: Bookkeeper, observedUntilMs: number | undefined, all: boolean): Promise<void> | undefined {
    if (this.#unsaid === undefined || (!all && this.isHolding && !this.#mayTryAgain)) return undefined;
    const { turn, events, marks } = this.#unsaid;
    if (!turn.isEmpty && !bookkeeper.before(turn)) {
      if (this.#waiting.length <= WAITING_MAX) {
        this.#tryAgainMs = this.#options.monotonicMs() + TRY_AGAIN_MS;
        return undefined;
      }
      bookkeeper.giveUp();
    }
    this.#unsaid = undefined;
    this.#tryAgainMs = undefined;
    for (const event of events) this.#options.outbox.append("process", event);
    this.toldCount += events.length;
    const stored = turn.isEmpty ? undefined : bookkeeper.after(turn, observedUntilMs);
    for (const reached of marks) reached();
    return stored;
  }

  get #mayTryAgain(): boolean {
    return this.#options.monotonicMs() >= (this.#tryAgainMs ?? 0);
  }

  #readyCount(all: boolean): number {
    if (all) return this.#waiting.length;
    const nowMs = this.#options.monotonicMs();
    let count = 0;
    for (const { isReady, untilMs, reached } of this.#waiting) {
      if (reached !== undefined) return count + 1; // what comes after a mark belongs to another turn
      if (!isReady && untilMs > nowMs && this.#waiting.length - count <= WAITING_MAX) break;
      count += 1;
    }
    return count;
  }

  async #awaitFile(item: Item, telling: Telling): Promise<void> {
    const { process, run } = telling;
    await this.#options.programs.whenComplete(process, run);
    item.isReady = true;
    const processId = this.#idOf(process);
    const late = this.#incomplete.get(processId);
    if (late === telling) {
      this.#incomplete.delete(processId);
      const known = this.#options.running.get(processId);
      const program = this.#options.programs.of(process, run);
      if (known !== undefined && known.told.fingerprintHash !== program.fingerprintHash)
        this.#waiting.push({ ...item, telling: { ...telling, kind: "changed" }, untilMs: 0 });
    }
    this.#options.wake();
  }

  #idOf(process: Tracked): string {
    return this.#options.ids.idOf(process.pid, process.startTicks);
  }

  #tell(telling: Telling, turn: Turn): NewEvent | undefined {
    return telling.kind === "stopped" ? this.#tellStop(telling, turn) : this.#tellStart(telling, turn);
  }

  #tellStart(telling: Telling, turn: Turn): NewEvent | undefined {
    const { running, programs, noise, ids } = this.#options;
    const { process, run } = telling;
    const processId = this.#idOf(process);
    const program = programs.of(process, run);
    const before = running.get(processId);
    // A change of one that was told to have stopped, or of nothing.
    if (telling.kind === "changed" && before === undefined) return undefined;
    if (telling.kind === "changed" && !telling.isExact && !isNews(before, program)) return undefined;
    const told = this.#describe(processId, process, program);
    const isLocal = before?.isLocal !== false && isNoise(told.fingerprint.name, noise);
    const isFirst = before === undefined || before.isLocal;
    const known = { told, isLocal, startNs: process.startNs, startTicks: process.startTicks };
    const baseHash = running.setHash;
    running.put(known);
    if (program.isComplete) this.#incomplete.delete(processId);
    else this.#incomplete.set(processId, telling);
    (isFirst ? turn.begun : turn.changed).push(known);
    if (isLocal) return undefined;
    const atMs = ids.timeOf(telling.atNs);
    const payload: ProcessStarted = {
      eventType: isFirst ? "started" : "changed",
      processId,
      fingerprintHash: told.fingerprintHash,
      eventData: told,
      timestamp: isoTime(atMs),
      baseHash,
    };
    const type = isFirst ? "process_started" : "process_changed";
    return eventOf(type, isFirst ? EVENT_IDS.started : EVENT_IDS.changed, atMs, payload);
  }

  #tellStop({ process, atNs, isExact, waitStatus }: Telling, turn: Turn): NewEvent | undefined {
    const { running, ids } = this.#options;
    const processId = this.#idOf(process);
    const known = running.get(processId);
    this.#incomplete.delete(processId);
    if (known === undefined) return undefined;
    const baseHash = running.setHash;
    running.remove(processId);
    turn.ended.push(known);
    if (known.isLocal) return undefined;
    const { told } = known;
    const startedAtMs = startOf(known, ids);
    const stoppedAtMs = Math.max(startedAtMs, ids.timeOf(atNs));
    const payload: ProcessStopped = {
      eventType: "stopped",
      processId,
      fingerprintHash: told.fingerprintHash,
      eventData: {
        processId,
        pid: told.pid,
        name: told.fingerprint.name,
        startedAtMs,
        stoppedAtMs,
        isEndExact: isExact,
        exitCode: exitCodeOf(waitStatus),
      },
      timestamp: isoTime(stoppedAtMs),
      baseHash,
    };
    return eventOf("process_stopped", EVENT_IDS.stopped, stoppedAtMs, payload);
  }

  #describe(processId: string, process: Tracked, program: Program): RunningProcess {
    const { ids, programs, categories, userName } = this.#options;
    const { pid, parentPid, parentStartTicks, userId, startNs, startTicks } = process;
    const { fingerprint, fingerprintHash, isComplete } = program;
    const usage = programs.usage(process);
    return {
      processId,
      pid,
      parentPid: parentPid === 0 || parentPid > PID_MAX ? null : parentPid,
      parentProcessId:
        parentStartTicks === undefined || parentPid === 0 ? null : ids.idOf(parentPid, parentStartTicks),
      userId: userId ?? null,
      userName: userName(userId)?.slice(0, USER_NAME_MAX) ?? null,
      startedAtMs: startOf({ startNs, startTicks }, ids),
      isStartExact: startNs !== undefined,
      memoryBytes: usage?.memoryBytes ?? null,
      cpuTimeMs: usage?.cpuTimeMs ?? null,
      fingerprintHash,
      fingerprint,
      category: categories.of(fingerprintHash, fingerprint, isComplete),
    };
  }
}

/** Nothing is new where it is the same program, or less is known of it than before. */
function isNews(before: KnownProcess | undefined, { fingerprint, fingerprintHash }: Program): boolean {
  if (before === undefined || before.told.fingerprintHash === fingerprintHash) return false;
  const { name, path } = before.told.fingerprint;
  const isSame = name === fingerprint.name && (path === fingerprint.path || fingerprint.path === null);
  return !isSame || fingerprint.fileHash !== null || before.told.fingerprint.fileHash === null;
}

function startOf(
  { startNs, startTicks }: Pick<KnownProcess, "startNs" | "startTicks">,
  ids: ProcessIds,
): number {
  return startNs === undefined ? ids.timeOfTicks(startTicks) : ids.timeOf(startNs);
}

/** 0 to 255, or the signal that ended it as a negative number; see wait(2). */
export function exitCodeOf(waitStatus: number | undefined): number | null {
  if (waitStatus === undefined) return null;
  const signal = waitStatus & 0x7f;
  return signal === 0 ? (waitStatus >> 8) & 0xff : -signal;
}

export function eventOf(type: string, eventId: number, timestampMs: number, payload: unknown): NewEvent {
  return { type, timestampMs, provider: PROVIDER, eventId, payload: JSON.stringify(payload) };
}

const TIME_MAX = 8.64e15;

export function isoTime(timeMs: number): string {
  return new Date(Math.min(TIME_MAX, Math.max(0, timeMs))).toISOString();
}
