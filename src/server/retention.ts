/**
 * Forgets what is older than it is to be kept: in small steps with pauses, so that no agent waits for it. What it could not do
 * now it does the next time.
 */
import type { ServerContext } from "./context.ts";

const EVERY_MS = 60_000;
/** Rows of one step. */
const ROWS_MAX = 1000;
/** The pause after a step is twice what it took: as much may be forgotten as comes in, and others have most of the time. */
const PAUSE_PART = 2;
const PAUSE_MS_MIN = 10;

/** Gained by the wall clock on the monotonic one between two looks: it was set ahead, or the machine slept. */
const STEP_MS = 600_000;
/** So long it is not believed then: what is forgotten by mistake is gone, and what is kept for longer does no harm. */
const DOUBT_MS = 3_600_000;

/** Whether the wall clock may be believed. */
class ClockDoubt {
  readonly #context: Pick<ServerContext, "clock" | "log">;
  #aheadMs: number;
  /** Monotonic. */
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(context: Pick<ServerContext, "clock" | "log">) {
    this.#context = context;
    this.#aheadMs = context.clock.now() - context.clock.monotonicMs();
  }

  /** To be asked at each look. */
  holds(): boolean {
    const { clock, log } = this.#context;
    const monotonicMs = clock.monotonicMs();
    const aheadMs = clock.now() - monotonicMs;
    if (aheadMs - this.#aheadMs > STEP_MS) {
      this.#untilMs = monotonicMs + DOUBT_MS;
      log.warn("the clock was set ahead: nothing is taken for old for an hour");
    }
    this.#aheadMs = aheadMs;
    return monotonicMs < this.#untilMs;
  }
}

/** Every minute until the server stops. Resolves when the last step is done. `wait` ends early with the signal. */
export async function keepPruning(context: ServerContext, retentionMs: number, wait = pause): Promise<void> {
  const { store, clock, metrics, log, stopping } = context;
  const doubt = new ClockDoubt(context);
  while (!stopping.aborted) {
    let rows = 0;
    const beganMs = clock.monotonicMs();
    try {
      if (!doubt.holds()) rows = await store.events.prune(clock.now() - retentionMs, ROWS_MAX);
      metrics.add("wb_pruned_rows_total", {}, rows);
    } catch (error) {
      log.warn("old events could not be removed; it is tried again in a minute", { error });
    }
    const stepMs = clock.monotonicMs() - beganMs;
    await wait(rows >= ROWS_MAX ? Math.max(PAUSE_MS_MIN, stepMs * PAUSE_PART) : EVERY_MS, stopping);
  }
}

/** Ends early when the signal aborts. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = setTimeout(end, milliseconds);
  signal.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
