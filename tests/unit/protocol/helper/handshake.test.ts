/** The proofs of the handshake: known answers of another implementation, and what changes them. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  clientMac,
  equalInConstantTime,
  type Grant,
  type HandshakeFacts,
  helperMac,
  makeRandomBytes,
  SECRET_BYTES_MIN,
} from "../../../../src/protocol/helper/handshake.ts";
import { exactBytes } from "../../../support/helper-messages.ts";

const secret = Uint8Array.from({ length: 32 }, (_, index) => index);
const facts: HandshakeFacts = {
  version: 1,
  helperNonce: new Uint8Array(32).fill(0x11),
  instance: new Uint8Array(16).fill(0x22),
  helperPid: 4242,
  clientNonce: new Uint8Array(32).fill(0x33),
  clientPid: 1234,
  timestampMs: 1_700_000_000_123,
  executable: "/usr/bin/wb é",
};
const grant: Grant = { token: new Uint8Array(32).fill(0x44), expiresAtMs: 1_700_028_800_123 };

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Both proofs as one word: what must differ when anything does. */
function proofs(key: Uint8Array, what: HandshakeFacts, granted: Grant): string {
  return `${hex(clientMac(key, what))} ${hex(helperMac(key, what, granted))}`;
}

const anyFacts: fc.Arbitrary<HandshakeFacts> = fc.record({
  version: fc.nat(),
  helperNonce: fc.uint8Array({ maxLength: 40 }),
  instance: fc.uint8Array({ maxLength: 40 }),
  helperPid: fc.nat(),
  clientNonce: fc.uint8Array({ maxLength: 40 }),
  clientPid: fc.nat(),
  timestampMs: fc.maxSafeNat(),
  executable: fc.string({ unit: "binary", maxLength: 40 }),
});

describe("the proofs", () => {
  /*
   * By Python, and the first once more by `openssl dgst -sha256 -mac HMAC -macopt hexkey:…`:
   *
   *   f = lambda b: struct.pack(">I", len(b)) + b
   *   n = lambda v: struct.pack(">Q", v)
   *   said = [n(1), b"\x11"*32, b"\x22"*16, n(4242), b"\x33"*32, n(1234), n(1700000000123), "/usr/bin/wb é".encode()]
   *   mac = lambda role, more: hmac.new(bytes(range(32)), b"".join(map(f, [b"wirebound-helper-v1", role] + said + more)),
   *     hashlib.sha256).hexdigest()
   *   mac(b"client", []); mac(b"helper", [b"\x44"*32, n(1700028800123)])
   */
  test("are what another implementation computes", () => {
    expect(hex(clientMac(secret, facts))).toBe(
      "9e775c200bc790ed9c2e22e633f08ae170ddcc12b557be79579699b255ecb7d8",
    );
    expect(hex(helperMac(secret, facts, grant))).toBe(
      "b773dec1d34c3afe90ddb6e17c0ff0edbb5283e93f361e227fed89c9122bdb14",
    );
  });

  test("differ when any one fact differs", () => {
    const changed: Partial<HandshakeFacts>[] = [
      { version: 2 },
      { helperNonce: new Uint8Array(32).fill(0x12) },
      { instance: new Uint8Array(16).fill(0x23) },
      { helperPid: 4243 },
      { clientNonce: new Uint8Array(32).fill(0x34) },
      { clientPid: 1235 },
      { timestampMs: 1_700_000_000_124 },
      { executable: "/usr/bin/wb e" },
    ];
    expect(new Set(changed.flatMap(Object.keys))).toEqual(new Set(Object.keys(facts)));
    const all = changed.map((one) => Object.assign({}, facts, one));
    const macs = [facts, ...all].flatMap((one) => [
      hex(clientMac(secret, one)),
      hex(helperMac(secret, one, grant)),
    ]);
    macs.push(
      hex(helperMac(secret, facts, { ...grant, token: new Uint8Array(32) })),
      hex(helperMac(secret, facts, { ...grant, expiresAtMs: grant.expiresAtMs + 1 })),
      hex(clientMac(new Uint8Array(32), facts)),
    );
    expect(new Set(macs).size).toBe(macs.length);
  });

  test("are equal only for equal facts, whatever moves from one field to another", () => {
    fc.assert(
      fc.property(anyFacts, anyFacts, (one, other) => {
        const same = Bun.deepEquals(one, other);
        expect(proofs(secret, one, grant) === proofs(secret, other, grant)).toBe(same);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      // The same bytes, cut elsewhere: without lengths these would be one transcript.
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 60 }), fc.nat(), fc.nat(), (bytes, a, b) => {
        const cut = (at: number): HandshakeFacts => ({
          ...facts,
          helperNonce: bytes.slice(0, at % bytes.length),
          instance: bytes.slice(at % bytes.length),
        });
        const same = a % bytes.length === b % bytes.length;
        expect(proofs(secret, cut(a), grant) === proofs(secret, cut(b), grant)).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  test("are refused for a secret that is none and a number that would be rounded", () => {
    expect(SECRET_BYTES_MIN).toBe(32);
    for (const length of [0, 1, 31])
      expect(() => clientMac(new Uint8Array(length), facts)).toThrow(`a secret of ${length} bytes is none`);
    for (const clientPid of [-1, 1.5, Number.NaN, 2 ** 53])
      expect(() => clientMac(secret, { ...facts, clientPid })).toThrow("can't be part of a handshake");
  });
});

describe("comparing", () => {
  test("says whether bytes are the same, also of different lengths", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (one, other) => {
        expect(equalInConstantTime(one, other)).toBe(hex(one) === hex(other));
        expect(equalInConstantTime(one, one.slice())).toBe(true);
      }),
    );
    fc.assert(
      fc.property(exactBytes(32), fc.nat(31), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
        const other = bytes.slice();
        other[at] = (other[at] ?? 0) ^ flip;
        expect(equalInConstantTime(bytes, other)).toBe(false);
      }),
    );
  });
});

describe("random bytes", () => {
  test("have the length asked for and never come twice", () => {
    const made = Array.from({ length: 1000 }, () => makeRandomBytes(32));
    expect(made.every((bytes) => bytes.byteLength === 32 && bytes.constructor === Uint8Array)).toBe(true);
    expect(new Set(made.map(hex)).size).toBe(1000);
  });
});
