/** What an agent remembers of processes: over a restart, a reboot, damage, a disk that refuses, and more than it keeps. */
import { Database } from "bun:sqlite";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "bun:test";
import {
  ProcessRegistryStore,
  type RegistryProcess,
  type RegistryWrite,
  type TellingState,
} from "../../../src/store/process-registry.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const BOOT = "b".repeat(32);
const NOTHING: RegistryWrite = {
  fingerprints: [],
  processes: [],
  states: [],
  removed: [],
  observedUntilMs: undefined,
  nowMs: 1000,
};

function row(pid: number, telling: TellingState = "told"): RegistryProcess {
  return {
    processId: `${pid}_5`,
    fingerprintHash: `h${pid}`,
    pid,
    startedAtMs: 5.25,
    telling,
    details: "{}",
  };
}

function fingerprint(hash: string): RegistryWrite["fingerprints"][number] {
  const nothing = { path: null, fileHash: null, signature: null, publisher: null, version: null };
  return { fingerprintHash: hash, name: "x", ...nothing };
}

describe("processes", () => {
  test("are known again after a restart, each as far as it was told", async () => {
    await using directory = await tmpdir();
    const path = `${directory.path}/r.db`;
    const first = ProcessRegistryStore.open(path);
    expect(first.restore()).toBeUndefined();
    const processes = [row(1), row(2, "starting"), row(3), row(4, "local")];
    expect(first.write(BOOT, { ...NOTHING, processes, observedUntilMs: 77.5 })).toBe(true);
    const states = [{ processId: "2_5", telling: "told" as const }];
    expect(first.write(BOOT, { ...NOTHING, states, removed: ["3_5", "none"] })).toBe(true);
    first.close();
    const second = ProcessRegistryStore.open(path);
    expect(second.restore()).toEqual({
      bootId: BOOT,
      observedUntilMs: 77.5,
      processes: [row(1), row(2), row(4, "local")],
    });
    second.beginBoot("c".repeat(32), 99);
    expect(second.restore()).toEqual({ bootId: "c".repeat(32), observedUntilMs: 99, processes: [] });
    expect(second.rewrite(BOOT, [row(7)], { observedUntilMs: 100, nowMs: 100 })).toBe(true);
    expect(second.restore()?.processes).toEqual([row(7)]);
    second.close();
  });

  test("a damaged file is set aside", async () => {
    await using directory = await tmpdir();
    const path = `${directory.path}/r.db`;
    await writeFile(path, "no database".repeat(100));
    const store = ProcessRegistryStore.open(path);
    expect(store.setAsidePath).toStartWith(`${path}.corrupt-`);
    expect(store.problem).toBeUndefined();
    expect(store.write(BOOT, { ...NOTHING, processes: [row(1)], observedUntilMs: 1 })).toBe(true);
    store.close();
  });

  test("a damaged header is no other program's file: it is set aside too", async () => {
    await using directory = await tmpdir();
    const path = `${directory.path}/r.db`;
    ProcessRegistryStore.open(path).close();
    const bytes = await readFile(path);
    bytes.writeUInt32BE(7, 68); // application_id; see "The Database Header" of SQLite's file format
    await writeFile(path, bytes);
    const store = ProcessRegistryStore.open(path);
    expect(store.setAsidePath).toStartWith(`${path}.corrupt-`);
    expect(store.problem).toBeUndefined();
    store.close();
  });

  testWith(["root"], "where the file can't be, it remembers for this run, and says so", async () => {
    const store = ProcessRegistryStore.open("/proc/none/r.db");
    expect(store.problem).toContain("/proc/none/r.db");
    expect(store.write(BOOT, { ...NOTHING, processes: [row(1)], observedUntilMs: 1 })).toBe(true);
    expect(store.problem).toContain("/proc/none/r.db");
    expect(store.restore()?.processes).toEqual([row(1)]);
    store.close();
    await Promise.resolve();
  });

  test("a write that is refused says so, keeps nothing of it, and the next is tried again", async () => {
    await using directory = await tmpdir();
    const path = `${directory.path}/r.db`;
    const store = ProcessRegistryStore.open(path);
    store.write(BOOT, { ...NOTHING, observedUntilMs: 1 });
    const other = new Database(path);
    other.run("BEGIN IMMEDIATE");
    expect(store.write(BOOT, { ...NOTHING, processes: [row(1)] })).toBe(false);
    expect(store.problem).toBe("another program keeps it locked");
    other.run("COMMIT");
    other.close();
    expect(store.restore()?.processes).toEqual([]);
    expect(store.write(BOOT, { ...NOTHING, processes: [row(1)] })).toBe(true);
    expect(store.problem).toBeUndefined();
    store.close();
    await chmod(path, 0o600);
  });
});

describe("categories", () => {
  test("stay with their fingerprint, whichever came first", async () => {
    await using directory = await tmpdir();
    const store = ProcessRegistryStore.open(`${directory.path}/r.db`);
    store.setCategories([{ fingerprintHash: "h1", category: "game", source: "parent_override" }], 5);
    store.write(BOOT, { ...NOTHING, fingerprints: [fingerprint("h1"), fingerprint("h2")] });
    expect(store.category("h1")).toEqual({ category: "game", source: "parent_override" });
    expect(store.category("h2")).toBeUndefined();
    expect(store.category("h3")).toBeUndefined();
    store.close();
  });

  test("are bounded: of fingerprints that do not run the newest twenty thousand stay", async () => {
    await using directory = await tmpdir();
    const store = ProcessRegistryStore.open(`${directory.path}/r.db`);
    const fingerprints = Array.from({ length: 20_010 }, (_, index) => fingerprint(`h${index}`));
    store.write(BOOT, { ...NOTHING, fingerprints: fingerprints.slice(0, 20), processes: [row(0)], nowMs: 1 });
    store.write(BOOT, { ...NOTHING, fingerprints: fingerprints.slice(20), nowMs: 2 });
    const all = fingerprints.map(({ fingerprintHash }) => ({
      fingerprintHash,
      category: "game" as const,
      source: "builtin" as const,
    }));
    store.setCategories(all, 3);
    store.trim();
    expect(all.filter(({ fingerprintHash }) => store.category(fingerprintHash) === undefined)).toHaveLength(
      9,
    );
    expect(store.category("h0")).toBeDefined();
    store.close();
  });
});

test("what was read of files is stored with the next write", async () => {
  await using directory = await tmpdir();
  const path = `${directory.path}/r.db`;
  const store = ProcessRegistryStore.open(path);
  const facts = { fileHash: "a".repeat(64), publisher: "p", version: null };
  store.keepFileFacts("key", facts);
  expect(store.fileFacts("key")).toEqual(facts);
  store.write(BOOT, NOTHING);
  store.close();
  const again = ProcessRegistryStore.open(path);
  expect(again.fileFacts("key")).toEqual(facts);
  expect(again.fileFacts("other")).toBeUndefined();
  again.close();
});
