/** Files that are damaged again and again: an agent goes on by itself each time, and only the last few are kept. */
import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openAgentState } from "../../../src/store/agent-state.ts";
import { ProcessRegistryStore } from "../../../src/store/process-registry.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const DAMAGES = 12;
const KEPT = 3;

function setAsideIn(directory: string): number {
  return readdirSync(directory).filter((name) => /\.corrupt-[^/]*[^lm]$/.test(name)).length;
}

test("the state of an agent never needs a hand", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "state.db");
  for (let damage = 0; damage < DAMAGES; damage += 1) {
    writeFileSync(path, `damaged ${damage}`);
    const { store, setAsidePath } = openAgentState(path);
    expect(setAsidePath).toStartWith(path);
    store.set("name", "value");
    expect(store.get("name")).toBe("value");
    store.close();
    expect(setAsideIn(directory.path)).toBe(Math.min(damage + 1, KEPT));
  }
});

test("nor does its registry of processes", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "processes.db");
  for (let damage = 0; damage < DAMAGES; damage += 1) {
    writeFileSync(path, `damaged ${damage}`);
    const registry = ProcessRegistryStore.open(path);
    expect(registry.problem).toBeUndefined();
    expect(registry.setAsidePath).toStartWith(path);
    registry.close();
    expect(setAsideIn(directory.path)).toBe(Math.min(damage + 1, KEPT));
  }
});
