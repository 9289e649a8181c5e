/**
 * How a process is called in the fleet: `<pid>_<start in Unix ms>`, the same from the kernel's events and from /proc, before and
 * after a restart of the agent, and whatever becomes of the machine's clock. The start is the wall time of the boot, taken once
 * per boot and kept, plus whole clock ticks. What is told as a time follows the clock; only the name does not, and what is
 * kept of a moment (steadyNow).
 */
import type { ProcessKey } from "../../model/process.ts";

/** A clock that is slewed moves less between two looks; one that is set moves more. */
const STEP_MS = 100;
const READINGS = 5;
const STATE_NAME = "boot_wall_ms";

export interface BootState {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

export interface BootClocks {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** CLOCK_BOOTTIME nanoseconds. */
  readonly bootNs: () => number;
}

export class ProcessIds {
  readonly bootId: string;
  readonly #ticksPerSecond: number;
  readonly #clocks: BootClocks;
  /** Unix milliseconds of the boot: for names, and for times. */
  readonly #namingMs: number;
  #bootedAtMs: number;

  constructor(bootId: string, ticksPerSecond: number, clocks: BootClocks, state: BootState) {
    this.bootId = bootId;
    this.#ticksPerSecond = ticksPerSecond;
    this.#clocks = clocks;
    this.#bootedAtMs = readBoot(clocks);
    const [keptBoot, keptMs] = (state.get(STATE_NAME) ?? "").split(" ");
    const kept = keptBoot === bootId ? Number(keptMs) : Number.NaN;
    this.#namingMs =
      Number.isSafeInteger(kept) && kept >= 0 ? kept : Math.max(0, Math.round(this.#bootedAtMs));
    if (this.#namingMs !== kept) state.set(STATE_NAME, `${bootId} ${this.#namingMs}`);
  }

  idOf(pid: number, startTicks: number): string {
    return `${pid}_${this.#namingMs + this.#ticksMs(startTicks)}`;
  }

  /** Null where the key is not of this boot. */
  idOfKey(key: ProcessKey): string | null {
    const [bootId, pid, ticks] = key.split(":");
    if (bootId !== this.bootId || pid === undefined || ticks === undefined) return null;
    return this.idOf(Number(pid), Number(ticks));
  }

  /** Of an id of this boot. */
  ticksOf(processId: string): number {
    const startMs = Number(processId.slice(processId.indexOf("_") + 1));
    return Math.round(((startMs - this.#namingMs) * this.#ticksPerSecond) / 1000);
  }

  /** Looks whether the clock was set. */
  refresh(): void {
    const nowMs = readBoot(this.#clocks);
    if (Math.abs(nowMs - this.#bootedAtMs) >= STEP_MS) this.#bootedAtMs = nowMs;
  }

  /** Unix milliseconds of nanoseconds since boot, to the microsecond. */
  timeOf(bootNs: number): number {
    return Math.max(0, Math.round((this.#bootedAtMs + bootNs / 1e6) * 1000) / 1000);
  }

  /** Of a start in clock ticks. */
  timeOfTicks(startTicks: number): number {
    return this.timeOf(this.#ticksMs(startTicks) * 1e6);
  }

  /** Now, as moments are kept: like Unix milliseconds, by a clock that nobody sets. */
  steadyNow(): number {
    return this.#namingMs + this.#clocks.bootNs() / 1e6;
  }

  /** Unix milliseconds of a moment that was kept, as the clock counts now. */
  timeOfSteady(steadyMs: number): number {
    return Math.max(0, this.#bootedAtMs + steadyMs - this.#namingMs);
  }

  #ticksMs(ticks: number): number {
    return Math.round((ticks * 1000) / this.#ticksPerSecond);
  }
}

/** The second clock is read after the first, which counts whole milliseconds: the largest difference is the nearest. */
function readBoot({ now, bootNs }: BootClocks): number {
  let largest = -Infinity;
  for (let reading = 0; reading < READINGS; reading += 1) largest = Math.max(largest, now() - bootNs() / 1e6);
  return largest;
}
