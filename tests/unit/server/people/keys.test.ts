/** Keys of the API while the disk is full: reading must go on, for somebody has to find out what fills it. */
import { expect, test } from "bun:test";
import { WbError } from "../../../../src/model/errors.ts";
import { KeyVerifier, newApiKey } from "../../../../src/server/people/keys.ts";
import type { PeopleStore } from "../../../../src/store/fleet/contract.ts";

const CLOCK = { now: () => 1000, monotonicMs: () => 1000 };

async function verifierWith(touchKey: PeopleStore["touchKey"]) {
  const key = await newApiKey();
  const stored = {
    id: key.id,
    name: "probe",
    role: "viewer",
    createdBy: "ann",
    createdAtMs: 0,
    expiresAtMs: null,
    lastUsedAtMs: null,
    revoked: false,
    secretHash: key.secretHash,
  } as const;
  const people = { key: async () => stored, touchKey } as unknown as PeopleStore;
  return { key, verifier: new KeyVerifier(people, CLOCK) };
}

test("a right key is let in also where it can't be written down that it was used", async () => {
  const { key, verifier } = await verifierWith(async () => {
    throw new WbError("storage", "the disk is full");
  });
  expect(await verifier.verify(key, () => undefined)).toEqual({
    kind: "key",
    id: key.id,
    name: "probe",
    role: "viewer",
  });
});

test("a defect of the store is no full disk, and is told", async () => {
  const { key, verifier } = await verifierWith(async () => {
    throw new Error("a defect");
  });
  expect(verifier.verify(key, () => undefined)).rejects.toThrow("a defect");
});
