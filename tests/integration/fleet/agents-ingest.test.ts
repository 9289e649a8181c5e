/** From signed batches to stored events: what is taken once, what is refused and why, and what happens where storing fails. */
import { describe, expect, test } from "bun:test";
import { WbError } from "../../../src/model/errors.ts";
import type { LiveEvent } from "../../../src/model/fleet.ts";
import { BatchAnswer } from "../../../src/protocol/fleet/envelope.ts";
import type { BatchItem, EventItem, SignedBatch } from "../../../src/protocol/fleet/envelope.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { HeartbeatAnswer } from "../../../src/protocol/fleet/messages.ts";
import type { FleetStore } from "../../../src/store/fleet/contract.ts";
import { outcomeOf, TestStream, type TestAgent, type TestAnswer } from "../../support/fleet/agent.ts";
import { TestParent } from "../../support/fleet/parent.ts";
import { loss } from "../../support/fleet/stored.ts";
import { waitFor } from "../../support/wait-for.ts";

async function storedSeqs(parent: TestParent, agent: TestAgent): Promise<number[]> {
  const { items } = await parent.store.events.events({ agentId: agent.identity.id, limit: 1000 });
  return items.map(({ seq }) => seq).sort((left, right) => left - right);
}

function cursorOf(answer: TestAnswer): number {
  return BatchAnswer.parse(answer.body).cursor;
}

const seqs = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("a batch", () => {
  test("is stored once, however often it comes", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const stream = new TestStream(agent);
    const batch = stream.batch(stream.healthEvents(20));
    const answers = await Promise.all([1, 2, 3].map(() => agent.send(batch)));
    expect(answers.map(outcomeOf)).toEqual(["200", "200", "200"]);
    expect(answers.map(cursorOf)).toEqual([20, 20, 20]);
    expect(await storedSeqs(parent, agent)).toEqual(seqs(1, 20));
    expect(parent.metric("wb_ingest_items_total")).toBe(20);
    const heard = HeartbeatAnswer.parse(
      (
        await agent.beat({
          streams: [
            {
              stream: "health",
              epoch: stream.epoch,
              produced: 20,
              acked: 0,
              pending: 20,
              lost: 0,
              unknownTails: 0,
              pendingBytes: 100,
            },
          ],
        })
      ).body,
    );
    expect(heard.cursors).toEqual([{ stream: "health", epoch: stream.epoch, cursor: 20 }]);
  });

  test("may overlap what is stored, where both agree", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const stream = new TestStream(agent);
    const first = stream.healthEvents(10);
    const second = stream.healthEvents(10);
    expect(cursorOf(await agent.send(stream.batch(first)))).toBe(10);
    expect(cursorOf(await agent.send(stream.batchAfter(null, [...first, ...second])))).toBe(20);
    expect(await storedSeqs(parent, agent)).toEqual(seqs(1, 20));
  });

  test("with a hole before it is answered with where to go on", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const stream = new TestStream(agent);
    const batches = [1, 2, 3].map(() => stream.batch(stream.healthEvents(5)));
    const [first, second, third] = batches as [SignedBatch, SignedBatch, SignedBatch];
    await agent.send(first);
    const gap = await agent.send(third);
    expect([outcomeOf(gap), gap.error?.cursor]).toEqual(["409 gap", 5]);
    expect(cursorOf(await agent.send(second))).toBe(10);
    expect(cursorOf(await agent.send(third))).toBe(15);
    expect(await storedSeqs(parent, agent)).toEqual(seqs(1, 15));
  });

  test("with another event in a stored one's place is a conflict: refused, audited once a minute, told", async () => {
    await using parent = await TestParent.start();
    const events = parent.watch();
    const agent = await parent.agent();
    const stream = new TestStream(agent);
    await agent.send(stream.batch(stream.healthEvents(5)));
    stream.next = 1;
    const forged = stream.batchAfter(null, stream.healthEvents(5, "another"));
    for (let count = 0; count < 3; count += 1) {
      const answer = await agent.send(forged);
      expect(outcomeOf(answer)).toBe("409 conflict");
      expect(answer.error?.cursor).toBeLessThanOrEqual(5);
    }
    const audited = await waitFor("the conflict to be audited", async () => {
      const { items } = await parent.store.people.auditLog({ action: "agent.conflict", limit: 10 });
      return items.length > 0 ? items : undefined;
    });
    expect(audited.map(({ subject, actor }) => [subject, actor])).toEqual([
      [agent.identity.id, `agent:${agent.identity.id}`],
    ]);
    const isConflict = (event: LiveEvent): boolean => event.type === "agent" && event.change === "conflict";
    await waitFor("it is told", () => events.some(isConflict));
    expect(events.filter(isConflict)).toHaveLength(1);
    expect(parent.metric("wb_ingest_conflicts_total")).toBe(3);
    const { items } = await parent.store.events.events({ agentId: agent.identity.id, limit: 10 });
    expect(items.map(({ payload }) => (payload as { detail: string }).detail)).toEqual(["", "", "", "", ""]);
  });

  test("with a loss is stored as one, and told", async () => {
    await using parent = await TestParent.start();
    const events = parent.watch();
    const agent = await parent.agent();
    const stream = new TestStream(agent);
    const before = stream.healthEvents(3);
    stream.next = 11;
    const items: BatchItem[] = [...before, loss(4, 10), ...stream.healthEvents(2)];
    expect(cursorOf(await agent.send(stream.batch(items)))).toBe(12);
    expect(await storedSeqs(parent, agent)).toEqual([1, 2, 3, 11, 12]);
    const { items: losses } = await parent.store.events.losses({ agentId: agent.identity.id, limit: 10 });
    expect(losses.map(({ firstSeq, lastSeq, reason }) => [firstSeq, lastSeq, reason])).toEqual([
      [4, 10, "quota"],
    ]);
    const published = await waitFor("it is told", () => {
      const found = events.filter((event) => event.type === "loss");
      return found.length > 0 && found;
    });
    expect(published.map((event) => event.type === "loss" && event.loss.firstSeq)).toEqual([4]);
  });
});

