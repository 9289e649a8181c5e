/**
 * What live events do to the list of processes that is shown. Pure. What was told last comes first, as the parent's
 * own lists have it.
 */
import type { ProcessCategory } from "../../model/categories.ts";
import type { ClassificationEntry, ProcessRecord } from "../../model/fleet.ts";

export type RunningFilter = "running" | "stopped" | "all";

export interface ProcessFilter {
  readonly running: RunningFilter;
  readonly category: ProcessCategory | "";
}

/** Whether a process belongs into a list of this filter. */
export function matches(process: ProcessRecord, filter: ProcessFilter): boolean {
  if (filter.category !== "" && process.category !== filter.category) return false;
  if (filter.running === "all") return true;
  return (process.stoppedAtMs === null) === (filter.running === "running");
}

/**
 * The list after these processes started, changed or stopped. One that is in the list stays, whatever it became: a row never
 * vanishes under a person's eyes. One that is not comes in where it matches.
 */
export function withProcesses(
  items: readonly ProcessRecord[],
  told: readonly ProcessRecord[],
  filter: ProcessFilter,
): readonly ProcessRecord[] {
  // Of one process only the last word counts: it may have started and stopped within this batch.
  const latest = new Map(told.map((process) => [process.processId, process]));
  let isChanged = false;
  const next: ProcessRecord[] = [];
  for (const item of items) {
    const newer = latest.get(item.processId);
    latest.delete(item.processId);
    // A stop is final: a word about the start that arrives after it is older.
    const keeps = newer === undefined || (item.stoppedAtMs !== null && newer.stoppedAtMs === null);
    if (!keeps) isChanged = true;
    next.push(keeps ? item : newer);
  }
  const added = [...latest.values()].filter((process) => matches(process, filter));
  if (added.length === 0) return isChanged ? next : items;
  return [...added.reverse(), ...next];
}

/** The list after a program got another category. */
export function withCategory(
  items: readonly ProcessRecord[],
  entry: Pick<ClassificationEntry, "fingerprintHash" | "category" | "source">,
): readonly ProcessRecord[] {
  if (!items.some((item) => item.fingerprintHash === entry.fingerprintHash)) return items;
  return items.map((item) =>
    item.fingerprintHash === entry.fingerprintHash
      ? { ...item, category: entry.category, categorySource: entry.source }
      : item,
  );
}

/** What has stopped leaves a list of running ones once a person had time to see it: `stopped` says when each was told. */
export function withoutLongStopped(
  items: readonly ProcessRecord[],
  filter: ProcessFilter,
  stopped: ReadonlyMap<string, number>,
  beforeMs: number,
): readonly ProcessRecord[] {
  if (filter.running !== "running") return items;
  const isLongStopped = ({ processId }: ProcessRecord): boolean =>
    (stopped.get(processId) ?? Infinity) < beforeMs;
  return items.some(isLongStopped) ? items.filter((item) => !isLongStopped(item)) : items;
}
