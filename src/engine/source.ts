/**
 * Asks a capture for a sample at even intervals and hands out what the table makes of it. Never two samples at a time; a
 * sample that comes late skips the moments that it missed, and does not shift those after it.
 */
import type { Clock } from "../lib/clock.ts";
import type { Capture, SnapshotSource } from "../model/contracts.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { FlowTable } from "./flow-table.ts";

export interface SamplingSource extends SnapshotSource {
  /** One sample outside the beat, such as the last of a duration. Waits for one that is under way. */
  sampleOnce(): Promise<Snapshot>;
}

export interface SnapshotSourceOptions {
  readonly capture: Capture;
  readonly table: FlowTable;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Resolves after so many milliseconds, or as soon as the signal aborts; never rejects. Default: a timer. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/**
 * The snapshots of one capture. Errors of the capture end the iteration and reach whoever iterates. A sample that is
 * under way at the abort is still taken into the table, so that nothing it tells is lost to `sampleOnce`.
 */
export function snapshotSource(options: SnapshotSourceOptions): SamplingSource {
  const { capture, table, clock } = options;
  const intervalMs = Math.max(1, options.intervalMs);
  const wait = options.wait ?? waitByTimer;
  let last: Promise<unknown> = Promise.resolve();

  const takeSample = async (): Promise<Snapshot> => {
    const batch = await capture.sample();
    return table.ingest(batch, capture.status());
  };
  const sampleOnce = (): Promise<Snapshot> => {
    const sample = last.then(takeSample);
    // Whoever asked for a sample gets its error; the next one only waits for its end.
    last = sample.catch(() => undefined);
    return sample;
  };

  async function* snapshots(signal: AbortSignal): AsyncGenerator<Snapshot, void, undefined> {
    const startMs = clock.monotonicMs();
    let beat = 0;
    while (!signal.aborted) {
      const snapshot = await untilAbort(sampleOnce(), signal);
      if (snapshot === undefined) return;
      yield snapshot;
      const elapsedBeats = Math.floor((clock.monotonicMs() - startMs) / intervalMs);
      beat = Math.max(beat + 1, elapsedBeats + 1);
      const untilBeat = startMs + beat * intervalMs - clock.monotonicMs();
      if (!signal.aborted && untilBeat > 0) await wait(untilBeat, signal);
    }
  }

  return { snapshots, sampleOnce };
}

/** The value, or undefined as soon as the signal aborts. An error after the abort is nobody's any more. */
function untilAbort<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(undefined);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

function waitByTimer(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const timer = setTimeout(stop, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
