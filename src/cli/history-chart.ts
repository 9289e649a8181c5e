/**
 * The answer of `wb history` as people read it: a table with bars, and below it what the numbers mean and how much of the
 * time they really cover. No escape codes; nothing that was recorded can steer the terminal. Pure.
 */
import { localDate, localDayStart, localMinute, localTime } from "../lib/calendar.ts";
import { formatBytes, formatDuration, printable } from "../lib/format.ts";
import type { HistoryAnswer, HistoryCoverage, HistoryGroup, HistoryRow } from "../model/history.ts";
import { fit } from "./print/layout.ts";

export interface ChartFrame {
  readonly by: HistoryGroup;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Cells of the terminal, or of the page where there is none. */
  readonly width: number;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const BAR_MIN = 6;
const BAR_WANTED = 12;
const BAR_MAX = 40;
const GAPS_SHOWN_MAX = 5;

/** A bar of so many cells, in eighths of a cell; anything above nothing shows at least the thinnest. */
export function bar(share: number, cells: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * cells * 8);
  const shown = share > 0 ? Math.max(1, eighths) : 0;
  return "█".repeat(Math.floor(shown / 8)) + (EIGHTHS[shown % 8] ?? "");
}

function percent(share: number): string {
  if (share > 0 && share < 0.001) return "<0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}

function bytesOf(row: { bytesSent: number; bytesReceived: number }): number {
  return row.bytesSent + row.bytesReceived;
}

/** `≥` a lower bound, `~` off by a known amount, `-` nothing of it could be counted. */
function amount(bytes: number, row: HistoryRow): string {
  if (row.meanings.length === 0 && row.uncountedConnections > 0) return "-";
  const mark = row.lowerBoundConnections > 0 ? "≥" : row.uncertaintyBytes > 0 ? "~" : "";
  return mark + formatBytes(bytes);
}

function labelOf(row: HistoryRow): string {
  return printable(row.detail === undefined ? row.label : `${row.label} (${row.detail})`);
}

function pad(text: string, cells: number): string {
  return text + " ".repeat(Math.max(0, cells - Bun.stringWidth(text)));
}

function padLeft(text: string, cells: number): string {
  return " ".repeat(Math.max(0, cells - Bun.stringWidth(text))) + text;
}

function tableLines(answer: HistoryAnswer, frame: ChartFrame): string[] {
  const all = bytesOf(answer.totals);
  const most = answer.rows.reduce((so, row) => Math.max(so, bytesOf(row)), 0);
  const heading = [frame.by.toUpperCase(), "SENT", "RECEIVED", "SHARE", "CONNECTIONS"];
  const cells = answer.rows.map((row) => [
    labelOf(row),
    amount(row.bytesSent, row),
    amount(row.bytesReceived, row),
    percent(all === 0 ? 0 : bytesOf(row) / all),
    String(row.connections),
  ]);
  const widths = heading.map((title, column) =>
    cells.reduce((most, row) => Math.max(most, Bun.stringWidth(row[column] ?? "")), title.length),
  );
  const numbers = widths.slice(1).reduce((sum, width) => sum + width + 2, 0);
  const room = frame.width - numbers;
  // Labels first: a bar is as good when it is shorter.
  const labelCells = Math.max(8, Math.min(widths[0] ?? 8, room - 2 - BAR_WANTED));
  const barCells = Math.max(BAR_MIN, Math.min(BAR_MAX, room - 2 - labelCells));
  // On a terminal too narrow for bars there are none.
  const hasBars = room - 2 - labelCells >= BAR_MIN;
  const line = (row: readonly string[], drawn: string): string => {
    const parts = [pad(fit(row[0] ?? "", labelCells), labelCells)];
    if (hasBars) parts.push(pad(drawn, barCells));
    for (let column = 1; column < row.length; column += 1) {
      parts.push(padLeft(row[column] ?? "", widths[column] ?? 0));
    }
    return parts.join("  ").trimEnd();
  };
  return [
    line(heading, ""),
    ...cells.map((row, index) => {
      const own = answer.rows[index];
      return line(row, own === undefined || most === 0 ? "" : bar(bytesOf(own) / most, barCells));
    }),
  ];
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** How far off the bytes may be. */
function exactness({ totals }: HistoryAnswer): string {
  if (totals.lowerBoundConnections === 0 && totals.uncertaintyBytes === 0) return "exact";
  const known = totals.uncertaintyBytes > 0 ? [`off by at most ${formatBytes(totals.uncertaintyBytes)}`] : [];
  const unknown =
    totals.lowerBoundConnections > 0
      ? [`a lower bound for ${plural(totals.lowerBoundConnections, "connection")} whose end was not seen`]
      : [];
  return [...known, ...unknown].join(", and ");
}

/** `Bytes are payload, exact; UDP is not counted by this method (4 sockets).` */
function meaningLine(answer: HistoryAnswer): string {
  const words = {
    payload: "payload",
    acked: "bytes that TCP acknowledged",
    wire: "bytes on the wire",
    none: "",
  };
  const counted = answer.totals.meanings.map((meaning) => words[meaning]).join(" and ");
  const uncounted = answer.coverage.uncounted.map(
    ({ protocol, connections }) =>
      `${protocol.toUpperCase()} is not counted by this method (${plural(connections, "socket")})`,
  );
  const first = counted === "" ? "No bytes were counted" : `Bytes are ${counted}, ${exactness(answer)}`;
  return `${[first, ...uncounted].join("; ")}.`;
}

function coverageLines(coverage: HistoryCoverage, frame: ChartFrame): string[] {
  const lines: string[] = [];
  const share = coverage.askedMs === 0 ? 0 : coverage.recordedMs / coverage.askedMs;
  const first = coverage.firstRecordedMs;
  const begun =
    first !== undefined && first > frame.sinceMs ? `; the history begins ${localMinute(first)}` : "";
  lines.push(
    `Recorded ${formatDuration(coverage.recordedMs)} of ${formatDuration(coverage.askedMs)} (${percent(share)})${begun}.`,
  );
  const untilMs = Math.min(frame.untilMs, coverage.countedUntilMs);
  if (coverage.countedFromMs < frame.sinceMs || coverage.countedUntilMs - untilMs >= 60_000) {
    const unit = coverage.byDay ? "days and hours" : "hours";
    const until =
      untilMs < coverage.countedUntilMs ? localMinute(coverage.countedUntilMs) : localMinute(untilMs);
    lines.push(`Counted by whole ${unit}: from ${localMinute(coverage.countedFromMs)} to ${until}.`);
  }
  for (const gap of coverage.gaps.slice(-GAPS_SHOWN_MAX)) lines.push(`Gap: ${printable(gap.message)}.`);
  const more = coverage.gaps.length - GAPS_SHOWN_MAX;
  if (more > 0) lines.push(`Gap: ${more} more, see --json.`);
  for (const loss of coverage.loss) {
    const bytes = loss.bytes === undefined ? "bytes not known" : formatBytes(loss.bytes);
    lines.push(`Lost: ${loss.cause.replaceAll("_", " ")}, ${plural(loss.count, "time")}, ${bytes}.`);
  }
  return lines;
}

/** `2026-11-19`, `2026-11-19 14:00 to 15:30`, `2026-11-18 09:00 to 2026-11-19 09:00`. */
export function rangeText(sinceMs: number, untilMs: number): string {
  const day = localDate(sinceMs);
  const isDay = sinceMs === localDayStart(sinceMs) && untilMs === localDayStart(sinceMs, 1);
  if (isDay) return day;
  const end = localDate(untilMs) === day ? localTime(untilMs).slice(0, 5) : localMinute(untilMs);
  return `${localMinute(sinceMs)} to ${end}`;
}

/** All lines of the answer. */
export function chartLines(answer: HistoryAnswer, frame: ChartFrame): string[] {
  const title = `Network use by ${frame.by}, ${rangeText(frame.sinceMs, frame.untilMs)}`;
  if (answer.rows.length === 0) {
    return [title, "", "Nothing that matches was recorded.", "", ...coverageLines(answer.coverage, frame)];
  }
  const { totals } = answer;
  const hidden = answer.matched - answer.rows.length;
  const shown = hidden > 0 ? ` (${hidden} more not shown: --limit)` : "";
  const total = `Total: ${formatBytes(totals.bytesSent)} sent, ${formatBytes(totals.bytesReceived)} received, ${plural(totals.connections, "connection")}${shown}`;
  return [
    title,
    "",
    ...tableLines(answer, frame),
    "",
    total,
    meaningLine(answer),
    ...coverageLines(answer.coverage, frame),
  ];
}
