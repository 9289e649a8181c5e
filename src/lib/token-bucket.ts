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

  /** Takes so many where there are: 0, else the milliseconds until there are. More than fit are taken when it is full. */
  take(nowMs: number, count = 1): number {
    this.#fill(nowMs);
    const wanted = Math.min(count, this.#capacity);
    if (this.#tokens < wanted) return Math.ceil(((wanted - this.#tokens) * 1000) / this.#perSecond);
    this.#tokens -= wanted;
    return 0;
  }

  /** Takes so many, whether there are or not: what is missing must come back first. */
  charge(nowMs: number, count: number): void {
    this.#fill(nowMs);
    this.#tokens -= count;
  }

  #fill(nowMs: number): void {
    const gained = ((nowMs - this.#filledAtMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, gained));
    this.#filledAtMs = nowMs;
  }

  /** Puts one back that was taken. */
  giveBack(): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + 1);
  }
}

/** As many are remembered where nothing else is said. */
const KEYS_MAX = 256;

/** A bucket for each of many (users, processes, addresses), `keysMax` at the most: who has been away longest is forgotten first. */
export class TokenBuckets {
  readonly #make: (nowMs: number) => TokenBucket;
  readonly #keysMax: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(capacity: number, perSecond: number, keysMax = KEYS_MAX) {
    this.#make = (nowMs) => new TokenBucket(capacity, perSecond, nowMs);
    this.#keysMax = keysMax;
  }

  of(key: string, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? this.#make(nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket); // behind all others: the last to be forgotten
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#keysMax && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}
