/** Agents whose events lie about their places: refused with nothing stored, or taken as what they are, and nobody waits for it. */
import { describe, expect, test } from "bun:test";
import { BATCH_ITEMS_MAX, type SignedBatch } from "../../../src/protocol/fleet/envelope.ts";
import { sha256, toBase64Url } from "../../../src/protocol/fleet/canonical.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import type { Page } from "../../../src/model/fleet.ts";
import { programNamed, ProcessTeller } from "../../support/fleet/process-events.ts";
import { loss } from "../../support/fleet/stored.ts";
import { waitFor } from "../../support/wait-for.ts";
import { outcomeOf, TestStream, type TestAnswer } from "../../support/fleet/agent.ts";
import { expectNothingStored, rowCounts } from "../../support/fleet/hostile/attacker.ts";
import { workedFor, workedMeanwhile } from "../../support/fleet/hostile/held-up.ts";
import { TestParent } from "../../support/fleet/parent.ts";

const TIMEOUT_MS = 180_000;

describe("sequence games", () => {
  test(
    "holes, overlaps with other content, lies about counts and impossible numbers are refused, and nothing is stored",
    async () => {
      await using fleet = await TestParent.start();
      const agent = await fleet.agent();
      const stream = new TestStream(agent, "health");
      const send = (batch: SignedBatch): Promise<TestAnswer> =>
        agent.request("POST", AGENT_PATHS.telemetry, batch);
      const first = stream.batch(stream.healthEvents(10));
      expect((await send(first)).status).toBe(200);
      const before = rowCounts(fleet.directory);
      const [one, two] = stream.healthEvents(2);
      if (one === undefined || two === undefined) throw new Error("two were asked for");
      const refused: Record<string, readonly [SignedBatch, string]> = {
        "a hole before it": [stream.batchAfter(null, [{ ...one, seq: 20 }]), "409 gap"],
        "a hole in it": [
          stream.batchAfter(null, [
            { ...one, seq: 11 },
            { ...two, seq: 13 },
          ]),
          "400 bad_request",
        ],
        "twice the same": [
          stream.batchAfter(null, [
            { ...one, seq: 11 },
            { ...two, seq: 11 },
          ]),
          "400 bad_request",
        ],
        backwards: [
          stream.batchAfter(null, [
            { ...one, seq: 12 },
            { ...two, seq: 11 },
          ]),
          "400 bad_request",
        ],
        "other content": [
          stream.batchAfter(null, [{ ...one, seq: 1, payload: one.payload }]),
          "409 conflict",
        ],
        "another chain": [
          stream.batchAfter(toBase64Url(sha256("another")), [{ ...one, seq: 11 }]),
          "409 conflict",
        ],
        "a count that lies": [
          stream.batchAfter(null, [{ ...one, seq: 11 }], { count: 2 }),
          "400 bad_request",
        ],
        "a last that lies": [
          stream.batchAfter(null, [{ ...one, seq: 11 }], { lastSeq: 99 }),
          "400 bad_request",
        ],
        "a root that lies": [
          stream.batchAfter(null, [{ ...one, seq: 11 }], { root: "A".repeat(43) }),
          "400 bad_request",
        ],
        "a negative one": [stream.batchAfter(null, [{ ...one, seq: -1 }]), "400 bad_request"],
        zero: [stream.batchAfter(null, [{ ...one, seq: 0 }]), "400 bad_request"],
        "half a one": [stream.batchAfter(null, [{ ...one, seq: 11.5 }]), "400 bad_request"],
        "2^53": [stream.batchAfter(null, [{ ...one, seq: 2 ** 53 }]), "400 bad_request"],
        "a loss backwards": [stream.batchAfter(null, [loss(12, 11)]), "400 bad_request"],
        "an epoch that follows itself": [
          stream.batchAfter(null, [{ ...one, seq: 11 }], {
            follows: { epoch: stream.epoch, produced: 1, reason: "corrupt" },
          }),
          "400 bad_request",
        ],
        "another stream's path": [
          new TestStream(agent, "process").batchAfter(null, [{ ...one, seq: 1 }]),
          "400 bad_request",
        ],
        "too many": [
          stream.batchAfter(
            null,
            Array.from({ length: BATCH_ITEMS_MAX + 1 }, (_, at) => ({ ...one, seq: 11 + at })),
          ),
          "400 bad_request",
        ],
      };
      for (const [name, [batch, expected]] of Object.entries(refused)) {
        expect([name, outcomeOf(await send(batch))]).toEqual([name, expected]);
      }
      await waitFor("the conflict in the audit log", async () => {
        const answer = await fleet.ask(fleet.adminKey, "GET", "/api/v1/audit?action=agent.conflict");
        return ((await answer.json()) as Page<unknown>).items.length === 1;
      });
      const audit = (before["audit_log"] ?? 0) + 1;
      await expectNothingStored(fleet, { ...before, audit_log: audit });
      expect(
        (
          await send(
            stream.batch([
              { ...one, seq: 11 },
              { ...two, seq: 12 },
            ]),
          )
        ).status,
      ).toBe(200);
    },
    TIMEOUT_MS,
  );

  test(
    "the whole range declared lost is a loss and no harm; the agent's own later events have no place, others' do",
    async () => {
      await using fleet = await TestParent.start();
      const [liar, agent] = [await fleet.agent(), await fleet.agent()];
      const stream = new TestStream(liar, "health");
      const all = stream.batchAfter(null, [loss(1, Number.MAX_SAFE_INTEGER)]);
      expect((await liar.request("POST", AGENT_PATHS.telemetry, all)).status).toBe(200);
      const streams = await fleet.ask(fleet.adminKey, "GET", `/api/v1/agents/${liar.identity.id}/streams`);
      expect(((await streams.json()) as Page<unknown>).items[0]).toMatchObject({
        cursor: Number.MAX_SAFE_INTEGER,
        lost: Number.MAX_SAFE_INTEGER,
        stored: 0,
      });
      const losses = await fleet.ask(fleet.adminKey, "GET", "/api/v1/losses");
      expect(losses.status).toBe(200);
      const good = new TestStream(agent, "health");
      const answer = await agent.request("POST", AGENT_PATHS.telemetry, good.batch(good.healthEvents(3)));
      expect(answer.status).toBe(200);
    },
    TIMEOUT_MS,
  );

  test(
    "hundreds of epochs that follow one another, in circles too, are taken or refused, and told of within a second",
    async () => {
      await using fleet = await TestParent.start();
      const liar = await fleet.agent();
      const [first, second] = [new TestStream(liar, "health"), new TestStream(liar, "health")];
      const follows = (epoch: string) => ({ epoch, produced: 5, reason: "corrupt" as const });
      const statuses = new Set<number>();
      const health = await workedMeanwhile(
        process.pid,
        () => fleet.fetch("/healthz"),
        async () => {
          for (const [stream, before] of [
            [first, second],
            [second, first],
          ] as const) {
            const batch = stream.batch(stream.healthEvents(1), { follows: follows(before.epoch) });
            statuses.add((await liar.request("POST", AGENT_PATHS.telemetry, batch)).status);
          }
          let before = second.epoch;
          for (let count = 0; count < 300; count += 1) {
            const stream = new TestStream(liar, "health");
            const batch = stream.batch(stream.healthEvents(1), { follows: follows(before) });
            statuses.add((await liar.request("POST", AGENT_PATHS.telemetry, batch)).status);
            before = stream.epoch;
          }
        },
      );
      expect([...statuses]).toEqual([200]);
      expect(health).toBeLessThan(1000);
      const told = async (): Promise<Response> => {
        const path = `/api/v1/agents/${liar.identity.id}/streams`;
        const answer = await fleet.ask(fleet.adminKey, "GET", path);
        expect(((await answer.clone().json()) as Page<unknown>).items.length).toBe(302);
        return answer;
      };
      expect(await workedFor(process.pid, told)).toBeLessThan(1000);
    },
    TIMEOUT_MS,
  );

  test(
    "one loss over a hundred thousand small ones, again and again, holds nobody up",
    async () => {
      await using fleet = await TestParent.start();
      const liar = await fleet.agent();
      const stream = new TestStream(liar, "health");
      for (let batches = 0; batches < 100; batches += 1) {
        const items = Array.from({ length: BATCH_ITEMS_MAX }, (_, at) =>
          loss(stream.next + at, stream.next + at),
        );
        const answer = await liar.request("POST", AGENT_PATHS.telemetry, stream.batch(items));
        expect(answer.status).toBe(200);
      }
      const events = stream.batch(stream.healthEvents(1));
      expect((await liar.request("POST", AGENT_PATHS.telemetry, events)).status).toBe(200);
      // 500 losses, each over another two hundred that are known.
      const wide = Array.from({ length: 500 }, (_, at) => loss(1 + at * 200, (at + 1) * 200));
      const rssBefore = process.memoryUsage.rss();
      const health = await workedMeanwhile(
        process.pid,
        () => fleet.fetch("/healthz"),
        async () => {
          for (let times = 0; times < 10; times += 1) {
            const batch = stream.batchAfter(null, wide);
            const answer = await liar.request("POST", AGENT_PATHS.telemetry, batch);
            expect(answer.text).toContain('"notLost":[]');
          }
        },
      );
      expect(health).toBeLessThan(1000);
      await waitFor("its memory to be small", () => {
        Bun.gc(true);
        return process.memoryUsage.rss() - rssBefore < 200e6;
      });
    },
    TIMEOUT_MS,
  );
});

