/**
 * Finds the events of one stream that its parent does not accept, so that they hold up nothing behind them: a batch that is
 * refused is halved until one event alone is refused, and only that one is given up, after it was refused twice.
 *
 * That the parent refuses what is fine (a defect on either side: a signature that never verifies, another version) looks the
 * same from here. So giving up is slow beyond the first few: a parent that refuses everything can't make an agent throw away
 * its backlog before a person has read of it, and what the parent comes to accept again is still there. A parent that refuses
 * even the record of the loss, which stands alone in a batch then, refuses everything: nothing more is given up for it.
 */
import { TokenBucket } from "../lib/token-bucket.ts";
import { BATCH_ITEMS_MAX, isLoss, type SignedBatch } from "../protocol/fleet/envelope.ts";

/** So many events are given up at once; further ones one in so many milliseconds. */
export const GIVEN_UP_AT_ONCE = 10;
export const GIVE_UP_PAUSE_MS = 10_000;
/** How often one event alone is refused before it is given up. */
export const REFUSALS = 2;
/** Between two halves: it is known what to do next, but not that the parent is well. */
const HALVING_PAUSE_MS = 100;

export type Verdict =
  | { readonly kind: "smaller"; readonly waitMs: number }
  /** The same once more, after a pause. */
  | { readonly kind: "again" }
  /** It has been enough, but too much was given up lately. */
  | { readonly kind: "paced"; readonly waitMs: number }
  | { readonly kind: "give-up" };

export class Narrowing {
  readonly #bucket: TokenBucket;
  #itemsMax = BATCH_ITEMS_MAX;
  /** So many items at the front have one among them that is refused; 0: nothing is known. */
  #suspects = 0;
  #alone = { key: "", refusals: 0 };

  constructor(nowMs: number) {
    this.#bucket = new TokenBucket(GIVEN_UP_AT_ONCE, 1000 / GIVE_UP_PAUSE_MS, nowMs);
  }

  /** Of the next batch. */
  get itemsMax(): number {
    return this.#itemsMax;
  }

  /** Whether a batch is small because something is looked for. */
  get isNarrow(): boolean {
    return this.#itemsMax < BATCH_ITEMS_MAX;
  }

  /** The whole batch is refused. */
  refused({ header, items }: SignedBatch, nowMs: number): Verdict {
    if (items.length > 1) {
      this.#suspects = items.length;
      this.#itemsMax = Math.ceil(items.length / 2);
      return { kind: "smaller", waitMs: HALVING_PAUSE_MS };
    }
    this.#itemsMax = 1;
    const key = `${header.epoch} ${header.firstSeq}`;
    const refusals = (this.#alone.key === key ? this.#alone.refusals : 0) + 1;
    this.#alone = { key, refusals };
    // A record of loss holds nothing that could be given up; what stands behind it is not reached before it is taken.
    if (refusals < REFUSALS || items.some(isLoss)) return { kind: "again" };
    const waitMs = this.#bucket.take(nowMs);
    return waitMs > 0 ? { kind: "paced", waitMs } : { kind: "give-up" };
  }

  taken(batch: SignedBatch): void {
    this.#passed(batch.items.length);
  }

  givenUp(): void {
    this.#alone = { key: "", refusals: 0 };
    this.#passed(1);
  }

  /** What is refused is in the rest of the suspects; where there is none left, batches grow again: bad ones come in flocks. */
  #passed(items: number): void {
    this.#suspects = Math.max(0, this.#suspects - items);
    this.#itemsMax =
      this.#suspects > 0 ? Math.ceil(this.#suspects / 2) : Math.min(BATCH_ITEMS_MAX, this.#itemsMax * 2);
  }
}
