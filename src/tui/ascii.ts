/** The screen for a terminal whose locale knows no Unicode: every sign of ours has a stand-in of one ASCII character. */
import { widthOf } from "./text.ts";

const STAND_INS: ReadonlyMap<string, string> = new Map([
  ["·", "."],
  ["×", "x"],
  ["±", "~"],
  ["…", "."],
  ["—", "-"],
  ["–", "-"],
  ["›", ">"],
  ["≥", ">"],
  ["↑", "^"],
  ["↓", "v"],
  ["←", "<"],
  ["→", ">"],
  ["↵", "E"],
  ["│", "|"],
  ["▁", "_"],
  ["▂", "_"],
  ["▃", "."],
  ["▄", "-"],
  ["▅", "-"],
  ["▆", "="],
  ["▇", "="],
  ["█", "#"],
  ["▲", "^"],
  ["▼", "v"],
  ["▸", ">"],
  ["▾", "v"],
  ["●", "*"],
  ["○", "o"],
  ["◌", "."],
]);

// oxlint-disable-next-line no-control-regex -- everything that is ASCII
const ASCII = /^[\x00-\x7f]*$/;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** The text in ASCII, of the same width in cells; what has no stand-in becomes `?`. */
export function toAscii(text: string): string {
  if (ASCII.test(text)) return text;
  let ascii = "";
  for (const { segment } of graphemes.segment(text)) {
    ascii += ASCII.test(segment) ? segment : (STAND_INS.get(segment) ?? "?".repeat(widthOf(segment)));
  }
  return ascii;
}
