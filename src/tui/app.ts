/**
 * The screen without a terminal: takes snapshots, keys, clicks and sizes, and gives frames. Nothing here waits, draws or
 * knows a clock, so that whole sessions can be played in a test.
 */
import type { QueryFunction } from "../model/contracts.ts";
import type { GroupKey } from "../model/query.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { FilterCheck } from "./filter-prompt.ts";
import { columnsFor, isTooSmall, layOut, tooSmallFrame, type Layout } from "./frame.ts";
import { actionOf, type Key } from "./keys.ts";
import { textLine, type Frame } from "./line.ts";
import { currentNotice, HelperNews, noticesOf } from "./notices.ts";
import { selectedIndex, tableData, type TableData } from "./rows.ts";
import type { Notice } from "./screen.ts";
import { RateHistory } from "./sparkline.ts";
import {
  currentView,
  initialState,
  withView,
  type Action,
  type InitialState,
  type Sort,
  type State,
} from "./state.ts";
import { update, type Facts } from "./update.ts";
import { queryKeyOf } from "./views.ts";

export interface AppOptions {
  readonly query: QueryFunction;
  /** Names of the columns that a query can sort by; without it every column is taken to be sortable. */
  readonly columnsOf?: ((by: GroupKey) => readonly string[]) | undefined;
  /** A message for the person where the text is no filter; without it every text is one. */
  readonly parseFilter?: FilterCheck | undefined;
  /** What the program behind the screen has to say at the moment. */
  readonly notice?: (() => string | undefined) | undefined;
  readonly initial?: InitialState | undefined;
  readonly demo?: boolean | undefined;
}

const EMPTY: TableData = { rows: [], matched: 0, hidden: 0, error: undefined };

/** Lines that one turn of the wheel moves. */
const WHEEL_ROWS = 3;

export class App {
  readonly #options: AppOptions;
  readonly #sendHistory = new RateHistory();
  readonly #receiveHistory = new RateHistory();
  readonly #helperNews = new HelperNews();
  #state: State;
  #width = 80;
  #height = 24;
  #latest: Snapshot | undefined;
  /** What is shown: the latest, or the one that was the latest when the screen was paused. */
  #shown: Snapshot | undefined;
  #data: TableData = EMPTY;
  /** What `#data` was made from. */
  #dataOf: readonly unknown[] = [];
  /** Ids in their order, for the view that they belong to: what a frozen order is kept by. */
  #order: { readonly of: string; readonly ids: readonly string[] } = { of: "", ids: [] };
  #layout: Layout | undefined;
  #notices: readonly Notice[] = [];

  constructor(options: AppOptions) {
    this.#options = options;
    this.#state = initialState(options.initial);
  }

  get state(): State {
    return this.#state;
  }

  resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#layout = undefined;
  }

  /** Takes what is known now; returns whether the screen shows something new. */
  ingest(snapshot: Snapshot): boolean {
    this.#latest = snapshot;
    this.#sendHistory.push(snapshot.totals.sendBytesPerSecond);
    this.#receiveHistory.push(snapshot.totals.receiveBytesPerSecond);
    this.#showAgain(this.#helperNews.observe(snapshot));
    if (this.#state.paused && this.#shown !== undefined) return false;
    this.#shown = snapshot;
    this.#layout = undefined;
    return true;
  }

  /** A notice that was put away and has become true anew is news again. */
  #showAgain(message: string | undefined): void {
    const { dismissed } = this.#state;
    if (message === undefined || !dismissed.has(message)) return;
    const rest = new Set([...dismissed].filter((each) => each !== message));
    this.#state = { ...this.#state, dismissed: rest };
  }

  /** Returns whether the screen shows something new. */
  key(key: Key): boolean {
    const action = actionOf(key, this.#state);
    return action !== undefined && this.#act(action);
  }

  /** Text that was pasted: part of the filter while one is typed, else nothing. */
  paste(text: string): boolean {
    if (this.#state.filter.draft === undefined) return false;
    return this.#act({ type: "filter-insert", text });
  }

  click(x: number, y: number): boolean {
    const zone = this.frame().zones.find(
      (zone) => x >= zone.x && x < zone.x + zone.width && y >= zone.y && y < zone.y + zone.height,
    );
    return zone !== undefined && this.#act(zone.action);
  }

  wheel(direction: "up" | "down"): boolean {
    return this.#act({ type: "move", rows: direction === "up" ? -WHEEL_ROWS : WHEEL_ROWS });
  }

  frame(): Frame {
    return this.#laidOut().frame;
  }

  #act(action: Action): boolean {
    const before = this.#state;
    this.#state = update(before, action, this.#facts());
    if (this.#state === before) return false;
    if (!this.#state.paused) this.#shown = this.#latest;
    this.#layout = undefined;
    return true;
  }

  #facts(): Facts {
    const { pageSize, scrollMax, detailCovers } = this.#laidOut();
    const { rows } = this.#data;
    const selected = selectedIndex(rows, this.#state);
    const row = rows[selected];
    return {
      rowCount: rows.length,
      idAt: (index) => rows[index]?.id,
      selectedIndex: selected,
      pageSize,
      sortable: this.#sortable(),
      selectedFold: row?.kind === "group" && row.fold !== undefined ? row.id : this.#foldAbove(selected),
      detailCovers,
      scrollMax,
      notice: currentNotice(this.#notices, this.#state.dismissed)?.message,
      checkFilter: this.#options.parseFilter ?? (() => undefined),
    };
  }

  /** The head of the fold that a row is in. */
  #foldAbove(index: number): string | undefined {
    const { rows } = this.#data;
    for (let above = index; above >= 0; above -= 1) {
      const row = rows[above];
      if (row?.kind === "group") return row.fold === undefined ? undefined : row.id;
    }
    return undefined;
  }

  #sortable(): readonly Sort[] {
    const known = this.#options.columnsOf?.(queryKeyOf(this.#state.view));
    return columnsFor(this.#state, this.#width).flatMap(({ column }) =>
      column.sort !== undefined && (known === undefined || known.includes(column.sort))
        ? [{ column: column.sort, descending: column.descendingFirst }]
        : [],
    );
  }

  #laidOut(): Layout {
    this.#layout ??= this.#layOut();
    return this.#layout;
  }

  #layOut(): Layout {
    const [width, height] = [this.#width, this.#height];
    const bare = (frame: Frame): Layout => ({
      frame,
      scroll: 0,
      pageSize: 1,
      scrollMax: 0,
      detailCovers: false,
    });
    if (isTooSmall(width, height)) return bare(tooSmallFrame(width, height));
    const snapshot = this.#shown;
    if (snapshot === undefined) return bare(waitingFrame(width, height));
    this.#refreshData(snapshot);
    this.#notices = noticesOf(snapshot, this.#options.notice?.(), this.#helperNews.notice(snapshot));
    const selected = selectedIndex(this.#data.rows, this.#state);
    const layout = layOut({
      width,
      height,
      state: this.#state,
      snapshot,
      sendHistory: this.#sendHistory,
      receiveHistory: this.#receiveHistory,
      data: this.#data,
      columns: columnsFor(this.#state, width),
      selected,
      scroll: currentView(this.#state).scroll,
      notices: this.#notices,
      demo: this.#options.demo ?? false,
    });
    // Where the table came to stand, and which row stands in for one that went away, is remembered for the next frame.
    this.#state = this.#settled(layout, selected);
    return layout;
  }

  #settled(layout: Layout, selected: number): State {
    const view = currentView(this.#state);
    const chosen = view.selectedId === undefined ? undefined : this.#data.rows[selected]?.id;
    const selectedId = chosen ?? view.selectedId;
    if (view.scroll === layout.scroll && view.selectedId === selectedId && view.selectedIndex === selected) {
      return this.#state;
    }
    return withView(this.#state, { scroll: layout.scroll, selectedId, selectedIndex: selected });
  }

  /** Asks the query again only where its answer can be another one. */
  #refreshData(snapshot: Snapshot): void {
    const state = this.#state;
    const { view, tree, collapsed, showClosed, showListening, frozen } = state;
    const { sort } = currentView(state);
    const from = [
      snapshot,
      view,
      sort,
      state.filter.applied,
      tree,
      collapsed,
      showClosed,
      showListening,
      frozen,
    ];
    if (from.length === this.#dataOf.length && from.every((part, index) => part === this.#dataOf[index]))
      return;
    // A frozen order holds until the person asks for another view, sorting or folding.
    const of = JSON.stringify([view, sort, tree]);
    const previous = this.#order.of === of ? this.#order.ids : [];
    this.#data = tableData(state, snapshot, this.#options.query, previous);
    this.#dataOf = from;
    this.#order = {
      of,
      ids: frozen ? remembered(previous, this.#data) : this.#data.rows.map((row) => row.id),
    };
  }
}

/** A frozen order keeps the places of rows that are away for a while, up to a bound. */
const REMEMBERED_MAX = 50_000;

function remembered(previous: readonly string[], data: TableData): readonly string[] {
  const known = new Set(previous);
  const added = data.rows.map((row) => row.id).filter((id) => !known.has(id));
  return added.length === 0 ? previous : [...previous, ...added].slice(-REMEMBERED_MAX);
}

function waitingFrame(width: number, height: number): Frame {
  const lines = Array.from({ length: height }, (_, y) =>
    textLine(y === 1 ? "  WireBound is taking its first look …" : "", "dim", width),
  );
  return { width, height, lines, zones: [], cursor: undefined };
}
