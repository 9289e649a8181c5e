/** What the account of events promises: each event once, cursors that only move forward, loss as ranges, proofs that verify. */
import { describe, expect, test } from "bun:test";
import type { BatchItem } from "../../../../src/protocol/fleet/envelope.ts";
import { makeEventProof, checkEventProof } from "../../../../src/protocol/fleet/event-proof.ts";
import type { FleetStore, IngestOutcome, VerifiedBatch } from "../../../../src/store/fleet/contract.ts";
import {
  EPOCH_A,
  EPOCH_B,
  event,
  heartbeat,
  loss,
  note,
  T0,
  StoredAgent,
} from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";

function notes(first: number, last: number): BatchItem[] {
  return Array.from({ length: last - first + 1 }, (_, index) => note(first + index));
}

function stored(
  cursor: number,
  fresh: readonly BatchItem[],
  notLost: { firstSeq: number; lastSeq: number }[] = [],
): IngestOutcome {
  return { kind: "stored", cursor, notLost, fresh, processes: [], connections: [], needsSnapshot: false };
}

async function storedSeqs(store: FleetStore, agentId: string): Promise<string[]> {
  const page = await store.events.events({ agentId, limit: 1000 });
  return page.items.map(({ epoch, seq }) => `${epoch[0]}${seq}`).reverse();
}

async function one(store: FleetStore, batch: VerifiedBatch): Promise<IngestOutcome | undefined> {
  return (await store.events.ingest([batch]))[0];
}

/** A batch cut out of a longer chain. */
function cut(agent: StoredAgent, all: readonly BatchItem[], from: number, to: number): VerifiedBatch {
  const whole = agent.batch("health", all);
  const previousChain = from === 0 ? null : (whole.chains[from - 1] ?? null);
  return agent.batch("health", all.slice(from, to), { previousChain });
}

describe("ingest", () => {
  test("stores each event once, in whatever pieces and however often it comes", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const all = notes(1, 9);
    expect(await one(store, cut(agent, all, 0, 4))).toEqual(stored(4, all.slice(0, 4)));
    expect(await one(store, cut(agent, all, 0, 4))).toEqual(stored(4, []));
    expect(await one(store, cut(agent, all, 1, 3))).toEqual(stored(4, []));
    expect(await one(store, cut(agent, all, 2, 6))).toEqual(stored(6, all.slice(4, 6)));
    expect(await one(store, cut(agent, all, 7, 9))).toEqual({ kind: "gap", cursor: 6 });
    expect(await store.events.ingest([cut(agent, all, 6, 8), cut(agent, all, 6, 9)])).toEqual([
      stored(8, all.slice(6, 8)),
      stored(9, all.slice(8)),
    ]);
    expect(await storedSeqs(store, agent.id)).toEqual(all.map((_, index) => `a${index + 1}`));
    const page = await store.events.events({ agentId: agent.id, limit: 1 });
    expect(page.items).toEqual([
      {
        agentId: agent.id,
        stream: "health",
        epoch: EPOCH_A,
        seq: 9,
        type: "note",
        provider: "wirebound",
        eventId: 1,
        timestampMs: T0 + 9,
        receivedAtMs: T0 + 1000,
        payload: { text: "note 9" },
      },
    ]);
    const cursors = await store.events.cursors(agent.id, [
      { stream: "health", epoch: EPOCH_A },
      { stream: "health", epoch: EPOCH_B },
    ]);
    expect(cursors).toEqual([
      { stream: "health", epoch: EPOCH_A, cursor: 9 },
      { stream: "health", epoch: EPOCH_B, cursor: 0 },
    ]);
  });

  test("sees another content at a known place, and another chain after it", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const all = notes(1, 6);
    await one(store, cut(agent, all, 0, 4));
    const other = all.with(1, note(2, "another"));
    expect(await one(store, cut(agent, other, 0, 6))).toEqual({ kind: "conflict", atSeq: 2 });
    // From 3 on the items are the same, and yet they are chained to another 2.
    expect(await one(store, cut(agent, other, 2, 6))).toEqual({ kind: "conflict", atSeq: 3 });
    expect(await one(store, cut(agent, other, 4, 6))).toEqual({ kind: "conflict", atSeq: 5 });
    expect(await storedSeqs(store, agent.id)).toEqual(["a1", "a2", "a3", "a4"]);
    // Also where both come in one call.
    const changed = all.with(4, note(5, "another"));
    expect(await store.events.ingest([cut(agent, all, 4, 6), cut(agent, changed, 3, 6)])).toEqual([
      stored(6, all.slice(4)),
      { kind: "conflict", atSeq: 5 },
    ]);
  });

  test("goes on where an agent begins its chain anew", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    await one(store, agent.batch("health", notes(1, 2)));
    const batch = agent.batch("health", [loss(3, 5), note(6)]);
    expect(await one(store, batch)).toMatchObject({ kind: "stored", cursor: 6 });
  });

  test("keeps losses as ranges, and says what was not lost", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const lost = loss(3, 5);
    await one(store, agent.batch("health", [note(1), note(2), lost, note(6), note(7)]));
    // The answer was lost, and the disk of the agent too: it declares lost what it can't find any more.
    const again = agent.batch("health", [loss(2, 9), note(10)]);
    expect(await one(store, again)).toEqual(
      stored(
        10,
        [{ ...loss(8, 9), bytes: null }, note(10)],
        [
          { firstSeq: 2, lastSeq: 2 },
          { firstSeq: 6, lastSeq: 7 },
        ],
      ),
    );
    const page = await store.events.losses({ agentId: agent.id, limit: 10 });
    const record = { agentId: agent.id, stream: "health", epoch: EPOCH_A, reason: "quota", declaredAtMs: T0 };
    expect(page).toEqual({
      items: [
        { ...record, firstSeq: 8, lastSeq: 9, bytes: null },
        { ...record, firstSeq: 3, lastSeq: 5, bytes: 100 },
      ],
      nextCursor: null,
    });
    expect(await store.events.reconciliation(agent.id)).toEqual([
      { stream: "health", epoch: EPOCH_A, cursor: 10, stored: 5, lost: 5, produced: null },
    ]);
  });

  test("refuses a batch whole for one wrong payload, and stores types that it does not know", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const other = new StoredAgent();
    await other.join(store);
    const wrong = agent.batch("flow", [note(1), event(2, "flow_summary", { bytesSent: -1 })]);
    const noJson = agent.batch("health", [event(1, "note", "{")]);
    const [first, second, third] = await store.events.ingest([
      wrong,
      noJson,
      other.batch("flow", [event(1, "whatever", { deep: ["x"] })]),
    ]);
    expect(first).toMatchObject({ kind: "refused" });
    expect(first?.kind === "refused" && first.message).toStartWith(
      "the payload of event 2 (flow_summary) is not as it should be at intervalStartMs:",
    );
    expect(second).toEqual({ kind: "refused", message: "the payload of event 1 (note) is not JSON" });
    expect(third).toMatchObject({ kind: "stored", cursor: 1 });
    expect(await storedSeqs(store, agent.id)).toEqual([]);
    expect(await storedSeqs(store, other.id)).toEqual(["a1"]);
    expect(await one(store, new StoredAgent().batch("flow", [note(1)]))).toEqual({
      kind: "refused",
      message: "there is no such agent",
    });
  });
});

