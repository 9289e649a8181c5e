/**
 * Login throttling, per name and per address: the first failures cost nothing, then each doubles the wait. An attempt counts as
 * failed when it begins, so that a thousand at once are no way around it. Who logged in from an address before is not kept
 * out there by what others try with the same name elsewhere. Bounded: what has been quiet longest is forgotten first.
 */
import { LRUCache } from "lru-cache";

const KEYS_MAX = 10_000;
/** Without a failure for so long, all is forgotten. */
const MEMORY_MS = 3_600_000;

interface Rule {
  /** Failures that cost nothing. */
  readonly free: number;
  readonly waitMsMax: number;
}

const PER_NAME: Rule = { free: 5, waitMsMax: 60_000 };
const PER_ADDRESS: Rule = { free: 20, waitMsMax: 900_000 };

interface Record {
  failures: number;
  lastMs: number;
}

/** One kind of key. Times are of a clock that never goes back. */
class Failures {
  readonly #rule: Rule;
  readonly #records = new LRUCache<string, Record>({ max: KEYS_MAX });

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  waitMs(key: string, nowMs: number): number {
    const record = this.#records.get(key);
    if (record === undefined || nowMs - record.lastMs > MEMORY_MS) return 0;
    const over = record.failures - this.#rule.free;
    if (over < 0) return 0;
    const delayMs = Math.min(this.#rule.waitMsMax, 1000 * 2 ** Math.min(over, 30));
    return Math.max(0, record.lastMs + delayMs - nowMs);
  }

  count(key: string, nowMs: number): void {
    const record = this.#records.get(key);
    const isOld = record === undefined || nowMs - record.lastMs > MEMORY_MS;
    this.#records.set(key, { failures: isOld ? 1 : record.failures + 1, lastMs: nowMs });
  }

  /** One was none after all. */
  takeBack(key: string): void {
    const record = this.#records.get(key);
    if (record !== undefined) record.failures = Math.max(0, record.failures - 1);
  }

  forget(key: string): void {
    this.#records.delete(key);
  }
}

export class LoginThrottle {
  readonly #names = new Failures(PER_NAME);
  readonly #addresses = new Failures(PER_ADDRESS);
  /** `name address` of logins that succeeded. */
  readonly #known = new LRUCache<string, true>({ max: KEYS_MAX });

  /** Milliseconds to wait; 0: the attempt may be made, and counts as failed until `succeeded`. */
  begin(name: string, address: string, nowMs: number): number {
    const key = name.toLowerCase();
    const isKnown = this.#known.has(`${key} ${address}`);
    const waitMs = Math.max(
      isKnown ? 0 : this.#names.waitMs(key, nowMs),
      this.#addresses.waitMs(address, nowMs),
    );
    if (waitMs > 0) return waitMs;
    this.#names.count(key, nowMs);
    this.#addresses.count(address, nowMs);
    return 0;
  }

  /** The name is forgiven; the address only this attempt, or its owner could try others' names for ever. */
  succeeded(name: string, address: string): void {
    const key = name.toLowerCase();
    this.#names.forget(key);
    this.#addresses.takeBack(address);
    this.#known.set(`${key} ${address}`, true);
  }

  /** It was not answered at all: neither failed nor succeeded. */
  abandoned(name: string, address: string): void {
    this.#names.takeBack(name.toLowerCase());
    this.#addresses.takeBack(address);
  }
}
