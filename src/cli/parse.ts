/** What people write in flags, variables and the configuration file, as values. Pure; every refusal says what is allowed. */
import { formatDuration, parseDuration } from "../lib/format.ts";
import { GROUP_KEYS, type GroupKey, type SnapshotQuery } from "../model/query.ts";
import { didYouMean } from "./suggest.ts";

/** A value, or why the text is none and what would be. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string; readonly hint?: string };

export const INTERVAL_MS_MIN = 100;
export const INTERVAL_MS_MAX = 3_600_000;
export const DURATION_MS_MAX = 30 * 86_400_000;
export const LIMIT_MAX = 1_000_000;

const DURATION_HINT = "write it as 500ms, 2s, 1m or 1h; a bare number is seconds";

function duration(text: string, what: string, least: number, most: number): Parsed<number> {
  const value = parseDuration(text);
  if (value === undefined) return { problem: `"${text}" is not ${what}`, hint: DURATION_HINT };
  if (value < least || value > most) {
    return { problem: `${what} must be between ${formatDuration(least)} and ${formatDuration(most)}, not "${text}"` };
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

/** `bytesSent`, `bytesSent:asc` or `bytesSent:desc`; whether there is such a column is the query's to say. */
export function parseSort(text: string): Parsed<NonNullable<SnapshotQuery["sort"]>> {
  const [column = "", direction = "desc", ...rest] = text.split(":");
  if (column === "" || rest.length > 0 || !["asc", "desc"].includes(direction)) {
    return { problem: `"${text}" is not a column to sort by`, hint: "write it as column, column:asc or column:desc" };
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

/** Any text; the filter's own parser says whether it is one. */
export function parseText(text: string): Parsed<string> {
  return { value: text };
}
