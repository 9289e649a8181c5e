/** Executable files: hashed once as long as they are the same, never by a guess, a few at a time. */
import { appendFile, chmod, link, mkdtemp, rename, stat, truncate, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { describe, expect, test } from "bun:test";
import {
  FileReader,
  NO_FACTS,
  type ExecutableFile,
  type FileFacts,
} from "../../../../src/agent/audit/file-facts.ts";
import { tmpdir } from "../../../support/tmpdir.ts";
import { waitFor } from "../../../support/wait-for.ts";

function hashOf(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Its store, and how often an owner was asked for. */
function world(): { reader: FileReader; stored: Map<string, FileFacts>; asked: string[] } {
  const stored = new Map<string, FileFacts>();
  const asked: string[] = [];
  const store = {
    fileFacts: (key: string) => stored.get(key),
    keepFileFacts: (key: string, facts: FileFacts) => void stored.set(key, facts),
  };
  const reader = new FileReader(
    store,
    (path) => {
      asked.push(path);
      return Promise.resolve({ publisher: "somebody", version: "1" });
    },
    Date.now,
  );
  return { reader, stored, asked };
}

function at(path: string, parts: Partial<ExecutableFile> = {}): ExecutableFile {
  return {
    link: undefined,
    isStill: () => true,
    path,
    isForeign: false,
    ranAtMs: Date.now() + 60_000,
    ...parts,
  };
}

describe("a file", () => {
  test("is read once as long as it stays the same, also by another run", async () => {
    await using directory = await tmpdir();
    const path = `${directory.path}/x`;
    await writeFile(path, "one");
    const { reader, stored, asked } = world();
    const facts = { fileHash: hashOf("one"), publisher: "somebody", version: "1" };
    expect(await Promise.all([1, 2, 3].map(() => reader.read(at(path))))).toEqual([facts, facts, facts]);
    await link(path, `${directory.path}/y`); // which changes its ctime
    await reader.read(at(path));
    expect(asked).toHaveLength(2);
    expect(stored.size).toBe(2);
    const again = world();
    for (const [key, value] of stored) again.stored.set(key, value);
    expect(await again.reader.read(at(path))).toEqual(facts);
    expect(again.asked).toEqual([]);
    await appendFile(path, "two");
    expect((await reader.read(at(path))).fileHash).toBe(hashOf("onetwo"));
  });

  test("that was put there after the program began is not the one that ran", async () => {
    await using directory = await tmpdir();
    const path = `${directory.path}/x`;
    await writeFile(`${path}.new`, "one");
    const ranAtMs = (await stat(`${path}.new`)).ctimeMs - 1;
    expect(await world().reader.read(at(`${path}.new`, { ranAtMs }))).toEqual(NO_FACTS);
    const before = Date.now();
    // The clock of a file system goes in steps.
    await waitFor("the file system's clock", async () => {
      await writeFile(`${directory.path}/probe`, "");
      return (await stat(`${directory.path}/probe`)).ctimeMs > before;
    });
    await rename(`${path}.new`, path);
    expect((await world().reader.read(at(path, { ranAtMs: before }))).fileHash).toBeNull();
    expect((await world().reader.read(at(path))).fileHash).toBe(hashOf("one"));
  });

  test("is opened by its process first, as long as that is still the one", async () => {
    await using directory = await tmpdir();
    const [ran, other] = [`${directory.path}/ran`, `${directory.path}/other`];
    await writeFile(ran, "ran");
    await writeFile(other, "other");
    const { reader } = world();
    expect((await reader.read(at(other, { link: ran, ranAtMs: 0 }))).fileHash).toBe(hashOf("ran"));
    const isStill = (): boolean => false;
    expect((await reader.read(at(other, { link: ran, isStill }))).fileHash).toBe(hashOf("other"));
  });

  test("that is another one than its path names has no package, and nobody else gets its facts", async () => {
    await using directory = await tmpdir();
    const [path, other] = [`${directory.path}/x`, `${directory.path}/other`];
    await writeFile(path, "one");
    await writeFile(other, "other");
    const { reader, asked } = world();
    const replaced = at(path, { link: other });
    expect(await reader.read(replaced)).toEqual({ ...NO_FACTS, fileHash: hashOf("other") });
    expect(await reader.read(at(`${path}.gone`, { link: path }))).toEqual({
      ...NO_FACTS,
      fileHash: hashOf("one"),
    });
    expect(asked).toEqual([]);
    expect((await reader.read(at(path))).publisher).toBe("somebody");
    expect((await reader.read(at(other))).publisher).toBe("somebody");
  });

  test("of who sees other files is opened by its process alone; by whatever name, a file is itself", async () => {
    await using directory = await tmpdir();
    const path = `${directory.path}/x`;
    await writeFile(path, "one");
    const { reader, asked } = world();
    expect(await reader.read(at(path, { isForeign: true }))).toEqual(NO_FACTS);
    expect(asked).toEqual([]);
    const seen = await reader.read(at(path, { link: path, isForeign: true }));
    expect(seen).toEqual({ fileHash: hashOf("one"), publisher: "somebody", version: "1" });
    expect(await reader.read(at(path, { isForeign: true }))).toEqual(NO_FACTS);
  });

  test("that is a pipe, a directory, too large, unreadable or gone has no hash, and nobody waits", async () => {
    await using directory = await tmpdir();
    const { reader } = world();
    const pipe = `${directory.path}/pipe`;
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    const sparse = `${directory.path}/sparse`;
    await writeFile(sparse, "");
    await truncate(sparse, 1024 ** 3 + 1);
    const folder = await mkdtemp(`${directory.path}/d`);
    const hidden = `${directory.path}/hidden`;
    await writeFile(hidden, "x");
    await chmod(hidden, 0o000);
    for (const path of [pipe, sparse, folder, `${directory.path}/none`])
      expect((await reader.read(at(path))).fileHash).toBeNull();
    const asRoot = process.getuid?.() === 0;
    expect((await reader.read(at(hidden))).fileHash).toBe(asRoot ? hashOf("x") : null);
  });

  test("many at once are read a few at a time, and none is forgotten", async () => {
    await using directory = await tmpdir();
    const { reader } = world();
    const names = Array.from({ length: 200 }, (_, index) => `${directory.path}/${index}`);
    await Promise.all(names.map((name) => writeFile(name, name)));
    const facts = await Promise.all(names.map((name) => reader.read(at(name))));
    expect(facts.map(({ fileHash }) => fileHash)).toEqual(names.map(hashOf));
    expect(reader.skipped).toBe(0);
  });
});
