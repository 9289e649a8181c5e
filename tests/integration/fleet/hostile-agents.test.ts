/**
 * Agents that lie about who they are, at a whole parent over its real TLS: each attack is refused with its reason, leaves no row
 * behind, and others are served meanwhile and afterwards.
 */
import { describe, expect, test } from "bun:test";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { programNamed, ProcessTeller } from "../../support/fleet/process-events.ts";
import { waitFor } from "../../support/wait-for.ts";
import { outcomeOf, TestStream, type TestAgent, type TestAnswer } from "../../support/fleet/agent.ts";
import { deliver, expectNothingStored, RawClient, rowCounts } from "../../support/fleet/hostile/attacker.ts";
import { TestParent } from "../../support/fleet/parent.ts";
import { DEFAULT_LIMITS } from "../../../src/server/limits.ts";

const TIMEOUT_MS = 180_000;

function flipped(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}

describe("a proof", () => {
  test(
    "is good for one request: any other part of it, or another agent's, opens nothing",
    async () => {
      await using fleet = await TestParent.start();
      const [agent, other] = [await fleet.agent(), await fleet.agent()];
      const stranger = fleet.stranger();
      const stream = new TestStream(agent, "health");
      const before = rowCounts(fleet.directory);
      const fresh = () => agent.prepare("POST", AGENT_PATHS.heartbeat, agent.heartbeat());
      const signature = (request: { headers: Readonly<Record<string, string>> }): string =>
        request.headers["x-wb-signature"] ?? "";
      const wrong: Record<string, () => Promise<TestAnswer>> = {
        "another body": () => deliver(fresh(), { body: Buffer.from(JSON.stringify(other.heartbeat())) }),
        "another path": () => deliver(fresh(), { path: AGENT_PATHS.leave }),
        "a query that was not signed": () => deliver(fresh(), { path: `${AGENT_PATHS.heartbeat}?x=1` }),
        "another method": () => deliver(agent.prepare("POST", AGENT_PATHS.joinStatus, {}), { method: "GET" }),
        "another counter": () => deliver(fresh(), { headers: { "x-wb-counter": "999" } }),
        "another instance": () => deliver(fresh(), { headers: { "x-wb-instance": "another-instance" } }),
        "another's id": () => deliver(fresh(), { headers: { "x-agent-id": other.identity.id } }),
        "a flipped bit": () => {
          const request = fresh();
          return deliver(request, { headers: { "x-wb-signature": flipped(signature(request), 40) } });
        },
        zeros: () => deliver(fresh(), { headers: { "x-wb-signature": "A".repeat(86) } }),
        "no signature": () => deliver(fresh(), { headers: { "x-wb-signature": "" } }),
        "a stranger's": () => stranger.request("POST", AGENT_PATHS.heartbeat, stranger.heartbeat()),
        "for another parent": () => {
          const liar = fleet.stranger();
          const elsewhere = Object.assign(
            Object.create(Object.getPrototypeOf(agent) as object) as TestAgent,
            agent,
            {
              parent: { ...liar.parent, parentId: "f".repeat(32) },
            },
          );
          return elsewhere.request("POST", AGENT_PATHS.heartbeat, agent.heartbeat());
        },
      };
      for (const [name, attack] of Object.entries(wrong)) {
        expect([name, outcomeOf(await attack())]).toEqual([name, "401 unauthenticated"]);
      }
      for (const counter of [
        "0",
        "-1",
        "1.5",
        "1e3",
        "9007199254740993",
        "0x10",
        " 7",
        "NaN",
        "99999999999999999",
      ]) {
        const answer = await deliver(fresh(), { headers: { "x-wb-counter": counter } });
        expect([counter, outcomeOf(answer)]).toEqual([counter, "401 unauthenticated"]);
      }
      const batch = stream.batch(stream.healthEvents(3));
      const asOther = other.request("POST", AGENT_PATHS.telemetry, batch);
      expect(outcomeOf(await asOther)).toBe("403 forbidden");
      await expectNothingStored(fleet, before);
      expect((await agent.request("POST", AGENT_PATHS.heartbeat, agent.heartbeat())).status).toBe(200);
    },
    TIMEOUT_MS,
  );

  test(
    "is good once: what was recorded is refused at once, later, and after hundreds of others",
    async () => {
      await using fleet = await TestParent.start();
      const agent = await fleet.agent();
      const stream = new TestStream(agent, "health");
      const recorded = agent.prepare("POST", AGENT_PATHS.telemetry, stream.batch(stream.healthEvents(5)));
      expect((await deliver(recorded)).status).toBe(200);
      const leave = agent.prepare("GET", AGENT_PATHS.joinStatus);
      expect((await deliver(leave)).status).toBe(200);
      const before = rowCounts(fleet.directory);
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => deliver(recorded)));
      expect(new Set(outcomes.map(outcomeOf))).toEqual(new Set(["409 replayed"]));
      for (let count = 0; count < 1100; count += 100) {
        await Promise.all(Array.from({ length: 100 }, () => agent.request("GET", AGENT_PATHS.joinStatus)));
      }
      expect(outcomeOf(await deliver(recorded))).toBe("409 replayed");
      expect(outcomeOf(await deliver(leave))).toBe("409 replayed");
      await expectNothingStored(fleet, before);
    },
    TIMEOUT_MS,
  );

  test(
    "of an agent opens none of people's routes, and a person's cookie or key none of agents'",
    async () => {
      await using fleet = await TestParent.start();
      const agent = await fleet.agent();
      const before = rowCounts(fleet.directory);
      const people = ["/api/v1/me", "/api/v1/agents", "/api/v1/users", "/api/v1/live", "/metrics"];
      for (const path of people) {
        expect([path, (await agent.request("GET", path)).status]).toEqual([path, 401]);
      }
      for (const path of ["/api/v1/users", "/api/v1/tokens", `/api/v1/agents/${agent.identity.id}/release`]) {
        expect([path, (await agent.request("POST", path, {})).status]).toEqual([path, 401]);
      }
      const paths = [
        AGENT_PATHS.heartbeat,
        AGENT_PATHS.telemetry,
        AGENT_PATHS.processEvents,
        AGENT_PATHS.leave,
      ];
      for (const path of paths) {
        const answer = await fleet.ask(fleet.adminKey, "POST", path, agent.heartbeat());
        expect([path, answer.status]).toEqual([path, 401]);
      }
      await expectNothingStored(fleet, before);
    },
    TIMEOUT_MS,
  );
});

