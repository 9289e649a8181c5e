/**
 * The configuration file: found, read, checked. A file that was named must be there and right; one found in its usual
 * place must be right too, but if it may not be read the program goes on without it and says so.
 */
import { readFile, stat } from "node:fs/promises";
import { WbError } from "../model/errors.ts";
import { configFiles } from "../platform/paths.ts";
import type { FileValue } from "./settings.ts";
import { didYouMean } from "../lib/suggest.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface Configuration {
  /** Undefined where there is no file. */
  readonly path: string | undefined;
  /** By `table.key`. */
  readonly values: ReadonlyMap<string, FileValue>;
  /** What a person should be told although the program goes on. */
  readonly warnings: readonly string[];
}

/** The line (from 1) on which a table's key is written; undefined where it can't be found (a dotted or inline table). */
export function lineOfKey(text: string, table: string, key: string): number | undefined {
  let current = "";
  for (const [index, line] of text.split("\n").entries()) {
    const header = /^\s*\[\s*["']?([^\]"']+?)["']?\s*\]/.exec(line);
    if (header?.[1] !== undefined) {
      current = header[1];
      if (table === "" && current === key) return index + 1;
    }
    const assigned = /^\s*["']?([\w-]+)["']?\s*=/.exec(line);
    if (current === table && assigned?.[1] === key) return index + 1;
  }
  return undefined;
}

function origin(path: string, text: string, table: string, key: string): string {
  const line = lineOfKey(text, table, key);
  return line === undefined ? path : `${path}:${line}`;
}

/** The line on which TOML went wrong: Bun.TOML doesn't tell, so it is where the text up to there first fails alike. */
function brokenLine(text: string, message: string): number | undefined {
  const lines = text.split("\n");
  for (let count = 1; count <= Math.min(lines.length, 500); count += 1) {
    try {
      Bun.TOML.parse(`${lines.slice(0, count).join("\n")}\n`);
    } catch (error) {
      if (error instanceof Error && error.message === message) return count;
    }
  }
  return undefined;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "EISDIR") return "it is a directory";
  return error instanceof Error ? error.message : String(error);
}

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

function issueError(
  issue: Issue,
  path: string,
  text: string,
  known: Readonly<Record<string, readonly string[]>>,
): WbError {
  const table =
    issue.code === "unrecognized_keys"
      ? issue.path.map(String).join(".")
      : issue.path.slice(0, -1).map(String).join(".");
  const unknown = issue.keys?.[0];
  if (unknown !== undefined) {
    const place = table === "" ? "" : ` in [${table}]`;
    const names = known[table] ?? [];
    return new WbError(
      "config",
      `${origin(path, text, table, unknown)}: there is no setting "${unknown}"${place}`,
      {
        hint: didYouMean(unknown, names) ?? `there are ${names.join(", ")}`,
      },
    );
  }
  const key = String(issue.path.at(-1) ?? "");
  const name = [...issue.path].map(String).join(".");
  return new WbError("config", `${origin(path, text, table, key)}: ${name}: ${issue.message}`, {
    hint: "see docs/config.md for what each setting takes",
  });
}

/**
 * Checks the text of a configuration file and gives its values.
 * @throws WbError("config") with the line where it is known.
 */
export async function parseConfiguration(
  text: string,
  path: string,
): Promise<ReadonlyMap<string, FileValue>> {
  const { CONFIG_SCHEMA, KNOWN_KEYS } = await import("./config-schema.ts");
  let parsed: unknown;
  try {
    parsed = Bun.TOML.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^TOML Parse error: /, "") : String(error);
    const line = error instanceof Error ? brokenLine(text, error.message) : undefined;
    throw new WbError("config", `${path}${line === undefined ? "" : `:${line}`}: not TOML: ${reason}`, {
      hint: "see docs/config.md for an example",
      cause: error,
    });
  }
  const checked = CONFIG_SCHEMA.safeParse(parsed);
  const issue = checked.success ? undefined : checked.error.issues[0];
  if (issue !== undefined) throw issueError(issue, path, text, KNOWN_KEYS);
  const values = new Map<string, FileValue>();
  for (const [table, members] of Object.entries(checked.data ?? {})) {
    for (const [key, value] of Object.entries(members ?? {})) {
      values.set(`${table}.${key}`, {
        text: String(value),
        origin: `${origin(path, text, table, key)}: ${key}`,
      });
    }
  }
  return values;
}

/** Throws where there is no such file, or something that could be waited for for ever (a pipe, a device). */
async function readWhole(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile() && !found.isDirectory()) throw new Error("it is not a file");
  return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
}

/**
 * The configuration: the named file (`--config`, else WB_CONFIG), or the first that is in a usual place.
 * @throws WbError("config") for a named file that can't be read, and for any that is wrong.
 */
export async function loadConfiguration(named: string | undefined, env: Environment): Promise<Configuration> {
  const explicit = named ?? (env["WB_CONFIG"] === "" ? undefined : env["WB_CONFIG"]);
  if (explicit !== undefined) {
    let text: string;
    try {
      text = await readWhole(explicit);
    } catch (error) {
      throw new WbError("config", `cannot read the configuration ${explicit}: ${reasonOf(error)}`, {
        hint: named === undefined ? "it is named by WB_CONFIG" : "it is named by --config",
        cause: error,
      });
    }
    return { path: explicit, values: await parseConfiguration(text, explicit), warnings: [] };
  }
  const warnings: string[] = [];
  for (const path of configFiles(env)) {
    let text: string;
    try {
      text = await readWhole(path);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ENOENT" || code === "ENOTDIR") continue;
      warnings.push(`cannot read the configuration ${path}: ${reasonOf(error)}; going on without it`);
      continue;
    }
    return { path, values: await parseConfiguration(text, path), warnings };
  }
  return { path: undefined, values: new Map(), warnings };
}
