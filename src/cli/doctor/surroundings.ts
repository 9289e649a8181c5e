/** What is around the capture: the machine, this program, the terminal, the clock and the configuration. */
import { VERSION } from "../../model/version.ts";
import { WbError } from "../../model/errors.ts";
import { isUtf8 } from "../../platform/locale.ts";
import type { SystemFacts } from "../../platform/system-facts.ts";
import { loadConfiguration } from "../config.ts";
import type { HelperOptions } from "../monitor-options.ts";
import { historySettings, resolveSetting, SETTINGS, type Setting } from "../settings.ts";
import { reasonOf, type Check } from "./check.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export function systemCheck(facts: SystemFacts): Check {
  const { system, kernel, architecture, isRoot } = facts;
  return {
    id: "system",
    title: "System",
    status: "ok",
    detail: `${system} ${kernel} on ${architecture}, as ${isRoot ? "root" : "an ordinary user"}`,
    data: { system, kernel, architecture, root: isRoot },
  };
}

export function programCheck(): Check {
  const data = { version: VERSION, bun: Bun.version, path: process.execPath };
  return {
    id: "program",
    title: "Program",
    status: "ok",
    detail: `wb ${VERSION} with Bun ${Bun.version}`,
    data,
  };
}

/** What of the terminal matters to the screen. */
export interface TerminalFacts {
  /** Whether standard input and output are one. */
  readonly isTerminal: boolean;
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  readonly env: Environment;
}

/** The smallest that the screen is drawn on. */
export const COLUMNS_MIN = 60;
export const ROWS_MIN = 15;

/** Whether colours may be written to standard output: https://no-color.org and the terminal's own word. */
export function hasColours({ isTerminal, env }: TerminalFacts): boolean {
  return isTerminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

export function terminalCheck(facts: TerminalFacts): Check {
  const base = { id: "terminal", title: "Terminal" } as const;
  const { columns = 0, rows = 0, env } = facts;
  if (!facts.isTerminal) {
    return {
      ...base,
      status: "skip",
      detail: "not a terminal: `wb monitor` prints a table instead of the screen",
    };
  }
  const colours = !hasColours(facts)
    ? "no colours"
    : /^(truecolor|24bit)$/.test(env["COLORTERM"] ?? "")
      ? "all colours"
      : "256 colours or fewer";
  const unicode = isUtf8(env);
  const data = { columns, rows, colours, utf8: unicode, term: env["TERM"] ?? "" };
  const detail = `${columns}x${rows}, ${colours}, ${unicode ? "UTF-8" : "no UTF-8 locale"}`;
  if (columns < COLUMNS_MIN || rows < ROWS_MIN) {
    const remedy = `Make the window at least ${COLUMNS_MIN}x${ROWS_MIN}; until then \`wb monitor --once\` prints a table`;
    return { ...base, status: "warn", detail: `${detail}: too small for the screen`, remedy, data };
  }
  if (!unicode) {
    const remedy = "For lines and sparklines use a UTF-8 locale: `export LC_ALL=C.UTF-8`";
    return { ...base, status: "warn", detail, remedy, data };
  }
  return { ...base, status: "ok", detail, data };
}

/** Differences below this are the time between two calls. */
const JUMP_MS = 250;
/** Before this the clock was never set: the year in which this was written. */
const PLAUSIBLE_SINCE_MS = Date.UTC(2025, 0, 1);

/** Compares how far the system's time and the monotonic clock went since the doctor began. */
export function clockCheck(nowMs: number, wallPassedMs: number, monotonicPassedMs: number): Check {
  const base = { id: "clock", title: "Clock" } as const;
  const jumpedMs = Math.round(wallPassedMs - monotonicPassedMs);
  const data = { nowMs: Math.round(nowMs), jumpedMs };
  const remedy = "Let the system keep its time: `timedatectl set-ntp true`";
  if (nowMs < PLAUSIBLE_SINCE_MS) {
    const detail = `the system's time is ${new Date(nowMs).toISOString()}: history would be booked to the wrong day`;
    return { ...base, status: "warn", detail, remedy, data };
  }
  if (Math.abs(jumpedMs) > JUMP_MS) {
    const detail = `the system's time jumped by ${jumpedMs} ms just now; rates are not affected, times of day are`;
    return { ...base, status: "warn", detail, remedy, data };
  }
  return { ...base, status: "ok", detail: "the system's time and the monotonic clock agree", data };
}

export interface ConfigurationFinding {
  readonly check: Check;
  /** Whether name servers may be asked: `--no-dns`, WB_NO_DNS or the file may forbid it. */
  readonly dns: boolean;
  /** Where the configuration puts the history; undefined: the usual place. */
  readonly historyPath: string | undefined;
  /** Whether and where a monitor would look for the service of the elevated helper. It never starts one here. */
  readonly helper: HelperOptions;
}

const USUAL_HELPER: HelperOptions = { use: "service", socketPath: undefined, secretPath: undefined };

/** Reads the configuration as `wb monitor` would, and every setting of it. */
export async function configurationCheck(
  named: string | undefined,
  env: Environment,
  flagDns: boolean,
): Promise<ConfigurationFinding> {
  const base = { id: "configuration", title: "Configuration" } as const;
  const dnsFlag = flagDns ? undefined : "false";
  try {
    const { path, values, warnings } = await loadConfiguration(named, env);
    let given = 0;
    for (const setting of Object.values<Setting<unknown>>(SETTINGS)) {
      resolveSetting(setting, { flag: undefined, env, file: values });
      const variable = env[setting.variable];
      if ((variable !== undefined && variable !== "") || values.has(`${setting.table}.${setting.key}`))
        given += 1;
    }
    const dns = resolveSetting(SETTINGS.dns, { flag: dnsFlag, env, file: values });
    const { path: historyPath } = historySettings({ env, file: values });
    const sources = { flag: undefined, env, file: values };
    const helper: HelperOptions = {
      use: resolveSetting(SETTINGS.helper, sources) ? "service" : "none",
      socketPath: resolveSetting(SETTINGS.helperSocket, sources),
      secretPath: resolveSetting(SETTINGS.helperSecret, sources),
    };
    const data = { path: path ?? null, settings: given };
    const first = warnings[0];
    if (first !== undefined)
      return { check: { ...base, status: "warn", detail: first, data }, dns, historyPath, helper };
    const where = path ?? "no file: defaults";
    const detail =
      given === 0 ? where : `${where}, ${given} ${given === 1 ? "setting" : "settings"} given, all valid`;
    return { check: { ...base, status: "ok", detail, data }, dns, historyPath, helper };
  } catch (error) {
    const remedy = error instanceof WbError ? error.hint : undefined;
    // With a configuration that can't be read nobody knows whether packets are wanted, so none is sent.
    const check = { ...base, status: "fail", detail: reasonOf(error), remedy } as const;
    return { check, dns: false, historyPath: undefined, helper: USUAL_HELPER };
  }
}
