/**
 * The oracle in its short form (tests/support/fleet/oracle; the long one is bench/fleet-oracle.ts): parent, agents and helper are
 * killed, their network, disks, clocks and files go wrong, and in the end every event that was produced is stored exactly once or
 * declared lost.
 */
import { expect } from "bun:test";
import { join } from "node:path";
import { runOracle, summaryOf } from "../support/fleet/oracle/oracle.ts";
import { testWith } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";

const KILLS = 25;
/** At most: where the machine is busy there are fewer kills. */
const CHAOS_MS = 45_000;
const DRAIN_MS = 150_000;

testWith(
  ["root", "binary", "program:cc", "program:unshare", "program:nsenter", "program:mount"],
  "nothing is lost that is not declared lost, whatever is killed, cut, full, damaged or late",
  async () => {
    await using directory = await tmpdir();
    // Others are for the long form: what fails here is to fail again.
    const seed = Number(process.env["SEED"] ?? 71);
    console.log(`oracle: SEED=${seed}`);
    const report = await runOracle({
      seed,
      kills: KILLS,
      deadlineMs: CHAOS_MS,
      drainMs: DRAIN_MS,
      directory: join(directory.path, "run"),
    });
    console.log(summaryOf(report));
    expect(report.problems).toEqual([]);
    expect(report.chaos.kills).toBeGreaterThanOrEqual(KILLS / 3);
    expect(report.accounts.events).toBeGreaterThan(100);
    expect(report.processes.told).toBeGreaterThan(10);
    expect(report.proofs).toBeGreaterThan(20);
  },
  600_000,
);
