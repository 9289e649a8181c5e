/** Puts a frame on OpenTUI's buffer: the only place where text meets the terminal library. Draws when told, never by itself. */
import { Renderable, RGBA, TextAttributes, type CliRenderer, type OptimizedBuffer } from "@opentui/core";
import type { Fill, Frame, Line, Role } from "./line.ts";
import { widthOf } from "./text.ts";
import { themeOf, type Theme } from "./theme.ts";

interface Ink {
  readonly foreground: RGBA;
  readonly background: RGBA;
  readonly attributes: number;
}

/** Text whose every UTF-16 unit is one cell: letters of ASCII and the signs that this screen uses itself. */
const ONE_CELL_EACH = /^[\x20-\x7e·×±…—–›≥↑↓←→↵│▁-█▲▼▸▾●○◌]*$/;

/** Values of 16 bits that hold one colour in OpenTUI's planes. */
const COLOUR_PARTS = 4;

/**
 * Writes such text straight into OpenTUI's planes, one value per cell and four per colour. A full screen has more than a
 * thousand spans, and a call into the native library for each would cost more than everything else of a frame.
 */
function writeCells(cells: OptimizedBuffer["buffers"], start: number, text: string, ink: Ink): void {
  const { char, fg, bg, attributes } = cells;
  const foreground = ink.foreground.buffer;
  const background = ink.background.buffer;
  for (let index = 0; index < text.length; index += 1) {
    const cell = start + index;
    char[cell] = text.charCodeAt(index);
    attributes[cell] = ink.attributes;
    for (let part = 0; part < COLOUR_PARTS; part += 1) {
      fg[cell * COLOUR_PARTS + part] = foreground[part] ?? 0;
      bg[cell * COLOUR_PARTS + part] = background[part] ?? 0;
    }
  }
}

/** The whole screen as one node. `frame` is asked for when the node is drawn. */
export class Canvas extends Renderable {
  #theme: Theme = themeOf("none");
  #inks = new Map<string, Ink>();
  readonly #frame: () => Frame;
  readonly #written: (text: string) => string;

  /** `written`: what stands on the terminal for a text, of the same width. */
  constructor(renderer: CliRenderer, frame: () => Frame, written: (text: string) => string = (text) => text) {
    super(renderer, { id: "screen", width: "100%", height: "100%" });
    this.#frame = frame;
    this.#written = written;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    this.#inks.clear();
    this.requestRender();
  }

  protected override renderSelf(buffer: OptimizedBuffer): void {
    const frame = this.#frame();
    const cells = buffer.buffers;
    for (const [y, line] of frame.lines.entries()) {
      let x = 0;
      for (const { text: meant, role, fill } of line.spans) {
        const text = this.#written(meant);
        const ink = this.#ink(role, fill ?? line.fill);
        if (ONE_CELL_EACH.test(text) && x + text.length <= buffer.width && y < buffer.height) {
          writeCells(cells, y * buffer.width + x, text, ink);
          x += text.length;
        } else {
          buffer.drawText(text, x, y, ink.foreground, ink.background, ink.attributes);
          x += widthOf(text);
        }
      }
      this.#endLine(buffer, line, frame.width - 1, y);
    }
  }

  /**
   * The last cell of a line, which is always empty, without attributes: OpenTUI 0.4.5 forgets to reset those of a line's
   * last cell, and the next changed cell elsewhere would be shown bold or inverse too.
   */
  #endLine(buffer: OptimizedBuffer, line: Line, x: number, y: number): void {
    const last = line.spans.at(-1);
    if (last === undefined) return;
    const ink = this.#ink(last.role, last.fill ?? line.fill);
    if (ink.attributes === 0 || !last.text.endsWith(" ")) return;
    buffer.setCell(x, y, " ", ink.foreground, ink.background, 0);
  }

  #ink(role: Role, fill: Fill): Ink {
    const key = `${role} ${fill}`;
    const known = this.#inks.get(key);
    if (known !== undefined) return known;
    const look = this.#theme.look(role, fill);
    const ink: Ink = {
      foreground: look.foreground === undefined ? RGBA.defaultForeground() : RGBA.fromIndex(look.foreground),
      background: look.background === undefined ? RGBA.defaultBackground() : RGBA.fromIndex(look.background),
      attributes:
        (look.bold ? TextAttributes.BOLD : 0) |
        (look.dim ? TextAttributes.DIM : 0) |
        (look.underline ? TextAttributes.UNDERLINE : 0) |
        (look.inverse ? TextAttributes.INVERSE : 0),
    };
    this.#inks.set(key, ink);
    return ink;
  }
}
