/**
 * Which columns fit a width, and how wide each is. Widths depend on the width alone, never on what stands in them, so
 * that nothing moves from one second to the next.
 */
import type { Column } from "./column.ts";

export interface PlacedColumn {
  readonly column: Column;
  readonly x: number;
  readonly width: number;
}

/** Cells to the left of the first column: the mark of the chosen row, the state's sign, a space. */
export const GUTTER = 3;

const GAP = 1;
/** Cells that stay empty at the right. */
const MARGIN = 1;

/** From this width on the details stand beside the table; below it they cover it. */
export const SIDE_BY_SIDE_WIDTH = 120;

/** The columns that fit into `width` cells, in their own order; at least the most important one, cut if need be. */
export function placeColumns(columns: readonly Column[], width: number): PlacedColumn[] {
  const available = width - GUTTER - MARGIN;
  const chosen = choose(columns, available);
  const widths = spread(chosen, available);
  const placed: PlacedColumn[] = [];
  let x = GUTTER;
  for (const [index, column] of chosen.entries()) {
    const columnWidth = widths[index] ?? column.widthMin;
    placed.push({ column, x, width: columnWidth });
    x += columnWidth + GAP;
  }
  return placed;
}

/** By priority, stopping at the first that does not fit: a less important one never takes its place. */
function choose(columns: readonly Column[], available: number): Column[] {
  const byPriority = columns.toSorted((one, other) => one.priority - other.priority);
  const chosen = new Set<Column>();
  let used = -GAP;
  for (const column of byPriority) {
    used += column.widthMin + GAP;
    if (used > available && chosen.size > 0) break;
    chosen.add(column);
  }
  return columns.filter((column) => chosen.has(column));
}

/** Spare cells go to the columns that want them, in proportion to their greed, up to their maxima. */
function spread(columns: readonly Column[], available: number): number[] {
  const widths = columns.map((column) => column.widthMin);
  let spare = available - widths.reduce((sum, width) => sum + width + GAP, -GAP);
  if (spare < 0 && columns.length === 1) return [Math.max(1, available)];
  while (spare > 0) {
    const hungry = columns
      .map((column, index) => ({ column, index }))
      .filter(({ column, index }) => column.grow > 0 && (widths[index] ?? 0) < column.widthMax);
    if (hungry.length === 0) break;
    const greed = hungry.reduce((sum, { column }) => sum + column.grow, 0);
    let given = 0;
    for (const { column, index } of hungry) {
      const width = widths[index] ?? 0;
      const share = Math.max(1, Math.floor((spare * column.grow) / greed));
      const extra = Math.min(share, column.widthMax - width, spare - given);
      widths[index] = width + extra;
      given += extra;
    }
    spare -= given;
  }
  return widths;
}
