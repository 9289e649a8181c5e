/** The parent's keys: made once, kept, renewed with the same key, and a clear word where a file is damaged or open. */
import { X509Certificate } from "node:crypto";
import { chmod, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { WbError } from "../../../src/model/errors.ts";
import { openServerKeys, pinOf } from "../../../src/server/tls.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const NOW_MS = Date.UTC(2026, 10, 20);
const YEAR_MS = 365 * 86_400_000;

async function open(directory: string, needed: string[] = [], nowMs = NOW_MS, welcome: string[] = []) {
  const renewals: string[] = [];
  const keys = await openServerKeys(directory, { needed, welcome }, nowMs, (reason) => renewals.push(reason));
  return { keys, renewals };
}

async function refusal(work: Promise<unknown>): Promise<WbError> {
  const error: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof WbError) return error;
  throw new Error("it was not refused", { cause: error });
}

test("they are made once, for this user alone, with the names of the certificate", async () => {
  await using directory = await tmpdir();
  const { keys } = await open(directory.path, ["Parent.example", "203.0.113.7"], NOW_MS, [
    "2001:db8::1",
    "no name",
  ]);
  const again = await open(directory.path, ["parent.example"]);
  expect(again.keys.pin).toBe(keys.pin);
  expect(again.keys.identity.id).toBe(keys.identity.id);
  expect(again.keys.certificatePem).toBe(keys.certificatePem);
  expect(again.renewals).toEqual([]);
  for (const name of ["tls-key.pem", "tls-certificate.pem", "identity.pem"]) {
    expect((await stat(join(directory.path, name))).mode & 0o777).toBe(0o600);
  }
  const certificate = new X509Certificate(keys.certificatePem);
  expect(certificate.subjectAltName).toBe(
    "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:parent.example, " +
      "IP Address:203.0.113.7, IP Address:2001:DB8:0:0:0:0:0:1",
  );
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(Date.parse(certificate.validTo)).toBe(NOW_MS + 10 * YEAR_MS);
  expect(keys.pin).toMatch(/^[\w-]{43}$/);
  expect(pinOf(keys.keyPem)).toBe(keys.pin);
});

test("another name, an end that is near and a damaged certificate renew it with the same pin", async () => {
  await using directory = await tmpdir();
  const first = await open(directory.path);
  const named = await open(directory.path, ["new.example"]);
  expect(named.renewals).toEqual(["it is not for new.example"]);
  const late = await open(directory.path, [], NOW_MS + 9.6 * YEAR_MS);
  expect(late.renewals).toEqual(["it ends soon"]);
  await writeFile(join(directory.path, "tls-certificate.pem"), "-----BEGIN");
  const torn = await open(directory.path);
  expect(torn.renewals).toEqual(["it is damaged"]);
  const pins = new Set([first, named, late, torn].map(({ keys }) => keys.pin));
  expect([...pins]).toEqual([first.keys.pin]);
});

test("damaged and missing keys are never replaced: the error says what is lost", async () => {
  await using directory = await tmpdir();
  await open(directory.path);
  const key = join(directory.path, "tls-key.pem");
  const identity = join(directory.path, "identity.pem");
  const whole = await readFile(key, "utf8");
  await truncate(key, 60);
  expect((await refusal(open(directory.path))).message).toBe(`the TLS key in ${key} is damaged`);
  await rm(key);
  expect((await refusal(open(directory.path))).hint).toContain("all agents must join anew");
  await writeFile(key, whole, { mode: 0o600 });
  await truncate(identity, 0);
  expect((await refusal(open(directory.path))).message).toBe(
    `the parent's identity in ${identity} is damaged`,
  );
});

test("a key that others may read is refused", async () => {
  await using directory = await tmpdir();
  await open(directory.path);
  await chmod(join(directory.path, "tls-key.pem"), 0o640);
  const error = await refusal(open(directory.path));
  expect(error.code).toBe("permission");
  expect(error.hint).toBe(`chmod 600 ${join(directory.path, "tls-key.pem")}`);
});
