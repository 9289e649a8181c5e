/** The database behind the store: one transaction at a time, readers that wait for none of them, and files that are not ours. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WbError } from "../../../../src/model/errors.ts";
import { openFleetStore } from "../../../../src/store/fleet/open.ts";
import { FLEET_DATABASE } from "../../../../src/store/fleet/schema.ts";
import type { Sql } from "../../../../src/store/fleet/sql.ts";
import { openSqlite, type SqliteDatabase } from "../../../../src/store/fleet/sqlite.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

async function withDatabase(work: (database: SqliteDatabase) => Promise<void>): Promise<void> {
  await using directory = await tmpdir();
  const database = openSqlite(join(directory.path, "fleet.db"), FLEET_DATABASE);
  await work(database);
  await database.close();
}

const SET = "INSERT INTO settings (name, value) VALUES ($1, $2)";
const NAMES = "SELECT name FROM settings ORDER BY name";

describe("transactions", () => {
  test("come one after the other, in the order in which they were asked for", () =>
    withDatabase(async (database) => {
      const steps: string[] = [];
      const one = async (name: string): Promise<void> =>
        database.transaction(async (sql) => {
          steps.push(`${name} begins`);
          await sql.run(SET, [name, ""]);
          await Bun.sleep(1);
          steps.push(`${name} ends`);
        });
      await Promise.all([one("a"), one("b"), database.run(SET, ["c", ""]), one("d")]);
      expect(steps).toEqual(["a begins", "a ends", "b begins", "b ends", "d begins", "d ends"]);
      expect(await database.all<{ name: string }>(NAMES)).toEqual(
        ["a", "b", "c", "d"].map((name) => ({ name })),
      );
    }));

  test("see what they wrote, and nobody else does before they end", () =>
    withDatabase(async (database) => {
      const { promise: hold, resolve: release } = Promise.withResolvers<void>();
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      const writing = database.transaction(async (sql) => {
        await sql.run(SET, ["x", "1"]);
        expect(await sql.one<{ name: string }>(NAMES)).toEqual({ name: "x" });
        begin();
        await hold;
      });
      await begun;
      // This reader would wait for ever if it waited for the writer.
      expect(await database.all(NAMES)).toEqual([]);
      release();
      await writing;
      expect(await database.one<{ name: string }>(NAMES)).toEqual({ name: "x" });
    }));

  test("are undone by an error, and the next one goes on", () =>
    withDatabase(async (database) => {
      const failing = database.transaction(async (sql) => {
        await sql.run(SET, ["x", "1"]);
        throw new Error("no");
      });
      const next = database.run(SET, ["y", "1"]);
      expect(failing).rejects.toThrow("no");
      expect(await next).toBe(1);
      expect(database.run(SET, ["y", "2"])).rejects.toThrow("UNIQUE constraint failed");
      expect(await database.all<{ name: string }>(NAMES)).toEqual([{ name: "y" }]);
    }));

  test("can't be written to after they ended, and a reader can't write", () =>
    withDatabase(async (database) => {
      let kept: Sql | undefined;
      await database.transaction(async (sql) => {
        kept = sql;
      });
      expect(kept?.run(SET, ["x", "1"])).rejects.toThrow("after the end of its transaction");
      expect(database.all(`${SET} RETURNING name`, ["x", "1"])).rejects.toThrow(WbError);
      expect(await database.all(NAMES)).toEqual([]);
    }));
});

test("what could not be synced is refused, and nothing more is taken before it is safe", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  const database = openSqlite(path, FLEET_DATABASE);
  renameSync(`${path}-wal`, `${path}-away`); // so that it can't be synced; SQLite has it open
  const refused = await database.run(SET, ["a", ""]).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "storage", hint: expect.stringContaining("make room") as string });
  renameSync(`${path}-away`, `${path}-wal`);
  // It is in the log. What was told to have failed may be there: it is sent again, and known then.
  expect(await database.one(NAMES)).toEqual({ name: "a" });
  await database.run(SET, ["b", ""]);
  expect(statSync(`${path}-wal`).size).toBeLessThan(20_000); // the log was written to the database, and begun anew
  expect(await database.all<{ name: string }>(NAMES)).toEqual([{ name: "a" }, { name: "b" }]);
  await Promise.all(Array.from({ length: 50 }, (_, index) => database.run(SET, [`c${index}`, ""])));
  await database.close();
  const again = openSqlite(path, FLEET_DATABASE);
  expect(await again.all(NAMES)).toHaveLength(52);
  await again.close();
});

test("statements are many, and what is kept of them is not", () =>
  withDatabase(async (database) => {
    for (let index = 0; index < 600; index += 1) {
      const rows = await database.all<{ n: number }>(`SELECT ${index} AS n, $1 AS one, $2 AS two`, [1, "2"]);
      expect(rows).toEqual([{ n: index, one: 1, two: "2" } as { n: number }]);
    }
    expect(await database.one("SELECT $2 AS second, $1 AS first, $2 AS again", [1, 2])).toEqual({
      second: 2,
      first: 1,
      again: 2,
    });
  }));

test("a closed database says so", () =>
  withDatabase(async (database) => {
    const last = database.run(SET, ["x", "1"]);
    await database.close();
    expect(await last).toBe(1);
    await database.close();
    expect(database.all(NAMES)).rejects.toThrow("the fleet database is closed");
    expect(database.run(SET, ["y", "1"])).rejects.toThrow("the fleet database is closed");
  }));

describe("a file", () => {
  test("that is another program's or newer is refused and left as it is", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "fleet.db");
    const other = new Database(path);
    other.run("CREATE TABLE theirs (x)");
    other.close();
    const before = readFileSync(path);
    expect(openFleetStore(path)).rejects.toThrow("a database of another program");
    expect(readFileSync(path)).toEqual(before);

    const newer = join(directory.path, "newer.db");
    await (await openFleetStore(newer)).close();
    const database = new Database(newer);
    database.run("PRAGMA user_version = 99");
    database.close();
    expect(openFleetStore(newer)).rejects.toThrow("was made by a newer wb");
  });

  test("that is damaged is set aside, told of, and begun anew", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "fleet.db");
    writeFileSync(path, "SQLite format 3\0".padEnd(8192, "damage"));
    const asides: string[] = [];
    const store = await openFleetStore(path, { onSetAside: (aside) => asides.push(aside) });
    await store.setSetting("a", "b");
    expect(await store.setting("a")).toBe("b");
    await store.close();
    expect(asides).toHaveLength(1);
    expect(existsSync(asides[0] ?? "")).toBe(true);
    const again = await openFleetStore(path, { onSetAside: (aside) => asides.push(aside) });
    expect(await again.setting("a")).toBe("b");
    await again.close();
    expect(asides).toHaveLength(1);
  });
});
