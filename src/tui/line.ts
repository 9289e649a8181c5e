/**
 * What a screen is made of before any terminal is involved: lines of spans, each with a role that a theme turns into
 * colours, and zones that a mouse can hit. Every line is exactly as wide as its frame.
 */
import type { Action } from "./state.ts";
import { cut, widthOf } from "./text.ts";

/** What a piece of text is, not how it looks; theme.ts decides that. */
export type Role =
  | "text"
  | "strong"
  | "dim"
  | "accent"
  | "send"
  | "receive"
  | "good"
  | "warning"
  | "error"
  | "badge" // a state that must not be overlooked: PAUSED, DEMO
  | "current"; // the chosen tab

/** The background of a whole line. */
export type Fill = "none" | "bar" | "selected";

export interface Span {
  readonly text: string;
  readonly role: Role;
  /** Where it is not that of its line. */
  readonly fill?: Fill;
}

export interface Line {
  readonly spans: readonly Span[];
  readonly fill: Fill;
}

export interface Zone {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly action: Action;
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly lines: readonly Line[];
  readonly zones: readonly Zone[];
  /** Where the text cursor stands while a filter is typed. */
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
}

/** Builds one line of a known width from the left; what does not fit is cut, neighbours of one role are merged. */
export class LineBuilder {
  readonly width: number;
  #spans: { text: string; role: Role }[] = [];
  #x = 0;

  constructor(width: number) {
    this.width = width;
  }

  /** The next free cell. */
  get x(): number {
    return this.#x;
  }

  get room(): number {
    return this.width - this.#x;
  }

  add(text: string, role: Role = "text"): this {
    const fitting = widthOf(text) <= this.room ? text : cut(text, this.room);
    if (fitting === "") return this;
    const last = this.#spans.at(-1);
    if (last?.role === role) last.text += fitting;
    else this.#spans.push({ text: fitting, role });
    this.#x += widthOf(fitting);
    return this;
  }

  addAll(spans: readonly Span[]): this {
    for (const span of spans) this.add(span.text, span.role);
    return this;
  }

  /** Spaces up to the given cell. */
  padTo(x: number, role: Role = "text"): this {
    if (x > this.#x) this.add(" ".repeat(Math.min(x, this.width) - this.#x), role);
    return this;
  }

  /** Puts the spans flush right, provided that they fit; returns the cell where they begin, or undefined. */
  right(spans: readonly Span[]): number | undefined {
    const wanted = spansWidth(spans);
    if (wanted > this.room) return undefined;
    const start = this.width - wanted;
    this.padTo(start).addAll(spans);
    return start;
  }

  build(fill: Fill = "none"): Line {
    this.padTo(this.width);
    return { spans: this.#spans, fill };
  }
}

export function spansWidth(spans: readonly Span[]): number {
  let width = 0;
  for (const span of spans) width += widthOf(span.text);
  return width;
}

/** One line of plain text, padded to the width. */
export function textLine(text: string, role: Role, width: number, fill: Fill = "none"): Line {
  return new LineBuilder(width).add(text, role).build(fill);
}

export function blankLine(width: number): Line {
  return textLine("", "text", width);
}

/** Two lines side by side, with one cell of `divider` between them; each keeps its own fill. */
export function beside(left: Line, divider: string, right: Line): Line {
  const filled = (line: Line): Span[] => line.spans.map((span) => ({ ...span, fill: line.fill }));
  return { spans: [...filled(left), { text: divider, role: "dim" }, ...filled(right)], fill: "none" };
}

/** The characters of a frame, one string per line, trailing spaces kept: what golden files compare. */
export function frameText(frame: Frame): string[] {
  return frame.lines.map((line) => line.spans.map((span) => span.text).join(""));
}
