/** The proof of one event: made of any batch it verifies; changed in any place it does not; nothing crashes its reader. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { BatchItem } from "../../../../src/protocol/fleet/envelope.ts";
import {
  checkEventProof,
  makeEventProof,
  type EventProof,
} from "../../../../src/protocol/fleet/event-proof.ts";
import { Identity } from "../../../../src/protocol/fleet/identity.ts";
import { SIGNER, signItems, someEvent } from "../../../support/fleet/batches.ts";

function proofOf(items: readonly BatchItem[], index: number): EventProof | undefined {
  const { header, signature } = signItems(items);
  return makeEventProof({ publicKey: SIGNER.publicKey, header, signature, items, index });
}

function events(count: number): BatchItem[] {
  return Array.from({ length: count }, (_, index) => someEvent(index + 1));
}

function stepOf(value: unknown, key?: string): string {
  const check = checkEventProof(value, key);
  return check.verified ? "verified" : check.step;
}

describe("the proof of an event", () => {
  test("verifies for every event of batches of every size", () => {
    for (const size of [1, 2, 3, 7, 8, 9, 64, 65, 1000]) {
      const items = events(size);
      for (const index of new Set([0, 1, size >> 1, size - 2, size - 1])) {
        if (index < 0 || index >= size) continue;
        const proof: unknown = JSON.parse(JSON.stringify(proofOf(items, index)));
        expect(stepOf(proof), `${index} of ${size}`).toBe("verified");
        expect(stepOf(proof, SIGNER.publicKey)).toBe("verified");
      }
    }
  });

  test("there is none of a loss, or of what is not there", () => {
    const items = [
      someEvent(1),
      { firstSeq: 2, lastSeq: 4, reason: "quota", bytes: null, chain: null, declaredAtMs: 1 } as const,
      someEvent(5),
    ];
    expect(proofOf(items, 1)).toBeUndefined();
    expect(proofOf(items, 3)).toBeUndefined();
    const after = proofOf(items, 2);
    expect(after?.previousChain).toBeNull();
    expect(stepOf(after)).toBe("verified");
  });

  test("says at which step it fails", () => {
    const proof = proofOf(events(20), 7);
    if (proof === undefined) throw new Error("no proof");
    const other = Identity.generate();
    expect(stepOf({ ...proof, more: 1 })).toBe("form");
    expect(stepOf({ ...proof, format: "wirebound-event-proof-v2" })).toBe("form");
    expect(stepOf(proof, other.publicKey)).toBe("key");
    expect(stepOf({ ...proof, publicKey: other.publicKey })).toBe("key");
    expect(stepOf({ ...proof, publicKey: "A".repeat(43) })).toBe("key");
    expect(stepOf({ ...proof, publicKey: `${"A".repeat(42)}B` })).toBe("form");
    expect(stepOf({ ...proof, header: { ...proof.header, epoch: "f".repeat(16) } })).toBe("signature");
    expect(stepOf({ ...proof, event: { ...proof.event, seq: 900 } })).toBe("place");
    expect(stepOf({ ...proof, index: 8 })).toBe("place");
    expect(stepOf({ ...proof, event: { ...proof.event, payload: "{}" } })).toBe("tree");
    expect(stepOf({ ...proof, event: { ...proof.event, timestampMs: 3 } })).toBe("tree");
    expect(stepOf({ ...proof, previousChain: null })).toBe("tree");
    expect(stepOf({ ...proof, path: proof.path.toReversed() })).toBe("tree");
    expect(stepOf({ ...proof, path: [] })).toBe("tree");
  });

  test("changed in any character of its text it does not verify", () => {
    const text = JSON.stringify(proofOf(events(9), 4));
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        let value: unknown;
        try {
          value = JSON.parse(changed);
        } catch {
          return; // no JSON any more
        }
        if (JSON.stringify(value) !== text) expect(stepOf(value)).not.toBe("verified");
      }),
      { numRuns: 2000 },
    );
  });

  test("whatever is given instead of one is refused, and never crashes", () => {
    const proof = proofOf(events(5), 2);
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(proof ?? {})), (value, name) => {
        expect(stepOf(value)).toBe("form");
        const changed = { ...proof, [name]: value };
        expect(JSON.stringify(changed) === JSON.stringify(proof) || stepOf(changed) !== "verified").toBe(
          true,
        );
      }),
      { numRuns: 1000 },
    );
    for (const value of [undefined, null, 1, "x", [], Number.NaN, () => 1, Symbol("x")])
      expect(stepOf(value)).toBe("form");
  });
});
