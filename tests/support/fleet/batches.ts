/** Signed batches for tests, made by the same rules as the outbox makes them, of whatever items a test wants. */
import type { BatchHeader, BatchItem, EventItem, SignedBatch } from "../../../src/protocol/fleet/envelope.ts";
import { headerBytes, isLoss, lastSeqOf } from "../../../src/protocol/fleet/envelope.ts";
import { toBase64Url } from "../../../src/protocol/fleet/canonical.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { hashItems, rootOf } from "../../../src/protocol/fleet/verify-batch.ts";

export const SIGNER = Identity.generate();

export function someEvent(seq: number, payload = `{"n":${seq}}`): EventItem {
  return {
    seq,
    type: "process_started",
    timestampMs: 1_700_000_000_000.5 + seq,
    provider: "test",
    eventId: 3,
    payload,
  };
}

/** `change` alters the header before it is signed. */
export function signItems(
  items: readonly BatchItem[],
  change: Partial<BatchHeader> = {},
  signer: Identity = SIGNER,
): SignedBatch {
  const [first, last] = [items[0], items.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError("no items");
  const origin = { agentId: signer.id, stream: "process" as const, epoch: "0123456789abcdef" };
  const previousChain = change.previousChain ?? null;
  const header: BatchHeader = {
    parentId: "ab".repeat(16),
    ...origin,
    firstSeq: isLoss(first) ? first.firstSeq : first.seq,
    lastSeq: lastSeqOf(last),
    count: items.length,
    previousChain,
    root: rootOf(hashItems({ ...origin, ...change }, items, previousChain).leaves),
    follows: null,
    ...change,
  };
  const clock = { wallMs: 1, monotonicMs: 1, bootId: "boot" };
  return { header, signature: toBase64Url(signer.sign(headerBytes(header))), clock, items: [...items] };
}
