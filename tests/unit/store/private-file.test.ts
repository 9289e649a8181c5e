/** Files for one user alone: whole or not at all, never through a link, never where others could have read them. */
import { chmod, mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { WbError } from "../../../src/model/errors.ts";
import { readPrivateFile, writePrivateFile } from "../../../src/store/private-file.ts";
import { tmpdir } from "../../support/tmpdir.ts";

function refusal(work: () => unknown): [string, string] {
  try {
    work();
  } catch (error) {
    if (error instanceof WbError) return [error.code, error.message];
  }
  throw new Error("it was not refused");
}

test("what is written is read, replaces what was there, and leaves nothing beside it", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "secret");
  expect(readPrivateFile(path)).toBeUndefined();
  writePrivateFile(path, "first\n");
  writePrivateFile(path, "zweite ä\n");
  expect(readPrivateFile(path)).toBe("zweite ä\n");
  expect(await readdir(directory.path)).toEqual(["secret"]);
});

test("a link is replaced, and never read", async () => {
  await using directory = await tmpdir();
  const other = join(directory.path, "other");
  const path = join(directory.path, "secret");
  await writeFile(other, "theirs", { mode: 0o600 });
  await symlink(other, path);
  expect(refusal(() => readPrivateFile(path))).toEqual(["storage", `cannot read ${path}: ELOOP`]);
  writePrivateFile(path, "ours");
  expect(readPrivateFile(path)).toBe("ours");
  expect(await readFile(other, "utf8")).toBe("theirs");
});

test("what others may use, what is no file and what is too large is refused", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "secret");
  writePrivateFile(path, "x");
  await chmod(path, 0o604);
  expect(refusal(() => readPrivateFile(path))).toEqual(["permission", `${path} may be used by others`]);
  const folder = join(directory.path, "folder");
  await mkdir(folder, { mode: 0o700 });
  expect(refusal(() => readPrivateFile(folder))[0]).toBe("storage");
  await writeFile(join(folder, "large"), "x".repeat(65 * 1024), { mode: 0o600 });
  expect(refusal(() => readPrivateFile(join(folder, "large")))[0]).toBe("storage");
  const nowhere = join(directory.path, "nowhere", "secret");
  expect(refusal(() => writePrivateFile(nowhere, "x"))).toEqual([
    "storage",
    `cannot write ${nowhere}: ENOENT`,
  ]);
});
