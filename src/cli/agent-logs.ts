/** `wb agent logs`: the last lines of the agent's own log, and with -f what comes. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { rotatedPath } from "../agent/log.ts";
import { UNIT_NAME } from "../agent/service-unit.ts";
import { FILES } from "../agent/state.ts";
import { pause } from "../agent/wait.ts";
import { WbError } from "../model/errors.ts";
import { installedUnit, journalWords } from "../platform/systemd-service.ts";
import { agentSettings, type AgentFlags } from "./agent-options.ts";
import { checkReadable } from "./agent-status.ts";
import { say, standardOutput } from "./output.ts";
import { stopSignal } from "./stop-signal.ts";

export interface LogsFlags extends AgentFlags {
  readonly lines?: string;
  readonly follow?: true;
}

const LINES_DEFAULT = 50;
const LINES_MAX = 100_000;
const LOOK_MS = 250;

function countOf(text: string | undefined): number {
  if (text === undefined) return LINES_DEFAULT;
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= LINES_MAX) return count;
  throw new WbError("usage", `--lines must be a whole number up to ${LINES_MAX}, not "${text}"`, {
    hint: "such as -n 200",
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return "";
    throw new WbError("permission", `${path} may not be read`, {
      cause,
      hint: "as root, or as the agent's user",
    });
  }
}

/** The last lines of the log and of the older one before it; each file is bounded (log.ts). */
export function lastLines(path: string, count: number): string[] {
  const newer = read(path).split("\n").slice(0, -1);
  const older = newer.length < count ? read(rotatedPath(path)).split("\n").slice(0, -1) : [];
  return count === 0 ? [] : [...older, ...newer].slice(-count);
}

/** What has come to the file since `from`; a file that was replaced is read from its beginning. */
function newText(
  path: string,
  from: { inode: number; offset: number },
): { text: string; inode: number; offset: number } {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return { text: "", ...from }; // between two files: the next look finds the new one
  }
  try {
    const { ino, size } = fstatSync(descriptor);
    const start = ino === from.inode && size >= from.offset ? from.offset : 0;
    const buffer = Buffer.alloc(size - start);
    const length = readSync(descriptor, buffer, 0, buffer.length, start);
    const whole = buffer.subarray(0, buffer.subarray(0, length).lastIndexOf(10) + 1);
    return { text: whole.toString("utf8"), inode: ino, offset: start + whole.length };
  } finally {
    closeSync(descriptor);
  }
}

async function follow(path: string, signal: AbortSignal): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  let at = { inode: stat?.ino ?? 0, offset: stat?.size ?? 0 };
  while (!signal.aborted) {
    const { text, ...next } = newText(path, at);
    at = next;
    if (text !== "") await standardOutput.write(text);
    await pause(LOOK_MS, signal);
  }
}

export async function runLogs(flags: LogsFlags): Promise<void> {
  const count = countOf(flags.lines);
  const { directory } = await agentSettings(flags);
  if (flags.stateDir === undefined) checkReadable(directory);
  const path = join(directory, FILES.log);
  const lines = lastLines(path, count);
  if (lines.length === 0 && flags.follow !== true) say(`there is nothing in ${path} yet`);
  if (lines.length > 0) await standardOutput.write(`${lines.join("\n")}\n`);
  const unit = process.stdout.isTTY ? installedUnit(UNIT_NAME, process.env) : undefined;
  if (unit !== undefined)
    say(`the journal has the same: ${journalWords(UNIT_NAME, unit === "user").join(" ")}`);
  if (flags.follow !== true) return;
  using stop = stopSignal({ durationMs: undefined, once: false });
  await follow(path, stop.signal);
}
