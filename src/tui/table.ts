/** The table: the line of column titles, and the rows that are on the screen. Only those are turned into text. */
import { stateGlyph, stateRole } from "./cells.ts";
import type { Part } from "./header.ts";
import { GUTTER } from "./layout.ts";
import {
  blankLine,
  LineBuilder,
  spansWidth,
  textLine,
  type Line,
  type Role,
  type Span,
  type Zone,
} from "./line.ts";
import type { Screen } from "./screen.ts";
import { currentView } from "./state.ts";
import type { GroupRow, TableRow } from "./table-row.ts";
import { cut, exact, safe, widthOf } from "./text.ts";

/** Column titles; the one that is sorted by is marked, and a click on one sorts by it. */
export function columnTitles(screen: Screen, width: number): Part {
  const line = new LineBuilder(width).padTo(GUTTER);
  const zones: Zone[] = [];
  const { sort } = currentView(screen.state);
  for (const { column, x, width: columnWidth } of screen.columns) {
    line.padTo(x);
    const sorted = sort !== undefined && sort.column === column.sort;
    const mark = sorted ? (sort.descending ? "▼" : "▲") : "";
    const title = cut(column.title, columnWidth - widthOf(mark));
    const shown = mark === "" ? title : column.align === "right" ? mark + title : title + mark;
    const role: Role = sorted ? "accent" : "strong";
    if (column.align === "right") line.padTo(x + Math.max(0, columnWidth - widthOf(shown)));
    line.add(shown, role);
    if (column.sort !== undefined) {
      zones.push({
        x,
        y: 0,
        width: columnWidth,
        height: 1,
        action: { type: "sort-column", column: column.sort },
      });
    }
  }
  return { lines: [line.build("bar")], zones };
}

/** The rows from `screen.scroll` on, padded with empty lines to `height`. */
export function tableBody(screen: Screen, width: number, height: number): Part {
  const { data, scroll, selected } = screen;
  if (data.rows.length === 0) return { lines: emptyLines(screen, width, height), zones: [] };
  const lines: Line[] = [];
  const zones: Zone[] = [];
  for (let y = 0; y < height; y += 1) {
    const index = scroll + y;
    const row = data.rows[index];
    if (row === undefined) {
      lines.push(blankLine(width));
      continue;
    }
    lines.push(rowLine(screen, row, width, index === selected));
    zones.push({ x: 0, y, width, height: 1, action: { type: "row", index } });
  }
  return { lines, zones };
}

function rowLine(screen: Screen, row: TableRow, width: number, chosen: boolean): Line {
  const line = new LineBuilder(width);
  line.add(chosen ? "›" : " ", "accent");
  const [glyph, glyphRole] = glyphOf(row);
  line.add(glyph, glyphRole).add(" ");
  const faded = isFaded(row);
  const fold = row.kind === "group" && row.fold !== undefined ? row : undefined;
  if (fold !== undefined) addFoldHead(line, screen, fold);
  for (const { column, x, width: columnWidth } of screen.columns) {
    if (fold !== undefined && (!column.traffic || x < line.x)) continue;
    line.padTo(x);
    const context = {
      width: columnWidth,
      names: screen.state.showNames,
      nowMs: screen.snapshot.sampledAtMs,
    };
    const spans = column.cell(row, context);
    if (column.align === "right") line.padTo(x + Math.max(0, columnWidth - spansWidth(spans)));
    for (const span of spans) line.add(span.text, faded ? "dim" : span.role);
  }
  return line.build(chosen ? "selected" : "none");
}

/** The head of a fold: its name and how many connections it holds, over all the columns up to the numbers. */
function addFoldHead(line: LineBuilder, screen: Screen, row: GroupRow): void {
  const end = screen.columns.find(({ column }) => column.traffic)?.x ?? line.width;
  const { group } = row;
  const count = group.connections + group.closedConnections;
  const tail = ` · ${exact(count)} ${count === 1 ? "connection" : "connections"}`;
  const room = end - 1 - line.x;
  const label = cut(safe(group.label), Math.max(8, room - widthOf(tail)));
  const spans: Span[] = [
    { text: label, role: "strong" },
    { text: cut(tail, Math.max(0, room - widthOf(label))), role: "dim" },
  ];
  line.addAll(spans);
}

function glyphOf(row: TableRow): readonly [string, Role] {
  switch (row.kind) {
    case "flow":
      return [stateGlyph(row.flow), stateRole(row.flow)];
    case "interface":
      return row.interface.up ? ["●", "good"] : ["○", "dim"];
    case "group":
    default:
      if (row.fold !== undefined) return [row.fold === "open" ? "▾" : "▸", "accent"];
      if (row.group.process?.exited === true || row.group.connections === 0) return ["×", "dim"];
      return ["●", "good"];
  }
}

/** Rows about what is over are dim as a whole. */
function isFaded(row: TableRow): boolean {
  if (row.kind === "flow") return row.flow.closed;
  return row.kind === "group" && row.fold === undefined && row.group.connections === 0;
}

/** Why there is nothing to see, and what to do about it. */
function emptyLines(screen: Screen, width: number, height: number): Line[] {
  const lines = Array.from({ length: height }, () => blankLine(width));
  const { data, state } = screen;
  const say: [string, Role][] = [];
  if (data.error !== undefined) say.push([safe(data.error), "error"]);
  else if (state.filter.applied !== "") {
    say.push([`Nothing matches /${safe(state.filter.applied)}`, "strong"], ["Esc clears the filter.", "dim"]);
  } else say.push(["Nothing to show yet.", "strong"]);
  if (data.hidden > 0) {
    say.push([`${exact(data.hidden)} closed or listening sockets are hidden: c and l show them.`, "dim"]);
  }
  for (const [index, [text, role]] of say.entries()) {
    const y = Math.min(height - 1, index + Math.min(1, height - say.length));
    if (y >= 0) lines[y] = textLine(`   ${text}`, role, width);
  }
  return lines;
}
