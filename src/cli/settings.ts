/**
 * The settings that can be given in more than one place: flag > WB_* variable > configuration file > default. This
 * table is their one source: help, docs/config.md and the check of the file are made from it.
 */
import type { GroupKey, SnapshotQuery } from "../model/query.ts";
import { WbError } from "../model/errors.ts";
import {
  parseBy,
  parseDays,
  parseInterval,
  parseLimit,
  parsePath,
  parseSort,
  parseSwitch,
  parseText,
  type Parsed,
} from "./parse.ts";

export interface Setting<T> {
  /** Table and key of the configuration file. */
  readonly table: "monitor" | "history";
  readonly key: string;
  /** TOML types that the file may use for it. */
  readonly fileType: "text" | "duration" | "count" | "switch";
  readonly variable: string;
  /** `WB_NO_DNS=1` is `dns = false`. */
  readonly variableNegates?: boolean;
  /** Undefined where only variables and the file have it. */
  readonly flag: string | undefined;
  readonly fallback: T;
  readonly meaning: string;
  parse(text: string): Parsed<T>;
}

function setting<T>(definition: Omit<Setting<T>, "table">): Setting<T> {
  return { table: "monitor", ...definition };
}

function historySetting<T>(definition: Omit<Setting<T>, "table" | "flag">): Setting<T> {
  return { table: "history", flag: undefined, ...definition };
}

export const SETTINGS = {
  interval: setting<number>({
    key: "interval",
    fileType: "duration",
    variable: "WB_INTERVAL",
    flag: "--interval",
    fallback: 1000,
    meaning: "time between two samples, such as 500ms, 1s or 1m",
    parse: parseInterval,
  }),
  by: setting<GroupKey>({
    key: "by",
    fileType: "text",
    variable: "WB_BY",
    flag: "--by",
    fallback: "connection",
    meaning: "what a row is: connection, process, address, host, user, port or interface",
    parse: parseBy,
  }),
  filter: setting<string>({
    key: "filter",
    fileType: "text",
    variable: "WB_FILTER",
    flag: "--filter",
    fallback: "",
    meaning: "which connections are shown, such as process:curl port:443",
    parse: parseText,
  }),
  sort: setting<SnapshotQuery["sort"]>({
    key: "sort",
    fileType: "text",
    variable: "WB_SORT",
    flag: "--sort",
    fallback: undefined,
    meaning: "column to sort by, with :asc or :desc; otherwise the busiest come first",
    parse: parseSort,
  }),
  limit: setting<number | undefined>({
    key: "limit",
    fileType: "count",
    variable: "WB_LIMIT",
    flag: "--limit",
    fallback: undefined,
    meaning: "at most so many rows",
    parse: parseLimit,
  }),
  dns: setting<boolean>({
    key: "dns",
    fileType: "switch",
    variable: "WB_NO_DNS",
    variableNegates: true,
    flag: "--no-dns",
    fallback: true,
    meaning: "whether name servers are asked for the names of addresses",
    parse: parseSwitch,
  }),
  history: setting<boolean>({
    key: "history",
    fileType: "switch",
    variable: "WB_NO_HISTORY",
    variableNegates: true,
    flag: "--no-history",
    fallback: true,
    meaning: "whether what is seen is recorded for wb history",
    parse: parseSwitch,
  }),
  elevate: setting<boolean>({
    key: "elevate",
    fileType: "switch",
    variable: "WB_ELEVATE",
    flag: "--elevate",
    fallback: false,
    meaning: "whether an elevated helper is started, as root by sudo or pkexec, which counts every byte",
    parse: parseSwitch,
  }),
  helper: setting<boolean>({
    key: "helper",
    fileType: "switch",
    variable: "WB_NO_HELPER",
    variableNegates: true,
    flag: "--no-helper",
    fallback: true,
    meaning: "whether the elevated helper is used where its service runs",
    parse: parseSwitch,
  }),
  helperSocket: setting<string | undefined>({
    key: "helper-socket",
    fileType: "text",
    variable: "WB_HELPER_SOCKET",
    flag: undefined,
    fallback: undefined,
    meaning: "where the helper's service listens, instead of /run/wirebound/helper.sock",
    parse: parsePath,
  }),
  helperSecret: setting<string | undefined>({
    key: "helper-secret-file",
    fileType: "text",
    variable: "WB_HELPER_SECRET_FILE",
    flag: undefined,
    fallback: undefined,
    meaning: "the file with the service's secret, instead of /run/wirebound/secret",
    parse: parsePath,
  }),
} as const;

