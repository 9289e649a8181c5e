/** Names on disk: what comes back, who may share the file, and what a bad file does. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import type { NameCounters, StoredName } from "../../../src/model/names.ts";
import { NameReader, NameStore, openNameStore, readNameCounters } from "../../../src/store/names.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const NO_COUNTS: NameCounters = {
  hits: 0,
  misses: 0,
  lookups: 0,
  failures: 0,
  unreachable: 0,
  dropped: 0,
  observedDns: 0,
  observedSni: 0,
};

function opened(path: string): NameStore {
  const { store, failure } = openNameStore(path);
  if (store === undefined) throw new Error(failure?.message);
  return store;
}

function stored(address: string, name: string | undefined, parts: Partial<StoredName> = {}): StoredName {
  return { address, name, source: "ptr", expiresAtMs: NOW_MS + HOUR_MS, ...parts };
}

test("what was saved is loaded, the most recent first, without what has expired", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "deep", "er", "names.db");
  const first = opened(path);
  expect(first.save([stored("192.0.2.1", "a.example")], NO_COUNTS, NOW_MS - 2)).toBeUndefined();
  expect(
    first.save(
      [
        stored("192.0.2.2", undefined),
        stored("192.0.2.3", "www.example", { source: "dns" }),
        stored("192.0.2.4", "gone.example", { expiresAtMs: NOW_MS }),
      ],
      NO_COUNTS,
      NOW_MS - 1,
    ),
  ).toBeUndefined();
  first.close();
  const second = opened(path);
  const expected = [
    stored("192.0.2.3", "www.example", { source: "dns" }),
    stored("192.0.2.2", undefined),
    stored("192.0.2.1", "a.example"),
  ];
  expect(second.load(NOW_MS)).toEqual(expected);
  expect(second.load(NOW_MS, 2)).toEqual(expected.slice(0, 2));
  expect(second.load(NOW_MS, 2, 2)).toEqual(expected.slice(2));
  second.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(directory.path, "deep", "er")).mode & 0o777).toBe(0o700);
});

test("the newest answer replaces the one before, but a PTR record no observed name that still holds", async () => {
  await using directory = await tmpdir();
  const store = opened(join(directory.path, "names.db"));
  store.save(
    [stored("192.0.2.1", "a.example"), stored("192.0.2.2", "www.example", { source: "dns" })],
    NO_COUNTS,
    NOW_MS,
  );
  store.save([stored("192.0.2.1", undefined), stored("192.0.2.2", "ptr.example")], NO_COUNTS, NOW_MS + 1);
  expect(store.load(NOW_MS)).toEqual([
    stored("192.0.2.1", undefined),
    stored("192.0.2.2", "www.example", { source: "dns" }),
  ]);
  const later = NOW_MS + HOUR_MS;
  const fresh = stored("192.0.2.2", "ptr.example", { expiresAtMs: later + HOUR_MS });
  store.save([fresh], NO_COUNTS, later);
  expect(store.load(later)).toEqual([fresh]);
  store.close();
});

test("two processes share the file; one that is held up says busy and loses nothing", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "names.db");
  const one = opened(path);
  const two = opened(path);
  one.save([stored("192.0.2.1", "a.example")], { ...NO_COUNTS, hits: 3 }, NOW_MS);
  two.save([stored("192.0.2.2", "b.example")], { ...NO_COUNTS, hits: 4 }, NOW_MS);
  expect(one.load(NOW_MS)).toHaveLength(2);
  const holder = new Database(path);
  holder.run("BEGIN IMMEDIATE");
  const startMs = performance.now();
  expect(two.save([stored("192.0.2.3", "c.example")], NO_COUNTS, NOW_MS)).toMatchObject({ end: "busy" });
  expect(performance.now() - startMs).toBeLessThan(3000);
  holder.run("ROLLBACK");
  holder.close();
  expect(two.save([stored("192.0.2.3", "c.example")], NO_COUNTS, NOW_MS)).toBeUndefined();
  expect(one.load(NOW_MS)).toHaveLength(3);
  one.close();
  two.close();
  expect(readNameCounters(path, NOW_MS)).toEqual({ ...NO_COUNTS, hits: 7, entries: 3 });
});

test("counters are kept by day and told since a moment", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "names.db");
  const store = opened(path);
  const counts: NameCounters = {
    hits: 1,
    misses: 2,
    lookups: 3,
    failures: 4,
    unreachable: 5,
    dropped: 6,
    observedDns: 7,
    observedSni: 8,
  };
  store.save([], counts, NOW_MS - 40 * DAY_MS);
  store.save([], counts, NOW_MS - 2 * DAY_MS);
  store.save([], counts, NOW_MS);
  expect(readNameCounters(path, NOW_MS - 3 * DAY_MS)).toEqual({
    hits: 2,
    misses: 4,
    lookups: 6,
    failures: 8,
    unreachable: 10,
    dropped: 12,
    observedDns: 14,
    observedSni: 16,
    entries: 0,
  });
  expect(readNameCounters(path, 0)?.hits).toBe(3);
  store.trim(NOW_MS);
  expect(readNameCounters(path, 0)?.hits).toBe(2);
  expect(readNameCounters(path, NOW_MS + DAY_MS)).toBeUndefined();
  store.close();
  expect(readNameCounters(join(directory.path, "absent.db"), 0)).toBeUndefined();
  expect(existsSync(join(directory.path, "absent.db"))).toBe(false);
});

test("no more than 10,000 names are kept: the oldest and the expired go", async () => {
  await using directory = await tmpdir();
  const store = opened(join(directory.path, "names.db"));
  const many = (count: number, block: number) =>
    Array.from({ length: count }, (_, index) =>
      stored(`10.${block}.${index >> 8}.${index & 255}`, "x.example"),
    );
  store.save([stored("192.0.2.1", "expired.example", { expiresAtMs: NOW_MS })], NO_COUNTS, NOW_MS);
  store.save(many(4000, 1), NO_COUNTS, NOW_MS - 2);
  store.save(many(8000, 2), NO_COUNTS, NOW_MS - 1);
  expect(store.trim(NOW_MS)).toBeUndefined();
  const left = store.load(0);
  if ("end" in left) throw new Error(left.message);
  expect(left).toHaveLength(10_000);
  expect(left.filter(({ address }) => address.startsWith("10.2."))).toHaveLength(8000);
  store.close();
});

test("a file that is no database is set aside, and a new one begun", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "names.db");
  writeFileSync(path, "this is not SQLite, ".repeat(500));
  const { store, wasSetAside, failure } = openNameStore(path);
  expect([wasSetAside, failure]).toEqual([true, undefined]);
  expect(store?.save([stored("192.0.2.1", "a.example")], NO_COUNTS, NOW_MS)).toBeUndefined();
  store?.close();
  expect(readFileSync(`${path}.corrupt`, "utf8")).toStartWith("this is not SQLite");
  expect(opened(path).load(NOW_MS)).toHaveLength(1);
});

test("a database damaged in its middle is found when it is opened", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "names.db");
  const store = opened(path);
  const names = Array.from({ length: 5000 }, (_, index) =>
    stored(`10.0.${index >> 8}.${index & 255}`, `n${index}.example`),
  );
  store.save(names, NO_COUNTS, NOW_MS);
  store.close();
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 8192, bytes.length - 4096);
  writeFileSync(path, bytes);
  const again = openNameStore(path);
  expect([again.wasSetAside, again.failure]).toEqual([true, undefined]);
  expect(again.store?.load(NOW_MS)).toEqual([]);
  again.store?.close();
});

test("a file cut short, an empty one, and one of another version are begun anew", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "names.db");
  const store = opened(path);
  store.save([stored("192.0.2.1", "a.example")], NO_COUNTS, NOW_MS);
  store.close();
  truncateSync(path, 5000);
  const cut = openNameStore(path);
  expect(cut.store?.load(NOW_MS)).toEqual([]);
  cut.store?.close();
  writeFileSync(path, "");
  const empty = openNameStore(path);
  expect([empty.wasSetAside, empty.store?.load(NOW_MS)]).toEqual([false, []]);
  empty.store?.save([stored("192.0.2.1", "a.example")], NO_COUNTS, NOW_MS);
  empty.store?.close();
  const other = new Database(path);
  other.run("PRAGMA user_version = 99");
  other.close();
  const renewed = openNameStore(path);
  expect([renewed.failure, renewed.store?.load(NOW_MS)]).toEqual([undefined, []]);
  renewed.store?.close();
});

test("a home that is not there is not made", async () => {
  await using directory = await tmpdir();
  expect(openNameStore(join(directory.path, "home", ".cache", "wirebound", "names.db"))).toMatchObject({
    store: undefined,
    failure: { end: "unwritable" },
  });
  expect(readdirSync(directory.path)).toEqual([]);
});

test("a place that can't be written is told, not thrown", async () => {
  await using directory = await tmpdir();
  writeFileSync(join(directory.path, "file"), "");
  expect(openNameStore(join(directory.path, "file", "names.db"))).toMatchObject({
    store: undefined,
    failure: { end: "unwritable" },
  });
  mkdirSync(join(directory.path, "names.db"));
  expect(openNameStore(join(directory.path, "names.db"))).toMatchObject({
    store: undefined,
    failure: { end: "unwritable" },
  });
});

test("a reader answers single addresses, while the file is written too, and makes no file", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "names.db");
  expect(NameReader.open(path)).toBeUndefined();
  expect(readdirSync(directory.path)).toEqual([]);
  const store = opened(path);
  const names = [stored("192.0.2.1", "a.example", { source: "dns" }), stored("192.0.2.2", undefined)];
  store.save(names, NO_COUNTS, NOW_MS);
  const beside = NameReader.open(path);
  expect(beside?.find("192.0.2.1", NOW_MS)).toEqual(names[0]);
  beside?.close();
  store.close();
  const reader = NameReader.open(path);
  expect(reader?.find("192.0.2.1", NOW_MS)).toEqual(names[0]);
  expect(reader?.find("192.0.2.2", NOW_MS)).toEqual(names[1]);
  expect(reader?.find("192.0.2.1", NOW_MS + HOUR_MS)).toBeUndefined();
  expect(reader?.find("192.0.2.3", NOW_MS)).toBeUndefined();
  reader?.close();
  expect(readdirSync(directory.path)).toEqual(["names.db"]);
  truncateSync(path, 3000);
  expect(NameReader.open(path)?.find("192.0.2.1", NOW_MS)).toBeUndefined();
  writeFileSync(path, "no database");
  expect(NameReader.open(path)).toBeUndefined();
  expect(readFileSync(path, "utf8")).toBe("no database");
});
