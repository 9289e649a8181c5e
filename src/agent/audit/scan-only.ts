/**
 * Since when only scans tell of processes, as far as that was not told yet. It is kept, so that after a kill the next run can tell
 * it. Moments are steady ones (ProcessIds).
 */
import type { AuditorOptions } from "./options.ts";

const STATE_NAME = "scan_only_since";

type ScanOnlyOptions = Pick<AuditorOptions, "outbox" | "state">;

export class ScanOnly {
  /** What an earlier run had not told; undefined where it had. */
  readonly leftFromMs: number | undefined;
  /** All before is told. */
  sinceMs: number;
  readonly #options: ScanOnlyOptions;

  constructor(options: ScanOnlyOptions, nowMs: number) {
    this.#options = options;
    this.sinceMs = nowMs;
    const left = Number(options.state.get(STATE_NAME) ?? "");
    this.leftFromMs = left > 0 ? left : undefined;
  }

  /** Once what was told is stored. `isOver`: not only scans tell then. */
  async keep(isOver: () => boolean): Promise<void> {
    const { outbox, state } = this.#options;
    await outbox.flush();
    if (outbox.status().storageProblem === null) state.set(STATE_NAME, isOver() ? "" : String(this.sinceMs));
  }
}
