/** The settings of `wb agent`: table [agent] of the configuration file, WB_AGENT_* variables, flags. Pure. */
import { parseAddress } from "../agent/address.ts";
import { parseProxy } from "../agent/proxy.ts";
import { formatDuration, parseDuration } from "../lib/format.ts";
import { WbError } from "../model/errors.ts";
import { parsePath, type Parsed } from "./parse.ts";
import type { Setting } from "./setting.ts";

export const FLOW_INTERVAL_MS = 30_000;
export const RETRY_MAX_MS = 300_000;

function refusable<T>(read: () => T): Parsed<T> {
  try {
    return { value: read() };
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    return { problem: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
}

function parseParent(text: string): Parsed<string> {
  return refusable(() => {
    parseAddress(text);
    return text;
  });
}

function parseProxyName(text: string): Parsed<string> {
  return refusable(() => {
    if (text !== "none") parseProxy(text);
    return text;
  });
}

function between(what: string, leastMs: number, mostMs: number): (text: string) => Parsed<number> {
  return (text) => {
    const value = parseDuration(text);
    if (value !== undefined && value >= leastMs && value <= mostMs) return { value: Math.round(value) };
    return {
      problem: `${what} is between ${formatDuration(leastMs)} and ${formatDuration(mostMs)}, not "${text}"`,
      hint: "write it as 10s, 1m or 5m",
    };
  };
}

function agentSetting<T>(definition: Omit<Setting<T>, "table">): Setting<T> {
  return { table: "agent", ...definition };
}

export const AGENT_SETTINGS = {
  parent: agentSetting<string | undefined>({
    key: "parent",
    fileType: "text",
    variable: "WB_AGENT_PARENT",
    flag: "--parent",
    fallback: undefined,
    meaning: "the parent that is joined where none has been joined yet: HOST or HOST:PORT",
    parse: parseParent,
  }),
  stateDirectory: agentSetting<string | undefined>({
    key: "state-dir",
    fileType: "text",
    variable: "WB_AGENT_STATE_DIR",
    flag: "--state-dir",
    fallback: undefined,
    meaning:
      "where the agent keeps its key and what is still to be sent, instead of agent/ in the state directory",
    parse: parsePath,
  }),
  proxy: agentSetting<string | undefined>({
    key: "proxy",
    fileType: "text",
    variable: "WB_AGENT_PROXY",
    flag: "--proxy",
    fallback: undefined,
    meaning: "the HTTP proxy to the parent, or none; otherwise HTTPS_PROXY, ALL_PROXY and NO_PROXY say",
    parse: parseProxyName,
  }),
  flowInterval: agentSetting<number>({
    key: "flow-interval",
    fileType: "duration",
    variable: "WB_AGENT_FLOW_INTERVAL",
    flag: "--flow-interval",
    fallback: FLOW_INTERVAL_MS,
    meaning: "how often it is told what each process exchanged with each remote address (30s)",
    parse: between("the interval of flows", 1000, 3_600_000),
  }),
  retryMax: agentSetting<number>({
    key: "retry-max",
    fileType: "duration",
    variable: "WB_AGENT_RETRY_MAX",
    flag: undefined,
    fallback: RETRY_MAX_MS,
    meaning: "the longest pause between two attempts to reach the parent (5m)",
    parse: between("the longest pause", 1000, 3_600_000),
  }),
} as const;
