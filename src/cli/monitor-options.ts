/** What `wb monitor` is asked to do: flags, variables and the configuration file made into one checked object. */
import type { HelperUse } from "../capture/open.ts";
import type { GroupKey, SnapshotQuery } from "../model/query.ts";
import { WbError } from "../model/errors.ts";
import { loadConfiguration } from "./config.ts";
import { parseLimit, parseWatchDuration } from "./parse.ts";
import {
  historySettings,
  resolveSetting,
  SETTINGS,
  type HistorySettings,
  type SettingSources,
} from "./settings.ts";

/** How it is shown. `table` is what a pipe gets, `screen` the terminal UI, `headless` nothing but history. */
export type OutputForm = "screen" | "table" | "json" | "jsonl" | "csv" | "headless";

/** The flags as commander gives them: absent where they were not written. */
export interface MonitorFlags {
  readonly once?: true;
  readonly json?: true;
  readonly jsonl?: true;
  readonly csv?: true;
  readonly tui?: true;
  readonly headless?: true;
  readonly by?: string;
  readonly interval?: string;
  readonly duration?: string;
  readonly filter?: string;
  readonly sort?: string;
  readonly limit?: string;
  readonly demo?: true;
  readonly demoConnections?: string;
  /** False for `--no-dns`; commander gives true where it was not written. */
  readonly dns: boolean;
  readonly history: boolean;
  readonly elevate?: true;
  /** False for `--no-helper`. */
  readonly helper: boolean;
  readonly config?: string;
}

export type HelperOptions = Pick<HelperUse, "use" | "socketPath" | "secretPath">;

export interface MonitorOptions {
  readonly form: OutputForm;
  /** One sample, then the end. */
  readonly once: boolean;
  readonly intervalMs: number;
  readonly durationMs: number | undefined;
  readonly query: SnapshotQuery;
  readonly demo: boolean;
  /** How many connections the simulated world has; undefined: as many as its script. */
  readonly demoConnections: number | undefined;
  readonly dns: boolean;
  readonly helper: HelperOptions;
  readonly history: boolean;
  readonly historySettings: HistorySettings;
  readonly warnings: readonly string[];
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output and standard input are a terminal. */
  readonly terminal: boolean;
}

const FORM_FLAGS = ["json", "jsonl", "csv", "tui", "headless"] as const;

/** The form asked for. A `dumb` terminal (terminfo's name for one without a movable cursor) gets a table as a pipe does. */
function formOf(flags: MonitorFlags, { env, terminal }: Surroundings): OutputForm {
  const isDumb = env["TERM"] === "dumb";
  const given = FORM_FLAGS.filter((name) => flags[name] === true);
  const [first, second] = given;
  if (second !== undefined) {
    throw new WbError("usage", `--${first} and --${second} exclude each other`, {
      hint: "choose one of them",
    });
  }
  if (first === "tui") {
    if (terminal && isDumb) {
      throw new WbError("terminal", "this terminal can't show the screen (TERM is dumb)", {
        hint: "set TERM to what the terminal is, or leave out --tui for a table",
      });
    }
    if (terminal) return "screen";
    throw new WbError("terminal", "there is no terminal to show the screen on", {
      hint: "leave out --tui for a table, or write --json, --jsonl or --csv",
    });
  }
  if (first !== undefined) return first;
  return terminal && !isDumb && flags.once !== true ? "screen" : "table";
}

function durationOf(flags: MonitorFlags): number | undefined {
  if (flags.duration === undefined) return undefined;
  if (flags.once === true) {
    throw new WbError("usage", "--once and --duration exclude each other", {
      hint: "--once takes one sample, --duration watches for a time",
    });
  }
  const parsed = parseWatchDuration(flags.duration);
  if ("value" in parsed) return parsed.value;
  throw new WbError("usage", `--duration: ${parsed.problem}`, { hint: parsed.hint ?? "such as 10s or 5m" });
}

