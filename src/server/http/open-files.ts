/**
 * How many files, connections among them, this program has open, and how many it may (RLIMIT_NOFILE; the runtime raises it to
 * what it is allowed). At the limit nobody could connect, and the runtime would try over and over: so before it, connections
 * are given up after their answer, and what merely waits is refused. Only on Linux is it known; elsewhere nothing is refused.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";

/** `tight`: connections are not kept for the next request. `full`: also those that are kept are closed. */
export type Pressure = "none" | "tight" | "full";

/** An agent has one connection that waits for commands and one for all else. */
const FILES_PER_AGENT = 2;
/** Kept free for new connections, databases and files: a part of all, but never fewer than so many. */
const RESERVE_PART = 1 / 40;
const RESERVE_MIN = 32;
const FRESH_MS = 50;
/** Where the kernel has to list them to count them (before Linux 6.2). */
const LISTED_FRESH_MS = 1000;
const FILES = "/proc/self/fd";

export class OpenFiles {
  /** Undefined where it is not known or not bounded. */
  readonly limit: number | undefined;
  readonly #now: () => number;
  readonly #count: () => number;
  #used = 0;
  #freshUntilMs = Number.NEGATIVE_INFINITY;

  /** `now`: a clock that never jumps, in milliseconds. */
  constructor(now: () => number, limit: number | undefined = limitOfOpenFiles(), count?: () => number) {
    this.#now = now;
    this.limit = limit;
    this.#count = count ?? (() => this.#ask());
  }

  /** As of a moment ago. */
  get used(): number {
    const nowMs = this.#now();
    if (nowMs >= this.#freshUntilMs) {
      this.#freshUntilMs = nowMs + FRESH_MS;
      this.#used = this.#count();
    }
    return this.#used;
  }

  get pressure(): Pressure {
    if (this.limit === undefined) return "none";
    const free = this.limit - this.used;
    const reserve = this.#reserve;
    if (free > reserve) return "none";
    return free > reserve / 4 ? "tight" : "full";
  }

  /** So many requests may wait at once: the rest is for those that want an answer now. */
  get waitingMax(): number {
    return this.limit === undefined ? Number.POSITIVE_INFINITY : this.limit - 2 * this.#reserve;
  }

  /** How many agents have room. */
  get agentsMax(): number {
    if (this.limit === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.floor((this.limit - this.#reserve) / FILES_PER_AGENT));
  }

  get #reserve(): number {
    return Math.max(RESERVE_MIN, Math.ceil((this.limit ?? 0) * RESERVE_PART));
  }

  #ask(): number {
    try {
      // Since Linux 6.2 this directory's size is the number of its entries.
      const { size } = statSync(FILES);
      if (size > 0) return size;
      this.#freshUntilMs += LISTED_FRESH_MS;
      return readdirSync(FILES).length;
    } catch {
      return this.#used; // it can't be listed when no more can be opened: as many as before
    }
  }
}

/** Undefined where there is none, or the system does not say. */
function limitOfOpenFiles(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined; // no Linux
  }
}
