/**
 * Whatever pieces the same events come in, however often and in whichever order: in the end each is stored exactly once, as it
 * was first told, what was declared lost is a range, and the cursor is at the end. Another content is always seen.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { isLoss, lastSeqOf, type BatchItem } from "../../../../src/protocol/fleet/envelope.ts";
import type { FleetStore, VerifiedBatch } from "../../../../src/store/fleet/contract.ts";
import { EPOCH_A, event, loss, note, StoredAgent } from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";

/** Lengths of what comes one after the other: 0 is an event, n a loss of n. */
const plan = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 4 })), {
  minLength: 1,
  maxLength: 30,
});
/** From where, how many, and how many of them in one call. */
const pieces = fc.array(
  fc.tuple(fc.nat(29), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 4 })),
  {
    maxLength: 40,
  },
);

function itemsOf(lengths: readonly number[]): BatchItem[] {
  let next = 1;
  return lengths.map((length) => {
    const first = next;
    next += Math.max(1, length);
    return length === 0 ? note(first) : loss(first, next - 1);
  });
}

class Sender {
  readonly agent = new StoredAgent();
  readonly items: readonly BatchItem[];
  readonly #chains: readonly (string | null)[];

  constructor(lengths: readonly number[]) {
    this.items = itemsOf(lengths);
    this.#chains = this.agent.batch("health", this.items).chains;
  }

  cut(from: number, count: number): VerifiedBatch {
    const previousChain = from === 0 ? null : (this.#chains[from - 1] ?? null);
    return this.agent.batch("health", this.items.slice(from, from + count), { previousChain });
  }

  /** What must be stored up to this seq. */
  expected(cursor: number): { seqs: number[]; lost: number } {
    const known = this.items.filter((item) => lastSeqOf(item) <= cursor);
    return {
      seqs: known.filter((item) => !isLoss(item)).map(lastSeqOf),
      lost: known.reduce((sum, item) => sum + (isLoss(item) ? item.lastSeq - item.firstSeq + 1 : 0), 0),
    };
  }
}

async function isAsExpected(store: FleetStore, sender: Sender): Promise<number> {
  const [account] = await store.events.reconciliation(sender.agent.id);
  const cursor = account?.cursor ?? 0;
  const { seqs, lost } = sender.expected(cursor);
  const page = await store.events.events({ agentId: sender.agent.id, limit: 1000 });
  expect(page.items.map(({ seq }) => seq).reverse()).toEqual(seqs);
  if (account !== undefined) {
    const { stored, lost: told } = account;
    expect({ stored, lost: told }).toEqual({ stored: seqs.length, lost });
    expect(stored + told).toBe(cursor);
  }
  return cursor;
}

test("every event is stored once, whatever comes how often and in which order", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  await fc.assert(
    fc.asyncProperty(plan, pieces, async (lengths, cuts) => {
      const sender = new Sender(lengths);
      await sender.agent.join(store);
      let cursor = 0;
      for (const [from, count, times] of cuts) {
        const start = from % sender.items.length;
        const batches = Array.from({ length: times }, (_, index) => sender.cut(start, count + index));
        const outcomes = await store.events.ingest(batches);
        for (const [index, outcome] of outcomes.entries()) {
          const { firstSeq, lastSeq } = batches[index]?.batch.header ?? { firstSeq: 0, lastSeq: 0 };
          if (firstSeq > cursor + 1) expect(outcome).toEqual({ kind: "gap", cursor });
          else {
            cursor = Math.max(cursor, lastSeq);
            expect(outcome).toMatchObject({ kind: "stored", cursor, notLost: [] });
          }
        }
        expect(await isAsExpected(store, sender)).toBe(cursor);
      }
      await store.events.ingest([sender.cut(0, sender.items.length)]);
      expect(await isAsExpected(store, sender)).toBe(lastSeqOf(sender.items.at(-1) ?? note(0)));
    }),
    { numRuns: 40 },
  );
}, 300_000);

test("another content is a conflict and changes nothing", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.nat(19),
      fc.nat(19),
      fc.string(),
      async (length, which, from, text) => {
        const sender = new Sender(Array.from({ length }, () => 0));
        await sender.agent.join(store);
        await store.events.ingest([sender.cut(0, length)]);
        const before = await store.events.events({ agentId: sender.agent.id, limit: 100 });
        const changed = which % length;
        const start = Math.min(from % length, changed);
        const items = sender.items.with(changed, event(changed + 1, "note", { changed: text }));
        const whole = sender.agent.batch("health", items);
        const batch = sender.agent.batch("health", items.slice(start), {
          previousChain: start === 0 ? null : (whole.chains[start - 1] ?? null),
        });
        expect(await store.events.ingest([batch])).toEqual([{ kind: "conflict", atSeq: changed + 1 }]);
        expect(await store.events.events({ agentId: sender.agent.id, limit: 100 })).toEqual(before);
      },
    ),
    { numRuns: 40 },
  );
}, 300_000);

test("what is declared lost and stored is told as not lost, exactly", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  await fc.assert(
    fc.asyncProperty(plan, fc.nat(40), fc.nat(40), async (lengths, first, more) => {
      const sender = new Sender(lengths);
      await sender.agent.join(store);
      await store.events.ingest([sender.cut(0, lengths.length)]);
      const end = lastSeqOf(sender.items.at(-1) ?? note(0));
      const firstSeq = 1 + (first % end);
      const lastSeq = firstSeq + more;
      const [outcome] = await store.events.ingest([sender.agent.batch("health", [loss(firstSeq, lastSeq)])]);
      if (outcome?.kind !== "stored") throw new Error(JSON.stringify(outcome));
      const told = outcome.notLost.flatMap((range) =>
        Array.from({ length: range.lastSeq - range.firstSeq + 1 }, (_, index) => range.firstSeq + index),
      );
      const { seqs } = sender.expected(end);
      expect(told).toEqual(seqs.filter((seq) => seq >= firstSeq && seq <= lastSeq));
      expect(outcome.cursor).toBe(Math.max(end, lastSeq));
      const [account] = await store.events.reconciliation(sender.agent.id);
      expect(account).toMatchObject({
        epoch: EPOCH_A,
        stored: seqs.length,
        lost: outcome.cursor - seqs.length,
      });
    }),
    { numRuns: 60 },
  );
}, 300_000);
