/**
 * The work of `wb export history`: streams the stored rows, holding a few of them at a time. A file appears under its
 * name only when it is complete.
 */
import { open, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { printable } from "../lib/format.ts";
import { didYouMean } from "../lib/suggest.ts";
import { systemClock } from "../lib/clock.ts";
import { WbError } from "../model/errors.ts";
import type { HistoryRecord } from "../model/history.ts";
import { VERSION } from "../model/version.ts";
import { storageMessage } from "../store/database.ts";
import {
  EXPORT_FIELDS,
  EXPORT_FORMATS,
  exportRow,
  type ExportFlags,
  type ExportFormat,
} from "./export-formats.ts";
import { parseHistoryFilter, parseRange } from "./history-options.ts";
import { configuredHistoryPath, HISTORY_JSON_VERSION, openRecorded } from "./history-run.ts";
import { BufferedOutput, standardOutput, type Output } from "./output.ts";
import { csvCell } from "./print/csv.ts";
import { jsonText } from "./print/json-text.ts";

function parseFormat(text: string): ExportFormat {
  const found = EXPORT_FORMATS.find((format) => format === text);
  if (found !== undefined) return found;
  throw new WbError("usage", `--format: there is no format "${printable(text)}"`, {
    hint: didYouMean(text, EXPORT_FORMATS) ?? `there are ${EXPORT_FORMATS.join(", ")}`,
  });
}

interface ExportQuestion {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly filter: string | null;
}

async function writeRecords(
  output: Output,
  format: ExportFormat,
  question: ExportQuestion,
  records: Iterable<HistoryRecord>,
): Promise<void> {
  const head = { version: HISTORY_JSON_VERSION, wbVersion: VERSION, host: hostname(), query: question };
  if (format === "csv") await output.write(`${EXPORT_FIELDS.join(",")}\r\n`);
  else if (format === "jsonl") await output.write(`${jsonText({ type: "history", ...head })}\n`);
  else await output.write(`${jsonText(head).slice(0, -1)},"rows":[`);
  let separator = "\n";
  for (const record of records) {
    const row = exportRow(record);
    if (format === "csv")
      await output.write(`${EXPORT_FIELDS.map((name) => csvCell(row[name])).join(",")}\r\n`);
    else if (format === "jsonl") await output.write(`${jsonText({ type: "row", ...row })}\n`);
    else await output.write(separator + jsonText(row));
    separator = ",\n";
  }
  if (format === "json") await output.write("\n]}\n");
}

/** Writes through a file beside the target, which takes its name at the end; what was there stays until then. */
async function toFile(path: string, body: (output: Output) => Promise<void>): Promise<void> {
  const unfinished = `${path}.unfinished-${process.pid}`;
  try {
    const file = await open(unfinished, "wx", 0o600);
    try {
      const buffered = new BufferedOutput({ write: (text) => file.writeFile(text) });
      await body(buffered);
      await buffered.flush();
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    if (error instanceof WbError) throw error;
    throw new WbError("storage", `cannot write ${path}: ${storageMessage(error)}`, {
      cause: error,
      hint: "choose another place with --output, or leave it out for standard output",
    });
  }
}

/** @throws WbError("usage"), WbError("config"), WbError("storage") */
export async function runHistoryExport(flags: ExportFlags): Promise<void> {
  const format = parseFormat(flags.format);
  const range = parseRange(flags, systemClock.nowMs(), "1970-01-01");
  const filter = parseHistoryFilter(flags);
  const path = await configuredHistoryPath(flags.config);
  const history = openRecorded(path);
  try {
    const records = history?.records({ ...range, filter }) ?? [];
    const question = { ...range, filter: flags.filter ?? null };
    const body = (output: Output): Promise<void> => writeRecords(output, format, question, records);
    if (flags.output !== undefined && flags.output !== "-") {
      await toFile(flags.output, body);
      return;
    }
    const buffered = new BufferedOutput(standardOutput);
    await body(buffered);
    await buffered.flush();
  } finally {
    history?.close();
  }
}
