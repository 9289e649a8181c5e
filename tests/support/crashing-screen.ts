/** A screen that crashes after the key j, outside of everything that could catch it: what the terminal must survive. */
import { openSimulatedCapture } from "../../src/capture/simulated.ts";
import { FlowTable } from "../../src/engine/flow-table.ts";
import { query } from "../../src/engine/query.ts";
import { snapshotSource } from "../../src/engine/source.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { runTui } from "../../src/tui/run.ts";

const capture = openSimulatedCapture({ seed: 1 });
const table = new FlowTable({ clock: systemClock });
process.stdin.on("data", (bytes: Buffer) => {
  if (bytes.toString() !== "j") return; // an answer of the terminal
  queueMicrotask(() => {
    throw new Error("a defect of ours");
  });
});
try {
  await runTui({
    source: snapshotSource({ capture, table, intervalMs: 1000, clock: systemClock }),
    query,
    intervalMs: 1000,
  });
  console.log("the screen ended");
} catch (error) {
  console.log(`the screen crashed: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
