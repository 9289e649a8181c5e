/**
 * Live events for everybody who looks, bounded in every direction: the last events are kept for who comes back, each subscriber
 * has a queue of its own, and what does not fit is told as one `gap` with its number. Publishing never waits for anybody.
 */
import type { LiveEvent } from "../../model/fleet.ts";
import type { LiveBus, PublishedEvent, ServerClock } from "../context.ts";
import { EventRing } from "./ring.ts";
import { Subscription } from "./subscription.ts";

/** An id is milliseconds × this + a counter: a parent that starts later has higher ids, for up to a million events per second. */
const IDS_PER_MS = 1000;

export interface LiveBusLimits {
  /** Events that are kept for who comes back. */
  readonly keptMax: number;
  /** Of their estimated size. */
  readonly keptBytesMax: number;
  /** Nothing is kept once nobody has listened for so long: a fleet that nobody looks at costs nothing. */
  readonly keptMs: number;
  /** Of one subscriber, where it does not ask for less. */
  readonly queueMax: number;
  readonly queueBytesMax: number;
}

const LIMITS: LiveBusLimits = {
  keptMax: 4096,
  keptBytesMax: 8 * 1024 * 1024,
  keptMs: 120_000,
  queueMax: 512,
  queueBytesMax: 2 * 1024 * 1024,
};

export function createLiveBus(clock: ServerClock, limits: Partial<LiveBusLimits> = {}): LiveBus {
  return new Bus(clock, { ...LIMITS, ...limits });
}

class Bus implements LiveBus {
  readonly #clock: ServerClock;
  readonly #limits: LiveBusLimits;
  readonly #ring: EventRing;
  readonly #subscriptions = new Set<Subscription>();
  #lastId: number;
  /** Monotonic. When the last subscriber left; undefined while there is one. */
  #aloneSinceMs: number | undefined;

  constructor(clock: ServerClock, limits: LiveBusLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#lastId = clock.now() * IDS_PER_MS;
    this.#ring = new EventRing(limits.keptMax, limits.keptBytesMax, this.#lastId);
    this.#aloneSinceMs = clock.monotonicMs();
  }

  get subscribers(): number {
    return this.#subscriptions.size;
  }

  get lastId(): number {
    return this.#lastId;
  }

  publish(event: LiveEvent): void {
    this.#lastId += 1;
    const published: PublishedEvent = { id: this.#lastId, event };
    if (this.#isForgotten()) {
      this.#ring.forget(this.#lastId);
      return;
    }
    const bytes = this.#ring.push(published);
    for (const subscription of this.#subscriptions) subscription.offer(published, bytes);
  }

  subscribe(
    options: { afterId?: number; filter: (event: LiveEvent) => boolean; queueMax?: number },
    signal: AbortSignal,
  ): AsyncIterable<PublishedEvent> {
    const subscription = new Subscription({
      filter: options.filter,
      queueMax: Math.max(1, options.queueMax ?? this.#limits.queueMax),
      queueBytesMax: this.#limits.queueBytesMax,
      ended: () => {
        signal.removeEventListener("abort", subscription.end);
        this.#leave(subscription);
      },
    });
    if (signal.aborted) {
      subscription.end();
      return subscription;
    }
    this.#subscriptions.add(subscription);
    this.#aloneSinceMs = undefined;
    signal.addEventListener("abort", subscription.end, { once: true });
    if (options.afterId !== undefined) this.#replay(subscription, options.afterId);
    return subscription;
  }

  /** What came after `afterId`; where some of it is gone, or the id is none of ours, nobody knows how many were missed. */
  #replay(subscription: Subscription, afterId: number): void {
    const isKnown = afterId >= this.#ring.forgottenUpTo && afterId <= this.#lastId;
    if (!isKnown) subscription.missUnknown(this.#ring.forgottenUpTo);
    for (const { published, bytes } of this.#ring.after(isKnown ? afterId : this.#ring.forgottenUpTo)) {
      subscription.offer(published, bytes);
    }
  }

  #leave(subscription: Subscription): void {
    const wasThere = this.#subscriptions.delete(subscription);
    if (wasThere && this.#subscriptions.size === 0) this.#aloneSinceMs = this.#clock.monotonicMs();
  }

  #isForgotten(): boolean {
    const since = this.#aloneSinceMs;
    return since !== undefined && this.#clock.monotonicMs() - since > this.#limits.keptMs;
  }
}
