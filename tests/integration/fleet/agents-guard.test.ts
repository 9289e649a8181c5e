/** What gets past the guard: only what an agent signed, once, by the instance that lives; and who is in two places is found. */
import { describe, expect, test } from "bun:test";
import { toBase64Url } from "../../../src/protocol/fleet/canonical.ts";
import type { LiveEvent } from "../../../src/model/fleet.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { HeartbeatAnswer } from "../../../src/protocol/fleet/messages.ts";
import { TestAgent, newInstance, send } from "../../support/fleet/agent.ts";
import { PERSON, TestParent } from "../../support/fleet/parent.ts";
import { waitFor } from "../../support/wait-for.ts";

async function stateOf(parent: TestParent, agent: TestAgent): Promise<string | undefined> {
  return (await parent.store.agents.get(agent.identity.id))?.state;
}

describe("a proof", () => {
  test("that is wrong in any part gets the same answer as an agent that nobody knows", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const stranger = parent.stranger();
    const beat = (): ReturnType<TestAgent["prepare"]> =>
      agent.prepare("POST", AGENT_PATHS.heartbeat, agent.heartbeat());
    const good = beat();
    const forged = toBase64Url(stranger.identity.sign(new Uint8Array(8)));
    const changed = {
      ...good,
      body: Buffer.from(Buffer.from(good.body).toString().replace("test-host", "evil")),
    };
    const requests = [
      stranger.prepare("POST", AGENT_PATHS.heartbeat, stranger.heartbeat()),
      changed,
      { ...beat(), headers: {} },
      ...[
        { "x-wb-signature": forged },
        { "x-wb-signature": "x" },
        { "x-wb-counter": "999" },
        { "x-wb-counter": "-1" },
        { "x-wb-counter": "9".repeat(30) },
        { "x-wb-instance": newInstance() },
        { "x-wb-instance": "'; DROP TABLE agents" },
        { "x-agent-id": stranger.identity.id },
        { "x-agent-id": "../../etc/passwd" },
      ].map((change) => Object.assign(beat(), { headers: Object.assign({}, beat().headers, change) })),
      // Signed for another path, another query, another parent.
      {
        ...agent.prepare("GET", `${AGENT_PATHS.commands}?after=0`),
        url: `${parent.url}${AGENT_PATHS.commands}?after=1`,
      },
      { ...agent.prepare("POST", AGENT_PATHS.leave, {}), url: parent.url + AGENT_PATHS.heartbeat },
      new TestAgent({ ...parent.facts, parentId: "f".repeat(32) }, agent.identity).prepare(
        "POST",
        AGENT_PATHS.heartbeat,
        agent.heartbeat(),
      ),
    ];
    const answers = await Promise.all(requests.map((request) => send(request)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    expect([answers[0]?.status, answers[0]?.error?.code]).toEqual([401, "unauthenticated"]);
    expect((await send(good)).status).toBe(200);
    expect(parent.metric("wb_agent_refusals_total")).toBe(requests.length);
  });

  test("is good once; the answer says where to go on", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const first = agent.prepare("POST", AGENT_PATHS.heartbeat, agent.heartbeat());
    expect((await send(first)).status).toBe(200);
    const again = await send(first);
    expect([again.status, again.error?.code, again.error?.floor]).toEqual([409, "replayed", agent.counter]);
    agent.counter = (again.error?.floor ?? 0) + 100;
    expect((await agent.request("POST", AGENT_PATHS.heartbeat, agent.heartbeat())).status).toBe(200);
  });

  test("may come in another order", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    await agent.beat();
    const requests = Array.from({ length: 20 }, () => agent.prepare("GET", AGENT_PATHS.joinStatus));
    for (const request of requests.reverse()) expect((await send(request)).status).toBe(200);
    const replays = await Promise.all(requests.map((request) => send(request)));
    expect(replays.map(({ error }) => error?.code)).toEqual(requests.map(() => "replayed"));
  });

  test("many of which are wrong stop an address, which is told how long", async () => {
    await using parent = await TestParent.start();
    const stranger = parent.stranger();
    parent.clock.hold();
    const answers = [];
    for (let round = 0; round < 12; round += 1) {
      const requests = Array.from({ length: 100 }, () => stranger.request("GET", AGENT_PATHS.joinStatus));
      answers.push(...(await Promise.all(requests)));
    }
    const limited = answers.filter(({ status }) => status === 429);
    // Of the hundred at once that use the last of it up, some are under way already.
    expect(limited.length).toBeWithin(100, 200);
    expect(Number(limited[0]?.headers.get("retry-after"))).toBe(1);
    expect(answers.filter(({ status }) => status === 401).length).toBe(1200 - limited.length);
  });

  test("does not help an agent that asks too often", async () => {
    await using parent = await TestParent.start({ limits: { requestsPerAgentPerMinute: 60 } });
    const agent = await parent.agent();
    const other = await parent.agent();
    parent.clock.hold();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => agent.request("GET", AGENT_PATHS.joinStatus)),
    );
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited.length).toBe(10);
    expect(Number(limited[0]?.headers.get("retry-after"))).toBe(1);
    expect((await other.request("GET", AGENT_PATHS.joinStatus)).status).toBe(200);
  });

  test("comes after the body, of which one sender may have only few on their way", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const gate = Promise.withResolvers<void>();
    const slowly = async (): Promise<number> => {
      const { url, headers } = agent.prepare("POST", AGENT_PATHS.telemetry, {});
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(Buffer.from("{"));
          await gate.promise;
          controller.enqueue(Buffer.from("}"));
          controller.close();
        },
      });
      return (await fetch(url, { method: "POST", headers, body, tls: { ca: parent.ca } })).status;
    };
    const slow = Array.from({ length: 4 }, slowly);
    await waitFor(
      "four bodies on their way",
      () => parent.metric("wb_agent_body_bytes") === 4 * 4 * 1024 * 1024,
    );
    const large = agent.prepare("POST", AGENT_PATHS.telemetry, new Uint8Array(100_000));
    expect((await send(large)).error?.code).toBe("rate_limited");
    expect((await agent.beat()).status).toBe(200);
    gate.resolve();
    expect(await Promise.all(slow)).toEqual([400, 400, 400, 400]); // signed for {}, which is no batch
    await waitFor("their room to be free", () => parent.metric("wb_agent_body_bytes") === 0);
  });

  test("of a counter outlives the parent", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    agent.counter = 500;
    const beat = agent.prepare("POST", AGENT_PATHS.heartbeat, agent.heartbeat());
    expect((await send(beat)).status).toBe(200);
    const stored = await waitFor("the floor to be stored", async () => {
      const record = await parent.store.agents.get(agent.identity.id);
      return record?.counterFloor === agent.counter ? record : undefined;
    });
    expect(stored.instance).toBe(agent.instance);
  });
});

