/**
 * What the person at the screen has chosen: the view, the row, the sorting, the filter, what is open. Immutable; each
 * key or click is an Action and update.ts makes the next State of it. Nothing here knows a terminal or a snapshot.
 */
import { type GroupKey } from "../model/query.ts";
import { VIEWS, viewOf, type ViewName } from "./views.ts";

/** By what the connections view can be folded into a tree. */
export type TreeKey = Exclude<GroupKey, "connection" | "interface">;

export const TREE_KEYS: readonly TreeKey[] = ["process", "host", "address", "user", "port"];

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

/** What each view remembers while another one is shown. */
export interface ViewState {
  /** Undefined: the busiest first. */
  readonly sort: Sort | undefined;
  /** The chosen row's identity; undefined until a row was chosen: then the first row is marked, whichever it is. */
  readonly selectedId: string | undefined;
  /** Where the chosen row was last seen: what is chosen when it goes away. */
  readonly selectedIndex: number;
  /** The first row on the screen. */
  readonly scroll: number;
}

export interface Filter {
  /** The filter in force: always one that parses. */
  readonly applied: string;
  /** What is being typed; undefined while the prompt is closed. */
  readonly draft: string | undefined;
  /** Where the cursor is in the draft, in UTF-16 units. */
  readonly cursor: number;
  /** Why the draft is not in force. */
  readonly error: string | undefined;
}

export type Overlay = "none" | "help" | "problems";

export interface State {
  readonly view: ViewName;
  readonly views: Readonly<Record<ViewName, ViewState>>;
  readonly filter: Filter;
  readonly tree: TreeKey | undefined;
  /** Ids of the folded rows of the tree. */
  readonly collapsed: ReadonlySet<string>;
  readonly paused: boolean;
  readonly frozen: boolean;
  readonly showClosed: boolean;
  readonly showListening: boolean;
  readonly showNames: boolean;
  readonly overlay: Overlay;
  readonly overlayScroll: number;
  readonly detail: boolean;
  readonly detailScroll: number;
  /** Notices that were put away, by their text: one that comes back in other words is shown again. */
  readonly dismissed: ReadonlySet<string>;
  readonly quit: boolean;
}

export type Action =
  | { readonly type: "view"; readonly view: ViewName }
  | { readonly type: "next-view" | "previous-view" }
  | { readonly type: "move"; readonly rows: number }
  | { readonly type: "page"; readonly pages: number }
  | { readonly type: "first" | "last" }
  | { readonly type: "row"; readonly index: number }
  | { readonly type: "enter" | "back" }
  | { readonly type: "fold" | "unfold" }
  | { readonly type: "sort-next" | "sort-previous" | "sort-reverse" }
  | { readonly type: "sort-column"; readonly column: string }
  | { readonly type: "filter-open" }
  | { readonly type: "filter-accept" | "filter-cancel" }
  | { readonly type: "filter-insert"; readonly text: string }
  | { readonly type: "filter-edit"; readonly edit: FilterEdit }
  | { readonly type: "tree-next" }
  | { readonly type: "pause" | "freeze" | "closed" | "listening" | "names" }
  | { readonly type: "help" | "problems" | "dismiss" | "quit" }
  | { readonly type: "scroll"; readonly lines: number };

export type FilterEdit = "backspace" | "delete" | "left" | "right" | "home" | "end" | "clear" | "delete-word";

export interface InitialState {
  readonly by?: GroupKey;
  readonly filter?: string;
  readonly sort?: Sort | undefined;
  readonly paused?: boolean;
}

const FRESH_VIEW: ViewState = { sort: undefined, selectedId: undefined, selectedIndex: 0, scroll: 0 };

export function initialState(initial: InitialState = {}): State {
  const view = viewOf(initial.by ?? "connection");
  const views = Object.fromEntries(
    VIEWS.map(({ name }) => [name, name === view ? { ...FRESH_VIEW, sort: initial.sort } : FRESH_VIEW]),
  ) as Record<ViewName, ViewState>;
  return {
    view,
    views,
    filter: { applied: initial.filter ?? "", draft: undefined, cursor: 0, error: undefined },
    tree: undefined,
    collapsed: new Set(),
    paused: initial.paused ?? false,
    frozen: false,
    showClosed: true,
    showListening: true,
    showNames: true,
    overlay: "none",
    overlayScroll: 0,
    detail: false,
    detailScroll: 0,
    dismissed: new Set(),
    quit: false,
  };
}

export function currentView(state: State): ViewState {
  return state.views[state.view];
}

/** The same state with something changed in the view that is shown. */
export function withView(state: State, change: Partial<ViewState>): State {
  return { ...state, views: { ...state.views, [state.view]: { ...state.views[state.view], ...change } } };
}
