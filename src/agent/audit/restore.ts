/**
 * Takes up what an earlier run of the agent has left in the registry. Of this boot: who was told to run is known to be told; of
 * whom it is not known whether the last kill came before or after it was told, the snapshot that follows tells the parent. Of
 * another boot nobody runs any more.
 */
import type { ProcessScanner } from "../../capture/linux/process-scan.ts";
import type { ProcessRegistryStore, RegistryProcess } from "../../store/process-registry.ts";
import type { StoredDetails } from "./bookkeeper.ts";
import type { Ledger } from "./ledger.ts";
import type { ProcessIds } from "./process-ids.ts";
import type { KnownProcess, RunningProcesses } from "./running.ts";
import { Run, Tracked } from "./tracked.ts";

export interface RestoreParts {
  readonly registry: ProcessRegistryStore;
  readonly ids: ProcessIds;
  readonly scanner: ProcessScanner;
  readonly ledger: Ledger;
  readonly running: RunningProcesses;
}

export interface Restored {
  /** Until when was observed, in Unix milliseconds; undefined where nothing was ever stored. */
  readonly untilMs: number | undefined;
  /** Those that run, and of whom nobody knows whether it was told: a snapshot is to tell of them before anything else does. */
  readonly uncertain: readonly KnownProcess[];
}

export function restoreProcesses(parts: RestoreParts): Restored {
  const { registry, ids, scanner, ledger, running } = parts;
  running.clear();
  const stored = registry.restore();
  if (stored === undefined) return { untilMs: undefined, uncertain: [] };
  if (stored.bootId !== ids.bootId) {
    registry.beginBoot(ids.bootId, stored.observedUntilMs);
    return { untilMs: stored.observedUntilMs, uncertain: [] };
  }
  const living = new Set<string>();
  scanner.scan(({ pid, startTicks, hasEnded }) => {
    if (!hasEnded) living.add(ids.idOf(pid, startTicks));
  });
  const dropped: string[] = [];
  const uncertain: KnownProcess[] = [];
  for (const row of stored.processes) {
    const details = detailsOf(row);
    const isCertain = row.telling === "told" || row.telling === "local";
    // Where the time of the boot was lost, processes have new names, and those with old ones are met anew.
    const isNamedAsNow =
      details !== undefined && row.processId === ids.idOf(details.told.pid, details.startTicks);
    if (details === undefined || !isNamedAsNow || (!isCertain && !living.has(row.processId))) {
      dropped.push(row.processId);
      continue;
    }
    const { told, startNs, startTicks } = details;
    const isLocal = row.telling === "local";
    const known: KnownProcess = { told, isLocal, startNs: startNs ?? undefined, startTicks };
    if (!isCertain) uncertain.push(known);
    running.put(known);
    ledger.restore(trackedOf(details, ids));
  }
  registry.write(ids.bootId, {
    fingerprints: [],
    processes: [],
    states: [],
    removed: dropped,
    observedUntilMs: undefined,
    nowMs: stored.observedUntilMs,
  });
  return { untilMs: stored.observedUntilMs, uncertain };
}

function trackedOf({ told, startNs, startTicks }: StoredDetails, ids: ProcessIds): Tracked {
  const { pid, parentPid, parentProcessId, userId } = told;
  return new Tracked({
    pid,
    startTicks,
    startNs: startNs ?? undefined,
    parentPid: parentPid ?? 0,
    parentStartTicks: parentProcessId === null ? undefined : ids.ticksOf(parentProcessId),
    userId: userId ?? undefined,
    run: new Run({ execNs: 0, comm: "" }),
    state: "told",
  });
}

/** Undefined where it is not what this program writes: then the process is met anew. */
function detailsOf(row: RegistryProcess): StoredDetails | undefined {
  try {
    const value = JSON.parse(row.details) as Partial<StoredDetails> | null;
    const isWhole = value?.told?.processId === row.processId && Number.isSafeInteger(value.startTicks);
    return isWhole ? (value as StoredDetails) : undefined;
  } catch {
    return undefined;
  }
}
