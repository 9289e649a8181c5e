/** What a run of the auditor takes over from the one before: those that it can name as they were named. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Ledger } from "../../../../src/agent/audit/ledger.ts";
import { ProcessIds } from "../../../../src/agent/audit/process-ids.ts";
import { restoreProcesses } from "../../../../src/agent/audit/restore.ts";
import { RunningProcesses } from "../../../../src/agent/audit/running.ts";
import { ProcessScanner } from "../../../../src/capture/linux/process-scan.ts";
import { ProcessRegistryStore, type RegistryProcess } from "../../../../src/store/process-registry.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

const BOOT = "b".repeat(32);
const HASH = "f".repeat(64);

/** Names as an agent gives them that was started first at this time. */
function idsOf(bootedAtMs: number): ProcessIds {
  const clocks = { now: () => bootedAtMs + 5000, bootNs: () => 5e9 };
  return new ProcessIds(BOOT, 100, clocks, { get: () => undefined, set: () => undefined });
}

/** This very process, as a run with these names has stored it. */
function rowOf(ids: ProcessIds, startTicks: number): RegistryProcess {
  const processId = ids.idOf(process.pid, startTicks);
  const told = { processId, pid: process.pid, fingerprintHash: HASH, parentPid: null, parentProcessId: null };
  return {
    processId,
    fingerprintHash: HASH,
    pid: process.pid,
    startedAtMs: ids.timeOfTicks(startTicks),
    telling: "told",
    details: JSON.stringify({ told, startNs: null, startTicks }),
  };
}

test("a process is taken over under its name, and not where the time of the boot was lost", async () => {
  await using directory = await tmpdir();
  using scanner = new ProcessScanner();
  let startTicks = 0;
  scanner.scan((row) => {
    if (row.pid === process.pid) startTicks = row.startTicks;
  });
  for (const [bootedAtMs, expected] of [
    [1_700_000_000_000, 1],
    [1_700_000_000_100, 0],
  ] as const) {
    const before = idsOf(1_700_000_000_000);
    const registry = ProcessRegistryStore.open(join(directory.path, `${bootedAtMs}.db`));
    const nothing = { fingerprints: [], states: [], removed: [] };
    registry.write(BOOT, {
      ...nothing,
      processes: [rowOf(before, startTicks)],
      observedUntilMs: 77,
      nowMs: 77,
    });
    const running = new RunningProcesses();
    const ledger = new Ledger({ ticksPerSecond: 100, scansSeeAll: true });
    const ids = idsOf(bootedAtMs);
    expect(restoreProcesses({ registry, ids, scanner, ledger, running })).toEqual({
      untilMs: 77,
      uncertain: [],
    });
    expect(running.size).toBe(expected);
    expect([...ledger.living].length).toBe(expected);
    expect(registry.restore()?.processes.length).toBe(expected);
    registry.close();
  }
});
