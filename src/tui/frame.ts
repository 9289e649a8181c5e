/**
 * State, snapshot and size to a frame: every line of the screen and everything that can be clicked. Pure; the same
 * input gives the same frame, which is what the golden files hold on to.
 */
import { columnTitles, tableBody } from "./table.ts";
import { detailLines } from "./detail.ts";
import { footer } from "./footer.ts";
import { header, type Part } from "./header.ts";
import { helpLines } from "./help.ts";
import { placeColumns, SIDE_BY_SIDE_WIDTH, type PlacedColumn } from "./layout.ts";
import {
  beside,
  blankLine,
  LineBuilder,
  textLine,
  type Frame,
  type Line,
  type Span,
  type Zone,
} from "./line.ts";
import { problemLines } from "./problems.ts";
import { reconciliationLines } from "./reconciliation.ts";
import type { Screen } from "./screen.ts";
import { COLUMNS, REMOTE_BY_ADDRESS } from "./columns.ts";
import type { State } from "./state.ts";
import { tabs } from "./tabs.ts";

export const WIDTH_MIN = 60;
export const HEIGHT_MIN = 15;

/** What the next key has to know of this frame, beside the frame itself. */
export interface Layout {
  readonly frame: Frame;
  readonly scroll: number;
  readonly pageSize: number;
  readonly scrollMax: number;
  readonly detailCovers: boolean;
}

/** Cells that the table has: the whole width, or what the details leave of it. */
export function tableWidth(state: State, width: number): number {
  return state.detail && width >= SIDE_BY_SIDE_WIDTH ? width - panelWidth(width) - 1 : width;
}

function panelWidth(width: number): number {
  return Math.min(76, Math.floor(width * 0.42));
}

/** The columns of the present view at the present width. */
export function columnsFor(state: State, width: number): PlacedColumn[] {
  const placed = placeColumns(COLUMNS[state.view], tableWidth(state, width));
  if (state.showNames) return placed;
  // Addresses are sorted as addresses where they are what is shown.
  return placed.map((each) =>
    each.column.id === "remote" ? { x: each.x, width: each.width, column: REMOTE_BY_ADDRESS } : each,
  );
}

export function isTooSmall(width: number, height: number): boolean {
  return width < WIDTH_MIN || height < HEIGHT_MIN;
}

/** What is shown where the screen can't hold a table; it goes away by itself when the terminal grows. */
export function tooSmallFrame(width: number, height: number): Frame {
  const lines = Array.from({ length: height }, () => blankLine(width));
  const words = [
    `terminal too small: ${WIDTH_MIN}×${HEIGHT_MIN} needed`,
    `this is ${width}×${height}; q quits`,
  ];
  const top = Math.max(0, Math.floor((height - words.length) / 2));
  for (const [index, text] of words.entries()) {
    if (top + index < height) lines[top + index] = textLine(text, index === 0 ? "warning" : "dim", width);
  }
  return { width, height, lines, zones: [], cursor: undefined };
}

/** The frame of a screen that is large enough. `screen.scroll` is where the table stood; the result says where it stands. */
export function layOut(screen: Screen): Layout {
  const { width, height, state } = screen;
  const top = header(screen);
  const bar = tabs(screen);
  const bottom = footer(screen);
  const bodyHeight = Math.max(1, height - top.lines.length - bar.lines.length - bottom.lines.length);
  const body = bodyOf(screen, bodyHeight);
  const lines: Line[] = [];
  const zones: Zone[] = [];
  for (const part of [top, bar, body.part, bottom]) {
    for (const zone of part.zones) zones.push({ ...zone, y: zone.y + lines.length });
    lines.push(...part.lines);
  }
  const cursor = bottom.cursorX === undefined ? undefined : { x: bottom.cursorX, y: height - 1 };
  const { scroll, pageSize, scrollMax, detailCovers } = body;
  return {
    frame: { width, height, lines, zones, cursor },
    scroll,
    pageSize,
    scrollMax,
    detailCovers: detailCovers && state.overlay === "none",
  };
}

