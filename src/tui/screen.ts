/** Everything that a frame is made from, gathered in one place: handed to each part of the screen. */
import type { Snapshot } from "../model/snapshot.ts";
import type { PlacedColumn } from "./layout.ts";
import type { TableData } from "./rows.ts";
import type { RateHistory } from "./sparkline.ts";
import type { State } from "./state.ts";

/** Something that the person should know, worst first. */
export interface Notice {
  readonly role: "good" | "warning" | "error";
  /** What is the matter. */
  readonly message: string;
  /** What can be done about it; empty where nothing can. */
  readonly remedy: string;
}

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly state: State;
  readonly snapshot: Snapshot;
  readonly sendHistory: RateHistory;
  readonly receiveHistory: RateHistory;
  readonly data: TableData;
  readonly columns: readonly PlacedColumn[];
  /** Index of the chosen row in `data.rows`. */
  readonly selected: number;
  /** First row on the screen. */
  readonly scroll: number;
  readonly notices: readonly Notice[];
  readonly demo: boolean;
}