describe("a liar's batch", () => {
  test("is refused in every part that is not as it was signed, and nothing of it is stored", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const other = await parent.agent();
    const stream = new TestStream(agent);
    const batch = stream.batch(stream.healthEvents(3));
    const [one, two, three] = batch.items as [EventItem, EventItem, EventItem];
    const ofOther = new TestStream(other).batch(new TestStream(other).healthEvents(1));
    const liars: [unknown, string][] = [
      [{ ...batch, signature: ofOther.signature }, "400 bad_request"],
      [
        { ...batch, items: [{ ...one, payload: one.payload.replace("live", "failed") }, two, three] },
        "400 bad_request",
      ],
      [{ ...batch, items: [two, one, three] }, "400 bad_request"],
      [{ ...batch, items: [one, two] }, "400 bad_request"],
      [{ ...batch, items: [one, three] }, "400 bad_request"],
      [{ ...batch, items: [] }, "400 bad_request"],
      [{ ...batch, header: { ...batch.header, firstSeq: 2, lastSeq: 4 } }, "400 bad_request"],
      [{ ...batch, header: { ...batch.header, stream: "nonsense" } }, "400 bad_request"],
      [{ ...batch, header: { ...batch.header, epoch: "'; DROP TABLE--" } }, "400 bad_request"],
      [stream.batchAfter(null, batch.items, { agentId: other.identity.id }), "403 forbidden"],
      [ofOther, "403 forbidden"],
      [stream.batchAfter(null, batch.items, { parentId: "0".repeat(32) }), "400 bad_request"],
      ["{", "400 bad_request"],
      [null, "400 bad_request"],
      [{ ...batch, items: Array.from({ length: 1001 }, () => one) }, "400 bad_request"],
      [stream.batchAfter(null, [{ ...one, payload: "no json" }]), "400 bad_request"],
      [stream.batchAfter(null, [{ ...one, payload: '{"provider":5}' }]), "400 bad_request"],
    ];
    const answers: string[] = [];
    for (const [body] of liars) {
      answers.push(outcomeOf(await agent.persistently("POST", AGENT_PATHS.telemetry, body)));
    }
    expect(answers).toEqual(liars.map(([, expected]) => expected));
    expect(await storedSeqs(parent, agent)).toEqual([]);
    expect(await storedSeqs(parent, other)).toEqual([]);
    expect(cursorOf(await agent.send(batch))).toBe(3);
    expect(parent.complaints).toEqual([]);
  });

  test("by the wrong path, too large, or of one who may not speak is refused", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const stream = new TestStream(agent);
    const batch = stream.batch(stream.healthEvents(1));
    expect(outcomeOf(await agent.persistently("POST", AGENT_PATHS.processEvents, batch))).toBe(
      "400 bad_request",
    );
    const large = new Uint8Array(4 * 1024 * 1024 + 1);
    expect(outcomeOf(await agent.persistently("POST", AGENT_PATHS.telemetry, large))).toBe("413 too_large");
    await agent.request("POST", AGENT_PATHS.leave, {});
    expect(outcomeOf(await agent.send(batch))).toBe("410 removed");
    expect(await storedSeqs(parent, agent)).toEqual([]);
  });
});

