/** State and action to the next state. Pure; what it must know of the last frame comes as Facts. */
import { editFilter, openFilter, type FilterCheck } from "./filter-prompt.ts";
import { currentView, TREE_KEYS, withView, type Action, type Sort, type State } from "./state.ts";
import { neighbour, queryKeyOf } from "./views.ts";

/** What the last frame showed, as far as a key's meaning depends on it. */
export interface Facts {
  readonly rowCount: number;
  readonly idAt: (index: number) => string | undefined;
  /** Index of the chosen row in the present order; 0 where there are no rows. */
  readonly selectedIndex: number;
  /** Rows on one screen. */
  readonly pageSize: number;
  /** The visible columns that can be sorted by, from the left, and which way each begins. */
  readonly sortable: readonly Sort[];
  /** Whether the chosen row is the head of a fold of the tree. */
  readonly selectedFold: string | undefined;
  /** Whether the details cover the table, so that arrows scroll them. */
  readonly detailCovers: boolean;
  /** How far the open overlay or details can be scrolled. */
  readonly scrollMax: number;
  /** The notice that is shown. */
  readonly notice: string | undefined;
  /** A message where the text is no filter. */
  readonly checkFilter: FilterCheck;
}

export function update(state: State, action: Action, facts: Facts): State {
  switch (action.type) {
    case "view":
      return { ...state, view: action.view, detailScroll: 0, overlay: "none" };
    case "next-view":
      return { ...state, view: neighbour(state.view, 1), detailScroll: 0 };
    case "previous-view":
      return { ...state, view: neighbour(state.view, -1), detailScroll: 0 };
    case "move":
    case "page":
    case "first":
    case "last":
    case "row":
    case "scroll":
      return move(state, action, facts);
    case "enter":
    case "back":
    case "fold":
    case "unfold":
      return openOrClose(state, action.type, facts);
    case "sort-next":
      return stepSort(state, 1, facts);
    case "sort-previous":
      return stepSort(state, -1, facts);
    case "sort-reverse":
      return reverseSort(state);
    case "sort-column":
      return sortBy(state, action.column, facts);
    case "filter-open":
      return { ...state, filter: openFilter(state.filter), overlay: "none" };
    case "filter-accept":
    case "filter-cancel":
    case "filter-insert":
    case "filter-edit":
      return { ...state, filter: editFilter(state.filter, action, facts.checkFilter) };
    case "tree-next":
    case "pause":
    case "freeze":
    case "closed":
    case "listening":
    case "names":
    case "help":
    case "problems":
    case "dismiss":
    case "quit":
    default:
      return toggle(state, action.type, facts);
  }
}

type Toggle =
  | "tree-next"
  | "pause"
  | "freeze"
  | "closed"
  | "listening"
  | "names"
  | "help"
  | "problems"
  | "dismiss"
  | "quit";

function toggle(state: State, type: Toggle, facts: Facts): State {
  switch (type) {
    case "tree-next":
      return nextTree(state);
    case "pause":
      return { ...state, paused: !state.paused };
    case "freeze":
      return { ...state, frozen: !state.frozen };
    case "closed":
      return { ...state, showClosed: !state.showClosed };
    case "listening":
      return { ...state, showListening: !state.showListening };
    case "names":
      return { ...state, showNames: !state.showNames };
    case "help":
    case "problems":
      return { ...state, overlay: state.overlay === type ? "none" : type, overlayScroll: 0 };
    case "dismiss":
      return facts.notice === undefined
        ? state
        : { ...state, dismissed: new Set([...state.dismissed, facts.notice]) };
    case "quit":
    default:
      return { ...state, quit: true };
  }
}

type Movement = Extract<Action, { readonly type: "move" | "page" | "first" | "last" | "row" | "scroll" }>;

function move(state: State, action: Movement, facts: Facts): State {
  if (action.type === "scroll") return scroll(state, action.lines, facts);
  if (action.type !== "row" && (state.overlay !== "none" || facts.detailCovers)) {
    return scroll(state, scrollLines(action, facts), facts);
  }
  const from = facts.selectedIndex;
  switch (action.type) {
    case "move":
      return select(state, from + action.rows, facts);
    case "page":
      return select(state, from + action.pages * Math.max(1, facts.pageSize - 1), facts);
    case "first":
      return select(state, 0, facts);
    case "last":
      return select(state, facts.rowCount - 1, facts);
    case "row":
    default: {
      const again = action.index === from && currentView(state).selectedId !== undefined;
      const selected = select(state, action.index, facts);
      // A click on the row that was chosen already opens it: a double click does too.
      return again ? openOrClose(selected, "enter", facts) : selected;
    }
  }
}

