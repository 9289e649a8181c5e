/**
 * The settings that can be given in more than one place: flag > WB_* variable > configuration file > default. This
 * table is their one source: help, docs/config.md and the check of the file are made from it.
 */
import type { GroupKey, SnapshotQuery } from "../model/query.ts";
import {
  parseBy,
  parseDays,
  parseInterval,
  parseLimit,
  parsePath,
  parseSort,
  parseSwitch,
  parseText,
} from "./parse.ts";
import { AGENT_SETTINGS } from "./agent-settings.ts";
import { SERVE_SETTINGS } from "./serve-settings.ts";
import { resolveSetting, type Setting, type SettingDescription, type SettingSources } from "./setting.ts";

export { resolveSetting };
export type { FileValue, Setting, SettingDescription, SettingSources } from "./setting.ts";

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

/** All settings, in the order of the documents. */
export function allSettings(): readonly SettingDescription[] {
  const tables = [SETTINGS, HISTORY_SETTINGS, SERVE_SETTINGS, AGENT_SETTINGS];
  return tables.flatMap((table) => Object.values<SettingDescription>(table));
}

/** Those of some tables. */
export function settingsOf(...tables: readonly Setting<unknown>["table"][]): readonly SettingDescription[] {
  return allSettings().filter(({ table }) => tables.includes(table));
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
