/**
 * The proof of one event, to be handed to anybody: the event, where it stands in its batch, the hashes beside its way up the
 * tree, and the header that the agent signed. It is checked with nothing else but the agent's public key, offline.
 */
import { z } from "zod";
import { fromBase64Url, toBase64Url } from "./canonical.ts";
import {
  BATCH_ITEMS_MAX,
  BatchHeader,
  EventItem,
  eventHash,
  Hash,
  headerBytes,
  isLoss,
  Signature,
  type BatchItem,
} from "./envelope.ts";
import { idOf, importPublicKey, isSignedBy } from "./identity.ts";
import { inclusionPath, isIncluded } from "./merkle.ts";
import { hashItems } from "./verify-batch.ts";

export const EventProof = z.strictObject({
  format: z.literal("wirebound-event-proof-v1"),
  /** Of the agent: 32 bytes in base64url. */
  publicKey: Hash,
  header: BatchHeader,
  signature: Signature,
  event: EventItem,
  /** What the event is chained to; null at the beginning of a chain. */
  previousChain: Hash.nullable(),
  /** Of the event's leaf among the batch's items. */
  index: z
    .int()
    .min(0)
    .max(BATCH_ITEMS_MAX - 1),
  /** From the leaf up: at most the tree's height. */
  path: z.array(Hash).max(Math.ceil(Math.log2(BATCH_ITEMS_MAX))),
});
export type EventProof = z.infer<typeof EventProof>;

/** What a batch has that a proof is made of. */
export interface ProofSource {
  readonly publicKey: string;
  readonly header: BatchHeader;
  readonly signature: string;
  readonly items: readonly BatchItem[];
  readonly index: number;
}

/** Undefined where the item at `index` is no event (a loss, or none at all). */
export function makeEventProof(source: ProofSource): EventProof | undefined {
  const { publicKey, header, signature, items, index } = source;
  const event = items[index];
  if (event === undefined || isLoss(event)) return undefined;
  const { leaves, chains } = hashItems(header, items, header.previousChain);
  return {
    format: "wirebound-event-proof-v1",
    publicKey,
    header,
    signature,
    event,
    previousChain: index === 0 ? header.previousChain : (chains[index - 1] ?? null),
    index,
    path: inclusionPath(leaves.map(fromBase64Url), index).map(toBase64Url),
  };
}

/** The step at which a proof fails. */
export type ProofStep = "form" | "key" | "signature" | "place" | "tree";

export type ProofCheck =
  | { readonly verified: true; readonly proof: EventProof }
  | { readonly verified: false; readonly step: ProofStep; readonly problem: string };

function failed(step: ProofStep, problem: string): ProofCheck {
  return { verified: false, step, problem };
}

/**
 * Checks whatever it is given. `expectedKey`: the agent's public key from somewhere that is trusted; without it the proof
 * shows that the holder of the key in it, whose fingerprint is the agent's id, signed the event.
 */
export function checkEventProof(value: unknown, expectedKey?: string): ProofCheck {
  const parsed = EventProof.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    return failed("form", `this is no proof of an event: ${where}${issue?.message ?? "wrong form"}`);
  }
  const proof = parsed.data;
  const { publicKey, header, event, index } = proof;
  if (expectedKey !== undefined && expectedKey !== publicKey)
    return failed("key", `it is signed by another key than the one given: ${publicKey}`);
  if (importPublicKey(publicKey) === undefined) return failed("key", "its key is no Ed25519 key");
  if (idOf(publicKey) !== header.agentId)
    return failed("key", `its key is not that of the agent ${header.agentId}`);
  if (!isSignedBy(publicKey, headerBytes(header), proof.signature))
    return failed("signature", "the signature of the batch does not verify");
  if (event.seq < header.firstSeq + index || event.seq > header.lastSeq - (header.count - 1 - index))
    return failed("place", `event ${event.seq} can't be item ${index} of this batch`);
  const leaf = fromBase64Url(eventHash(header, event, proof.previousChain));
  const path = proof.path.map(fromBase64Url);
  if (!isIncluded(leaf, { index, size: header.count }, path, fromBase64Url(header.root)))
    return failed(
      "tree",
      "the event is not in the batch that was signed: it, its place or its path was changed",
    );
  return { verified: true, proof };
}