describe("two with one key", () => {
  test("that both live are found, and neither speaks until a person has decided", async () => {
    await using parent = await TestParent.start();
    const events = parent.watch();
    const first = await parent.agent();
    expect((await first.beat()).status).toBe(200);
    const second = first.clone();
    expect((await second.beat()).status).toBe(200);
    // The first one speaks again: it is asked for a proof that it lives.
    const asked = await first.beat();
    expect([asked.status, asked.error?.code]).toEqual([409, "superseded"]);
    const challenge = asked.error?.challenge ?? "";
    expect(challenge).toMatch(/^[\w-]{32}$/);
    expect(await stateOf(parent, first)).toBe("active");
    const proven = await first.beat({ challenge });
    expect([proven.status, proven.error?.code]).toEqual([403, "quarantined"]);
    expect((await second.beat()).error?.code).toBe("quarantined");
    expect(await stateOf(parent, first)).toBe("quarantined");
    const { items } = await parent.store.people.auditLog({ limit: 10, action: "agent.quarantine" });
    expect(items.map(({ subject, actor }) => [subject, actor])).toEqual([[first.identity.id, "system"]]);
    const isTold = (event: LiveEvent): boolean =>
      event.type === "agent" && event.agentId === first.identity.id && event.change === "quarantined";
    await waitFor("it is told", () => events.some(isTold));
    // It can neither join again nor leave and join.
    const token = await parent.token();
    expect((await first.join(token.credential)).error?.code).toBe("quarantined");
    expect((await second.request("POST", AGENT_PATHS.leave, {})).error?.code).toBe("quarantined");
    // Released, the one that still lives goes on, whichever it is.
    await parent.store.agents.setState(first.identity.id, "active", "the copy is gone", PERSON, Date.now());
    expect((await first.beat()).status).toBe(200);
    expect((await first.beat()).status).toBe(200);
  });

  test("are found again where a person released them and both still live", async () => {
    await using parent = await TestParent.start();
    const first = await parent.agent();
    const second = first.clone();
    for (const round of [1, 2]) {
      await first.beat();
      await second.beat();
      const challenge = (await first.beat()).error?.challenge ?? "";
      expect((await first.beat({ challenge })).error?.code).toBe("quarantined");
      const { items } = await parent.store.people.auditLog({ limit: 10, action: "agent.quarantine" });
      expect(items).toHaveLength(round);
      await parent.store.agents.setState(first.identity.id, "active", "again", PERSON, Date.now());
    }
  });

  test("are not two where old packets of an instance that ended come late, however often", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const before = [1, 2, 3, 4].map(() => agent.prepare("POST", AGENT_PATHS.heartbeat, agent.heartbeat()));
    const [sent, ...late] = before;
    if (sent === undefined) throw new Error("nothing was prepared");
    expect((await send(sent)).status).toBe(200);
    agent.instance = newInstance(); // it was started anew
    expect((await agent.beat()).status).toBe(200);
    for (const packet of [...late, sent, ...late, ...late]) {
      const answer = await send(packet);
      expect([answer.status, answer.error?.code]).toEqual([409, "superseded"]);
    }
    expect(await stateOf(parent, agent)).toBe("active");
    expect((await agent.beat()).status).toBe(200);
  });

  test("need a proof that is fresh: a wrong or used one proves nothing", async () => {
    await using parent = await TestParent.start();
    const first = await parent.agent();
    await first.beat();
    const second = first.clone();
    await second.beat();
    const wrong = await first.beat({ challenge: "A".repeat(32) });
    expect(wrong.error?.code).toBe("superseded");
    expect(await stateOf(parent, first)).toBe("active");
    // The challenge of one instance is worth nothing to another that was retired.
    const third = second.clone();
    await third.beat();
    const stolen = await second.beat({ challenge: wrong.error?.challenge ?? "" });
    expect(stolen.error?.code).toBe("superseded");
    expect(await stateOf(parent, first)).toBe("active");
  });

  test("are found also where a machine was copied while its agent ran", async () => {
    await using parent = await TestParent.start();
    const first = await parent.agent();
    const leaseOf = async (agent: TestAgent, lease: string | null): Promise<string> =>
      HeartbeatAnswer.parse((await agent.beat({ lease })).body).lease;
    const common = await leaseOf(first, null);
    const second = first.clone();
    second.instance = first.instance; // its memory was copied too
    const own = await leaseOf(first, common);
    await leaseOf(second, common);
    expect((await first.beat({ lease: own })).error?.code).toBe("quarantined");
    expect((await second.beat()).error?.code).toBe("quarantined");
  });

  test("are not two where an instance comes back that nobody remembers: old counters retire nobody", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const old = agent.prepare("POST", AGENT_PATHS.heartbeat, agent.heartbeat());
    for (let start = 0; start < 20; start += 1) {
      agent.instance = newInstance();
      expect((await agent.beat()).status).toBe(200);
    }
    // Seventeen instances back: forgotten, but its counter is not.
    expect((await send(old)).error?.code).toBe("replayed");
    expect((await agent.beat()).status).toBe(200);
    const record = await parent.store.agents.get(agent.identity.id);
    expect(record?.instance).toBe(agent.instance);
    expect(record?.retiredInstances).toHaveLength(16);
  });
});