test(
  "fifty thousand processes that an agent made up, and takes back at once, are ended in pieces",
  async () => {
    await using fleet = await TestParent.start();
    const liar = await fleet.agent();
    const stream = new TestStream(liar, "process");
    const program = programNamed("x");
    const teller = new ProcessTeller();
    const template = teller.started(program, 1) as { eventData: Record<string, unknown> };
    let pid = 0;
    const snapshot = (snapshotId: string, part: number, parts: number, count: number) =>
      stream.event(
        {
          eventType: "snapshot",
          snapshotId,
          part,
          parts,
          setHash: "0".repeat(32),
          takenAtMs: Date.now(),
          processes: Array.from({ length: count }, () => {
            pid += 1;
            return { ...template.eventData, pid: pid % 4_000_000, processId: `${pid}_1` };
          }),
        },
        "process_snapshot",
      );
    const send = async (items: ReturnType<typeof snapshot>[]): Promise<void> => {
      const answer = await liar.request("POST", AGENT_PATHS.processEvents, stream.batch(items));
      expect(`${answer.status} ${answer.text.slice(0, 100)}`).toStartWith("200 ");
    };
    const made = 50_000;
    for (let part = 1; part <= made / 200; part += 10) {
      await send(Array.from({ length: 10 }, (_, at) => snapshot("a".repeat(16), part + at, made / 200, 200)));
    }
    const health = await workedMeanwhile(
      process.pid,
      () => fleet.fetch("/healthz"),
      () => send([snapshot("b".repeat(16), 1, 1, 0)]),
    );
    expect(health).toBeLessThan(2500);
    const running = await fleet.ask(
      fleet.adminKey,
      "GET",
      `/api/v1/processes?agent=${liar.identity.id}&running=true`,
    );
    expect(((await running.json()) as Page<unknown>).items).toEqual([]);
  },
  TIMEOUT_MS,
);