function scrollLines(action: Exclude<Movement, { readonly type: "row" | "scroll" }>, facts: Facts): number {
  switch (action.type) {
    case "move":
      return action.rows;
    case "page":
      return action.pages * Math.max(1, facts.pageSize - 1);
    case "first":
      return -facts.scrollMax;
    case "last":
    default:
      return facts.scrollMax;
  }
}

function select(state: State, wanted: number, facts: Facts): State {
  if (facts.rowCount === 0) return state;
  const index = Math.max(0, Math.min(facts.rowCount - 1, wanted));
  const selectedId = facts.idAt(index);
  const other = selectedId !== currentView(state).selectedId;
  const selected = withView(state, { selectedIndex: index, selectedId });
  return other ? { ...selected, detailScroll: 0 } : selected;
}

function scroll(state: State, lines: number, facts: Facts): State {
  const clamp = (value: number): number => Math.max(0, Math.min(facts.scrollMax, value));
  if (state.overlay !== "none") return { ...state, overlayScroll: clamp(state.overlayScroll + lines) };
  if (state.detail) return { ...state, detailScroll: clamp(state.detailScroll + lines) };
  return state;
}

function openOrClose(state: State, type: "enter" | "back" | "fold" | "unfold", facts: Facts): State {
  const fold = facts.selectedFold;
  switch (type) {
    case "enter":
      if (state.overlay !== "none") return { ...state, overlay: "none" };
      if (facts.rowCount === 0) return { ...state, detail: false };
      // What is opened stays chosen, also where nothing had been chosen yet.
      return { ...select(state, facts.selectedIndex, facts), detail: !state.detail, detailScroll: 0 };
    case "back":
      if (state.overlay !== "none") return { ...state, overlay: "none" };
      if (state.detail) return { ...state, detail: false };
      if (state.filter.applied !== "") return { ...state, filter: { ...state.filter, applied: "" } };
      return withView(state, { selectedId: undefined, selectedIndex: 0, scroll: 0 });
    case "fold":
      return fold === undefined ? state : withFold(select(state, facts.selectedIndex, facts), fold, true);
    case "unfold":
    default:
      return fold === undefined ? state : withFold(select(state, facts.selectedIndex, facts), fold, false);
  }
}

/** More folds than this are not remembered: the oldest open again. */
const FOLDS_MAX = 10_000;

function withFold(state: State, id: string, collapsed: boolean): State {
  const folds = [...state.collapsed].filter((fold) => fold !== id);
  if (collapsed) folds.push(id);
  return { ...state, collapsed: new Set(folds.slice(-FOLDS_MAX)) };
}

function nextTree(state: State): State {
  // From a view of groups to the connections, folded in the same way.
  if (state.view !== "connections") {
    const tree = TREE_KEYS.find((key) => key === queryKeyOf(state.view)) ?? "process";
    return { ...state, view: "connections", tree, detailScroll: 0 };
  }
  const index = state.tree === undefined ? -1 : TREE_KEYS.indexOf(state.tree);
  const scrolled = withView(state, { scroll: 0 });
  return { ...scrolled, tree: TREE_KEYS[index + 1], collapsed: new Set() };
}

/** Through "busiest first" and then every visible column, around the ends. */
function stepSort(state: State, step: 1 | -1, facts: Facts): State {
  const choices: (Sort | undefined)[] = [undefined, ...facts.sortable];
  const present = currentView(state).sort;
  const found = choices.findIndex((choice) => choice?.column === present?.column);
  const next = choices[(Math.max(0, found) + step + choices.length) % choices.length];
  return withView(state, { sort: next, scroll: 0 });
}

function reverseSort(state: State): State {
  const { sort } = currentView(state);
  if (sort === undefined) return state;
  return withView(state, { sort: { ...sort, descending: !sort.descending }, scroll: 0 });
}

function sortBy(state: State, column: string, facts: Facts): State {
  if (currentView(state).sort?.column === column) return reverseSort(state);
  const sort = facts.sortable.find((choice) => choice.column === column);
  return sort === undefined ? state : withView(state, { sort, scroll: 0 });
}
