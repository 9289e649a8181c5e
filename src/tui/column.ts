/** What a column is, and the kinds of columns that every view is made of: text, numbers, rates, byte counts, counts. */
import type { Role, Span } from "./line.ts";
import type { TableRow } from "./table-row.ts";
import {
  BYTES_WIDTH,
  bytesSpans,
  countSpans,
  flowCertainty,
  groupCertainty,
  idleText,
  UNKNOWN,
  type Certainty,
} from "./cells.ts";
import { cut, padStart, type CutAt } from "./text.ts";

export interface CellContext {
  readonly width: number;
  readonly names: boolean;
  readonly nowMs: number;
}

export interface Column {
  readonly id: string;
  readonly title: string;
  /** The query's name for it; undefined: it can't be sorted by. */
  readonly sort: string | undefined;
  /** Whether the first sorting by it is from the largest. */
  readonly descendingFirst: boolean;
  readonly align: "left" | "right";
  readonly widthMin: number;
  readonly widthMax: number;
  /** Columns with a lower number stay longer when room is short. */
  readonly priority: number;
  /** How greedily it takes spare room up to widthMax. */
  readonly grow: number;
  /** Part of the numbers that a fold's head shows too. */
  readonly traffic: boolean;
  readonly cell: (row: TableRow, context: CellContext) => Span[];
}

export function textColumn(
  id: string,
  title: string,
  sort: string | undefined,
  width: { min: number; max: number; priority: number; grow?: number },
  value: (row: TableRow, context: CellContext) => { text: string; role?: Role; at?: CutAt },
): Column {
  return {
    id,
    title,
    sort,
    descendingFirst: false,
    align: "left",
    widthMin: width.min,
    widthMax: width.max,
    priority: width.priority,
    grow: width.grow ?? 1,
    traffic: false,
    cell: (row, context) => {
      const { text, role = "text", at = "end" } = value(row, context);
      return [{ text: cut(text, context.width, at), role: text === UNKNOWN ? "dim" : role }];
    },
  };
}

export function numberColumn(
  id: string,
  title: string,
  sort: string,
  width: number,
  priority: number,
  cell: Column["cell"],
  traffic = false,
): Column {
  return {
    id,
    title,
    sort,
    descendingFirst: true,
    align: "right",
    widthMin: width,
    widthMax: width,
    priority,
    grow: 0,
    traffic,
    cell,
  };
}

function rateColumn(direction: "send" | "receive", priority: number): Column {
  const field = direction === "send" ? "sendBytesPerSecond" : "receiveBytesPerSecond";
  const title = direction === "send" ? "SEND/s" : "RECV/s";
  const cell = (row: TableRow): Span[] => {
    if (row.kind === "interface") return rateSpans(row.interface[field], "exact", direction);
    if (row.kind === "group") return rateSpans(row.group[field], groupCertainty(row.group), direction);
    return rateSpans(row.flow[field], flowCertainty(row.flow), direction);
  };
  return numberColumn(direction, title, field, BYTES_WIDTH, priority, cell, true);
}

/** A rate is an average over time and never exact to the byte: only what can't be counted is marked. */
function rateSpans(rate: number, certainty: Certainty, role: Role): Span[] {
  return bytesSpans(Math.max(0, rate), certainty === "uncounted" ? "uncounted" : "exact", role);
}

function bytesColumn(direction: "sent" | "received", priority: number): Column {
  const field = direction === "sent" ? "bytesSent" : "bytesReceived";
  const cell = (row: TableRow): Span[] => {
    if (row.kind === "interface") return bytesSpans(row.interface[field], "exact");
    if (row.kind === "group") return bytesSpans(row.group[field], groupCertainty(row.group));
    return bytesSpans(row.flow[field] ?? 0, flowCertainty(row.flow));
  };
  return numberColumn(direction, direction.toUpperCase(), field, BYTES_WIDTH, priority, cell, true);
}

export function countColumn(
  id: string,
  title: string,
  sort: string,
  priority: number,
  count: (row: TableRow) => number | undefined,
  width = Math.max(5, title.length),
): Column {
  return numberColumn(id, title, sort, width, priority, (row) => {
    const value = count(row);
    if (value === undefined) return [{ text: padStart(UNKNOWN, width), role: "dim" }];
    return countSpans(value, width);
  });
}

export function idleColumn(priority: number): Column {
  return numberColumn("idle", "IDLE", "lastActivityMs", 7, priority, (row, { nowMs }) => {
    if (row.kind === "interface") return [{ text: padStart(UNKNOWN, 7), role: "dim" }];
    const last = row.kind === "flow" ? row.flow.lastActivityMs : row.group.lastActivityMs;
    return [{ text: padStart(idleText(nowMs, last), 7), role: "dim" }];
  });
}

export const SEND = rateColumn("send", 3);
export const RECEIVE = rateColumn("receive", 2);
export const SENT = bytesColumn("sent", 5);
export const RECEIVED = bytesColumn("received", 4);
