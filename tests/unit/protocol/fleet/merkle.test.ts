/** The Merkle tree against known answers, against the RFC's own recursive definition, and against paths that were changed. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createHash } from "node:crypto";
import { inclusionPath, isIncluded, merkleRoot } from "../../../../src/protocol/fleet/merkle.ts";

function sha256(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function leafOf(data: Uint8Array): Uint8Array {
  return sha256(new Uint8Array([0]), data);
}

/** RFC 9162, section 2.1.1, word by word: k is the largest power of two smaller than n. */
function definition(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return sha256();
  if (leaves.length === 1) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(new Uint8Array([1]), definition(leaves.slice(0, k)), definition(leaves.slice(k)));
}

/** RFC 9162, section 2.1.3.1, word by word. */
function definedPath(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length <= 1) return [];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return index < k
    ? [...definedPath(index, leaves.slice(0, k)), definition(leaves.slice(k))]
    : [...definedPath(index - k, leaves.slice(k)), definition(leaves.slice(0, k))];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The inputs and roots of the tests of Certificate Transparency's reference implementation (RFC 6962). */
const INPUTS = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];
const ROOTS = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const leaves = fc.array(fc.uint8Array({ maxLength: 40 }).map(leafOf), { minLength: 1, maxLength: 70 });

describe("the Merkle tree", () => {
  test("has the roots that RFC 6962's reference implementation has", () => {
    const hashes = INPUTS.map((text) => leafOf(Buffer.from(text, "hex")));
    expect(ROOTS.map((_, size) => hex(merkleRoot(hashes.slice(0, size))))).toEqual(ROOTS);
  });

  test("is the RFC's for every size, root and paths", () => {
    fc.assert(
      fc.property(leaves, (hashes) => {
        expect(hex(merkleRoot(hashes))).toBe(hex(definition(hashes)));
        const index = hashes.length - 1;
        for (const at of new Set([0, index, index >> 1]))
          expect(inclusionPath(hashes, at).map(hex)).toEqual(definedPath(at, hashes).map(hex));
      }),
    );
  });

  test("every leaf is proved, at its place and no other", () => {
    for (let size = 1; size <= 40; size += 1) {
      const hashes = Array.from({ length: size }, (_, index) => leafOf(new Uint8Array([index])));
      const root = merkleRoot(hashes);
      for (const [index, leaf] of hashes.entries()) {
        const path = inclusionPath(hashes, index);
        expect(isIncluded(leaf, { index, size }, path, root)).toBe(true);
        for (const other of hashes.keys())
          if (other !== index) expect(isIncluded(leaf, { index: other, size }, path, root)).toBe(false);
      }
    }
  });

  test("no path that was changed proves anything", () => {
    const property = fc.property(leaves, fc.nat(), fc.nat(), fc.nat(255), (hashes, which, where, flip) => {
      const index = which % hashes.length;
      const [leaf, root] = [hashes[index] ?? new Uint8Array(), merkleRoot(hashes)];
      const place = { index, size: hashes.length };
      const path = inclusionPath(hashes, index);
      expect(isIncluded(leaf, place, [...path, leaf], root)).toBe(false);
      if (path.length > 0) expect(isIncluded(leaf, place, path.slice(0, -1), root)).toBe(false);
      const hash = path[where % Math.max(1, path.length)];
      if (hash === undefined) return;
      const changed = Uint8Array.from(hash);
      changed[where % 32] = (changed[where % 32] ?? 0) ^ (flip === 0 ? 1 : flip);
      expect(
        isIncluded(
          leaf,
          place,
          path.map((each) => (each === hash ? changed : each)),
          root,
        ),
      ).toBe(false);
    });
    fc.assert(property);
  });

  test("takes any path for no proof instead of failing", () => {
    const anything = fc.tuple(
      fc.uint8Array({ maxLength: 40 }),
      fc.record({ index: fc.oneof(fc.integer(), fc.double()), size: fc.oneof(fc.integer(), fc.double()) }),
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
    );
    fc.assert(
      fc.property(anything, ([leaf, place, path]) => {
        expect(isIncluded(leaf, place, path, new Uint8Array(32))).toBe(false);
      }),
    );
    expect(() => inclusionPath([], 0)).toThrow(RangeError);
    expect(() => inclusionPath([new Uint8Array(32)], 1.5)).toThrow(RangeError);
  });
});
