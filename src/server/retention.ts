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

/** Every minute until the server stops. Resolves when the last step is done. */
export async function keepPruning(context: ServerContext, retentionMs: number): Promise<void> {
  const { store, clock, metrics, log, stopping } = context;
  while (!stopping.aborted) {
    let rows = 0;
    const beganMs = clock.monotonicMs();
    try {
      rows = await store.events.prune(clock.now() - retentionMs, ROWS_MAX);
      metrics.add("wb_pruned_rows_total", {}, rows);
    } catch (error) {
      log.warn("old events could not be removed; it is tried again in a minute", { error });
    }
    const stepMs = clock.monotonicMs() - beganMs;
    await pause(rows >= ROWS_MAX ? Math.max(PAUSE_MS_MIN, stepMs * PAUSE_PART) : EVERY_MS, stopping);
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