test(
  "who knows the ids of agents can't hold all the room for bodies in their names",
  async () => {
    await using fleet = await TestParent.start({ limits: { bodyMs: 30_000 } });
    const agents: TestAgent[] = [];
    for (let count = 0; count < 9; count += 1) agents.push(await fleet.agent());
    const clients: RawClient[] = [];
    for (const { identity } of agents) {
      for (let count = 0; count < 4; count += 1) {
        const client = await RawClient.open(fleet.server.port);
        clients.push(client);
        await client.write(
          `POST ${AGENT_PATHS.telemetry} HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\nX-Agent-Id: ${identity.id}\r\n` +
            `X-Wb-Instance: 0123456789\r\nX-Wb-Counter: 1\r\nX-Wb-Signature: ${"A".repeat(86)}\r\n\r\n{`,
        );
      }
    }
    const answered = (): string[] => clients.flatMap(({ received }) => received.slice(0, 12) || []);
    await waitFor("those beyond 128 MiB to be refused", () => answered().length >= 4);
    expect(answered()).toEqual(Array.from({ length: 4 }, () => "HTTP/1.1 429"));
    // An agent whose request is read first has its room all the same.
    const others = clients.filter(({ received }) => received === "");
    expect(others).toHaveLength(32);
    for (const client of clients) await client[Symbol.asyncDispose]();
  },
  TIMEOUT_MS,
);

