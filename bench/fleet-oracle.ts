/**
 * The oracle in its long form (tests/support/fleet/oracle): ≥ 300 SIGKILLs of a parent and two agents, and others of the helper of one
 * of them, network, disks, clocks and files that go wrong, and every event accounted for. Needs root and dist/wb. SEED and KILLS may
 * be set; the same seed makes the same decisions, though not at the same instants. Takes some fifteen minutes.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOracle, summaryOf } from "../tests/support/fleet/oracle/oracle.ts";

const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const KILLS = Number(process.env["KILLS"] ?? "300");
const MS_PER_KILL = 6000;

if (process.getuid?.() !== 0) {
  console.error("it needs root: disks of its own, namespaces of its own");
  process.exit(2);
}
console.log(`seed ${SEED}`);
const directory = await mkdtemp(join(tmpdir(), "wb-oracle-"));
const report = await runOracle({
  seed: SEED,
  kills: KILLS,
  deadlineMs: KILLS * MS_PER_KILL,
  drainMs: 240_000,
  directory: join(directory, "run"),
  ...(process.env["BINARY"] === undefined ? {} : { binary: process.env["BINARY"] }),
  ...(process.env["VERBOSE"] === undefined ? {} : { tell: (line: string) => console.log(line) }),
});
console.log(summaryOf(report));
const isOk = report.problems.length === 0 && report.chaos.kills >= KILLS;
if (isOk) await rm(directory, { recursive: true, force: true });
else console.log(`logs: ${directory}`);
console.log(
  `fleet-oracle: ${report.problems.length} problems in ${report.chaos.kills} kills budget 0 ${isOk ? "ok" : "over"}`,
);
process.exit(isOk ? 0 : 1);
