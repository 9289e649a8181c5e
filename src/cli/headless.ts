/**
 * `wb monitor --headless`: records history until it is told to stop. Says on standard error what a person who reads the
 * journal wants to know, a line each: what it records and where, what changes, and that it ended in order.
 */
import { formatDuration, printable } from "../lib/format.ts";
import { EBPF_METHODS, type CaptureStatus } from "../model/capture-status.ts";
import { historyPath } from "../platform/paths.ts";
import { METHOD_WORDS } from "../tui/notices.ts";
import type { MonitorOptions } from "./monitor-options.ts";
import type { MonitorSession } from "./monitor-session.ts";
import { sayLines } from "./output.ts";

/** Levels of syslog as sd-daemon(3) wants them in front of a line. */
const LEVELS = { info: 6, warning: 4 } as const;

/** One line on standard error; with a level that the journal understands where the journal listens. */
export function log(level: keyof typeof LEVELS, message: string): void {
  const journal = (process.env["JOURNAL_STREAM"] ?? "") !== "";
  const prefix = journal ? `<${LEVELS[level]}>` : level === "warning" ? "wb: warning: " : "wb: ";
  sayLines([prefix + printable(message.replaceAll("\n", " "))]);
}

function describe(status: CaptureStatus): string {
  const worst = status.degradations[0];
  const less = worst === undefined ? "" : `; ${worst.message} ${worst.remedy}`;
  return `captured by ${METHOD_WORDS[status.method]}, processes visible: ${status.capabilities.processes}${less}`;
}

/** Resolves when the signal aborts, after the last sample; the session's end then writes what is left. */
export async function runHeadless(
  options: MonitorOptions,
  session: MonitorSession,
  signal: AbortSignal,
): Promise<void> {
  const path = options.historySettings.path ?? historyPath();
  let method = "";
  let state = "";
  let samples = 0;
  for await (const snapshot of session.source.snapshots(signal)) {
    samples += 1;
    const status = session.recorder?.status();
    if (status !== undefined && status.state !== state) {
      state = status.state;
      if (state === "recording")
        log("info", `recording to ${path}, a sample every ${formatDuration(options.intervalMs)}`);
      else if (state === "standby") log("info", status.message ?? "another monitor records");
    }
    if (snapshot.capture.method !== method) {
      method = snapshot.capture.method;
      // A helper that is back is good news, every other change is none.
      const isGood = samples === 1 || EBPF_METHODS.some((each) => each === method);
      log(isGood ? "info" : "warning", describe(snapshot.capture));
    }
  }
  await session.lastSample();
  const ended = `stopped after ${samples + 2} samples`;
  const status = session.recorder?.status();
  if (status?.state === "recording") log("info", `${ended}; what was seen is written`);
  else if (status?.state === "standby") log("info", `${ended}; another monitor recorded`);
  else log("warning", `${ended}; ${status?.message ?? "nothing was recorded"}`);
}
