/** Lays out a table: aligned by terminal cells, cut where it must be, nothing in it that could steer a terminal. */
import { printable } from "../../lib/format.ts";

export interface Column<Row> {
  readonly heading: string;
  readonly right?: boolean;
  /** Widest that it may get, in terminal cells; longer text ends in `…`. */
  readonly widthMax?: number;
  /** Whether it may be narrowed, down to 12, where the terminal is narrow. */
  readonly shrinks?: boolean;
  /** The order in which columns are left out where the terminal is too narrow for all: 1 goes first. Absent: never. */
  readonly leavesAt?: number;
  text(row: Row): string;
}

const NARROWEST = 12;
const GAP = "  ";

/** The text cut to so many cells, `…` at its end where something is missing. Wide characters are two cells. */
export function fit(text: string, cells: number): string {
  if (Bun.stringWidth(text) <= cells) return text;
  let cut = "";
  let used = 0;
  for (const character of text) {
    const width = Bun.stringWidth(character);
    if (used + width > cells - 1) break;
    cut += character;
    used += width;
  }
  return `${cut}…`;
}

function pad(text: string, cells: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, cells - Bun.stringWidth(text)));
  return right ? space + text : text + space;
}

/** Narrows the columns that allow it, the widest first, until the table has `width` cells. */
function shrink<Row>(columns: readonly Column<Row>[], widths: number[], width: number): void {
  const total = (): number => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  for (let excess = total() - width; excess > 0; excess = total() - width) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const own = widths[index] ?? 0;
      if (column.shrinks === true && own > NARROWEST && own > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return; // nothing left to narrow: the lines are longer than the terminal is wide
    const own = widths[widest] ?? 0;
    widths[widest] = Math.max(NARROWEST, own - Math.max(1, Math.ceil(excess / 2)));
  }
}

/** The columns that have room in `width` cells, each as narrow as it may get. */
export function fitting<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): readonly Column<Row>[] {
  const least = new Map<Column<Row>, number>();
  for (const column of columns) {
    const texts = rows.map((row) => Bun.stringWidth(printable(column.text(row))));
    const own = Math.max(
      Math.min(
        column.widthMax ?? Number.POSITIVE_INFINITY,
        texts.reduce((most, each) => Math.max(most, each), 0),
      ),
      column.heading.length,
    );
    least.set(column, column.shrinks === true ? Math.min(own, NARROWEST) : own);
  }
  const left = new Set(columns);
  const total = (): number =>
    [...left].reduce((sum, column) => sum + (least.get(column) ?? 0) + GAP.length, -GAP.length);
  const leaving = columns
    .filter(({ leavesAt }) => leavesAt !== undefined)
    .toSorted((one, other) => (one.leavesAt ?? 0) - (other.leavesAt ?? 0));
  for (const column of leaving) {
    if (total() <= width) break;
    left.delete(column);
  }
  return [...left];
}

/** The lines of the table, the heading first. `width`: cells of the terminal, undefined where there is none. */
export function* layOut<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): Generator<string> {
  const cells = rows.map((row) =>
    columns.map((column) => fit(printable(column.text(row)), column.widthMax ?? Number.POSITIVE_INFINITY)),
  );
  const widths = columns.map((column, index) =>
    cells.reduce((most, row) => Math.max(most, Bun.stringWidth(row[index] ?? "")), column.heading.length),
  );
  if (width !== undefined) shrink(columns, widths, width);
  for (const row of [columns.map((column) => column.heading), ...cells]) {
    const texts = row.map((text, index) =>
      pad(fit(text, widths[index] ?? 0), widths[index] ?? 0, columns[index]?.right === true),
    );
    yield texts.join(GAP).trimEnd();
  }
}
