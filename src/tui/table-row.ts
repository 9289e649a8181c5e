/** A row of any view's table, before it is turned into cells. */
import type { Group } from "../model/query.ts";
import type { Flow, InterfaceState } from "../model/snapshot.ts";

export interface FlowRow {
  readonly kind: "flow";
  readonly id: string;
  readonly flow: Flow;
  /** Below the head of a fold. */
  readonly indented: boolean;
}

export interface GroupRow {
  readonly kind: "group";
  readonly id: string;
  readonly group: Group;
  /** Whether it heads a fold of the tree, and which way it stands. */
  readonly fold: "open" | "closed" | undefined;
}

export interface InterfaceRow {
  readonly kind: "interface";
  readonly id: string;
  readonly interface: InterfaceState;
}

export type TableRow = FlowRow | GroupRow | InterfaceRow;
