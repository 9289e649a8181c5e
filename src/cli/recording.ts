/** Puts the recorder of the history together with this machine: its lock, its paths, its boot, and the rollup. */
import { readFileSync, readlinkSync } from "node:fs";
import { Rollup } from "../engine/rollup.ts";
import { localHourStart } from "../lib/calendar.ts";
import { systemClock } from "../lib/clock.ts";
import { parseDuration } from "../lib/format.ts";
import { createFileLock } from "../platform/lock.ts";
import { historyPath } from "../platform/paths.ts";
import { createRecorder, type Recorder, type RecorderOptions } from "../store/recorder.ts";

export interface RecordingOptions {
  /** The database; the state directory's history.db by default. */
  readonly path?: string | undefined;
  readonly commitIntervalMs?: number | undefined;
  readonly hourlyRetentionDays?: number | undefined;
  readonly dailyRetentionDays?: number | undefined;
  readonly onNotice?: RecorderOptions["onNotice"];
}

function textOf(read: () => string): string | undefined {
  try {
    return read().trim() || undefined;
  } catch {
    return undefined; // no /proc: then it isn't known, and nobody goes on from marks
  }
}

/**
 * Boot and network namespace: socket cookies mean the same socket within them (proc(5): random/boot_id; namespaces(7)).
 * Undefined where they can't be read.
 */
export function recordingScope(): string | undefined {
  const boot = textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  const namespace = textOf(() => readlinkSync("/proc/self/ns/net"));
  return boot === undefined || namespace === undefined ? undefined : `${boot} ${namespace}`;
}

/** What WB_HISTORY_COMMIT (such as `1s`) says, within what keeps the promise of ten seconds; undefined where it says nothing. */
export function commitIntervalOf(text: string | undefined): number | undefined {
  const asked = text === undefined ? undefined : parseDuration(text);
  return asked === undefined ? undefined : Math.min(9000, Math.max(10, asked));
}

/** A recorder for this machine. Nothing is opened before its first snapshot; it never throws. */
export function openRecorder(options: RecordingOptions = {}): Recorder {
  const path = options.path ?? historyPath();
  return createRecorder({
    path,
    clock: systemClock,
    lock: createFileLock(`${path}.lock`),
    createRollup: (start) => new Rollup({ ...start, hourStartMs: localHourStart }),
    scope: recordingScope(),
    commitIntervalMs: options.commitIntervalMs ?? commitIntervalOf(process.env["WB_HISTORY_COMMIT"]),
    hourlyRetentionDays: options.hourlyRetentionDays,
    dailyRetentionDays: options.dailyRetentionDays,
    onNotice: options.onNotice,
  });
}
