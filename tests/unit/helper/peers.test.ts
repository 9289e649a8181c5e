/** Of whom the helper believes that it was started by: by the parents that a proc file system names. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcFiles } from "../../../src/capture/linux/proc-files.ts";
import { ProcessRows } from "../../../src/capture/linux/process-rows.ts";
import { peerFacts } from "../../../src/helper/peers.ts";
import { tmpdir } from "../../support/tmpdir.ts";

/** Each process is the child of the next. */
async function isAncestorIn(pids: readonly number[], wanted: number): Promise<boolean> {
  await using directory = await tmpdir();
  for (const [index, pid] of pids.entries()) {
    mkdirSync(join(directory.path, `${pid}`));
    const rest = Array.from({ length: 48 }, () => 1).join(" ");
    writeFileSync(
      join(directory.path, `${pid}`, "stat"),
      `${pid} (a) b) S ${pids[index + 1] ?? 0} ${rest}\n`,
    );
  }
  using files = new ProcFiles(directory.path);
  return peerFacts(new ProcessRows(files), pids[0]).isAncestor(wanted);
}

test("an ancestor is within five generations, and not the process itself", async () => {
  const line = [100, 90, 80, 70, 60, 50, 40];
  const found = await Promise.all(line.map((pid) => isAncestorIn(line, pid)));
  expect(found).toEqual([false, true, true, true, true, true, false]);
  expect(await isAncestorIn(line, 99)).toBe(false);
});

test("a monitor may be the first process of a container, where nobody else is", async () => {
  expect(await isAncestorIn([100, 1], 1)).toBe(true);
  expect(await isAncestorIn([100, 90, 1], 80)).toBe(false);
  expect(await isAncestorIn([100, 90, 1], 0)).toBe(false);
});
