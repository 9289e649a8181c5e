/** Bounds on how often something may happen. Time is handed in, never read, and is of a clock that never goes back. */

/** Bursts of `capacity`, then `perSecond`. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(capacity: number, perSecond: number, nowMs: number) {
    this.#capacity = capacity;
    this.#perSecond = perSecond;
    this.#tokens = capacity;
    this.#filledAtMs = nowMs;
  }

  /** Takes one where there is one: 0, else the milliseconds until there is. */
  take(nowMs: number): number {
    const gained = ((nowMs - this.#filledAtMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, gained));
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
    this.#tokens -= 1;
    return 0;
  }

  /** Puts one back that was taken. */
  giveBack(): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + 1);
  }
}

/** As many are remembered; who has been away longest is forgotten first. */
const KEYS_MAX = 256;

/** A bucket for each of many: users, processes. */
export class TokenBuckets {
  readonly #make: (nowMs: number) => TokenBucket;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(capacity: number, perSecond: number) {
    this.#make = (nowMs) => new TokenBucket(capacity, perSecond, nowMs);
  }

  of(key: string, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? this.#make(nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket); // behind all others: the last to be forgotten
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > KEYS_MAX && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}
