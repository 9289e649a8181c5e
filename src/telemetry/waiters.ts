/** Who waits until there is something to send in one of some streams. */
import type { StreamName } from "../protocol/fleet/envelope.ts";

interface Waiter {
  readonly streams: readonly StreamName[];
  readonly resolve: () => void;
}

export class Waiters {
  readonly #hasPending: (stream: StreamName) => boolean;
  readonly #waiting = new Set<Waiter>();

  constructor(hasPending: (stream: StreamName) => boolean) {
    this.#hasPending = hasPending;
  }

  /** Resolves at once where there is something already. */
  wait(streams: readonly StreamName[], signal: AbortSignal): Promise<void> {
    if (signal.aborted || streams.some(this.#hasPending)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { streams, resolve };
    const abort = (): void => {
      this.#waiting.delete(waiter);
      resolve();
    };
    this.#waiting.add(waiter);
    signal.addEventListener("abort", abort, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", abort));
  }

  /** To be called whenever something may have come. */
  wake(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.streams.some(this.#hasPending)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }

  /** Nothing more will come. */
  release(): void {
    for (const waiter of this.#waiting) waiter.resolve();
    this.#waiting.clear();
  }
}
