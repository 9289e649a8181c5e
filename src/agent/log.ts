/**
 * What the agent says: a line per event in agent.log of its state directory, which is rotated so that it never grows beyond two
 * files of a megabyte, and on standard error. A log that can't be written stops nobody.
 */
import { appendFileSync, renameSync, statSync } from "node:fs";
import { printable } from "../lib/format.ts";
import type { AgentLog } from "./contract.ts";

export const LOG_BYTES_MAX = 1024 * 1024;

type Level = "info" | "warn" | "error";

/** sd-daemon(3): what the journal wants in front of a line. */
const SYSLOG: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6 };

export interface AgentLogOptions {
  readonly path: string;
  readonly now: () => number;
  /** Takes a line for standard error, without its end; never throws. */
  readonly write: (line: string) => void;
  readonly isJournal: boolean;
  readonly bytesMax?: number;
}

/** The older file beside it. */
export function rotatedPath(path: string): string {
  return `${path}.1`;
}

export function createAgentLog(options: AgentLogOptions): AgentLog {
  const { path, now, write, isJournal, bytesMax = LOG_BYTES_MAX } = options;
  let bytes: number | undefined;
  const keep = (line: string): void => {
    try {
      bytes ??= statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (bytes + line.length > bytesMax && bytes > 0) {
        renameSync(path, rotatedPath(path));
        bytes = 0;
      }
      appendFileSync(path, line, { mode: 0o600 });
      bytes += Buffer.byteLength(line);
    } catch {
      bytes = undefined; // the disk is full or the directory is gone: standard error has the line, and the next is tried anew
    }
  };
  const say = (level: Level, message: string): void => {
    const text = printable(message);
    keep(`${new Date(now()).toISOString()} ${level} ${text}\n`);
    write(
      isJournal ? `<${SYSLOG[level]}>${text}` : `wb agent: ${level === "info" ? "" : `${level}: `}${text}`,
    );
  };
  return {
    info: (message) => say("info", message),
    warn: (message) => say("warn", message),
    error: (message) => say("error", message),
  };
}
