/**
 * What a person writes to `wb history` and `wb export history`, as times and conditions: moments in words, dates or
 * durations, and the filter language as far as the history can answer it. Pure, the present handed in.
 */
import { splitFilter } from "../engine/filter-words.ts";
import { localDayStart } from "../lib/calendar.ts";
import { parseDuration, printable } from "../lib/format.ts";
import { didYouMean } from "../lib/suggest.ts";
import { WbError } from "../model/errors.ts";
import { PROTOCOLS } from "../model/flow.ts";
import {
  HISTORY_FILTER_KEYS,
  HISTORY_GROUPS,
  type HistoryFilter,
  type HistoryFilterKey,
  type HistoryGroup,
  type HistoryTerm,
} from "../model/history.ts";

const MOMENT_HINT =
  'write 24h, 7d, today, yesterday, 2026-11-19, "2026-11-19 14:00", 14:00, or 2026-11-19T14:00:00Z';

/** A calendar day that does not exist (February 30th) is no date. */
function dayOf(year: number, month: number, day: number): number | undefined {
  const date = new Date(year, month - 1, day);
  return date.getMonth() === month - 1 && date.getDate() === day ? date.getTime() : undefined;
}

function timeOfDay(dayMs: number, hour: number, minute: number, second: number): number | undefined {
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const day = new Date(dayMs);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate(), hour, minute, second).getTime();
}

/** Unix milliseconds of a moment in local time, unless it names its offset; undefined if it is none. */
export function parseMoment(text: string, nowMs: number): number | undefined {
  const word = text.trim();
  if (word === "now") return nowMs;
  if (word === "today") return localDayStart(nowMs);
  if (word === "yesterday") return localDayStart(nowMs, -1);
  const match =
    /^(?:(\d{4})-(\d\d)-(\d\d))?(?:[T ]?(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?$/.exec(word);
  if (match !== null && word !== "") {
    const [, year, month, day, hour, minute, second, offset] = match;
    if (offset !== undefined) {
      const absolute = Date.parse(word.replace(" ", "T"));
      return year === undefined || hour === undefined || Number.isNaN(absolute) ? undefined : absolute;
    }
    const dayMs = year === undefined ? localDayStart(nowMs) : dayOf(Number(year), Number(month), Number(day));
    if (dayMs === undefined || hour === undefined) return dayMs;
    return timeOfDay(dayMs, Number(hour), Number(minute), Number(second ?? 0));
  }
  // A bare number would be seconds; here it is more likely a mistake.
  const ago = /^\d+(\.\d+)?$/.test(word) ? undefined : parseDuration(word);
  return ago === undefined ? undefined : nowMs - ago;
}

function moment(option: string, text: string, nowMs: number): number {
  const parsed = parseMoment(text, nowMs);
  if (parsed !== undefined) return parsed;
  throw new WbError("usage", `${option}: "${printable(text)}" is not a moment`, { hint: MOMENT_HINT });
}

export interface RangeFlags {
  readonly since?: string;
  readonly until?: string;
  readonly on?: string;
}

export interface TimeRange {
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** @throws WbError("usage") */
export function parseRange(flags: RangeFlags, nowMs: number, fallbackSince: string): TimeRange {
  if (flags.on !== undefined) {
    if (flags.since !== undefined || flags.until !== undefined) {
      throw new WbError("usage", "--on already says from when to when", {
        hint: "leave out --since and --until",
      });
    }
    const day = moment("--on", flags.on, nowMs);
    return { sinceMs: localDayStart(day), untilMs: localDayStart(day, 1) };
  }
  const sinceMs = moment("--since", flags.since ?? fallbackSince, nowMs);
  const untilMs = flags.until === undefined ? nowMs : moment("--until", flags.until, nowMs);
  if (untilMs > sinceMs) return { sinceMs, untilMs };
  throw new WbError("usage", "the time ends before it begins", {
    hint: flags.until === undefined ? "--since is in the future" : "--since must be before --until",
  });
}

/** @throws WbError("usage") */
export function parseGroup(text: string): HistoryGroup {
  const found = HISTORY_GROUPS.find((group) => group === text);
  if (found !== undefined) return found;
  throw new WbError("usage", `--by: there is no grouping "${printable(text)}"`, {
    hint: didYouMean(text, HISTORY_GROUPS) ?? `there are ${HISTORY_GROUPS.join(", ")}`,
  });
}

export interface FilterFlags {
  readonly filter?: string;
  readonly process?: string;
  readonly host?: string;
  readonly address?: string;
  readonly user?: string;
  readonly port?: string;
}

const ALIASES: Readonly<Record<string, HistoryFilterKey>> = { protocol: "proto", addr: "address" };
const KEYS = HISTORY_FILTER_KEYS.filter((key) => key !== "text");
const DIRECTIONS = ["in", "out", "none"];
const TERMS_MAX = 100;

function checkValue(key: HistoryFilterKey, text: string): void {
  const fault = (hint: string): WbError =>
    new WbError("usage", `the filter's ${key}: can't be "${printable(text)}"`, { hint });
  if (text === "") throw fault(`write what to look for after ${key}:`);
  if (key === "proto" && !PROTOCOLS.some((name) => name === text.toLowerCase())) {
    throw fault(`it is one of ${PROTOCOLS.join(", ")}`);
  }
  if (key === "direction" && !DIRECTIONS.includes(text.toLowerCase())) throw fault("it is in, out or none");
  if (key === "port" && !(/^\d{1,5}$/.test(text) && Number(text) <= 65_535)) {
    throw fault("in the history a port is one number, or several apart by commas");
  }
  if (key === "address" && text.includes("/")) {
    throw fault("in the history an address is whole, or has a * such as 192.0.2.*");
  }
}

function parseTerms(text: string): HistoryTerm[] {
  return splitFilter(text).map((word) => {
    if (word.isOpen) {
      throw new WbError("usage", "the filter has a quote that is not closed", { hint: 'close it with "' });
    }
    const name = word.key ?? "text";
    const key = ALIASES[name] ?? HISTORY_FILTER_KEYS.find((each) => each === name);
    if (key === undefined || (key === "text" && word.key !== undefined)) {
      throw new WbError("usage", `the history can't be filtered by "${printable(name)}:"`, {
        hint: didYouMean(name, KEYS) ?? `it can by ${KEYS.join(", ")}`,
      });
    }
    for (const value of word.values) checkValue(key, value.text);
    return { key, isNegated: word.isNegated, values: word.values };
  });
}

/** All flags together, as one filter. @throws WbError("usage") */
export function parseHistoryFilter(flags: FilterFlags): HistoryFilter {
  const terms = parseTerms(flags.filter ?? "");
  for (const key of ["process", "host", "address", "user", "port"] as const) {
    const text = flags[key];
    if (text === undefined) continue;
    checkValue(key, text);
    terms.push({ key, isNegated: false, values: [{ text, isQuoted: false }] });
  }
  if (terms.length > TERMS_MAX) throw new WbError("usage", `the filter has more than ${TERMS_MAX} terms`);
  return terms;
}

/** @throws WbError("usage") */
export function parseRowLimit(text: string | undefined, fallback: number | undefined): number | undefined {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 1_000_000) return value;
  throw new WbError("usage", `--limit must be a whole number from 1 to 1000000, not "${printable(text)}"`);
}
