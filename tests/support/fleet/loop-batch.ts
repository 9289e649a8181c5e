/** Batches whose content follows from where they begin, so that a test knows what a killed process must have stored. */
import type { Identity } from "../../../src/protocol/fleet/identity.ts";
import type { VerifiedBatch } from "../../../src/store/fleet/contract.ts";
import { loss, note, PARENT_ID, EPOCH_A } from "./stored.ts";

/** Nine events and a loss of two, after the cursor. Not signed: the store gets what has been verified. */
export function loopBatch(identity: Identity, cursor: number): VerifiedBatch {
  const events = Array.from({ length: 9 }, (_, index) => note(cursor + 1 + index));
  const lost = loss(cursor + 10, cursor + 11);
  const header = {
    parentId: PARENT_ID,
    agentId: identity.id,
    stream: "health",
    epoch: EPOCH_A,
    firstSeq: cursor + 1,
    lastSeq: cursor + 11,
    count: 10,
    previousChain: null,
    root: "r".repeat(43),
    follows: null,
  } as const;
  const batch = {
    header,
    signature: "s".repeat(86),
    clock: { wallMs: 0, monotonicMs: 0, bootId: "" },
    items: [...events, lost],
  };
  const chains = [...events.map(({ seq }) => `chain ${seq}`), null];
  return { batch, chains, receivedAtMs: 1000 };
}
