/**
 * Takes up what an earlier run of the agent has left in the registry. Of this boot: who was told to run is known to be told; of
 * whom it is not known whether the last kill came before or after it was told, the snapshot that follows tells the parent. Of
 * another boot nobody runs any more. What is damaged is not taken over: that process is met anew.
 */
import type { ProcessScanner } from "../../capture/linux/process-scan.ts";
import type { ProcessRegistryStore } from "../../store/process-registry.ts";
import type { Outbox } from "../../telemetry/contract.ts";
import type { Ledger } from "./ledger.ts";
import type { ProcessIds } from "./process-ids.ts";
import type { KnownProcess, RunningProcesses } from "./running.ts";
import { readDetails, type StoredDetails } from "./stored-details.ts";
import { Run, Tracked } from "./tracked.ts";

export interface RestoreParts {
  readonly registry: ProcessRegistryStore;
  readonly ids: ProcessIds;
  readonly scanner: ProcessScanner;
  readonly ledger: Ledger;
  readonly running: RunningProcesses;
  readonly outbox: Pick<Outbox, "status">;
}

/** Before anything that there was: nobody knows until when was observed. */
const UNKNOWN_MS = -8.64e15;

export interface Restored {
  /** Until when was observed, a steady moment; long ago where that is lost, undefined where nothing ever was. */
  readonly untilMs: number | undefined;
  /** Those that run, and of whom nobody knows whether it was told: a snapshot is to tell of them before anything else does. */
  readonly uncertain: readonly KnownProcess[];
}

export function restoreProcesses(parts: RestoreParts): Restored {
  const { registry, ids, scanner, ledger, running, outbox } = parts;
  running.clear();
  const stored = registry.restore();
  if (stored === undefined) {
    const { streams } = outbox.status();
    const hasTold = streams.some(({ stream, produced }) => stream === "process" && produced > 0);
    return { untilMs: hasTold ? UNKNOWN_MS : undefined, uncertain: [] };
  }
  // A moment that is yet to come was never stored, or by names that are lost.
  const untilMs = stored.observedUntilMs <= ids.steadyNow() ? stored.observedUntilMs : UNKNOWN_MS;
  if (stored.bootId !== ids.bootId) {
    registry.beginBoot(ids.bootId, untilMs);
    return { untilMs, uncertain: [] };
  }
  const living = new Set<string>();
  scanner.scan(({ pid, startTicks, hasEnded }) => {
    if (!hasEnded) living.add(ids.idOf(pid, startTicks));
  });
  const dropped: string[] = [];
  const uncertain: KnownProcess[] = [];
  for (const row of stored.processes) {
    const details = readDetails(row.details);
    const isCertain = row.telling === "told" || row.telling === "local";
    // Where the time of the boot was lost, processes have new names, and those with old ones are met anew.
    const isNamedAsNow =
      row.processId === details?.told.processId &&
      row.processId === ids.idOf(details.told.pid, details.startTicks);
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
    nowMs: untilMs,
  });
  return { untilMs, uncertain };
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