describe("the epoch before", () => {
  const follows = (produced: number | null) => ({ epoch: EPOCH_A, produced, reason: "state_lost" }) as const;

  test("has a hole up to what it produced, which shrinks as late batches come", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const all = notes(1, 10);
    await one(store, cut(agent, all, 0, 4));
    await one(store, agent.batch("health", [note(1)], { epoch: EPOCH_B, follows: follows(10) }));
    const losses = async (): Promise<unknown[]> =>
      (await store.events.losses({ agentId: agent.id, limit: 10 })).items.map(
        ({ epoch, firstSeq, lastSeq, reason }) => [epoch, firstSeq, lastSeq, reason],
      );
    expect(await losses()).toEqual([[EPOCH_A, 5, 10, "state_lost"]]);
    const account = { stream: "health", epoch: EPOCH_A, produced: 10 };
    const now = { stream: "health", epoch: EPOCH_B, cursor: 1, stored: 1, lost: 0, produced: null };
    expect(await store.events.reconciliation(agent.id)).toEqual([
      { ...account, cursor: 4, stored: 4, lost: 6 },
      now,
    ]);
    expect(await one(store, cut(agent, all, 4, 7))).toMatchObject({ kind: "stored", cursor: 7 });
    expect(await losses()).toEqual([[EPOCH_A, 8, 10, "state_lost"]]);
    expect(await store.events.reconciliation(agent.id)).toEqual([
      { ...account, cursor: 7, stored: 7, lost: 3 },
      now,
    ]);
    expect(await one(store, cut(agent, all, 7, 10))).toMatchObject({ kind: "stored", cursor: 10 });
    expect(await losses()).toEqual([]);
    expect(await store.events.reconciliation(agent.id)).toEqual([
      { ...account, cursor: 10, stored: 10, lost: 0 },
      now,
    ]);
  });

  test("has a hole without an end where nobody knows, until it is known", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const options = { epoch: EPOCH_B, follows: follows(null) };
    await one(store, agent.batch("health", [note(1)], options));
    const hole = { agentId: agent.id, stream: "health", epoch: EPOCH_A, bytes: null, reason: "state_lost" };
    const losses = async (): Promise<unknown> =>
      (await store.events.losses({ agentId: agent.id, limit: 10 })).items;
    expect(await losses()).toEqual([{ ...hole, firstSeq: 1, lastSeq: null, declaredAtMs: T0 + 1000 }]);
    await one(store, agent.batch("health", notes(1, 2)));
    expect(await losses()).toEqual([{ ...hole, firstSeq: 3, lastSeq: null, declaredAtMs: T0 + 1000 }]);
    const chain = agent.batch("health", [note(1)], options).chains[0] ?? null;
    await one(
      store,
      agent.batch("health", [note(2)], { epoch: EPOCH_B, follows: follows(5), previousChain: chain }),
    );
    expect(await losses()).toEqual([{ ...hole, firstSeq: 3, lastSeq: 5, declaredAtMs: T0 + 1000 }]);
    const report = { acked: 0, pending: 0, lost: 0, unknownTails: 0, pendingBytes: 0 };
    await store.agents.storeHeartbeats([
      {
        agentId: agent.id,
        heartbeat: heartbeat(agent.id, {
          streams: [{ stream: "health", epoch: EPOCH_B, produced: 9, ...report }],
        }),
        receivedAtMs: T0,
        clockOffsetMs: 0,
        counter: 1,
      },
    ]);
    expect(await store.events.reconciliation(agent.id)).toEqual([
      { stream: "health", epoch: EPOCH_A, cursor: 2, stored: 2, lost: 3, produced: 5 },
      { stream: "health", epoch: EPOCH_B, cursor: 2, stored: 2, lost: 0, produced: 4 },
    ]);
  });
});