describe("many agents at once", () => {
  test("share transactions, and each gets its own answer", async () => {
    const commits: number[] = [];
    const gate = Promise.withResolvers<void>();
    const wrapStore = (store: FleetStore): FleetStore => ({
      ...store,
      events: {
        ...store.events,
        ingest: async (batches) => {
          commits.push(batches.length);
          await gate.promise; // all that come meanwhile wait for the next one
          return await store.events.ingest(batches);
        },
      },
    });
    await using parent = await TestParent.start({ wrapStore });
    const agents = await Promise.all(Array.from({ length: 30 }, () => parent.agent()));
    const batches = agents.map((agent, index) => {
      const stream = new TestStream(agent);
      return stream.batch(stream.healthEvents(index + 1));
    });
    const bytes = batches.reduce((sum, batch) => sum + JSON.stringify(batch).length, 0);
    const sent = Promise.all(agents.map((agent, index) => agent.send(batches[index] as SignedBatch)));
    await waitFor("all to be taken", () => parent.metric("wb_ingest_queue_bytes") === bytes);
    gate.resolve();
    expect((await sent).map(cursorOf)).toEqual(seqs(1, 30));
    // The first one, and those that came while it was held.
    expect(commits.length).toBeLessThan(4);
    expect(commits.reduce((sum, count) => sum + count, 0)).toBe(30);
    await waitFor("an empty queue", () => parent.metric("wb_ingest_queue_bytes") === 0);
  });

  test("do not suffer from one whose batch breaks the store", async () => {
    const wrapStore = (store: FleetStore): FleetStore => ({
      ...store,
      events: {
        ...store.events,
        ingest: (batches) => {
          const isPoisoned = batches.some(({ batch }) =>
            batch.items.some((item) => "payload" in item && item.payload.includes("poison")),
          );
          return isPoisoned ? Promise.reject(new TypeError("a defect")) : store.events.ingest(batches);
        },
      },
    });
    await using parent = await TestParent.start({ wrapStore });
    const agents = await Promise.all(Array.from({ length: 6 }, () => parent.agent()));
    const answers = await Promise.all(
      agents.map((agent, index) => {
        const stream = new TestStream(agent);
        return agent.send(stream.batch(stream.healthEvents(2, index === 3 ? "poison" : "")));
      }),
    );
    expect(answers.map(outcomeOf)).toEqual(["200", "200", "200", "500 internal", "200", "200"]);
  });
});

