/**
 * What a run of the auditor takes over from the one before: those that it can name as they were named, and of whom it has what was
 * written; and until when was observed, or that nobody knows that any more.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { join } from "node:path";
import { Ledger } from "../../../../src/agent/audit/ledger.ts";
import { ProcessIds } from "../../../../src/agent/audit/process-ids.ts";
import { restoreProcesses } from "../../../../src/agent/audit/restore.ts";
import { RunningProcesses } from "../../../../src/agent/audit/running.ts";
import { readDetails, writeDetails } from "../../../../src/agent/audit/stored-details.ts";
import { ProcessScanner } from "../../../../src/capture/linux/process-scan.ts";
import { ProcessRegistryStore, type RegistryProcess } from "../../../../src/store/process-registry.ts";
import { KeptOutbox } from "../../../support/fleet/audit-world.ts";
import { Processes } from "../../../support/fleet/stored.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

const BOOT = "b".repeat(32);
const BOOTED_AT_MS = 1_700_000_000_000;

/** Names as an agent gives them that was started first at this time. */
function idsOf(bootedAtMs: number): ProcessIds {
  const clocks = { now: () => bootedAtMs + 5000, bootNs: () => 5e9 };
  return new ProcessIds(BOOT, 100, clocks, { get: () => undefined, set: () => undefined });
}

/** This very process, as a run with these names has stored it. */
function rowOf(ids: ProcessIds, startTicks: number): RegistryProcess {
  const processId = ids.idOf(process.pid, startTicks);
  const told = { ...new Processes().running(process.pid, "bun"), processId };
  return {
    processId,
    fingerprintHash: told.fingerprintHash,
    pid: process.pid,
    startedAtMs: ids.timeOfTicks(startTicks),
    telling: "told",
    details: writeDetails({ told, startNs: null, startTicks }),
  };
}

function ownStart(scanner: ProcessScanner): number {
  let startTicks = 0;
  scanner.scan((row) => {
    if (row.pid === process.pid) startTicks = row.startTicks;
  });
  return startTicks;
}

/** What is taken over of a registry that holds this process, or of none. */
function takenOver(
  path: string,
  row: RegistryProcess | undefined,
  facts: { readonly observedUntilMs?: number; readonly ids?: ProcessIds; readonly producedBefore?: number },
): { untilMs: number | undefined; running: number; kept: number } {
  const { observedUntilMs = 77, ids = idsOf(BOOTED_AT_MS), producedBefore = 0 } = facts;
  using scanner = new ProcessScanner();
  const registry = ProcessRegistryStore.open(path);
  const nothing = { fingerprints: [], states: [], removed: [], nowMs: 77 };
  if (row !== undefined) registry.write(BOOT, { ...nothing, processes: [row], observedUntilMs });
  const running = new RunningProcesses();
  const ledger = new Ledger({ ticksPerSecond: 100, scansSeeAll: true });
  const outbox = new KeptOutbox(producedBefore);
  const { untilMs, uncertain } = restoreProcesses({
    registry,
    ids,
    scanner,
    ledger,
    running,
    outbox,
  });
  expect(uncertain).toEqual([]);
  expect([...ledger.living].length).toBe(running.size);
  const kept = registry.restore()?.processes.length ?? 0;
  registry.close();
  return { untilMs, running: running.size, kept };
}

test("a process is taken over under its name, and not where the time of the boot was lost", async () => {
  await using directory = await tmpdir();
  using scanner = new ProcessScanner();
  const row = rowOf(idsOf(BOOTED_AT_MS), ownStart(scanner));
  const taken = (bootedAtMs: number): unknown =>
    takenOver(join(directory.path, `${bootedAtMs}.db`), row, { ids: idsOf(bootedAtMs) });
  expect(taken(BOOTED_AT_MS)).toEqual({ untilMs: 77, running: 1, kept: 1 });
  expect(taken(BOOTED_AT_MS + 100)).toEqual({ untilMs: 77, running: 0, kept: 0 });
});

test("what is not what was written is not taken over: that process is met anew", async () => {
  await using directory = await tmpdir();
  using scanner = new ProcessScanner();
  const row = rowOf(idsOf(BOOTED_AT_MS), ownStart(scanner));
  const damaged = { ...row, details: row.details.replace('"bun"', '"bum"') };
  expect(damaged).not.toEqual(row);
  const path = join(directory.path, "r.db");
  expect(takenOver(path, damaged, {})).toEqual({ untilMs: 77, running: 0, kept: 0 });
});

test("where a registry was and is gone, nobody knows until when was observed; at the very first start there was nothing", async () => {
  await using directory = await tmpdir();
  const untilOf = (name: string, producedBefore: number): number | undefined =>
    takenOver(join(directory.path, name), undefined, { producedBefore }).untilMs;
  expect(untilOf("first.db", 0)).toBeUndefined();
  expect(idsOf(BOOTED_AT_MS).timeOfSteady(untilOf("gone.db", 5) ?? 1)).toBe(0);
});

test("a moment that is yet to come is none that was stored", async () => {
  await using directory = await tmpdir();
  using scanner = new ProcessScanner();
  const row = rowOf(idsOf(BOOTED_AT_MS), ownStart(scanner));
  const { untilMs = 1 } = takenOver(join(directory.path, "r.db"), row, {
    observedUntilMs: BOOTED_AT_MS + 6000,
  });
  expect(idsOf(BOOTED_AT_MS).timeOfSteady(untilMs)).toBe(0);
});

test("details are read as they were written, and no other text is taken for them", () => {
  const details = { told: new Processes().running(1, "sleep"), startNs: 5, startTicks: 7 };
  const text = writeDetails(details);
  expect(readDetails(text)).toEqual(details);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 8 }), (at, other) => {
      const changed = text.slice(0, at) + other + text.slice(at + other.length);
      fc.pre(changed !== text);
      expect(readDetails(changed)).toBeUndefined();
    }),
  );
  fc.assert(fc.property(fc.string(), (other) => readDetails(other) === undefined));
});
