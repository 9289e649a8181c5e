/** What an auditor says of times that it did not see whole, over its runs, and by which clock. */
import { rmSync } from "node:fs";
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { HelperProcess } from "../../support/helper-process.ts";
import { testWith } from "../../support/needs.ts";
import { startAudit, type AuditWorld } from "../../support/fleet/audit-world.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const HOUR_MS = 3_600_000;

async function ready(world: AuditWorld): Promise<void> {
  await waitFor("the first snapshot", () => world.snapshots().length > 0);
}

test("that only scans told is told by the next run, where the one before had no time to", async () => {
  await using directory = await tmpdir();
  const beganMs = Date.now();
  const first = startAudit({ directory: directory.path });
  await ready(first);
  await first[Symbol.asyncDispose]();
  const endedMs = Date.now();
  expect(first.gaps()).toEqual([]);
  await using second = startAudit({ directory: directory.path });
  await ready(second);
  const [scans, stopped, ...others] = second.gaps();
  expect([scans?.reason, stopped?.reason, others]).toEqual(["scan_only", "agent_stopped", []]);
  // How far apart two readings of the clocks may be on a busy machine.
  const slackMs = 1000;
  expect(Math.abs((scans?.toMs ?? 0) - (stopped?.fromMs ?? 0))).toBeLessThan(slackMs);
  expect(scans?.fromMs).toBeGreaterThan(beganMs - slackMs);
  expect(scans?.fromMs).toBeLessThan(scans?.toMs ?? 0);
  expect(stopped?.fromMs).toBeLessThan(endedMs + slackMs);
});

test("where the registry is gone but the outbox says that something was told, nobody knows since when", async () => {
  await using directory = await tmpdir();
  const first = startAudit({ directory: directory.path });
  await ready(first);
  await first[Symbol.asyncDispose]();
  for (const file of ["processes.db", "processes.db-wal"])
    rmSync(`${directory.path}/${file}`, { force: true });
  await using second = startAudit({ directory: directory.path, producedBefore: 7 });
  await ready(second);
  expect(second.gaps()).toMatchObject([{ reason: "agent_stopped", fromMs: 0 }]);
});

testWith(["root"], "while the helper does not run, nothing is taken for seen", async () => {
  await using directory = await tmpdir();
  await using helper = await HelperProcess.start();
  await using world = startAudit({
    directory: directory.path,
    helper: { socketPath: helper.socketPath, secretPath: helper.secretPath },
    helperRetryMs: { first: 50, last: 200 },
  });
  await ready(world);
  await waitFor("the helper to be found", () => world.gaps().some(({ reason }) => reason === "scan_only"));
  const observedMs = (): number => {
    using registry = new Database(`${directory.path}/processes.db`, { readonly: true });
    return registry.query<{ until_ms: number }, []>("SELECT until_ms FROM observation").get()?.until_ms ?? 0;
  };
  const beganMs = observedMs();
  await waitFor("it to go on while the helper runs", () => observedMs() > beganMs);
  helper.child.kill("SIGSTOP");
  try {
    // What it had sent is taken in by then, and nothing more can come.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const [silentFromMs, monotonicMs] = [Date.now(), performance.now()];
    // Scans go on, and each of them keeps until when was seen.
    await waitFor("some scans", () => performance.now() - monotonicMs > 1200);
    const keptMs = observedMs();
    const away = world.gaps().find(({ reason }) => reason === "helper_away"); // on a slow machine
    expect(away?.fromMs ?? keptMs).toBeLessThan(silentFromMs);
  } finally {
    helper.child.kill("SIGCONT");
  }
});

test("a snapshot that is asked for while the first processes are not told yet waits for them", async () => {
  await using directory = await tmpdir();
  await using world = startAudit({ directory: directory.path });
  world.auditor.requestSnapshot();
  await ready(world);
  const [first] = world.snapshots();
  expect(first?.processes.map(({ pid }) => pid)).toContain(process.pid);
  expect(first?.processes.length).toBe(world.starts().length);
});

test("a snapshot has its time by the clock as it is then, also where nothing was scanned since it was set", async () => {
  await using directory = await tmpdir();
  let offsetMs = 0;
  const clock = { now: () => Date.now() + offsetMs, monotonicMs: () => performance.now() };
  const scanMs = { first: HOUR_MS, min: HOUR_MS, max: HOUR_MS };
  await using world = startAudit({ directory: directory.path, clock, scanMs });
  await ready(world);
  const before = world.snapshots().length;
  offsetMs = 24 * HOUR_MS;
  world.auditor.requestSnapshot();
  const latest = await waitFor("another snapshot", () => world.snapshots()[before]);
  expect(Math.abs(latest.takenAtMs - clock.now())).toBeLessThan(HOUR_MS);
});