test(
  "a program that is told under another's hash gives that one no name",
  async () => {
    await using fleet = await TestParent.start();
    const [liar, agent] = [await fleet.agent(), await fleet.agent()];
    const bank = programNamed("bank-trojan", { path: "/opt/bank-trojan" });
    const told = async (who: TestAgent, program: typeof bank): Promise<void> => {
      const stream = new TestStream(who, "process");
      const event = stream.event(new ProcessTeller().started(program, Date.now()), "process_started");
      const answer = await who.request("POST", AGENT_PATHS.processEvents, stream.batch([event]));
      expect(answer.status).toBe(200);
    };
    await told(liar, {
      ...programNamed("firefox", { path: "/usr/bin/firefox" }),
      fingerprintHash: bank.fingerprintHash,
    });
    const override = { fingerprintHash: bank.fingerprintHash, classification: "browser" };
    const early = await fleet.ask(fleet.adminKey, "POST", "/api/v1/processes/override", override);
    expect(early.status).toBe(404);
    await told(agent, bank);
    const answer = await fleet.ask(fleet.adminKey, "POST", "/api/v1/processes/override", override);
    expect(((await answer.json()) as { entry: unknown }).entry).toMatchObject({
      processName: "bank-trojan",
      path: "/opt/bank-trojan",
      agents: 1,
    });
  },
  TIMEOUT_MS,
);

describe("joining", () => {
  test(
    "by guessed tokens opens nothing and is limited; so is asking without one",
    async () => {
      await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
      fleet.clock.hold();
      const before = rowCounts(fleet.directory);
      const made = await fleet.ask(fleet.adminKey, "POST", "/api/v1/tokens", { uses: 5 });
      const { summary } = (await made.json()) as { summary: { id: string } };
      const guesses = ["", ".", "x.y", `${summary.id}.${"A".repeat(43)}`, "' OR 1=1 --.x", `${summary.id}.`];
      const outcomes = new Set<string>();
      for (let count = 0; count < 130; count += 1) {
        outcomes.add(outcomeOf(await fleet.stranger().join(guesses[count % guesses.length] ?? "")));
      }
      expect(outcomes).toEqual(new Set(["403 token", "429 rate_limited"]));
      await expectNothingStored(fleet, {
        ...before,
        join_tokens: 1,
        audit_log: (before["audit_log"] ?? 0) + 1,
      });
    },
    TIMEOUT_MS,
  );

  test(
    "a removed agent's long-poll is answered within a second, and nothing that it recorded is good any more",
    async () => {
      await using fleet = await TestParent.start();
      const answeredMs: number[] = [];
      for (let time = 0; time < 3; time += 1) answeredMs.push(await removed(fleet));
      // The shortest: what else the machine does takes its time from any.
      expect(Math.min(...answeredMs)).toBeLessThan(1000);
    },
    TIMEOUT_MS,
  );

  /** How long the long-poll of one that is removed goes on, in milliseconds. */
  async function removed(fleet: TestParent): Promise<number> {
    const agent = await fleet.agent();
    const { id } = agent.identity;
    expect((await agent.request("POST", AGENT_PATHS.heartbeat, agent.heartbeat())).status).toBe(200);
    const later = agent.prepare("POST", AGENT_PATHS.heartbeat, agent.heartbeat());
    const waiting = agent.request("GET", `${AGENT_PATHS.commands}?after=0&wait=60`);
    await waitFor("the long-poll", () => fleet.metric("wb_command_waiters") === 1);
    const path = `/api/v1/agents/${id}/remove`;
    const answer = await fleet.ask(fleet.adminKey, "POST", path, { reason: "hostile" });
    expect(answer.status).toBe(200);
    const beganMs = performance.now();
    expect(outcomeOf(await waiting)).toBe("410 removed");
    const endedMs = performance.now();
    expect(outcomeOf(await deliver(later))).toBe("410 removed");
    await waitFor("its place to be free", () => fleet.metric("wb_command_waiters") === 0);
    return endedMs - beganMs;
  }
});
