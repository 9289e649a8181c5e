/**
 * The oracle in its short form (tests/support/fleet/oracle; the long one is bench/fleet-oracle.ts): parent and agents are killed, their
 * network, disks, clocks and files go wrong, and in the end every event that was produced is stored exactly once or declared lost.
 */
import { expect } from "bun:test";
import { join } from "node:path";
import { runOracle, summaryOf } from "../support/fleet/oracle/oracle.ts";
import { testWith } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";

const KILLS = 25;
const CHAOS_MS = 60_000;
const DRAIN_MS = 80_000;

testWith(
  ["root", "binary", "program:cc", "program:unshare", "program:nsenter", "program:mount"],
  "nothing is lost that is not declared lost, whatever is killed, cut, full, damaged or late",
  async () => {
    await using directory = await tmpdir();
    const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1_000_000));
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
    expect(report.chaos.kills).toBeGreaterThan(KILLS / 3);
    expect(report.accounts.events).toBeGreaterThan(200);
    expect(report.processes.told).toBeGreaterThan(20);
    expect(report.proofs).toBeGreaterThan(20);
  },
  180_000,
);