describe("pressure", () => {
  test("of a full queue is refused with a time, and credits shrink before that", async () => {
    const gate = Promise.withResolvers<void>();
    const wrapStore = (store: FleetStore): FleetStore => ({
      ...store,
      events: {
        ...store.events,
        ingest: async (batches) => {
          await gate.promise;
          return store.events.ingest(batches);
        },
      },
    });
    await using parent = await TestParent.start({ wrapStore, limits: { ingestQueueBytesMax: 100_000 } });
    const agents = await Promise.all(Array.from({ length: 12 }, () => parent.agent()));
    const batches = agents.map((agent) => {
      const stream = new TestStream(agent);
      return stream.batch(stream.healthEvents(30, "x".repeat(390)));
    });
    const isRefused: boolean[] = [];
    const answers: Promise<TestAnswer>[] = [];
    for (const [index, agent] of agents.entries()) {
      const batch = batches[index];
      if (batch === undefined) throw new Error("there is a batch for each");
      const before = parent.metric("wb_ingest_queue_bytes");
      const answer = agent.send(batch);
      answers.push(answer);
      void answer.then(({ status }) => (isRefused[index] = status !== 200));
      await waitFor("the batch to be queued or refused", () => {
        return parent.metric("wb_ingest_queue_bytes") > before || isRefused[index] === true;
      });
    }
    const [first] = agents;
    const credit = HeartbeatAnswer.parse((await first?.beat())?.body);
    expect(credit.creditBytes).toBe(32 * 1024);
    expect(credit.waitMs).toBeGreaterThan(0);
    gate.resolve();
    const all = await Promise.all(answers);
    const refused = all.filter(({ status }) => status === 503);
    expect(refused.length).toBeWithin(3, 8);
    expect(new Set(refused.map(outcomeOf))).toEqual(new Set(["503 overloaded"]));
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeWithin(2, 60);
    expect(all.filter(({ status }) => status === 200)).toHaveLength(12 - refused.length);
    // As told: they come again, and all is stored.
    for (const [index, agent] of agents.entries()) {
      const batch = batches[index];
      if (all[index]?.status === 503 && batch !== undefined)
        expect(cursorOf(await agent.send(batch))).toBe(30);
      expect(await storedSeqs(parent, agent)).toEqual(seqs(1, 30));
    }
    await waitFor("an empty queue", () => parent.metric("wb_ingest_queue_bytes") === 0);
  });

  test("of a full disk slows agents down, acknowledges nothing, and ends by itself", async () => {
    let isFull = true;
    const fail = (): Promise<never> => Promise.reject(new WbError("storage", "the disk is full"));
    const wrapStore = (store: FleetStore): FleetStore => ({
      ...store,
      agents: {
        ...store.agents,
        storeHeartbeats: (beats) => (isFull ? fail() : store.agents.storeHeartbeats(beats)),
      },
      events: { ...store.events, ingest: (batches) => (isFull ? fail() : store.events.ingest(batches)) },
    });
    await using parent = await TestParent.start({ wrapStore });
    const agent = await parent.agent();
    const stream = new TestStream(agent);
    const batch = stream.batch(stream.healthEvents(5));
    const refused = [await agent.send(batch), await agent.send(batch)];
    for (const answer of refused) {
      expect(outcomeOf(answer)).toBe("503 storage_full");
      expect(Number(answer.headers.get("retry-after"))).toBeWithin(30, 46);
    }
    expect(parent.metric("wb_ingest_storage_failures_total")).toBe(1);
    const beat = HeartbeatAnswer.parse((await agent.beat({ captureMethod: "kept" })).body);
    expect([beat.creditBytes, beat.waitMs >= 30_000]).toEqual([0, true]);
    expect(await storedSeqs(parent, agent)).toEqual([]);
    await waitFor(
      "a heartbeat that can't be written",
      () => parent.metric("wb_heartbeat_writes_failed_total") > 0,
    );
    isFull = false;
    parent.clock.advance(60_000); // the pause is over
    expect(cursorOf(await agent.send(batch))).toBe(5);
    expect(await storedSeqs(parent, agent)).toEqual(seqs(1, 5));
    await waitFor("the heartbeat that was kept", async () => {
      const summary = await parent.store.agents.summary(agent.identity.id, 0);
      return summary?.captureMethod === "kept";
    });
    expect(parent.complaints.map((line) => line.split(":")[0])).toEqual([
      "telemetry can't be stored",
      "heartbeats can't be stored",
    ]);
  });
});
