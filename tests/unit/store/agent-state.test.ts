/** An agent's small state: kept over a restart, and numbers that never come twice. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { openAgentState } from "../../../src/store/agent-state.ts";
import { tmpdir } from "../../support/tmpdir.ts";

test("values are kept, replaced and removed", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "state.db");
  const { store, setAsidePath } = openAgentState(path);
  expect(setAsidePath).toBeUndefined();
  expect(store.get("boot")).toBeUndefined();
  store.set("boot", "one");
  store.set("boot", "two");
  store.set("gone", "x");
  store.set("gone", undefined);
  store.close();
  const again = openAgentState(path).store;
  expect(again.get("boot")).toBe("two");
  expect(again.get("gone")).toBeUndefined();
  again.close();
});

test("reserved numbers never come twice, whatever is asked for and however often it is opened", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "state.db");
  let highest = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 0, max: 100_000 })), {
        maxLength: 8,
      }),
      (blocks) => {
        const { store } = openAgentState(path);
        for (const [block, atLeast] of blocks) {
          const base = store.reserveCounters(block, atLeast);
          expect(base).toBe(Math.max(highest, atLeast));
          highest = base + block;
        }
        store.close();
      },
    ),
    { numRuns: 25 },
  );
});

test("numbers that were never given out are damage: they begin anew, above what is known to be used", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "state.db");
  openAgentState(path).store.close();
  for (const damaged of [2n ** 63n - 1n, 2n ** 60n, -5n]) {
    using database = new Database(path);
    database.query<null, [bigint]>("UPDATE counter SET reserved = ?").run(damaged);
    const { store } = openAgentState(path);
    expect(store.reserveCounters(10)).toBe(0);
    expect(store.reserveCounters(10, 500)).toBe(500);
    store.close();
  }
});

test("a damaged file is set aside", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "state.db");
  writeFileSync(path, "no database");
  const { store, setAsidePath } = openAgentState(path);
  expect(setAsidePath).toStartWith(`${path}.corrupt-`);
  expect(store.reserveCounters(10)).toBe(0);
  store.close();
  expect(() => openAgentState(directory.path)).toThrow("is not a file");
  expect(() => store.get("x")).toThrow("can't be used");
});
