/**
 * `--csv`: RFC 4180, a header line, CRLF, one row per line. Made for spreadsheets, so text that a spreadsheet would
 * run as a formula gets an apostrophe before it, and control characters become U+FFFD; `--json` has the text as it is.
 */
import { printable } from "../../lib/format.ts";
import type { QueryResult } from "../../model/query.ts";
import type { Output } from "../output.ts";
import type { FieldContext, FieldValue } from "./field.ts";
import { fieldNames, resultRows } from "./result-rows.ts";

// OWASP, "CSV Injection": what makes a spreadsheet take a cell for a formula.
const FORMULA_START = /^[=+\-@\t\r]/;

/** Text as one cell: guarded, and quoted where RFC 4180 wants it. */
export function csvText(text: string): string {
  const guarded = printable(FORMULA_START.test(text) ? `'${text}` : text);
  return /[",\r\n]|^\s|\s$/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** Any value as one cell: not known is empty; a list is JSON. */
export function csvCell(value: Exclude<FieldValue, undefined> | null): string {
  if (value === null) return "";
  if (typeof value === "string") return csvText(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return csvText(JSON.stringify(value));
}

export async function writeCsv(output: Output, result: QueryResult, context: FieldContext): Promise<void> {
  await output.write(`${fieldNames(result.by).join(",")}\r\n`);
  for (const row of resultRows(result, context)) {
    await output.write(`${Object.values(row).map(csvCell).join(",")}\r\n`);
  }
}
