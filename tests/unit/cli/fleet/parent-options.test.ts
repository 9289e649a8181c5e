/** Which parent is asked, and by which key: flags before variables, this machine's file where neither names one, errors in words. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { parentAccess, type ParentFlags } from "../../../../src/cli/fleet/parent-options.ts";
import { WbError } from "../../../../src/model/errors.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

const KEY = `wbk_${"0".repeat(16)}_${"s".repeat(43)}`;
const PIN = "p".repeat(43);

function refusal(flags: ParentFlags, env: Record<string, string> = {}): [string, string] {
  try {
    parentAccess(flags, env);
  } catch (error) {
    if (error instanceof WbError && error.hint !== undefined) return [error.code, error.message];
    throw error;
  }
  throw new Error("it was not refused");
}

test("another machine's parent: flags before variables; without a port it is 7443", async () => {
  await using directory = await tmpdir();
  const file = join(directory.path, "key");
  await writeFile(file, `${KEY}\n`);
  const env = { WB_PARENT: "one.example", WB_PARENT_PIN: PIN, WB_API_KEY: KEY };
  expect(parentAccess({}, env)).toEqual({
    url: "https://one.example:7443",
    pin: PIN,
    key: KEY,
    isLocal: false,
  });
  expect(
    parentAccess({ parent: "[::1]:8", pin: "q".repeat(43), keyFile: file }, { ...env, WB_API_KEY: "no" }),
  ).toEqual({ url: "https://[::1]:8", pin: "q".repeat(43), key: KEY, isLocal: false });
  expect(parentAccess({ parent: "two.example" }, { WB_API_KEY: KEY }).pin).toBeUndefined();
});

test("this machine's parent by its own file; another key may be named", async () => {
  await using directory = await tmpdir();
  const local = { url: "https://127.0.0.1:7443", pin: PIN, key: KEY };
  await writeFile(join(directory.path, "local.json"), JSON.stringify(local));
  const flags = { stateDir: directory.path };
  expect(parentAccess(flags, {})).toEqual({ ...local, isLocal: true });
  const other = KEY.replace("s", "t");
  expect(parentAccess(flags, { WB_API_KEY: other }).key).toBe(other);
});

test("what is wrong is named, with what to do", async () => {
  await using directory = await tmpdir();
  const at = (name: string): string => join(directory.path, name);
  await writeFile(at("two"), `${KEY}\n${KEY}\n`);
  await writeFile(at("empty"), "");
  await writeFile(at("local.json"), "{");
  const parent = "one.example";
  expect(refusal({ parent })).toEqual(["config", "an API key is needed to ask another machine's parent"]);
  expect(refusal({ parent, keyFile: at("two") })).toEqual(["config", `${at("two")} holds no API key`]);
  expect(refusal({ parent, keyFile: at("empty") })).toEqual(["config", `${at("empty")} holds no API key`]);
  expect(refusal({ parent, keyFile: at("none") })[0]).toBe("config");
  expect(refusal({ parent }, { WB_API_KEY: "secret\u001b[2J" })).toEqual([
    "config",
    "WB_API_KEY holds no API key",
  ]);
  expect(refusal({ parent, pin: "abc" }, { WB_API_KEY: KEY })).toEqual([
    "usage",
    '"abc" is no pin of a parent',
  ]);
  expect(refusal({ parent: "a b" }, { WB_API_KEY: KEY })[0]).toBe("usage");
  expect(refusal({ stateDir: directory.path })).toEqual(["unavailable", `${at("local.json")} is damaged`]);
  expect(refusal({ stateDir: at("none") })).toEqual(["unavailable", `there is no parent in ${at("none")}`]);
  expect(refusal({ stateDir: at("two") })).toEqual(["unavailable", `there is no parent in ${at("two")}`]);
});