describe("a heartbeat", () => {
  test("is stored with others, and answered with what the agent needs", async () => {
    await using parent = await TestParent.start();
    const events = parent.watch();
    const agent = await parent.agent();
    parent.clock.hold();
    const wallMs = parent.clock.now() + 60_000;
    const answer = HeartbeatAnswer.parse(
      (await agent.beat({ clock: { wallMs, monotonicMs: 5, bootId: "b" }, captureMethod: "ebpf" })).body,
    );
    expect(answer.heartbeatIntervalMs).toBe(30_000);
    expect(answer.commandCursor).toBe(0);
    expect(answer.cursors).toEqual([]);
    expect(answer.creditBytes).toBe(1024 * 1024);
    expect(answer.waitMs).toBe(0);
    expect(answer.serverTimeMs).toBe(parent.clock.now());
    const summary = await waitFor("the heartbeat to be stored", async () => {
      const found = await parent.store.agents.summary(agent.identity.id, parent.clock.now() - 60_000);
      return found?.lastSeenAtMs === null ? undefined : found;
    });
    expect(summary.captureMethod).toBe("ebpf");
    expect(summary.online).toBe(true);
    expect(summary.clockOffsetMs).toBe(60_000);
    await waitFor("it is told", () =>
      events.some((event) => event.type === "agent" && event.change === "online"),
    );
    expect(events).toContainEqual({ type: "agent", agentId: agent.identity.id, change: "online" });
  });

  test("tells that its agent is online once that can be read, and only once", async () => {
    let isFull = true;
    await using parent = await TestParent.start({
      wrapStore: (store) => ({
        ...store,
        agents: {
          ...store.agents,
          storeHeartbeats: (beats) =>
            isFull ? Promise.reject(new Error("no room")) : store.agents.storeHeartbeats(beats),
        },
      }),
    });
    const agent = await parent.agent();
    const { id } = agent.identity;
    const online: (boolean | undefined)[] = [];
    const stop = new AbortController();
    const filter = (event: LiveEvent): boolean => event.type === "agent" && event.change === "online";
    const watching = parent.context.bus.subscribe({ filter, queueMax: 10 }, stop.signal);
    const reading = (async () => {
      for await (const _ of watching)
        online.push((await parent.store.agents.summary(id, Date.now() - 60_000))?.online);
    })();
    await agent.beat();
    await waitFor("a write that fails", () => parent.metric("wb_heartbeat_writes_failed_total") > 0);
    expect(online).toEqual([]);
    isFull = false;
    await waitFor("it is told", () => online.length > 0);
    await agent.beat({ captureMethod: "again" });
    await waitFor("the second is stored", async () => {
      const summary = await parent.store.agents.summary(id, 0);
      return summary?.captureMethod === "again";
    });
    stop.abort();
    await reading;
    expect(online).toEqual([true]);
  });

  test("of another agent, or of another shape, is refused", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const other = await parent.agent();
    const bodies = [
      { ...agent.heartbeat(), agentId: other.identity.id },
      { ...agent.heartbeat(), more: 1 },
      { ...agent.heartbeat(), notices: Array.from({ length: 17 }, () => "x") },
      [],
      new Uint8Array([0xff, 0xfe]),
    ];
    for (const body of bodies) {
      const answer = await agent.request("POST", AGENT_PATHS.heartbeat, body);
      expect([answer.status, answer.error?.code]).toEqual([400, "bad_request"]);
    }
    const large = new Uint8Array(300 * 1024);
    expect((await agent.request("POST", AGENT_PATHS.heartbeat, large)).status).toBe(413);
  });
});
