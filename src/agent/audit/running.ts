/**
 * The processes that run, as they were told: what the queries answer, what a snapshot holds, and the hash of their set. Beside
 * them those that are known here alone.
 */
import type { ProcessCategory } from "../../model/categories.ts";
import type { ClassificationUpdate } from "../../protocol/fleet/classification.ts";
import { PAYLOAD_BYTES_MAX } from "../../protocol/fleet/envelope.ts";
import type { ProcessSnapshot, RunningProcess } from "../../protocol/fleet/payloads.ts";
import { addToSet, formatSetHash, removeFromSet } from "../../protocol/fleet/set-hash.ts";
import type { ProcessQueries } from "../contract.ts";

const PART_PROCESSES_MAX = 200;
/** With room for what is around them. */
const PART_BYTES_MAX = PAYLOAD_BYTES_MAX - 4096;
const PARTS_MAX = 1000;

export interface KnownProcess {
  readonly told: RunningProcess;
  /** It is told to nobody. */
  readonly isLocal: boolean;
  /** CLOCK_BOOTTIME of its start, where that is exact: what times are made of when the clock is set. */
  readonly startNs: number | undefined;
  readonly startTicks: number;
}

export class RunningProcesses implements ProcessQueries {
  readonly #byId = new Map<string, KnownProcess>();
  #set = 0n;

  /** Of those that were told. */
  get setHash(): string {
    return formatSetHash(this.#set);
  }

  get size(): number {
    return this.#byId.size;
  }

  get(processId: string): KnownProcess | undefined {
    return this.#byId.get(processId);
  }

  all(): IterableIterator<KnownProcess> {
    return this.#byId.values();
  }

  put(process: KnownProcess): void {
    const { processId } = process.told;
    const before = this.#byId.get(processId);
    if (before?.isLocal === false) this.#set = removeFromSet(this.#set, processId);
    if (!process.isLocal) this.#set = addToSet(this.#set, processId);
    this.#byId.set(processId, process);
  }

  remove(processId: string): void {
    const before = this.#byId.get(processId);
    if (before === undefined) return;
    if (!before.isLocal) this.#set = removeFromSet(this.#set, processId);
    this.#byId.delete(processId);
  }

  clear(): void {
    this.#byId.clear();
    this.#set = 0n;
  }

  running(filter: { category?: ProcessCategory; name?: string } = {}): readonly RunningProcess[] {
    const { category, name } = filter;
    const found: RunningProcess[] = [];
    for (const { told } of this.#byId.values()) {
      if (category !== undefined && told.category !== category) continue;
      if (name !== undefined && !isCalled(told, name)) continue;
      found.push(told);
    }
    return found;
  }

  isRunning(nameOrHash: string): boolean {
    for (const { told } of this.#byId.values())
      if (told.fingerprintHash === nameOrHash || isCalled(told, nameOrHash)) return true;
    return false;
  }

  /** What is said of programs is said of the processes that run them. */
  classify(updates: readonly ClassificationUpdate[]): void {
    const categories = new Map(updates.map((update) => [update.fingerprintHash, update.classification]));
    for (const [processId, process] of this.#byId) {
      const category = categories.get(process.told.fingerprintHash);
      if (category === undefined || category === process.told.category) continue;
      this.#byId.set(processId, { ...process, told: { ...process.told, category } });
    }
  }

  /** In parts of at most 200 processes and as many bytes as an event may have; one part where nothing runs. */
  snapshot(snapshotId: string, takenAtMs: number): ProcessSnapshot[] {
    const parts: RunningProcess[][] = [[]];
    let bytes = 0;
    for (const { told, isLocal } of this.#byId.values()) {
      if (isLocal) continue;
      const size = Buffer.byteLength(JSON.stringify(told)) + 1;
      let part = parts.at(-1);
      if (part === undefined || part.length >= PART_PROCESSES_MAX || bytes + size > PART_BYTES_MAX) {
        part = [];
        parts.push(part);
        bytes = 0;
      }
      part.push(told);
      bytes += size;
    }
    const { setHash } = this;
    return parts.slice(0, PARTS_MAX).map((processes, index) => ({
      eventType: "snapshot",
      snapshotId,
      part: index + 1,
      parts: Math.min(parts.length, PARTS_MAX),
      setHash,
      takenAtMs,
      processes,
    }));
  }
}

/** By the name or the whole path; of Windows programs also without `.exe`. Case does not matter. */
function isCalled({ fingerprint }: RunningProcess, wanted: string): boolean {
  const lower = wanted.toLowerCase();
  const name = fingerprint.name.toLowerCase();
  return name === lower || name === `${lower}.exe` || fingerprint.path?.toLowerCase() === lower;
}
