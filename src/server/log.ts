/**
 * What the parent says on standard error, one line per thing. Control characters can't steer a terminal; secrets are never
 * handed to it. What strangers can cause is counted in /metrics, and not told here.
 */
import { printable, printableJson } from "../lib/format.ts";
import type { ServerClock, ServerLog } from "./context.ts";

export const SERVER_LOG_LEVELS = ["error", "warning", "info"] as const;
export type ServerLogLevel = (typeof SERVER_LOG_LEVELS)[number];

/** Of syslog, which a journal wants in front of a line (sd-daemon(3)). */
const SYSLOG: Readonly<Record<ServerLogLevel, number>> = { error: 3, warning: 4, info: 6 };
const TEXT_MAX = 2000;

export interface ServerLogOptions {
  /** Lines of this level and worse are written. */
  readonly level: ServerLogLevel;
  readonly form: "text" | "json";
  readonly isJournal: boolean;
  readonly clock: ServerClock;
  /** Takes a line without its end. Never throws. */
  readonly write: (line: string) => void;
}

function textOf(value: unknown): string {
  const raw = value instanceof Error ? value.message : typeof value === "string" ? value : stringify(value);
  const text = printable(raw.slice(0, TEXT_MAX));
  return /^[\w./:@+[\]-]+$/.test(text) ? text : JSON.stringify(text);
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "undefined";
  } catch {
    return "(it can't be told)"; // a circle, or a bigint: the line matters more than the value
  }
}

/** Errors have no JSON form of their own. */
function plain(_: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

export function createServerLog(options: ServerLogOptions): ServerLog {
  const say = (level: ServerLogLevel, message: string, fields: Record<string, unknown> = {}): void => {
    if (SYSLOG[level] > SYSLOG[options.level]) return;
    const known = Object.entries(fields).filter(([, value]) => value !== undefined);
    if (options.form === "json") {
      const line = { timeMs: options.clock.now(), level, message, ...Object.fromEntries(known) };
      options.write(printableJson(JSON.stringify(line, plain)));
      return;
    }
    const prefix = options.isJournal
      ? `<${SYSLOG[level]}>`
      : `wb serve: ${level === "info" ? "" : `${level}: `}`;
    const tail = known.map(([key, value]) => ` ${key}=${textOf(value)}`).join("");
    options.write(`${prefix}${printable(message)}${tail}`);
  };
  return {
    info: (message, fields) => say("info", message, fields),
    warn: (message, fields) => say("warning", message, fields),
    error: (message, fields) => say("error", message, fields),
  };
}
