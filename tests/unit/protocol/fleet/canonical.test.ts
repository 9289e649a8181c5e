/** What is hashed and signed: known bytes, and no two lists of fields with the same. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  canonicalBytes,
  canonicalHash,
  fromBase64Url,
  sha256,
  toBase64Url,
  type Field,
} from "../../../../src/protocol/fleet/canonical.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("canonical bytes", () => {
  test("are lengths and fields, with absence as a length of its own", () => {
    expect(hex(canonicalBytes("d", ["é", 12, null, new Uint8Array([0, 255]), ""]))).toBe(
      ["0000000164", "00000002c3a9", "000000023132", "ffffffff", "0000000200ff", "00000000"].join(""),
    );
    expect(hex(canonicalBytes("", []))).toBe("00000000");
  });

  test("write numbers as JavaScript does", () => {
    const text = (value: number): string => Buffer.from(canonicalBytes("", [value]).subarray(8)).toString();
    expect([0, -0, 0.1, 1e21, 2 ** 53 - 1, 12.5].map(text)).toEqual([
      "0",
      "0",
      "0.1",
      "1e+21",
      "9007199254740991",
      "12.5",
    ]);
  });

  test("are different wherever the fields are", () => {
    const field = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 6 }),
      fc.uint8Array({ maxLength: 6 }),
      fc.integer(),
      fc.constant(null),
    );
    const list = fc.array(field, { maxLength: 5 });
    // A number and its text, a text and its bytes are the same on purpose: the domain says which stands where.
    const meaning = (fields: readonly Field[]): string =>
      JSON.stringify(
        fields.map((each) =>
          each === null ? null : hex(each instanceof Uint8Array ? each : Buffer.from(String(each))),
        ),
      );
    fc.assert(
      fc.property(fc.string(), list, fc.string(), list, (domain, fields, otherDomain, others) => {
        const isSame = domain === otherDomain && meaning(fields) === meaning(others);
        expect(hex(canonicalBytes(domain, fields)) === hex(canonicalBytes(otherDomain, others))).toBe(isSame);
        expect(hex(canonicalBytes(domain, fields))).toBe(hex(canonicalBytes(domain, [...fields])));
      }),
      { numRuns: 2000 },
    );
  });
});

/** The same, field by field, without any haste. */
function plainly(domain: string, fields: readonly Field[]): Buffer {
  const parts = [domain, ...fields].flatMap((field) => {
    const length = Buffer.alloc(4);
    if (field === null) return [length.fill(0xff)];
    const bytes = field instanceof Uint8Array ? field : Buffer.from(String(field), "utf8");
    length.writeUInt32BE(bytes.byteLength);
    return [length, bytes];
  });
  return Buffer.concat(parts);
}

describe("however long and whatever its letters, a text", () => {
  const letters = fc.oneof(
    fc.string({ unit: "binary", maxLength: 80 }),
    fc.string({ unit: "binary-ascii", maxLength: 80 }),
    // Halves of letters, which UTF-8 has none of.
    fc
      .array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 70 })
      .map((units) => String.fromCharCode(...units)),
  );
  const long = fc
    .tuple(letters, fc.integer({ min: 0, max: 3000 }))
    .map(([text, times]) => text.repeat(times));
  const field = fc.oneof(
    { weight: 8, arbitrary: letters },
    { weight: 1, arbitrary: long },
    fc.double(),
    fc.uint8Array({ maxLength: 100 }),
    fc.constant(null),
  );

  test("is written as its UTF-8, and hashed as it is written", () => {
    fc.assert(
      fc.property(letters, fc.array(field, { maxLength: 12 }), fc.nat(255), (domain, fields, first) => {
        const expected = plainly(domain, fields);
        const written = canonicalBytes(domain, fields);
        const hashed = canonicalHash(first, domain, fields);
        expect(Buffer.compare(written, expected)).toBe(0);
        expect(hashed).toBe(toBase64Url(sha256(new Uint8Array([first]), expected)));
      }),
      { numRuns: 1000 },
    );
  });

  test("is not changed by what is written after it", () => {
    const one = canonicalBytes("one", ["a"]);
    canonicalBytes("other", ["b"]);
    expect(hex(one)).toBe(hex(plainly("one", ["a"])));
  });
});

describe("base64url and SHA-256", () => {
  test("have their known answers (RFC 4648, section 10; FIPS 180-4, example of one block)", () => {
    expect(
      ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map((text) => toBase64Url(Buffer.from(text))),
    ).toEqual(["", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"]);
    expect(toBase64Url(new Uint8Array([251, 255]))).toBe("-_8");
    expect(hex(sha256("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(hex(sha256("a", new Uint8Array([98]), "c"))).toBe(hex(sha256("abc")));
  });

  test("go there and back, also for a part of a larger buffer; what is none gives fewer bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(10), (bytes, start) => {
        const part = bytes.subarray(start);
        expect(hex(fromBase64Url(toBase64Url(part)))).toBe(hex(part));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fromBase64Url(text).byteLength).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
