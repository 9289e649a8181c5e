/**
 * Runs every benchmark, or those whose names are given, one after the other: `npm run bench [-- name …]`.
 *
 * Each is a program of its own that prints its figures and, as its last line, `name: ratio … budget … ok|over`.
 * Ratios are against a peer or a baseline measured in the same run: absolute times say little on a shared machine.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";

const available = readdirSync(import.meta.dir)
  .filter((name) => name.endsWith(".ts") && name !== "run.ts")
  .map((name) => name.slice(0, -".ts".length))
  .sort();
const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !available.includes(name));
if (unknown !== undefined) {
  console.error(`no such benchmark: ${unknown}; there are ${available.join(", ")}`);
  process.exit(2);
}
let failed = 0;
for (const name of chosen.length > 0 ? chosen : available) {
  console.log(`— ${name}`);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, `${name}.ts`)], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  if ((await child.exited) !== 0) failed += 1;
}
process.exitCode = failed > 0 ? 1 : 0;
