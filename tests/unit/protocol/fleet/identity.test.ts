/** Ed25519 identities: RFC 8032's own vectors, keys there and back, and whatever is no key. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { sha256, toBase64Url } from "../../../../src/protocol/fleet/canonical.ts";
import { Identity, idOf, importPublicKey, isSignedBy } from "../../../../src/protocol/fleet/identity.ts";

/** RFC 8032, section 7.1: secret key, public key, message, signature. */
const VECTORS = [
  [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
] as const;

function fromSeed(seed: string): Identity {
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex"); // PKCS #8 of an Ed25519 key, RFC 8410
  const key = createPrivateKey({
    key: Buffer.concat([prefix, Buffer.from(seed, "hex")]),
    format: "der",
    type: "pkcs8",
  });
  return Identity.fromPem(key.export({ type: "pkcs8", format: "pem" }));
}

describe("an identity", () => {
  test("signs as RFC 8032 says", () => {
    for (const [seed, publicKey, message, signature] of VECTORS) {
      const identity = fromSeed(seed);
      const bytes = Buffer.from(message, "hex");
      expect(identity.publicKey).toBe(toBase64Url(Buffer.from(publicKey, "hex")));
      expect(Buffer.from(identity.sign(bytes)).toString("hex")).toBe(signature);
      expect(isSignedBy(identity.publicKey, bytes, toBase64Url(Buffer.from(signature, "hex")))).toBe(true);
      expect(identity.id).toBe(
        Buffer.from(sha256(Buffer.from(publicKey, "hex")))
          .toString("hex")
          .slice(0, 32),
      );
    }
  });

  test("is the same after being written and read", () => {
    const identity = Identity.generate();
    const again = Identity.fromPem(identity.toPem());
    expect(again.id).toBe(identity.id);
    expect(again.publicKey).toBe(identity.publicKey);
    expect(identity.id).toMatch(/^[0-9a-f]{32}$/);
    expect(idOf(identity.publicKey)).toBe(identity.id);
    expect(Identity.generate().id).not.toBe(identity.id);
  });

  test("is no key of another kind, and no text", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    expect(() => Identity.fromPem(pem)).toThrow("not an Ed25519 key");
    expect(() => Identity.fromPem("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----")).toThrow();
    expect(() => Identity.fromPem("")).toThrow();
  });

  test("a signature is good for these bytes and this key alone", () => {
    const [identity, other] = [Identity.generate(), Identity.generate()];
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), (bytes, at) => {
        const signature = toBase64Url(identity.sign(bytes));
        const changed = Uint8Array.from(bytes);
        changed[at % bytes.length] = (changed[at % bytes.length] ?? 0) ^ 1;
        expect(isSignedBy(identity.publicKey, bytes, signature)).toBe(true);
        expect(isSignedBy(other.publicKey, bytes, signature)).toBe(false);
        expect(isSignedBy(identity.publicKey, changed, signature)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test("no text as key or signature crashes the check", () => {
    const { publicKey } = Identity.generate();
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^[\w-]{43}$/),
      fc.stringMatching(/^[\w-]{86}$/),
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toBase64Url),
      fc.uint8Array({ minLength: 64, maxLength: 64 }).map(toBase64Url),
    );
    fc.assert(
      fc.property(text, text, (key, signature) => {
        expect(isSignedBy(publicKey, new Uint8Array([1]), signature)).toBe(false);
        const imported = importPublicKey(key);
        if (imported !== undefined) expect(imported.asymmetricKeyType).toBe("ed25519");
        isSignedBy(key, new Uint8Array([1]), signature);
      }),
      { numRuns: 1000 },
    );
  });
});
