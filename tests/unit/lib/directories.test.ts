/** Directories of our own: private, made with what is missing above them, but never a whole home. */
import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { makePrivateDirectory } from "../../../src/lib/directories.ts";
import { tmpdir } from "../../support/tmpdir.ts";

test("is made with what is missing above it, for this user alone", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, ".local", "state", "wirebound");
  makePrivateDirectory(path, 3);
  makePrivateDirectory(path, 3);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory.path, ".local")).mode & 0o777).toBe(0o700);
});

test("a home that isn't there stays away", async () => {
  await using directory = await tmpdir();
  const home = join(directory.path, "home");
  expect(() => makePrivateDirectory(join(home, ".local", "state", "wirebound"), 3)).toThrow("ENOENT");
  expect(existsSync(home)).toBe(false);
});

test("a file in the way is told", async () => {
  await using directory = await tmpdir();
  await Bun.write(join(directory.path, "file"), "");
  expect(() => makePrivateDirectory(join(directory.path, "file", "wirebound"), 3)).toThrow("ENOTDIR");
});