export const HISTORY_SETTINGS = {
  keepHourly: historySetting<number | undefined>({
    key: "keep-hourly",
    fileType: "duration",
    variable: "WB_HISTORY_KEEP_HOURLY",
    fallback: undefined,
    meaning: "how long hours are kept before only days are (90d, if nothing is set)",
    parse: parseDays,
  }),
  keepDaily: historySetting<number | undefined>({
    key: "keep-daily",
    fileType: "duration",
    variable: "WB_HISTORY_KEEP_DAILY",
    fallback: undefined,
    meaning: "how long days are kept (for ever, if nothing is set)",
    parse: parseDays,
  }),
  path: historySetting<string | undefined>({
    key: "path",
    fileType: "text",
    variable: "WB_HISTORY_PATH",
    fallback: undefined,
    meaning: "the database, instead of history.db in the state directory",
    parse: parsePath,
  }),
} as const;

/** A setting of which only its description matters. */
export type SettingDescription = Omit<Setting<unknown>, "parse" | "fallback">;

/** All settings, in the order of the documents. */
export function allSettings(): readonly SettingDescription[] {
  return [...Object.values(SETTINGS), ...Object.values(HISTORY_SETTINGS)];
}

/** What the history is to be like, by variables and the file. */
export interface HistorySettings {
  readonly path: string | undefined;
  readonly hourlyRetentionDays: number | undefined;
  readonly dailyRetentionDays: number | undefined;
}

/** @throws WbError("config") for a wrong variable or file. */
export function historySettings(sources: Omit<SettingSources, "flag">): HistorySettings {
  const all: SettingSources = { ...sources, flag: undefined };
  return {
    path: resolveSetting(HISTORY_SETTINGS.path, all),
    hourlyRetentionDays: resolveSetting(HISTORY_SETTINGS.keepHourly, all),
    dailyRetentionDays: resolveSetting(HISTORY_SETTINGS.keepDaily, all),
  };
}

/** A value as the configuration file has it, and where. */
export interface FileValue {
  readonly text: string;
  /** `config.toml:12`, as far as the line is known. */
  readonly origin: string;
}

export interface SettingSources {
  /** What the flag gave, as text; undefined where it was not given. */
  readonly flag: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of the file by `table.key`. */
  readonly file: ReadonlyMap<string, FileValue>;
}

function refused(
  code: "usage" | "config",
  origin: string,
  parsed: { problem: string; hint?: string },
): WbError {
  return new WbError(code, `${origin}: ${parsed.problem}`, {
    hint: parsed.hint ?? "see `wb monitor --help`",
  });
}

function negated(text: string): string {
  const parsed = parseSwitch(text);
  return "value" in parsed ? String(!parsed.value) : text;
}

/**
 * The value of a setting by the order of its sources.
 * @throws WbError("usage") for a wrong flag, WbError("config") for a wrong variable or file.
 */
export function resolveSetting<T>(definition: Setting<T>, sources: SettingSources): T {
  const { flag, env, file } = sources;
  const variable = env[definition.variable];
  const fromFile = file.get(`${definition.table}.${definition.key}`);
  let given: { text: string; origin: string; code: "usage" | "config" } | undefined;
  if (flag !== undefined) given = { text: flag, origin: definition.flag ?? definition.key, code: "usage" };
  else if (variable !== undefined && variable !== "") {
    const text = definition.variableNegates === true ? negated(variable) : variable;
    given = { text, origin: definition.variable, code: "config" };
  } else if (fromFile !== undefined) given = { ...fromFile, code: "config" };
  if (given === undefined) return definition.fallback;
  const parsed = definition.parse(given.text);
  if ("value" in parsed) return parsed.value;
  throw refused(given.code, given.origin, parsed);
}
