/** What people write in flags, variables and the configuration file, as values. Pure; every refusal says what is allowed. */
import { formatDuration, parseDuration } from "../lib/format.ts";
import { GROUP_KEYS, type GroupKey, type SnapshotQuery } from "../model/query.ts";
import { didYouMean } from "../lib/suggest.ts";

/** A value, or why the text is none and what would be. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string; readonly hint?: string };

export const INTERVAL_MS_MIN = 100;
export const INTERVAL_MS_MAX = 3_600_000;
/** A timer runs 24.8 days at most: setTimeout takes a signed 32-bit number. */
export const DURATION_MS_MAX = 24 * 86_400_000;
const DAY_MS = 86_400_000;
export const LIMIT_MAX = 1_000_000;

const DURATION_HINT = "write it as 500ms, 2s, 1m or 1h; a bare number is seconds";

function duration(text: string, what: string, least: number, most: number): Parsed<number> {
  const value = parseDuration(text);
  if (value === undefined) return { problem: `"${text}" is not ${what}`, hint: DURATION_HINT };
  if (value < least || value > most) {
    return {
      problem: `${what} must be between ${formatDuration(least)} and ${formatDuration(most)}, not "${text}"`,
    };
  }
  return { value: Math.round(value) };
}

/** Milliseconds between two samples. */
export function parseInterval(text: string): Parsed<number> {
  return duration(text, "an interval", INTERVAL_MS_MIN, INTERVAL_MS_MAX);
}

/** Milliseconds to watch. */
export function parseWatchDuration(text: string): Parsed<number> {
  return duration(text, "a duration", 1, DURATION_MS_MAX);
}

export function parseBy(text: string): Parsed<GroupKey> {
  const found = GROUP_KEYS.find((key) => key === text);
  if (found !== undefined) return { value: found };
  return {
    problem: `there is no grouping "${text}"`,
    hint: didYouMean(text, GROUP_KEYS) ?? `there are ${GROUP_KEYS.join(", ")}`,
  };
}

/** Columns of text, which people expect from A to Z; all others are numbers, of which the largest matter. */
export const TEXT_COLUMNS: ReadonlySet<string> = new Set(
  (
    "id processName processPath user attribution openerName protocol localAddress remoteAddress remoteHost remoteHostSource " +
    "service state bytesMeaning key label name kind"
  ).split(" "),
);

/** `bytesSent`, `bytesSent:asc` or `bytesSent:desc`; whether there is such a column is the query's to say. */
export function parseSort(text: string): Parsed<NonNullable<SnapshotQuery["sort"]>> {
  const [column = "", given, ...rest] = text.split(":");
  const direction = given ?? (TEXT_COLUMNS.has(column) ? "asc" : "desc");
  if (column === "" || rest.length > 0 || !["asc", "desc"].includes(direction)) {
    return {
      problem: `"${text}" is not a column to sort by`,
      hint: "write it as column, column:asc or column:desc",
    };
  }
  return { value: { column, descending: direction === "desc" } };
}

export function parseLimit(text: string): Parsed<number> {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= LIMIT_MAX) return { value };
  return { problem: `a limit must be a whole number from 1 to ${LIMIT_MAX}, not "${text}"` };
}

/** Of variables and files: 1, true, yes, on; 0, false, no, off. */
export function parseSwitch(text: string): Parsed<boolean> {
  const word = text.toLowerCase();
  if (["1", "true", "yes", "on"].includes(word)) return { value: true };
  if (["0", "false", "no", "off"].includes(word)) return { value: false };
  return { problem: `"${text}" is neither yes nor no`, hint: "write 1 or 0, true or false" };
}

/** How long something is kept, in days: `90d`, `12w`; at least a day. */
export function parseDays(text: string): Parsed<number> {
  const parsed = duration(text, "a time to keep", DAY_MS, 36_500 * DAY_MS);
  return "value" in parsed
    ? { value: Math.floor(parsed.value / DAY_MS) }
    : { ...parsed, hint: "write it as 90d or 12w" };
}

/** A path that is not empty. */
export function parsePath(text: string): Parsed<string> {
  return text === "" ? { problem: "a path must not be empty" } : { value: text };
}

/** Any text; the filter's own parser says whether it is one. */
export function parseText(text: string): Parsed<string> {
  return { value: text };
}