/** For tests and benchmarks. */
function demoConnections(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseLimit(text);
  if ("value" in parsed) return parsed.value;
  throw new WbError("usage", `--demo-connections: ${parsed.problem}`);
}

/** A recording without a screen records everything: a flag that pretends otherwise is refused. */
function checkHeadless(flags: MonitorFlags, history: boolean): void {
  const senseless = (["by", "filter", "sort", "limit"] as const).find((name) => flags[name] !== undefined);
  if (senseless !== undefined) {
    throw new WbError("usage", `--${senseless} means nothing with --headless, which records everything`, {
      hint: `leave out --${senseless}; \`wb history\` chooses from what was recorded`,
    });
  }
  if (flags.once === true) {
    throw new WbError("usage", "--once and --headless exclude each other", {
      hint: "one sample has nothing to record: bytes are seen to flow between two",
    });
  }
  if (flags.demo === true) {
    throw new WbError("usage", "--demo and --headless exclude each other", {
      hint: "what happens in a simulated world is not recorded",
    });
  }
  if (!history) {
    throw new WbError("usage", "--headless records history, which is turned off", {
      hint: "leave out --no-history; look at WB_NO_HISTORY and the configuration file too",
    });
  }
}

/** A flag that says the opposite of another is refused; one that says the opposite of the file or a variable wins. */
function helperOptions(
  flags: MonitorFlags,
  sources: (flag: string | undefined) => SettingSources,
): HelperOptions {
  const other = flags.demo === true ? "--demo" : flags.helper ? undefined : "--no-helper";
  if (flags.elevate === true && other !== undefined) {
    throw new WbError("usage", `--elevate and ${other} exclude each other`, {
      hint: "--elevate starts the helper that counts what really happens here",
    });
  }
  const elevate = resolveSetting(SETTINGS.elevate, sources(flags.elevate === true ? "true" : undefined));
  const helper = resolveSetting(SETTINGS.helper, sources(flags.helper ? undefined : "false"));
  const wanted = elevate && (flags.elevate === true || helper);
  return {
    use: wanted ? "launched" : helper ? "service" : "none",
    socketPath: resolveSetting(SETTINGS.helperSocket, sources(undefined)),
    secretPath: resolveSetting(SETTINGS.helperSecret, sources(undefined)),
  };
}

/**
 * Everything that can be refused is refused here, before anything is opened.
 * @throws WbError("usage"), WbError("config"), WbError("terminal")
 */
export async function monitorOptions(
  flags: MonitorFlags,
  surroundings: Surroundings,
): Promise<MonitorOptions> {
  const { env } = surroundings;
  const form = formOf(flags, surroundings);
  const durationMs = durationOf(flags);
  const configuration = await loadConfiguration(flags.config, env);
  const sources = (flag: string | undefined): SettingSources => ({ flag, env, file: configuration.values });
  const by: GroupKey = resolveSetting(SETTINGS.by, sources(flags.by));
  const history = resolveSetting(SETTINGS.history, sources(flags.history ? undefined : "false"));
  if (form === "headless") checkHeadless(flags, history);
  return {
    form,
    // A document or a table without a duration is that of one moment.
    once: flags.once === true || (durationMs === undefined && ["table", "json", "csv"].includes(form)),
    intervalMs: resolveSetting(SETTINGS.interval, sources(flags.interval)),
    durationMs,
    query: {
      by,
      filter: resolveSetting(SETTINGS.filter, sources(flags.filter)),
      sort: resolveSetting(SETTINGS.sort, sources(flags.sort)),
      limit: resolveSetting(SETTINGS.limit, sources(flags.limit)),
    },
    demo: flags.demo === true,
    demoConnections: demoConnections(flags.demoConnections),
    dns: resolveSetting(SETTINGS.dns, sources(flags.dns ? undefined : "false")),
    helper: helperOptions(flags, sources),
    history,
    historySettings: historySettings({ env, file: configuration.values }),
    warnings: configuration.warnings,
  };
}