interface Body {
  readonly part: Part;
  readonly scroll: number;
  readonly pageSize: number;
  readonly scrollMax: number;
  readonly detailCovers: boolean;
}

function bodyOf(screen: Screen, height: number): Body {
  const { width, state } = screen;
  if (state.overlay !== "none") {
    const texts = state.overlay === "help" ? helpLines(width - 4) : problemLines(screen, width - 6);
    const title = state.overlay === "help" ? "HELP" : "CAPTURE AND LOSS";
    return covering(panel(texts, title, state.overlayScroll, width, height), screen, height, false);
  }
  const row = screen.data.rows[screen.selected];
  if (!state.detail || row === undefined) return tableOnly(screen, width, height);
  if (width < SIDE_BY_SIDE_WIDTH) {
    const texts = detailLines(row, screen.snapshot, width - 6);
    return covering(panel(texts, "DETAIL", state.detailScroll, width, height), screen, height, true);
  }
  const right = panelWidth(width);
  const left = width - right - 1;
  const table = tableOnly(screen, left, height);
  const details = panel(
    detailLines(row, screen.snapshot, right - 4),
    "DETAIL",
    state.detailScroll,
    right,
    height,
  );
  const lines = table.part.lines.map((line, index) =>
    beside(line, "│", details.lines[index] ?? blankLine(right)),
  );
  return { ...table, part: { lines, zones: table.part.zones }, scrollMax: details.scrollMax };
}

/** The table with its titles, and below the interfaces the account of their bytes. */
function tableOnly(screen: Screen, width: number, height: number): Body {
  const titles = columnTitles(screen, width);
  const account = screen.state.view === "interfaces" ? reconciliationLines(screen, width) : [];
  const pageSize = Math.max(1, height - titles.lines.length - account.length);
  const scroll = scrollFor(screen.scroll, screen.selected, screen.data.rows.length, pageSize);
  const rows = tableBody({ ...screen, scroll }, width, pageSize);
  const zones = [
    ...titles.zones,
    ...rows.zones.map((zone) => ({ ...zone, y: zone.y + titles.lines.length })),
  ];
  return {
    part: { lines: [...titles.lines, ...rows.lines, ...account].slice(0, height), zones },
    scroll,
    pageSize,
    scrollMax: 0,
    detailCovers: false,
  };
}

/** As little movement as keeps the chosen row on the screen and the last page full. */
export function scrollFor(scroll: number, selected: number, count: number, pageSize: number): number {
  const lowest = Math.max(0, count - pageSize);
  const visible = Math.max(selected - pageSize + 1, Math.min(selected, scroll));
  return Math.max(0, Math.min(lowest, visible));
}

function covering(shown: Panel, screen: Screen, height: number, detailCovers: boolean): Body {
  return {
    part: { lines: shown.lines, zones: [] },
    scroll: screen.scroll,
    pageSize: height - 1,
    scrollMax: shown.scrollMax,
    detailCovers,
  };
}

interface Panel {
  readonly lines: readonly Line[];
  readonly scrollMax: number;
}

/** A text under a title, scrolled; the title says how much more there is. */
function panel(
  texts: readonly Span[][],
  title: string,
  scroll: number,
  width: number,
  height: number,
): Panel {
  const room = height - 1;
  const scrollMax = Math.max(0, texts.length - room);
  const from = Math.min(scroll, scrollMax);
  const head = new LineBuilder(width).add(`  ${title}`, "accent");
  if (scrollMax > 0) {
    head.right([{ text: `${from + 1}–${from + room} of ${texts.length} lines `, role: "dim" }]);
  }
  const lines: Line[] = [head.build("bar")];
  for (let y = 0; y < room; y += 1) {
    lines.push(
      new LineBuilder(width)
        .add("  ")
        .addAll(texts[from + y] ?? [])
        .build(),
    );
  }
  return { lines, scrollMax };
}
