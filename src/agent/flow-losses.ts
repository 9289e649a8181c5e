/** What of the losses of a capture cost an agent sight of traffic, and why, each told once. For one capture and its table. */
import type { FlowTable } from "../engine/flow-table.ts";
import type { Loss } from "../model/loss.ts";
import type { ObservationGap } from "../protocol/fleet/payloads.ts";

type Reason = ObservationGap["reason"];

/** Losses of traffic by where it was lost; all others are the kernel's. Null: what costs detail alone. */
const REASONS: Partial<Record<Loss["cause"], Reason | null>> = {
  helper_interrupted: "helper_away",
  closed_row_missed: "helper_dropped",
  event_dropped: null,
  event_ring_full: null,
  flow_merged: null,
  name_ring_full: null,
  peer_merged: null,
  process_unreadable: null,
};

export interface LostSight {
  readonly reason: Reason;
  readonly lost: number;
}

export class FlowLosses {
  readonly #told = new Map<Reason, number>();

  /** What has come since the last call; `losses` are cumulative. */
  grown(losses: readonly Loss[], table: Pick<FlowTable, "untold" | "evictedCount">): LostSight[] {
    const totals = new Map<Reason, number>([["table_full", table.untold.flows]]);
    for (const { cause, count } of losses) {
      const reason = REASONS[cause] === undefined ? "kernel_dropped" : REASONS[cause];
      // A row that the table let go is lost only where its connection ended untold.
      const lost = cause === "flow_evicted" ? count - table.evictedCount : count;
      if (reason !== null) totals.set(reason, (totals.get(reason) ?? 0) + lost);
    }
    const grown: LostSight[] = [];
    for (const [reason, total] of totals) {
      const lost = total - (this.#told.get(reason) ?? 0);
      if (lost > 0) grown.push({ reason, lost });
      this.#told.set(reason, total);
    }
    return grown;
  }
}
