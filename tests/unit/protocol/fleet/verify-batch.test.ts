/** A batch is taken only as its agent signed it: each thing that may be wrong with one, and whatever chance makes of one. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { SignedBatch, type BatchItem, type LossItem } from "../../../../src/protocol/fleet/envelope.ts";
import { Identity, importPublicKey } from "../../../../src/protocol/fleet/identity.ts";
import { verifyBatch } from "../../../../src/protocol/fleet/verify-batch.ts";
import { SIGNER, signItems, someEvent } from "../../../support/fleet/batches.ts";

const CHAIN = "A".repeat(43);

function loss(firstSeq: number, lastSeq: number, chain: string | null = null): LossItem {
  return { firstSeq, lastSeq, reason: "quota", bytes: 12, chain, declaredAtMs: 5 };
}

function problem(batch: SignedBatch, key = SIGNER.publicKey): string {
  const verified = verifyBatch(batch, key);
  return "problem" in verified ? verified.problem : "verified";
}

const ITEMS: BatchItem[] = [someEvent(1), loss(2, 5), someEvent(6), loss(7, 7, CHAIN), someEvent(8)];

describe("a batch", () => {
  test("verifies with the key as text and as an object, and says the chain after each item", () => {
    const batch = signItems(ITEMS);
    const key = importPublicKey(SIGNER.publicKey);
    if (key === undefined) throw new Error("no key");
    const verified = verifyBatch(batch, key);
    if ("problem" in verified) throw new Error(verified.problem);
    expect(verified.chains.length).toBe(5);
    expect(verified.chains[1]).toBeNull();
    expect(verified.chains[3]).toBe(CHAIN);
    expect(new Set([verified.chains[0], verified.chains[2], verified.chains[4]]).size).toBe(3);
    expect(problem(batch)).toBe("verified");
    expect(problem(SignedBatch.parse(JSON.parse(JSON.stringify(batch))))).toBe("verified");
  });

  test("goes on where the one before ended", () => {
    const first = verifyBatch(signItems([someEvent(1), someEvent(2)]), SIGNER.publicKey);
    if ("problem" in first) throw new Error(first.problem);
    const chain = first.chains[1] ?? null;
    const whole = verifyBatch(signItems([someEvent(1), someEvent(2), someEvent(3)]), SIGNER.publicKey);
    const second = verifyBatch(signItems([someEvent(3)], { previousChain: chain }), SIGNER.publicKey);
    if ("problem" in whole || "problem" in second) throw new Error("no batch");
    expect(second.chains[0]).toBe(whole.chains[2] ?? null);
  });

  test("with holes, doubles or a wrong count is refused", () => {
    expect(problem(signItems([someEvent(1), someEvent(3)]))).toContain("3 stands where 2 is expected");
    expect(problem(signItems([someEvent(1), someEvent(1)]))).toContain("1 stands where 2 is expected");
    expect(problem(signItems([loss(1, 3), someEvent(3)]))).toContain("3 stands where 4 is expected");
    expect(problem(signItems([someEvent(1), loss(2, 1)]))).toContain("is none");
    expect(problem(signItems([someEvent(2)], { firstSeq: 1 }))).toContain("2 stands where 1 is expected");
    expect(problem(signItems([someEvent(1)], { lastSeq: 2 }))).toContain("it ends at 1, and says 2");
    expect(problem(signItems([someEvent(1)], { count: 2 }))).toContain("it has 1 items, and says 2");
    expect(problem(signItems([someEvent(1)], { previousChain: CHAIN }))).toContain("an epoch begins");
  });

  test("of another key, or with another root, is refused", () => {
    const other = Identity.generate();
    const batch = signItems(ITEMS);
    expect(problem(batch, other.publicKey)).toBe("the key is not that of the agent");
    expect(problem(signItems(ITEMS, { agentId: SIGNER.id }, other))).toBe("the signature does not verify");
    expect(problem(signItems(ITEMS, { root: CHAIN }))).toBe("the tree of its items has another root");
    expect(problem(batch, "")).toBe("the key is not that of the agent");
  });

  test("of which any part was changed is refused", () => {
    const original = signItems(ITEMS, { follows: { epoch: "f".repeat(16), produced: 3, reason: "reboot" } });
    const { header, items } = original;
    const [event, range] = [items[0], items[1]];
    if (event === undefined || range === undefined) throw new Error("no items");
    const changedHeaders = [
      { parentId: "cd".repeat(16) },
      { stream: "flow" as const },
      { epoch: "fedcba9876543210" },
      { follows: null },
      { follows: { epoch: "f".repeat(16), produced: null, reason: "reboot" as const } },
      { follows: { epoch: "f".repeat(16), produced: 3, reason: "corrupt" as const } },
    ];
    for (const change of changedHeaders)
      expect(problem({ ...original, header: { ...header, ...change } })).toBe(
        "the signature does not verify",
      );
    const changedItems: BatchItem[] = [
      { ...event, payload: `${"payload" in event ? event.payload : ""} ` },
      { ...event, type: "process_stopped" },
      { ...event, provider: "other" },
      { ...event, eventId: 4 },
      { ...event, timestampMs: 1 },
    ];
    for (const item of changedItems)
      expect(problem({ ...original, items: items.with(0, item) })).toBe(
        "the tree of its items has another root",
      );
    for (const change of [
      { reason: "source" },
      { bytes: 13 },
      { bytes: null },
      { chain: CHAIN },
      { declaredAtMs: 6 },
    ])
      expect(problem({ ...original, items: items.with(1, { ...range, ...change } as BatchItem) })).toBe(
        "the tree of its items has another root",
      );
    // The clock is not signed: it says when it was sent, which may be more than once.
    expect(problem({ ...original, clock: { ...original.clock, wallMs: 2 } })).toBe("verified");
  });

  test("of any shape that the schema lets through never crashes the check", () => {
    const text = fc.string({ unit: "binary", maxLength: 30 });
    const hash = fc.oneof(fc.constant(CHAIN), fc.stringMatching(/^[\w-]{42}[AEIMQUYcgkosw048]$/));
    const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    const time = fc.double({ min: 0, max: 8.64e15, noNaN: true });
    const name = fc.stringMatching(/^[\w.:-]{1,64}$/);
    const event = fc.record({
      seq,
      type: name,
      timestampMs: time,
      provider: name,
      eventId: fc.nat(),
      payload: text,
    });
    const lost = fc.record({
      firstSeq: seq,
      lastSeq: seq,
      reason: fc.constantFrom("quota", "source"),
      bytes: fc.option(fc.nat()),
      chain: fc.option(hash),
      declaredAtMs: time,
    });
    const items = fc.array(fc.oneof(event, lost), { minLength: 1, maxLength: 8 });
    const anything = fc.record({
      header: fc.record({
        parentId: fc.stringMatching(/^[0-9a-f]{32}$/),
        agentId: fc.constantFrom(SIGNER.id, "0".repeat(32)),
        stream: fc.constantFrom("process", "flow"),
        epoch: fc.stringMatching(/^[0-9a-f]{16}$/),
        firstSeq: seq,
        lastSeq: seq,
        count: fc.integer({ min: 1, max: 1000 }),
        previousChain: fc.option(hash),
        root: hash,
        follows: fc.constant(null),
      }),
      signature: fc.stringMatching(/^[\w-]{85}[AQgw]$/),
      clock: fc.record({ wallMs: time, monotonicMs: time, bootId: text }),
      items,
    });
    fc.assert(
      fc.property(anything, (value) => {
        const batch = SignedBatch.parse(value);
        expect(problem(batch)).not.toBe("verified");
        // Rightly signed, so that the items are looked at too.
        const last = batch.items.at(-1);
        if (last !== undefined)
          verifyBatch(signItems(batch.items, { ...batch.header, agentId: SIGNER.id }), SIGNER.publicKey);
      }),
    );
  });
});
