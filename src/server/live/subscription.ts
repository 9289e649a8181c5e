/**
 * One subscriber's queue, bounded by number and bytes. What does not fit is counted and told as one `gap` in its place: after
 * what is queued, before what comes next. It is iterated by one reader.
 */
import type { LiveEvent } from "../../model/fleet.ts";
import type { PublishedEvent } from "../context.ts";

export interface SubscriptionOptions {
  readonly filter: (event: LiveEvent) => boolean;
  readonly queueMax: number;
  readonly queueBytesMax: number;
  readonly ended: () => void;
}

interface Queued {
  published: PublishedEvent;
  readonly bytes: number;
}

export class Subscription implements AsyncIterable<PublishedEvent>, AsyncIterator<PublishedEvent> {
  readonly #options: SubscriptionOptions;
  readonly #queue: Queued[] = [];
  #bytes = 0;
  #waiting: ((result: IteratorResult<PublishedEvent>) => void) | undefined;
  #isEnded = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  offer(published: PublishedEvent, bytes: number): void {
    if (this.#isEnded || !this.#options.filter(published.event)) return;
    if (this.#hasRoom(bytes)) this.#put({ published, bytes });
    else this.#miss(1, published.id);
  }

  /** Nobody knows how many up to this id. */
  missUnknown(upToId: number): void {
    if (!this.#isEnded) this.#miss(-1, upToId);
  }

  readonly end = (): void => {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#queue.length = 0;
    this.#bytes = 0;
    this.#options.ended();
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = undefined;
  };

  [Symbol.asyncIterator](): AsyncIterator<PublishedEvent> {
    return this;
  }

  next(): Promise<IteratorResult<PublishedEvent>> {
    const queued = this.#queue.shift();
    if (queued !== undefined) {
      this.#bytes -= queued.bytes;
      return Promise.resolve({ done: false, value: queued.published });
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<PublishedEvent>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** After an overflow only once half of it is free: one long gap tells a slow reader more than many short ones. */
  #hasRoom(bytes: number): boolean {
    const { queueMax, queueBytesMax } = this.#options;
    if (this.#queue.length === 0) return true; // one event always fits, however big it is
    const share = this.#queue.at(-1)?.published.event.type === "gap" && this.#bytes > 0 ? 0.5 : 1;
    return this.#queue.length < queueMax * share && this.#bytes + bytes <= queueBytesMax * share;
  }

  #put(queued: Queued): void {
    if (this.#waiting === undefined) {
      this.#queue.push(queued);
      this.#bytes += queued.bytes;
      return;
    }
    this.#waiting({ done: false, value: queued.published });
    this.#waiting = undefined;
  }

  #miss(count: number, upToId: number): void {
    const last = this.#queue.at(-1);
    const before = last?.published.event.type === "gap" ? last.published.event.missed : undefined;
    if (last === undefined || before === undefined) {
      this.#put({ published: { id: upToId, event: { type: "gap", missed: count } }, bytes: 0 });
      return;
    }
    const missed = before < 0 || count < 0 ? -1 : before + count;
    last.published = { id: upToId, event: { type: "gap", missed } };
  }
}
