/** The secret in a file: believed only where nobody else could have made or read it; written whole, and over no link. */
import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { chmod, chown, lchown } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { WbError } from "../../../src/model/errors.ts";
import { parseSecret, readSecretFile, writeSecretFile } from "../../../src/platform/secret-file.ts";
import { directoryTrust } from "../../../src/platform/trusted-path.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const SECRET = new Uint8Array(32).map((_, index) => index * 7);
const TEXT = `${Buffer.from(SECRET).toString("base64")}\n`;
const OTHER_USER = 65_534;

function failure(path: string): string {
  try {
    readSecretFile(path);
    return "it was read";
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    expect(error.hint).toBeTruthy();
    expect(error.message).not.toContain(TEXT.slice(0, 10));
    return `${error.code}: ${error.message.replaceAll(path, "PATH")}`;
  }
}

describe("what is written", () => {
  test("is read again, for its owner alone", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "secret");
    writeSecretFile(path, SECRET, undefined);
    expect(readSecretFile(path)).toEqual(SECRET);
    expect(lstatSync(path).mode & 0o7777).toBe(0o600);
    expect(readdirSync(directory.path)).toEqual(["secret"]);
  });

  test("replaces a link and leaves what it points to alone", async () => {
    await using directory = await tmpdir();
    const precious = join(directory.path, "precious");
    const path = join(directory.path, "secret");
    writeFileSync(precious, "untouched");
    symlinkSync(precious, path);
    writeSecretFile(path, SECRET, undefined);
    expect([readFileSync(precious, "utf8"), lstatSync(path).isFile()]).toEqual(["untouched", true]);
    expect(readSecretFile(path)).toEqual(SECRET);
  });

  test("leaves nothing where it can't be", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "secret");
    mkdirSync(path);
    expect(() => writeSecretFile(path, SECRET, undefined)).toThrow();
    expect(readdirSync(directory.path)).toEqual(["secret"]);
  });

  testWith(["root"], "may be read by a group", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "secret");
    writeSecretFile(path, SECRET, OTHER_USER);
    const { uid, gid, mode } = lstatSync(path);
    expect([uid, gid, mode & 0o7777]).toEqual([0, OTHER_USER, 0o640]);
    expect(readSecretFile(path)).toEqual(SECRET);
  });
});

describe("what is not believed", () => {
  for (const [mode, problem] of [
    [0o604, "everybody may use it"],
    [0o602, "everybody may use it"],
    [0o660, "its group may write it"],
  ] as const) {
    test(`a file of mode ${mode.toString(8)}`, async () => {
      await using directory = await tmpdir();
      const path = join(directory.path, "secret");
      writeFileSync(path, TEXT);
      await chmod(path, mode);
      expect(failure(path)).toBe(`permission: the secret in PATH is not to be trusted: ${problem}`);
    });
  }

  test("links, pipes, directories, long files, other content, nothing", async () => {
    await using directory = await tmpdir();
    const file = (name: string): string => join(directory.path, name);
    writeFileSync(file("real"), TEXT, { mode: 0o600 });
    symlinkSync(file("real"), file("link"));
    Bun.spawnSync(["mkfifo", "-m", "600", file("pipe")]);
    writeFileSync(file("long"), TEXT.repeat(100), { mode: 0o600 });
    writeFileSync(file("short"), "c2hvcnQ=\n", { mode: 0o600 });
    const untrusted = "permission: the secret in PATH is not to be trusted";
    expect(failure(file("link"))).toBe(`${untrusted}: it is a symbolic link`);
    expect(failure(file("pipe"))).toBe(`${untrusted}: it is no regular file`);
    expect(failure(directory.path)).toBe(`${untrusted}: it is no regular file`);
    expect(failure(file("long"))).toBe(`${untrusted}: it has 4500 bytes`);
    expect(failure(file("short"))).toBe("protocol: PATH holds no secret: 32 bytes as base64 are expected");
    expect(failure(file("none"))).toBe(
      "unavailable: the helper's secret in PATH can't be read: there is none",
    );
  });

  testWith(["root"], "another user's file, and a file in another user's directory", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "secret");
    writeFileSync(path, TEXT, { mode: 0o600 });
    await lchown(path, OTHER_USER, OTHER_USER);
    expect(failure(path)).toBe(
      `permission: the secret in PATH is not to be trusted: it belongs to another user (${OTHER_USER})`,
    );
    await lchown(path, 0, 0);
    await chown(directory.path, OTHER_USER, OTHER_USER);
    expect(failure(path)).toContain(`${directory.path} belongs to another user (${OTHER_USER})`);
    await chown(directory.path, 0, 0);
    await chmod(directory.path, 0o770);
    expect(failure(path)).toContain(`${directory.path} can be written by others`);
  });
});

describe("a directory", () => {
  test("is trusted below a sticky one, and not when it is one", async () => {
    await using directory = await tmpdir();
    expect(directoryTrust(directory.path)).toEqual({ path: directory.path, problem: undefined });
    await chmod(directory.path, 0o1777);
    expect(directoryTrust(directory.path).problem).toBe(`${directory.path} can be written by others`);
    const inner = join(directory.path, "inner");
    mkdirSync(inner, { mode: 0o700 });
    expect(directoryTrust(inner).problem).toBeUndefined();
    await chmod(directory.path, 0o777);
    expect(directoryTrust(inner).problem).toBe(`${directory.path} can be written by others`);
  });

  test("is looked at where a link leads to", async () => {
    await using directory = await tmpdir();
    const real = join(directory.path, "real");
    mkdirSync(real, { mode: 0o700 });
    symlinkSync(real, join(directory.path, "link"));
    expect(directoryTrust(join(directory.path, "link"))).toEqual({ path: real, problem: undefined });
  });
});

test("only 32 bytes as base64 are a secret", () => {
  expect(parseSecret(TEXT)).toEqual(SECRET);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String({ maxLength: 100 })), (text) => {
      const secret = parseSecret(text);
      if (secret !== undefined) expect([secret.length, text.trim().length]).toEqual([32, 44]);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      expect(parseSecret(Buffer.from(bytes).toString("base64"))).toEqual(bytes);
    }),
  );
});
