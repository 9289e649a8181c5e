/** The history: whether it can be read, who records into it, how it ended last time, and whether there is room for it. */
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { formatBytes, formatDuration } from "../../lib/format.ts";
import { WbError } from "../../model/errors.ts";
import { createFileLock } from "../../platform/lock.ts";
import { historyPath } from "../../platform/paths.ts";
import { freeBytes, sizeOf } from "../../platform/system-facts.ts";
import { EmptyDatabaseError } from "../../store/database.ts";
import { readHistoryState, type HistoryState } from "../../store/history-state.ts";
import { reasonOf, type Check } from "./check.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Below this the history will soon have no room: a year of a busy machine takes about as much. */
const FREE_BYTES_MIN = 256 * 1024 * 1024;

/** Who holds the recorder's lock. `unknown`: it may not be looked at. */
type LockState = "free" | "held" | "unknown";

export function historyCheck(env: Environment, path = historyPath(env)): Check {
  const base = { id: "history", title: "History" } as const;
  const size = sizeOf(path);
  if (size === undefined) return absentCheck(path);
  const lock = lockState(path);
  try {
    return presentCheck(path, size, lock, readHistoryState(path));
  } catch (error) {
    if (error instanceof EmptyDatabaseError) return absentCheck(path);
    const remedy = error instanceof WbError ? error.hint : undefined;
    const data = { path, sizeBytes: size, lock };
    return { ...base, status: "fail", detail: reasonOf(error), remedy, data };
  }
}

/** Nothing was recorded yet: what matters is whether it could be. */
function absentCheck(path: string): Check {
  const base = { id: "history", title: "History" } as const;
  const data = { path, sizeBytes: null };
  if (isWritable(dirname(path))) {
    return { ...base, status: "ok", detail: `none yet: \`wb monitor\` begins it at ${path}`, data };
  }
  const remedy = "Make the directory writable, or set XDG_STATE_HOME to one that is";
  return { ...base, status: "warn", detail: `${path} can't be made: nothing will be recorded`, remedy, data };
}

function presentCheck(path: string, sizeBytes: number, lock: LockState, state: HistoryState): Check {
  const base = { id: "history", title: "History" } as const;
  const { firstRecordedMs, lastRecordedMs, isClean, windowMs, lastGap } = state;
  const data = {
    path,
    sizeBytes,
    lock,
    clean: isClean,
    firstRecordedMs: firstRecordedMs ?? null,
    lastRecordedMs: lastRecordedMs ?? null,
    lastGapFromMs: lastGap?.fromMs ?? null,
    lastGapUntilMs: lastGap?.untilMs ?? null,
  };
  const span =
    firstRecordedMs === undefined || lastRecordedMs === undefined
      ? "nothing recorded"
      : `spans ${formatDuration(lastRecordedMs - firstRecordedMs)}`;
  const recording = lock === "held" ? "; a monitor is recording" : "";
  const found = `${formatBytes(sizeBytes)}, ${span}${recording}`;
  if (!isWritable(path)) {
    const remedy = `Record as the user who owns it, or set XDG_STATE_HOME: \`ls -l ${path}\``;
    return { ...base, status: "warn", detail: `${found}; you may not write to ${path}`, remedy, data };
  }
  if (!isClean && lock === "free") {
    const lost = windowMs > 0 ? `, at most ${formatDuration(windowMs)} are missing` : "";
    const detail = `${found}; the last monitor was killed${lost}`;
    return {
      ...base,
      status: "warn",
      detail,
      remedy: "The next `wb monitor` marks the gap and goes on",
      data,
    };
  }
  return { ...base, status: "ok", detail: found, data };
}

/** Tries the lock for an instant, and only where its file is there: this makes nothing. */
function lockState(path: string): LockState {
  const lockPath = `${path}.lock`;
  if (sizeOf(lockPath) === undefined) return "free";
  const lock = createFileLock(lockPath);
  try {
    if (!lock.tryAcquire()) return "held";
    lock.release();
    return "free";
  } catch {
    return "unknown"; // another user's, or a file system without locks
  }
}

/** Whether this user may write to the file, or could make the directory where it isn't there. */
function isWritable(path: string): boolean {
  for (let place = path; ; place = dirname(place)) {
    if (sizeOf(place) === undefined && place !== dirname(place)) continue;
    try {
      accessSync(place, constants.W_OK);
      return true;
    } catch {
      return false; // read-only, or another user's
    }
  }
}

export function diskCheck(env: Environment, path = historyPath(env)): Check {
  const base = { id: "disk", title: "Disk" } as const;
  const free = freeBytes(dirname(path));
  if (free === undefined) return { ...base, status: "skip", detail: "free space can't be seen" };
  const data = { freeBytes: free };
  const detail = `${formatBytes(free)} free for the history`;
  if (free >= FREE_BYTES_MIN) return { ...base, status: "ok", detail, data };
  const remedy = `Free some space: \`df -h ${dirname(path)}\`, or record nothing: \`wb monitor --no-history\``;
  return { ...base, status: "warn", detail, remedy, data };
}
