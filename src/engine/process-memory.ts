/**
 * Remembers the processes that flows refer to, exited ones too, for as long as a flow needs them. Bounded: of processes
 * that no flow refers to, only the living are kept, and of these only so many.
 */
import type { ProcessInfo, ProcessKey, ProcessUsage } from "../model/process.ts";
import type { ProcessState } from "../model/snapshot.ts";

/** What is known of one process. Changed by `ProcessMemory` alone. */
export interface ProcessEntry {
  readonly key: ProcessKey;
  /** Nothing but itself: most flows have one process. */
  readonly alone: readonly ProcessEntry[];
  /** Undefined until the capture tells it: a socket may be seen before its holder is. */
  info: ProcessInfo | undefined;
  exited: boolean;
  /** How many flows refer to it. */
  references: number;
  memoryBytes: number | undefined;
  cpuFraction: number | undefined;
  /** Of the last usage told. */
  cpuTimeMs: number | undefined;
  usageAtMs: number;
  usageSequence: number;
  /** The last snapshot in which it held a living socket: for counting each process once. */
  holdingSequence: number;
  state: ProcessState | undefined;
}

/** Living processes without a flow that are kept, because the capture tells each only once. */
const UNREFERENCED_MAX = 65_536;

const NONE: readonly ProcessEntry[] = [];

export class ProcessMemory {
  readonly #entries = new Map<ProcessKey, ProcessEntry>();
  #unreferenced = 0;
  readonly #unreferencedMax: number;

  constructor(unreferencedMax = UNREFERENCED_MAX) {
    this.#unreferencedMax = unreferencedMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  tell(info: ProcessInfo): void {
    const entry = this.#entries.get(info.key) ?? this.#create(info.key);
    entry.info = info;
  }

  exit(key: ProcessKey): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.exited = true;
    if (entry.references === 0) this.#forget(entry);
  }

  /** `sequence` is the batch's, `monotonicMs` its moment. */
  use(usage: ProcessUsage, sequence: number, monotonicMs: number): void {
    const entry = this.#entries.get(usage.key);
    if (entry === undefined) return; // a process that was never told: there is no row that could show it
    const elapsedMs = monotonicMs - entry.usageAtMs;
    if (entry.cpuTimeMs !== undefined && elapsedMs > 0) {
      entry.cpuFraction = Math.max(0, usage.cpuTimeMs - entry.cpuTimeMs) / elapsedMs;
    }
    entry.memoryBytes = usage.memoryBytes;
    entry.cpuTimeMs = usage.cpuTimeMs;
    entry.usageAtMs = monotonicMs;
    entry.usageSequence = sequence;
  }

  /** The entry of a process that a flow refers to, made if need be. Every call needs one of `release`. */
  reference(key: ProcessKey): ProcessEntry {
    const entry = this.#entries.get(key) ?? this.#create(key);
    if (entry.references === 0) this.#unreferenced -= 1;
    entry.references += 1;
    return entry;
  }

  /** The same for each; all flows of one process share the answer. */
  referenceAll(keys: readonly ProcessKey[]): readonly ProcessEntry[] {
    const [first] = keys;
    if (first === undefined) return NONE;
    if (keys.length === 1) return this.reference(first).alone;
    return keys.map((key) => this.reference(key));
  }

  release(entry: ProcessEntry): void {
    entry.references -= 1;
    if (entry.references > 0) return;
    this.#unreferenced += 1;
    if (entry.exited || entry.info === undefined) this.#forget(entry);
  }

  /** Every process that has been told and is remembered. An unchanged one is the object of the snapshot before. */
  states(sequence: number): ReadonlyMap<ProcessKey, ProcessState> {
    this.#trim();
    const states = new Map<ProcessKey, ProcessState>();
    for (const entry of this.#entries.values()) {
      const state = stateOf(entry, sequence);
      if (state !== undefined) states.set(entry.key, state);
    }
    return states;
  }

  #create(key: ProcessKey): ProcessEntry {
    const alone: ProcessEntry[] = [];
    const entry: ProcessEntry = {
      key,
      alone,
      info: undefined,
      exited: false,
      references: 0,
      memoryBytes: undefined,
      cpuFraction: undefined,
      cpuTimeMs: undefined,
      usageAtMs: 0,
      usageSequence: -1,
      holdingSequence: -1,
      state: undefined,
    };
    alone.push(entry);
    this.#entries.set(key, entry);
    this.#unreferenced += 1;
    return entry;
  }

  /** Only for entries without references. */
  #forget(entry: ProcessEntry): void {
    if (this.#entries.delete(entry.key)) this.#unreferenced -= 1;
  }

  /** The oldest unreferenced ones go first: Map keeps the order of insertion. */
  #trim(): void {
    if (this.#unreferenced <= this.#unreferencedMax) return;
    for (const entry of this.#entries.values()) {
      if (entry.references > 0) continue;
      this.#forget(entry);
      if (this.#unreferenced <= this.#unreferencedMax) return;
    }
  }
}

function stateOf(entry: ProcessEntry, sequence: number): ProcessState | undefined {
  if (entry.info === undefined) return undefined;
  // What a process used when it was last looked at says nothing about now.
  const isCurrent = entry.usageSequence === sequence && !entry.exited;
  const memoryBytes = isCurrent ? entry.memoryBytes : undefined;
  const cpuFraction = isCurrent ? entry.cpuFraction : undefined;
  const before = entry.state;
  if (
    before !== undefined &&
    before.info === entry.info &&
    before.exited === entry.exited &&
    before.memoryBytes === memoryBytes &&
    before.cpuFraction === cpuFraction
  ) {
    return before;
  }
  entry.state = { info: entry.info, exited: entry.exited, memoryBytes, cpuFraction };
  return entry.state;
}
