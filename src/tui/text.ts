/**
 * Text measured and cut in terminal cells: wide characters (CJK, emoji) count as two, combining ones as none, and a cut
 * never leaves half of one. Nothing longer than asked ever comes back.
 */
import { printable } from "../lib/format.ts";

const PLAIN_ASCII = /^[\x20-\x7e]*$/;
const ELLIPSIS = "…";
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Names are cut before they are looked at any closer, so that a hostile one of a megabyte costs nothing. */
const LENGTH_MAX = 4096;

/** Cells that a text takes on a terminal. */
export function widthOf(text: string): number {
  return PLAIN_ASCII.test(text) ? text.length : Bun.stringWidth(text);
}

/** Text from outside (process names, host names, arguments) made safe to print, and of bounded length. */
export function safe(text: string): string {
  return printable(text.length > LENGTH_MAX ? text.slice(0, LENGTH_MAX) : text);
}

/** The longest beginning that fits into `width` cells, without an ellipsis. */
export function take(text: string, width: number): string {
  if (width <= 0) return "";
  if (PLAIN_ASCII.test(text)) return text.slice(0, width);
  let used = 0;
  let taken = "";
  for (const { segment } of graphemes.segment(text)) {
    const cells = Bun.stringWidth(segment);
    if (used + cells > width) break;
    taken += segment;
    used += cells;
  }
  return taken;
}

/** The longest ending that fits into `width` cells. */
export function takeLast(text: string, width: number): string {
  if (width <= 0) return "";
  if (PLAIN_ASCII.test(text)) return text.slice(-width);
  let used = 0;
  let taken = "";
  for (const { segment } of [...graphemes.segment(text)].toReversed()) {
    const cells = Bun.stringWidth(segment);
    if (used + cells > width) break;
    taken = segment + taken;
    used += cells;
  }
  return taken;
}

/** Which part of a text is given up where it does not fit. */
export type CutAt = "end" | "start" | "middle";

/** The text itself where it fits, else cut with an ellipsis so that it takes at most `width` cells. */
export function cut(text: string, width: number, at: CutAt = "end"): string {
  if (width <= 0) return "";
  if (widthOf(text) <= width) return text;
  if (width === 1) return ELLIPSIS;
  if (at === "start") return ELLIPSIS + takeLast(text, width - 1);
  if (at === "middle") {
    const head = Math.ceil((width - 1) / 2);
    return take(text, head) + ELLIPSIS + takeLast(text, width - 1 - head);
  }
  return take(text, width - 1) + ELLIPSIS;
}

export function padEnd(text: string, width: number): string {
  const missing = width - widthOf(text);
  return missing > 0 ? text + " ".repeat(missing) : text;
}

export function padStart(text: string, width: number): string {
  const missing = width - widthOf(text);
  return missing > 0 ? " ".repeat(missing) + text : text;
}

/** Breaks a text into lines of at most `width` cells, at spaces where there are any. At least one line. */
export function wrap(text: string, width: number): string[] {
  const room = Math.max(1, width);
  const lines: string[] = [];
  let rest = text;
  while (widthOf(rest) > room) {
    const head = take(rest, room) || rest.slice(0, 1);
    const space = rest[head.length] === " " ? head.length : head.lastIndexOf(" ");
    const end = space > room / 3 ? space : head.length;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  if (rest !== "" || lines.length === 0) lines.push(rest);
  return lines;
}

/** `12,345,678`: the integer exactly, for a person to read. */
export function exact(value: number): string {
  return String(Math.trunc(value)).replaceAll(/\B(?=(?:\d{3})+(?!\d))/g, ",");
}

/** `14:02:07` in the machine's own time zone. */
export function timeOfDay(unixMs: number): string {
  const date = new Date(unixMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `2026-01-31 14:02:07` in the machine's own time zone. */
export function dateAndTime(unixMs: number): string {
  const date = new Date(unixMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${timeOfDay(unixMs)}`;
}
