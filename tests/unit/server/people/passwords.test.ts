/** Hashes of passwords and keys: argon2id, right or wrong, and bounded in how many are computed and wait. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { FleetError } from "../../../../src/server/http/errors.ts";
import { hashSecret, isNobodysSecret, isSecret } from "../../../../src/server/people/passwords.ts";
import { newApiKey, parseApiKey } from "../../../../src/server/people/keys.ts";

test("a secret is its hash's and no other", async () => {
  const hash = await hashSecret("correct horse");
  expect(hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  expect(await isSecret("correct horse", hash)).toBe(true);
  expect(await isSecret("correct horsf", hash)).toBe(false);
  expect(await isSecret("", hash)).toBe(false);
  for (const wrong of ["", "x", "$argon2id$", "$2b$10$abcdefghijklmnopqrstuv"]) {
    expect(await isSecret("correct horse", wrong)).toBe(false);
  }
  expect(await isNobodysSecret("anything")).toBe(false);
});

test("many at once wait in a bounded line; beyond it they are refused at once", async () => {
  // By a hash that is none, which takes a place in the line and no time.
  const check = (): Promise<string> =>
    isSecret("a secret", "no hash").then(
      () => "done",
      (error: unknown) => (error instanceof FleetError ? error.code : "?"),
    );
  const outcomes = await Promise.all(Array.from({ length: 100 }, check));
  expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(66);
  expect(outcomes.filter((outcome) => outcome === "overloaded")).toHaveLength(34);
  expect(await check()).toBe("done");
});

test("a new key is parsed to itself; nothing else is a key", async () => {
  const { text, id, secret } = await newApiKey();
  expect(parseApiKey(text)).toEqual({ id, secret });
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseApiKey(text)).toBeUndefined();
    }),
  );
  for (const wrong of [`${text} `, text.slice(0, -1), text.replace("wbk", "wbK"), `${text}\n`]) {
    expect(parseApiKey(wrong)).toBeUndefined();
  }
});
