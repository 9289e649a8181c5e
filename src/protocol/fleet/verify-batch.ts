/**
 * Whether a batch is what its agent signed: that its items are a range without holes, that each hash can be made again from
 * what is told, that the tree's root is the one in the header, and that the header is signed. All or nothing.
 */
import type { KeyObject } from "node:crypto";
import { fromBase64Url, toBase64Url } from "./canonical.ts";
import {
  eventHash,
  headerBytes,
  isLoss,
  lastSeqOf,
  lossHash,
  type BatchItem,
  type Origin,
  type SignedBatch,
} from "./envelope.ts";
import { idOf, isSignedBy } from "./identity.ts";
import { merkleRoot } from "./merkle.ts";

/** `leaves[i]` is the hash of item i as a leaf; `chains[i]` the chain after it, null after a loss without a hash. */
export interface HashedItems {
  readonly leaves: readonly string[];
  readonly chains: readonly (string | null)[];
}

/** Hashes the items one after the other, each event chained to what is before it. */
export function hashItems(
  origin: Origin,
  items: readonly BatchItem[],
  previousChain: string | null,
): HashedItems {
  const leaves: string[] = [];
  const chains: (string | null)[] = [];
  let chain = previousChain;
  for (const item of items) {
    if (isLoss(item)) {
      leaves.push(lossHash(origin, item));
      chain = item.chain;
    } else {
      chain = eventHash(origin, item, chain);
      leaves.push(chain);
    }
    chains.push(chain);
  }
  return { leaves, chains };
}

/** The root over such leaves, in base64url. */
export function rootOf(leaves: readonly string[]): string {
  return toBase64Url(merkleRoot(leaves.map(fromBase64Url)));
}

function rawKey(publicKey: string | KeyObject): string {
  return typeof publicKey === "string" ? publicKey : (publicKey.export({ format: "jwk" }).x ?? "");
}

/** What is wrong with the places of the items; undefined where they are a range from `firstSeq` to `lastSeq`. */
function holeIn({ header, items }: SignedBatch): string | undefined {
  if (items.length !== header.count) return `it has ${items.length} items, and says ${header.count}`;
  let next = header.firstSeq;
  for (const item of items) {
    const first = isLoss(item) ? item.firstSeq : item.seq;
    if (first !== next) return `${first} stands where ${next} is expected`;
    if (lastSeqOf(item) < first) return `a loss from ${first} to ${lastSeqOf(item)} is none`;
    next = lastSeqOf(item) + 1;
  }
  return next - 1 === header.lastSeq ? undefined : `it ends at ${next - 1}, and says ${header.lastSeq}`;
}

/**
 * `batch` has the shape of SignedBatch already. `publicKey` is the agent's, as its raw text or imported.
 * The chains are those that the store keeps: what the next batch must be chained to.
 */
export function verifyBatch(
  batch: SignedBatch,
  publicKey: string | KeyObject,
): { readonly chains: (string | null)[] } | { readonly problem: string } {
  const { header } = batch;
  if (idOf(rawKey(publicKey)) !== header.agentId) return { problem: "the key is not that of the agent" };
  const hole = holeIn(batch);
  if (hole !== undefined) return { problem: `its items are no range: ${hole}` };
  if (header.firstSeq === 1 && header.previousChain !== null)
    return { problem: "an epoch begins with a chain to what was before it" };
  if (!isSignedBy(publicKey, headerBytes(header), batch.signature))
    return { problem: "the signature does not verify" };
  const { leaves, chains } = hashItems(header, batch.items, header.previousChain);
  if (rootOf(leaves) !== header.root) return { problem: "the tree of its items has another root" };
  return { chains: [...chains] };
}
