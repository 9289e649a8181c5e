/** Prints what a parent answered: a table for people, or JSON with its version for programs. */
import { localTime, localDate } from "../../lib/calendar.ts";
import { formatBytes, printableJson } from "../../lib/format.ts";
import { fitting, layOut, type Column } from "../print/layout.ts";
import { BufferedOutput, say, standardOutput } from "../output.ts";

/** Version of the JSON that these commands print. */
export const FLEET_JSON_VERSION = 1;

/** One JSON document: `{ "version": 1, <name>: … }`. */
export async function printJson(name: string, value: unknown): Promise<void> {
  await writeJson({ version: FLEET_JSON_VERSION, [name]: value });
}

/** Safe to print: whatever an agent calls itself can't steer a terminal. */
async function writeJson(document: unknown): Promise<void> {
  await standardOutput.write(`${printableJson(JSON.stringify(document, undefined, 2))}\n`);
}

/** How many rows a list shows where nothing else is said. */
export const LIMIT = 200;

/** A list that may have been cut: `{ "version": 1, <name>: […], "more": … }`, or a table; on standard error, that there is more. */
export async function printList<Row>(
  listed: { readonly items: readonly Row[]; readonly more: boolean },
  print: {
    readonly name: string;
    readonly json: boolean | undefined;
    readonly columns: readonly Column<Row>[];
    readonly nothing: string;
  },
): Promise<void> {
  const { items, more } = listed;
  if (print.json === true) {
    await writeJson({ version: FLEET_JSON_VERSION, [print.name]: items, more });
  } else await printTable(items, print.columns, print.nothing);
  if (more) say(`${items.length} shown; more with --limit`);
}

/** A table, or what to say where there is nothing to show. */
export async function printTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  nothing: string,
): Promise<void> {
  if (rows.length === 0) {
    say(nothing);
    return;
  }
  const output = new BufferedOutput(standardOutput);
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  const shown = width === undefined ? columns : fitting(columns, rows, width);
  for (const line of layOut(shown, rows, width)) await output.write(`${line}\n`);
  await output.flush();
  const missing = columns.filter((column) => !shown.includes(column)).map(({ heading }) => heading);
  if (missing.length > 0) say(`no room for ${missing.join(", ")}: a wider terminal or --json shows them`);
}

/** `2026-11-20 14:03:59`, local; `-` for never. */
export function moment(timeMs: number | null): string {
  return timeMs === null ? "-" : `${localDate(timeMs)} ${localTime(timeMs)}`;
}

/** `≥` a lower bound, `~` off by a known amount. */
export function byteCount(bytes: number, uncertaintyBytes: number | null): string {
  const mark = uncertaintyBytes === null ? "≥" : uncertaintyBytes === 0 ? "" : "~";
  return mark + formatBytes(bytes);
}

export function orDash(text: string | number | null): string {
  return text === null || text === "" ? "-" : String(text);
}
