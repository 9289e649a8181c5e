/**
 * The Merkle tree of a batch: root, and proofs that one leaf is in it, as RFC 9162 section 2.1 has them (the same tree as
 * RFC 6962). Leaves come as their hashes (`eventHash`, `lossHash`), which begin with a zero byte; nodes begin with a one.
 */
import { sha256 } from "./canonical.ts";

const NODE = 1;
const HASH_BYTES = 32;
/** A node's two hashes, behind the byte that says that they are one: written, hashed, and written again. */
const PAIR = new Uint8Array(1 + 2 * HASH_BYTES).fill(NODE, 0, 1);

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.byteLength !== HASH_BYTES || right.byteLength !== HASH_BYTES)
    return sha256(new Uint8Array([NODE]), left, right);
  PAIR.set(left, 1);
  PAIR.set(right, 1 + HASH_BYTES);
  return sha256(PAIR);
}

/**
 * One level up: neighbours are joined, and a last one without a neighbour goes up as it is. That gives the same tree as
 * the RFC's division at the largest power of two below the size.
 */
function levelAbove(hashes: readonly Uint8Array[]): Uint8Array[] {
  const above: Uint8Array[] = [];
  for (let at = 0; at < hashes.length; at += 2) {
    const left = hashes[at];
    const right = hashes[at + 1];
    if (left !== undefined) above.push(right === undefined ? left : join(left, right));
  }
  return above;
}

/** 32 bytes. The root of no leaves is the hash of nothing (RFC 9162, section 2.1.1). */
export function merkleRoot(leafHashes: readonly Uint8Array[]): Uint8Array {
  let level = leafHashes;
  while (level.length > 1) level = levelAbove(level);
  return level[0] ?? sha256();
}

/**
 * What proves that the leaf `index` is in the tree: the hashes beside its way up (RFC 9162, section 2.1.3.1).
 * @throws RangeError where there is no such leaf
 */
export function inclusionPath(leafHashes: readonly Uint8Array[], index: number): Uint8Array[] {
  if (!Number.isInteger(index) || index < 0 || index >= leafHashes.length)
    throw new RangeError(`no leaf ${index} in a tree of ${leafHashes.length}`);
  const path: Uint8Array[] = [];
  let level = leafHashes;
  for (let at = index; level.length > 1; at = Math.floor(at / 2)) {
    const beside = level[at % 2 === 0 ? at + 1 : at - 1];
    if (beside !== undefined) path.push(beside);
    level = levelAbove(level);
  }
  return path;
}

/** Whether the path leads from the leaf to the root (RFC 9162, section 2.1.3.2). False for what is no path at all. */
export function isIncluded(
  leafHash: Uint8Array,
  place: { readonly index: number; readonly size: number },
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  let { index } = place;
  if (!Number.isSafeInteger(index) || index < 0 || index >= place.size) return false;
  let last = place.size - 1;
  let hash = leafHash;
  for (const beside of path) {
    if (last === 0 || beside.byteLength !== HASH_BYTES) return false;
    if (index % 2 === 1 || index === last) {
      hash = join(beside, hash);
      while (index % 2 === 0 && index !== 0) {
        index = Math.floor(index / 2);
        last = Math.floor(last / 2);
      }
    } else hash = join(hash, beside);
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && Buffer.compare(hash, root) === 0;
}
