/** The history's file: no state of it crashes the program or is destroyed by it. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { EmptyDatabaseError } from "../../../src/store/database.ts";
import { begun, EVER, increment, open, SCOPE, write } from "../../support/history-store.ts";
import { tmpdir } from "../../support/tmpdir.ts";

describe("files", () => {
  test("only the user may read them", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "state", "wirebound", "history.db");
    const history = begun(path);
    write(history, [increment(1)]);
    const mode = (name: string): string => (statSync(name).mode & 0o777).toString(8);
    expect([mode(join(directory.path, "state", "wirebound")), mode(path), mode(`${path}-wal`)]).toEqual([
      "700",
      "600",
      "600",
    ]);
    history.close();
  });

  test("a newer version is refused and not touched", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    begun(path).close();
    const database = new Database(path);
    database.run("PRAGMA user_version = 99");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    const before = readFileSync(path);
    expect(() => open(path)).toThrow(/made by a newer wb \(version 99 of the history, this one knows 1\)/);
    expect(readdirSync(directory.path)).toEqual(["history.db"]);
    expect(() => open(path, { readonly: true })).toThrow(/made by a newer wb/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("another program's database is refused and not touched", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    const database = new Database(path);
    database.run("CREATE TABLE precious (a)");
    database.close();
    const before = readFileSync(path);
    expect(() => open(path)).toThrow(/a database of another program; it is left as it is/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  const damages: Record<string, (path: string) => void> = {
    garbage: (path) => writeFileSync(path, "not a database at all ".repeat(500)),
    "a torn header": (path) => truncateSync(path, 7),
    "half a page": (path) => truncateSync(path, 5000),
    "zeroes in the middle": (path) => {
      const bytes = readFileSync(path);
      bytes.fill(0, 4096, bytes.length - 4096);
      writeFileSync(path, bytes);
    },
    "a missing table": (path) => {
      const database = new Database(path);
      database.run("DROP TABLE mark");
      database.close();
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`${name} is set aside whole, and a new history begun`, async () => {
      await using directory = await tmpdir();
      const path = join(directory.path, "history.db");
      const history = begun(path);
      write(
        history,
        Array.from({ length: 300 }, (_, index) => increment(1, {}, { processName: `p${index}` })),
      );
      history.close();
      damage(path);
      writeFileSync(`${path}-wal`, "old log");
      const damaged = readFileSync(path);
      const second = open(path);
      expect(basename(second.setAsidePath ?? "")).toMatch(
        /^history\.db\.corrupt-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d$/,
      );
      expect(second.begin({ scope: SCOPE }).notices).toEqual([
        `the history was damaged: it was set aside as ${second.setAsidePath}, and a new one begun`,
      ]);
      write(second, [increment(5)]);
      expect(second.query({ ...EVER, by: "process" }).totals.bytesReceived).toBe(5);
      second.close();
      if (name !== "a missing table")
        expect(readFileSync(second.setAsidePath ?? "").equals(damaged)).toBe(true);
    });
  }

  test("a reader leaves a damaged file where it is", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    writeFileSync(path, "not a database at all ".repeat(500));
    expect(() => open(path, { readonly: true })).toThrow(/is damaged/);
    expect(readdirSync(directory.path)).toEqual(["history.db"]);
  });

  test("too many damaged ones beside it are not added to", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    for (let count = 0; count < 5; count += 1) writeFileSync(`${path}.corrupt-${count}`, "");
    writeFileSync(path, "garbage".repeat(1000));
    expect(() => open(path)).toThrow(/5 damaged ones already lie beside it/);
    expect(statSync(path).size).toBe(7000);
  });

  test("a file that is no database and not named as one is refused and not touched", async () => {
    await using directory = await tmpdir();
    for (const text of ["root:x:0:0:root:/root:/bin/bash\n", "x"]) {
      const path = join(directory.path, "passwd");
      writeFileSync(path, text);
      expect(() => open(path)).toThrow(/passwd is not a database; it is left as it is/);
      expect(readFileSync(path, "utf8")).toBe(text);
    }
    expect(readdirSync(directory.path)).toEqual(["passwd"]);
  });

  test("a device is refused: nothing that is written to it is kept", () => {
    expect(() => open("/dev/null")).toThrow("/dev/null is not a file, so it can't hold the history");
  });

  test("a reader tells a database that holds nothing yet from a damaged one", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    writeFileSync(path, "");
    expect(() => open(path, { readonly: true })).toThrow(EmptyDatabaseError);
    const database = new Database(path);
    database.run("PRAGMA journal_mode = WAL");
    database.close();
    expect(() => open(path, { readonly: true })).toThrow(EmptyDatabaseError);
  });

  test("an empty file, as a kill at the very beginning leaves it, becomes a history", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "history.db");
    writeFileSync(path, "");
    const history = begun(path);
    expect(history.setAsidePath).toBeUndefined();
    write(history, [increment(1)]);
    history.close();
  });
});