describe("a proof", () => {
  test("is rebuilt from what is stored, with losses as they were sent", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const first = agent.batch("health", [note(1), note(2, 'ä \u2028 "'), loss(3, 4), note(5)]);
    const whole: BatchItem[] = [...first.batch.items, note(6), loss(7, 7), note(8)];
    // Overlaps what is known, and a loss in it was stored as an event.
    const second = cut(agent, whole, 1, 7);
    await store.events.ingest([first, second]);
    for (const [seq, batch] of [
      [1, first],
      [2, first],
      [5, first],
      [6, second],
      [8, second],
    ] as const) {
      const source = await store.events.proof(agent.id, "health", EPOCH_A, seq);
      expect(source).toEqual({
        agentId: agent.id,
        publicKey: agent.identity.publicKey,
        header: batch.batch.header,
        signature: batch.batch.signature,
        items: batch.batch.items,
        index: batch.batch.items.findIndex((item) => "seq" in item && item.seq === seq),
      });
      if (source === undefined) throw new Error("no proof");
      expect(checkEventProof(makeEventProof(source)).verified).toBe(true);
    }
    expect(await store.events.proof(agent.id, "health", EPOCH_A, 3)).toBeUndefined();
    expect(await store.events.proof(agent.id, "health", EPOCH_A, 9)).toBeUndefined();
    expect(await store.events.proof(agent.id, "flow", EPOCH_A, 1)).toBeUndefined();
    expect(await store.events.proof("nobody", "health", EPOCH_A, 1)).toBeUndefined();
  });

  test("is gone with its events when they are pruned, and the account stays", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    await one(store, agent.batch("health", notes(1, 5)));
    const chain = agent.batch("health", notes(1, 5)).chains.at(-1) ?? null;
    expect(await store.events.prune(T0 + 1000, 100)).toBe(0);
    expect(await store.events.prune(T0 + 1001, 3)).toBe(3);
    expect(await storedSeqs(store, agent.id)).toEqual(["a4", "a5"]);
    expect(await store.events.proof(agent.id, "health", EPOCH_A, 4)).toBeUndefined();
    expect(await store.events.prune(T0 + 1001, 100)).toBe(3); // two events and their batch
    expect(await store.events.prune(T0 + 1001, 100)).toBe(0);
    expect(await store.events.reconciliation(agent.id)).toMatchObject([{ cursor: 5, stored: 5, lost: 0 }]);
    // What was pruned and comes again is known still.
    expect(await one(store, agent.batch("health", notes(1, 5)))).toEqual(stored(5, []));
    const next = agent.batch("health", [note(6)], { previousChain: chain });
    expect(await one(store, next)).toEqual(stored(6, [note(6)]));
  });
});
