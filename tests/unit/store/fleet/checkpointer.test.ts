/** The log of the parent's database: written back by another thread while it is short, by a COMMIT where that can't be. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { FLEET_DATABASE } from "../../../../src/store/fleet/schema.ts";
import { openSqlite, type SqliteDatabase } from "../../../../src/store/fleet/sqlite.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

const MIB = 1024 * 1024;
const ROW_BYTES = 250_000;
/** What the log is longer than its bound at the most: by a transaction, and the frames' headers. */
const SLACK_BYTES = MIB / 2;

/** Stores rows of `bytes` in all, each in a transaction of its own. */
async function store(database: SqliteDatabase, name: string, bytes: number): Promise<number> {
  const rows = Math.ceil(bytes / ROW_BYTES);
  for (let row = 0; row < rows; row += 1) {
    await database.run("INSERT INTO settings (name, value) VALUES ($1, $2)", [
      `${name} ${row}`,
      "x".repeat(ROW_BYTES),
    ]);
  }
  return rows;
}

/** What another program sees of the log, in pages. */
function logOf(path: string): { log: number; checkpointed: number } {
  const other = new Database(path, { readwrite: true });
  try {
    return other.query("PRAGMA wal_checkpoint = NOOP").get() as { log: number; checkpointed: number };
  } finally {
    other.close();
  }
}

async function expectWhole(path: string, rows: number): Promise<void> {
  const database = new Database(path, { readonly: true });
  expect(database.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  expect(database.query("SELECT count(*) AS rows FROM settings").get()).toEqual({ rows });
  database.close();
}

test("the log is written back and begun anew once it has 4 MiB, and nothing of it is left in the end", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  const troubles: string[] = [];
  const database = openSqlite(path, FLEET_DATABASE, { onTrouble: (message) => troubles.push(message) });
  const rows = await store(database, "row", 12 * MIB);
  const bytes = statSync(`${path}-wal`).size;
  expect(bytes).toBeGreaterThan(4 * MIB);
  expect(bytes).toBeLessThan(4 * MIB + SLACK_BYTES);
  await database.close();
  expect(troubles).toEqual([]);
  expect(readdirSync(directory.path)).toEqual(["fleet.db"]);
  await expectWhole(path, rows);
}, 60_000);

test("where the thread can't do it SQLite does from 16 MiB on; it is told once, and the thread tries again", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  const troubles: string[] = [];
  const database = openSqlite(path, FLEET_DATABASE, { onTrouble: (message) => troubles.push(message) });
  renameSync(path, `${path}-away`); // so that nobody can open it who has not yet
  let rows = await store(database, "before", 20 * MIB);
  const bytes = statSync(`${path}-wal`).size;
  expect(bytes).toBeGreaterThan(16 * MIB);
  expect(bytes).toBeLessThan(16 * MIB + SLACK_BYTES);
  expect(troubles).toEqual(["the database's log can't be written back: it may not be opened or made here"]);

  renameSync(`${path}-away`, path);
  rows += await store(database, "after", 10 * MIB);
  expect(logOf(path).log).toBeLessThan(1200);
  expect(troubles).toHaveLength(1);
  await database.close();
  expect(readdirSync(directory.path)).toEqual(["fleet.db"]);
  await expectWhole(path, rows);
}, 60_000);

test("a reader in another program keeps the log from being begun anew, and no transaction waits for it", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  const database = openSqlite(path, FLEET_DATABASE);
  let rows = await store(database, "before", MIB);
  const reader = new Database(path, { readonly: true });
  reader.run("BEGIN");
  expect(reader.query("SELECT count(*) AS rows FROM settings").get()).toEqual({ rows });
  const seen = rows;
  rows += await store(database, "meanwhile", 6 * MIB);
  expect(reader.query("SELECT count(*) AS rows FROM settings").get()).toEqual({ rows: seen });
  reader.close();
  rows += await store(database, "after", 6 * MIB);
  expect(logOf(path).log).toBeLessThan(1200);
  await database.close();
  await expectWhole(path, rows);
}, 60_000);

/** A program that stores so many rows in a database whose path is its argument, and prints how many it has after each. */
function storing(rows: number): string[] {
  const source = new URL("../../../../src/store/fleet/", import.meta.url).pathname;
  const program = `
    import { openSqlite } from "${source}sqlite.ts";
    import { FLEET_DATABASE } from "${source}schema.ts";
    const database = openSqlite(process.argv[1], FLEET_DATABASE);
    const { rows } = await database.one("SELECT count(*) AS rows FROM settings");
    for (let row = rows; row < rows + ${rows}; row += 1) {
      await database.run("INSERT INTO settings (name, value) VALUES ($1, $2)", [String(row), "x".repeat(${ROW_BYTES})]);
      process.stdout.write(row + 1 + "\\n");
    }
  `;
  return [process.execPath, "-e", program];
}

test("a program that forgets to close it ends all the same", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  const child = Bun.spawn([...storing(30), path], { stdout: "ignore", stderr: "pipe" });
  expect({ status: await child.exited, told: await child.stderr.text() }).toEqual({ status: 0, told: "" });
  await expectWhole(path, 30);
}, 60_000);

test("a program that is killed while the log is written back has lost nothing that it was told is stored", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  let stored = 0;
  // The log is written back after some 17 rows: just then, a little later, much later.
  for (const more of [17, 18, 40]) {
    const child = Bun.spawn([...storing(1000), path], { stdout: "pipe", stderr: "inherit" });
    const enough = stored + more;
    let text = "";
    for await (const piece of child.stdout) {
      text += new TextDecoder().decode(piece);
      if (text.split("\n").length > more) child.kill("SIGKILL");
    }
    await child.exited;
    stored = Number(text.trimEnd().split("\n").at(-1));
    expect(stored).toBeGreaterThanOrEqual(enough);
    const database = openSqlite(path, FLEET_DATABASE);
    const [row] = await database.all<{ rows: number }>("SELECT count(*) AS rows FROM settings");
    await database.close();
    expect(row?.rows).toBeGreaterThanOrEqual(stored);
    await expectWhole(path, row?.rows ?? 0);
    stored = row?.rows ?? 0;
  }
}, 60_000);
