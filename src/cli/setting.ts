/**
 * One setting, and how its value is found: flag > WB_* variable > configuration file > default. What settings there are is in
 * settings.ts, serve-settings.ts and agent-settings.ts.
 */
import { WbError } from "../model/errors.ts";
import { parseSwitch, type Parsed } from "./parse.ts";

export interface Setting<T> {
  /** Table and key of the configuration file. */
  readonly table: "monitor" | "history" | "serve" | "agent";
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

/** A setting of which only its description matters. */
export type SettingDescription = Omit<Setting<unknown>, "parse" | "fallback">;

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
  table: Setting<unknown>["table"],
  code: "usage" | "config",
  origin: string,
  parsed: { problem: string; hint?: string },
): WbError {
  return new WbError(code, `${origin}: ${parsed.problem}`, {
    hint: parsed.hint ?? `see \`wb ${table === "history" ? "monitor" : table} --help\``,
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
  throw refused(definition.table, given.code, given.origin, parsed);
}
