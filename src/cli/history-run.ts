/** The work of `wb history`: asks the database and prints the answer as a chart or as JSON (docs/history.md). */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { localIso } from "../lib/calendar.ts";
import { systemClock } from "../lib/clock.ts";
import type { HistoryAnswer, HistoryRow } from "../model/history.ts";
import { VERSION } from "../model/version.ts";
import { historyPath } from "../platform/paths.ts";
import { EmptyDatabaseError } from "../store/database.ts";
import { openHistory, type HistoryStore } from "../store/history.ts";
import { loadConfiguration } from "./config.ts";
import { chartLines } from "./history-chart.ts";
import {
  parseGroup,
  parseHistoryFilter,
  parseRange,
  parseRowLimit,
  type FilterFlags,
  type RangeFlags,
} from "./history-options.ts";
import { standardOutput, warn } from "./output.ts";
import { jsonText } from "./print/json-text.ts";
import { historySettings } from "./settings.ts";

/** The version of the JSON of `wb history` and `wb export history`. */
export const HISTORY_JSON_VERSION = 1;

export interface HistoryFlags extends RangeFlags, FilterFlags {
  readonly by: string;
  readonly limit?: string;
  readonly json?: true;
  readonly config?: string;
}

const ROWS_SHOWN = 25;
const WIDTH = 100;

/** Where the history is, by the configuration; tells what is wrong with that on standard error. */
export async function configuredHistoryPath(config: string | undefined): Promise<string> {
  const configuration = await loadConfiguration(config, process.env);
  for (const warning of configuration.warnings) warn(warning);
  return historySettings({ env: process.env, file: configuration.values }).path ?? historyPath();
}

function rowObject(row: HistoryRow): Record<string, unknown> {
  return {
    key: row.key,
    label: row.label,
    processPath: row.processPath ?? null,
    detail: row.detail ?? null,
    startMs: row.startMs ?? null,
    bytesSent: row.bytesSent,
    bytesReceived: row.bytesReceived,
    connections: row.connections,
    uncountedConnections: row.uncountedConnections,
    bytesMeaning: row.meanings,
    uncertaintyBytes: row.lowerBoundConnections > 0 ? null : row.uncertaintyBytes,
    lowerBoundConnections: row.lowerBoundConnections,
  };
}

function coverageObject({ coverage }: HistoryAnswer): Record<string, unknown> {
  return {
    ...coverage,
    firstRecordedMs: coverage.firstRecordedMs ?? null,
    lastRecordedMs: coverage.lastRecordedMs ?? null,
    loss: coverage.loss.map((loss) => ({ ...loss, bytes: loss.bytes ?? null })),
  };
}

interface Question {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly by: string;
  readonly filter: string | null;
}

function documentOf(question: Question, answer: HistoryAnswer | undefined): string {
  const { sinceMs, untilMs } = question;
  const totals = answer?.totals;
  return `${jsonText({
    version: HISTORY_JSON_VERSION,
    wbVersion: VERSION,
    host: hostname(),
    query: { ...question, since: localIso(sinceMs), until: localIso(untilMs) },
    matched: answer?.matched ?? 0,
    totals: {
      bytesSent: totals?.bytesSent ?? 0,
      bytesReceived: totals?.bytesReceived ?? 0,
      connections: totals?.connections ?? 0,
      uncountedConnections: totals?.uncountedConnections ?? 0,
      bytesMeaning: totals?.meanings ?? [],
      uncertaintyBytes: (totals?.lowerBoundConnections ?? 0) > 0 ? null : (totals?.uncertaintyBytes ?? 0),
      lowerBoundConnections: totals?.lowerBoundConnections ?? 0,
    },
    coverage: answer === undefined ? null : coverageObject(answer),
    rows: (answer?.rows ?? []).map(rowObject),
  })}\n`;
}

/**
 * The history to be read; undefined, and said so on standard error, where nothing was ever recorded.
 * @throws WbError("storage")
 */
export function openRecorded(path: string): HistoryStore | undefined {
  if (!existsSync(path)) {
    warn(nothingRecorded(`there is no ${path}`));
    return undefined;
  }
  try {
    return openHistory({ path, readonly: true, clock: systemClock });
  } catch (error) {
    if (!(error instanceof EmptyDatabaseError)) throw error;
    warn(nothingRecorded(error.message));
    return undefined;
  }
}

function nothingRecorded(why: string): string {
  return (
    `nothing is recorded yet: ${why}\n` +
    "hint: `wb monitor` records while it runs; `wb monitor --headless` does so without a screen, as a service"
  );
}

/** @throws WbError("usage"), WbError("config"), WbError("storage") */
export async function runHistory(flags: HistoryFlags): Promise<void> {
  const nowMs = systemClock.nowMs();
  const by = parseGroup(flags.by);
  const range = parseRange(flags, nowMs, "24h");
  const filter = parseHistoryFilter(flags);
  const limit = parseRowLimit(
    flags.limit,
    flags.json === true || by === "day" || by === "hour" ? undefined : ROWS_SHOWN,
  );
  const path = await configuredHistoryPath(flags.config);
  const question: Question = { ...range, by, filter: flags.filter ?? null };
  const history = openRecorded(path);
  if (history === undefined) {
    if (flags.json === true) await standardOutput.write(documentOf(question, undefined));
    return;
  }
  let answer: HistoryAnswer;
  try {
    answer = history.query({ ...range, by, filter, limit });
  } finally {
    history.close();
  }
  if (flags.json === true) {
    await standardOutput.write(documentOf(question, answer));
    return;
  }
  const width = process.stdout.columns || WIDTH;
  await standardOutput.write(`${chartLines(answer, { ...range, by, width }).join("\n")}\n`);
}
