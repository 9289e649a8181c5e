/**
 * Snapshot and choices to the rows of a table, in order. One query per snapshot and choice; no text is made here, so a
 * thousand rows cost a thousand small objects and one sort, and only those on the screen are turned into cells.
 */
import type { QueryFunction } from "../model/contracts.ts";
import type { QueryResult } from "../model/query.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { isWaiting } from "./cells.ts";
import { currentView, type State } from "./state.ts";
import type { TableRow } from "./table-row.ts";
import { keepOrder, treeRows, type Places } from "./tree.ts";
import { queryKeyOf } from "./views.ts";

export interface TableData {
  readonly rows: readonly TableRow[];
  /** Flows, groups or interfaces that the filter lets through. */
  readonly matched: number;
  /** Flows that are not shown because of `c` and `l`. */
  readonly hidden: number;
  /** Why there is no answer; then there are no rows. */
  readonly error: string | undefined;
}

/** The rows of the present view. `previous`: ids in the order of the frame before, kept where the order is frozen. */
export function tableData(
  state: State,
  snapshot: Snapshot,
  query: QueryFunction,
  previous: readonly string[],
): TableData {
  const shown = withoutHidden(state, snapshot);
  const hidden = snapshot.flows.length - shown.flows.length;
  let result: QueryResult;
  try {
    result = query(shown, {
      by: queryKeyOf(state.view),
      filter: state.filter.applied,
      sort: currentView(state).sort,
      limit: undefined,
    });
  } catch (error) {
    // A filter or column that the query refuses: said where the rows would be.
    return { rows: [], matched: 0, hidden, error: error instanceof Error ? error.message : String(error) };
  }
  const places = state.frozen && previous.length > 0 ? placesOf(previous) : undefined;
  return { rows: rowsOf(state, result, shown, places), matched: result.matched, hidden, error: undefined };
}

function withoutHidden(state: State, snapshot: Snapshot): Snapshot {
  if (state.showClosed && state.showListening) return snapshot;
  const flows = snapshot.flows.filter(
    (flow) => (state.showClosed || !flow.closed) && (state.showListening || !isWaiting(flow)),
  );
  return { ...snapshot, flows };
}

function placesOf(ids: readonly string[]): Places {
  return new Map(ids.map((id, index) => [id, index]));
}

function rowsOf(
  state: State,
  result: QueryResult,
  snapshot: Snapshot,
  places: Places | undefined,
): readonly TableRow[] {
  if (result.by === "connection") {
    const flows = keepOrder(result.rows, (flow) => flow.id, places);
    if (state.tree !== undefined) return treeRows(flows, state.tree, state, snapshot, places);
    return flows.map((flow) => ({ kind: "flow", id: flow.id, flow, indented: false }));
  }
  const rows =
    result.by === "interface"
      ? result.rows.map((row): TableRow => ({
          kind: "interface",
          id: `${row.index}:${row.name}`,
          interface: row,
        }))
      : result.rows.map((group): TableRow => ({ kind: "group", id: group.key, group, fold: undefined }));
  return keepOrder(rows, (row) => row.id, places);
}

/** Where the chosen row is now: by identity, else where it was. */
export function selectedIndex(rows: readonly TableRow[], state: State): number {
  const view = currentView(state);
  if (rows.length === 0 || view.selectedId === undefined) return 0;
  const found = rows.findIndex((row) => row.id === view.selectedId);
  return found >= 0 ? found : Math.min(view.selectedIndex, rows.length - 1);
}
