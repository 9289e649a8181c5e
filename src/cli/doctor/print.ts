/** The findings as people and as programs read them. Pure. */
import { printable } from "../../lib/format.ts";
import { VERSION } from "../../model/version.ts";
import type { Check, CheckStatus } from "./check.ts";

export interface Style {
  /** In columns. */
  readonly width: number;
  readonly utf8: boolean;
  readonly colours: boolean;
}

const MARKS: Readonly<Record<CheckStatus, { utf8: string; ascii: string; colour: number }>> = {
  ok: { utf8: "✓", ascii: "+", colour: 32 },
  warn: { utf8: "!", ascii: "!", colour: 33 },
  fail: { utf8: "✗", ascii: "x", colour: 31 },
  skip: { utf8: "·", ascii: "-", colour: 90 },
};

const TITLE_WIDTH = 20;
const INDENT = " ".repeat(TITLE_WIDTH + 3);
const WIDTH_MAX = 100;
const WIDTH_MIN = 40;

/** One line per check, what can be done below, and a last line that says it all. */
export function findingsText(checks: readonly Check[], style: Style): string {
  const width = Math.max(WIDTH_MIN, Math.min(style.width, WIDTH_MAX));
  const lines = checks.map((check) => checkLine(check, width, style));
  const remedies = checks.filter((check) => check.remedy !== undefined && check.status !== "ok");
  if (remedies.length > 0) lines.push("", paint(style, 1, "What can be done"));
  // What one remedy mends is told together.
  for (const [remedy, mended] of Map.groupBy(remedies, (check) => check.remedy ?? "")) {
    const titles = mended.map(({ title }) => title).join(", ");
    const worst = mended.find(({ status }) => status === "fail") ?? mended[0];
    const text = wrapped(`${titles}: ${remedy}`, width - 2, "  ");
    lines.push(`${worst === undefined ? "" : mark(worst, style)} ${text}`);
  }
  const hints = checks.filter((check) => check.remedy !== undefined && check.status === "ok");
  for (const check of hints) lines.push("", wrapped(`${check.title}: ${check.remedy ?? ""}`, width, ""));
  lines.push("", paint(style, 1, verdict(checks)), "");
  return lines.join("\n");
}

function checkLine(check: Check, width: number, style: Style): string {
  const title = check.title.padEnd(TITLE_WIDTH);
  const detail = wrapped(check.detail, width - INDENT.length, INDENT);
  return `${mark(check, style)} ${title} ${check.status === "skip" ? paint(style, 2, detail) : detail}`;
}

function mark({ status }: Check, style: Style): string {
  const { utf8, ascii, colour } = MARKS[status];
  return paint(style, colour, style.utf8 ? utf8 : ascii);
}

function verdict(checks: readonly Check[]): string {
  const failed = checks.filter(({ status }) => status === "fail").length;
  const warned = checks.filter(({ status }) => status === "warn").length;
  if (failed > 0) return `${failed} of ${checks.length} checks failed: wb can't do all of its work here.`;
  if (warned > 0) return `wb works here; ${warned} ${warned === 1 ? "thing" : "things"} could be better.`;
  return "wb works here, and nothing is missing.";
}

/** Breaks at spaces; a longer word (a path) stays whole. Every line but the first begins with the indent. */
function wrapped(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of printable(text).split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.join(`\n${indent}`);
}

/** SGR of ECMA-48: 1 bold, 2 faint, 30 and up colours. */
function paint(style: Style, code: number, text: string): string {
  return style.colours ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** The version of the document's shape: a member may be added within one, none changes its meaning. */
export const DOCTOR_VERSION = 1;

/** The document of `--json`; docs/doctor.md describes it. */
export function findingsDocument(
  checks: readonly Check[],
  about: { readonly host: string; readonly checkedAtMs: number },
): Record<string, unknown> {
  return {
    version: DOCTOR_VERSION,
    wbVersion: VERSION,
    host: about.host,
    checkedAtMs: Math.round(about.checkedAtMs),
    ok: checks.every(({ status }) => status !== "fail"),
    checks: checks.map(({ id, title, status, detail, remedy, data }) => {
      return { id, title, status, detail, remedy: remedy ?? null, data: data ?? {} };
    }),
  };
}
