/** Classification over real HTTP and the real store: what comes in, upstream, suggestions, overrides, and who is told of them. */
import { describe, expect, test } from "bun:test";
import { CommandsAnswer } from "../../../src/protocol/fleet/messages.ts";
import type { ClassificationEntry, LiveEvent, Page } from "../../../src/model/fleet.ts";
import type {
  ClassificationRequest,
  ClassificationUpdate,
} from "../../../src/protocol/fleet/classification.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { FakeUpstream, knows } from "../../support/fleet/fake-upstream.ts";
import { ProcessTeller, programNamed } from "../../support/fleet/process-events.ts";
import { TestParent } from "../../support/fleet/parent.ts";
import { TestStream, type TestAgent } from "../../support/fleet/agent.ts";
import { waitFor } from "../../support/wait-for.ts";

/** An agent that tells of programs. */
class Teller {
  readonly agent: TestAgent;
  readonly #stream: TestStream;
  readonly #processes = new ProcessTeller();

  constructor(agent: TestAgent) {
    this.agent = agent;
    this.#stream = new TestStream(agent, "process");
  }

  async runs(...programs: ClassificationRequest[]): Promise<void> {
    const items = programs.map((program, index) =>
      this.#stream.event(this.#processes.started(program, 1_700_000_000_000 + index), "process_started"),
    );
    const answer = await this.agent.send(this.#stream.batch(items));
    expect([answer.status, answer.error]).toEqual([200, undefined]);
  }

  /** The classifications that it is told of by commands. */
  async told(): Promise<ClassificationUpdate[]> {
    const answer = await this.agent.persistently("GET", `${AGENT_PATHS.commands}?after=0&wait=0`);
    const { commands } = CommandsAnswer.parse(answer.body);
    return commands
      .filter(({ kind }) => kind === "classifications")
      .flatMap(({ payload }) => (JSON.parse(payload) as { updates: ClassificationUpdate[] }).updates);
  }
}

async function teller(parent: TestParent): Promise<Teller> {
  return new Teller(await parent.agent());
}

const STEAM = programNamed("steam", { path: "/usr/bin/steam" });
const HOMEMADE = programNamed("homemade", { path: "/opt/homemade/homemade" });

describe("what agents tell of", () => {
  test("is classified by the built-in list, stored, and told live", async () => {
    await using parent = await TestParent.start();
    const events = parent.watch();
    const one = await teller(parent);
    await one.runs(STEAM, HOMEMADE);
    const told = (): LiveEvent[] => events.filter(({ type }) => type === "classification");
    await waitFor("both live events", () => told().length >= 2);
    await parent.desk.settled();
    const entry = await parent.store.classifications.get(STEAM.fingerprintHash);
    expect(entry).toMatchObject({ category: "game", source: "builtin", confidence: 0.95, agents: 1 });
    // What nobody knows is listed as that, for a person to find it.
    const unknown = await parent.store.classifications.get(HOMEMADE.fingerprintHash);
    expect(unknown).toMatchObject({ category: "unknown", source: "builtin", confidence: 0, agents: 1 });
    expect(told()).toEqual([
      { type: "classification", entry: entry as ClassificationEntry },
      { type: "classification", entry: unknown as ClassificationEntry },
    ]);
    // Agents have the same list, and are not told of what they know.
    expect(await one.told()).toEqual([]);
  });

  test("a program told under another's hash classifies nothing", async () => {
    await using parent = await TestParent.start();
    const forged = { ...STEAM, name: "firefox" };
    parent.desk.seen([forged]);
    await parent.desk.settled();
    expect(await parent.store.classifications.get(STEAM.fingerprintHash)).toBeUndefined();
    expect(parent.metric("wb_classification_forged_total")).toBe(1);
    const liar = await parent.agent();
    await liar.persistently("POST", AGENT_PATHS.classify, { processes: [forged] });
    await parent.desk.settled();
    expect(await parent.store.classifications.get(STEAM.fingerprintHash)).toBeUndefined();
  });

  test("what the list does not know is asked upstream, and the agents that have it are told", async () => {
    await using upstream = new FakeUpstream(
      () => new Response("", { status: 500 }),
      knows({ homemade: "productivity" }),
    );
    await using parent = await TestParent.start({
      upstream: { url: upstream.url, key: "k", timing: { backoffBaseMs: 5 } },
    });
    const one = await teller(parent);
    const other = await teller(parent);
    await other.runs(STEAM);
    await one.runs(STEAM, HOMEMADE);
    const update = await waitFor("the agent to be told", async () => (await one.told())[0]);
    expect(update).toMatchObject({
      fingerprintHash: HOMEMADE.fingerprintHash,
      classification: "productivity",
      source: "upstream",
    });
    expect(await other.told()).toEqual([]);
    expect(upstream.requests.map(({ headers }) => headers.get("x-agent-id"))).toEqual([
      parent.context.identity.id,
      parent.context.identity.id,
    ]);
    expect(await parent.store.classifications.history(HOMEMADE.fingerprintHash)).toMatchObject([
      {
        oldCategory: "unknown",
        newCategory: "productivity",
        source: "upstream",
        changedBy: "upstream: ml_model",
      },
      { oldCategory: null, newCategory: "unknown", source: "builtin" },
    ]);
  });
});

describe("POST /api/v1/processes/override", () => {
  test("stores it with its history and audit, tells agents that have it, and stands against all others", async () => {
    await using upstream = new FakeUpstream(knows({ steam: "media" }));
    await using parent = await TestParent.start({ upstream: { url: upstream.url, key: null } });
    const events = parent.watch();
    const one = await teller(parent);
    const other = await teller(parent);
    await one.runs(STEAM);
    await other.runs(HOMEMADE);
    await waitFor("the built-in word", () => parent.store.classifications.get(STEAM.fingerprintHash));
    const body = {
      fingerprintHash: STEAM.fingerprintHash,
      classification: "utility",
      reason: "<b>because</b>",
    };
    const answer = await parent.send("POST", "/api/v1/processes/override", body);
    const entry = await parent.store.classifications.get(STEAM.fingerprintHash);
    expect([answer.status, answer.body]).toEqual([200, { success: true, entry: entry as unknown as object }]);
    expect(entry).toMatchObject({
      category: "utility",
      source: "parent_override",
      originalCategory: "game",
      overriddenBy: "key:operator-key",
      reason: "<b>because</b>",
    });
    await parent.desk.settled();
    expect(await one.told()).toEqual([
      {
        fingerprintHash: STEAM.fingerprintHash,
        classification: "utility",
        source: "parent_override",
        updatedAt: new Date(entry?.updatedAtMs ?? 0).toISOString(),
      },
    ]);
    expect(await other.told()).toEqual([]);
    const event = { type: "classification", entry };
    await waitFor("it is told", () => events.some((each) => Bun.deepEquals(each, event)));
    const { body: audit } = await parent.get("/api/v1/audit?action=classification.override");
    expect((audit as Page<unknown>).items).toMatchObject([
      { actor: "key:operator-key", subject: STEAM.fingerprintHash, address: "127.0.0.1" },
    ]);
    const path = `/api/v1/classifications/${STEAM.fingerprintHash}/history`;
    expect((await parent.get(path)).body).toMatchObject({
      items: [
        {
          oldCategory: "game",
          newCategory: "utility",
          source: "parent_override",
          changedBy: "key:operator-key",
        },
        { oldCategory: null, newCategory: "game", source: "builtin", changedBy: null },
      ],
      nextCursor: null,
    });
    // Three others say otherwise; the person's word stands.
    for (let n = 0; n < 3; n += 1) {
      const agent = await parent.agent();
      const suggestion = {
        fingerprintHash: STEAM.fingerprintHash,
        classification: "media",
        suggestedBy: "plugin",
      };
      const { body } = await agent.persistently("POST", AGENT_PATHS.suggest, suggestion);
      expect(body).toMatchObject({ success: true, applied: false });
    }
    parent.desk.seen([STEAM]);
    await parent.desk.settled();
    expect((await parent.store.classifications.get(STEAM.fingerprintHash))?.category).toBe("utility");
  });

  test("is for operators, for programs that were seen, and for the ten categories", async () => {
    await using parent = await TestParent.start();
    const body = { fingerprintHash: STEAM.fingerprintHash, classification: "utility" };
    const path = "/api/v1/processes/override";
    expect((await parent.send("POST", path, body, "viewer")).status).toBe(403);
    expect((await parent.send("POST", path, body)).status).toBe(404);
    for (const wrong of [
      { ...body, classification: "fun" },
      { ...body, fingerprintHash: "x" },
      { ...body, more: 1 },
      [],
    ]) {
      expect((await parent.send("POST", path, wrong)).status).toBe(400);
    }
    const agent = await parent.agent();
    expect((await agent.persistently("POST", path, body)).status).toBe(401);
  });
});

describe("POST /api/v1/processes/suggest", () => {
  test("three agents that agree are believed; one agent has one voice; all who have it are told", async () => {
    await using parent = await TestParent.start();
    const one = await teller(parent);
    await one.runs(HOMEMADE);
    const suggest = async (agent: TestAgent, suggestedBy: string) => {
      const body = {
        fingerprintHash: HOMEMADE.fingerprintHash,
        classification: "game",
        suggestedBy,
        confidence: 0.8,
      };
      return (await agent.persistently("POST", AGENT_PATHS.suggest, body)).body;
    };
    for (const plugin of ["a", "b", "c", "d"]) {
      expect(await suggest(one.agent, plugin)).toEqual({ success: true, suggestions: 1, applied: false });
    }
    expect(await suggest(await parent.agent(), "a")).toEqual({
      success: true,
      suggestions: 2,
      applied: false,
    });
    expect(await suggest(await parent.agent(), "a")).toEqual({
      success: true,
      suggestions: 3,
      applied: true,
    });
    const update = await waitFor("the agent to be told", async () => (await one.told())[0]);
    expect(update).toMatchObject({ classification: "game", source: "community" });
    expect(await parent.store.classifications.get(HOMEMADE.fingerprintHash)).toMatchObject({
      category: "game",
      source: "community",
      processName: "homemade",
      confidence: 0.8,
    });
    const unseen = { fingerprintHash: STEAM.fingerprintHash, classification: "game", suggestedBy: "a" };
    expect((await one.agent.persistently("POST", AGENT_PATHS.suggest, unseen)).status).toBe(404);
    const viewer = await parent.send("POST", AGENT_PATHS.suggest, { ...HOMEMADE }, "viewer");
    expect(viewer.status).toBe(403);
  });
});

describe("classify and sync", () => {
  test("answer an agent in both forms, in the order of its questions", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const asked = await agent.persistently("POST", AGENT_PATHS.classify, { processes: [HOMEMADE, STEAM] });
    expect([asked.status, asked.body]).toEqual([
      200,
      {
        classifications: [
          {
            fingerprintHash: HOMEMADE.fingerprintHash,
            classification: "unknown",
            confidence: 0,
            source: "database",
          },
          {
            fingerprintHash: STEAM.fingerprintHash,
            classification: "game",
            confidence: 0.95,
            source: "database",
          },
        ],
      },
    ]);
    await parent.desk.settled();
    const { fingerprintHash: fingerprint_hash, fileHash: file_hash, ...rest } = STEAM;
    const body = { agent_id: agent.identity.id, processes: [{ fingerprint_hash, file_hash, ...rest }] };
    const second = await agent.persistently("POST", AGENT_PATHS.classifyV2, body);
    const { cache_until, ...told } = second.body as { cache_until: string };
    expect<object>(told).toEqual({
      classifications: [{ fingerprint_hash, classification: "game", confidence: 0.95, source: "database" }],
      api_version: "2.0.0",
    });
    expect(Date.parse(cache_until)).toBeGreaterThan(Date.now() + 3_600_000);
    const others = await agent.persistently("POST", AGENT_PATHS.classifyV2, {
      ...body,
      agent_id: "f".repeat(32),
    });
    expect(others.error?.code).toBe("forbidden");
  });

  test("serve others by an API key as the seed's cloud does; a viewer's question changes nothing", async () => {
    await using parent = await TestParent.start();
    const ask = (role: "viewer" | "operator") =>
      parent.send("POST", AGENT_PATHS.classify, { processes: [STEAM] }, role);
    expect(await ask("viewer")).toMatchObject({
      status: 200,
      body: { classifications: [{ classification: "game" }] },
    });
    await parent.desk.settled();
    expect(await parent.store.classifications.get(STEAM.fingerprintHash)).toBeUndefined();
    expect((await ask("operator")).status).toBe(200);
    await parent.desk.settled();
    expect(await parent.store.classifications.get(STEAM.fingerprintHash)).toMatchObject({ category: "game" });
    const stranger = await parent.fetch(AGENT_PATHS.classify, {
      method: "POST",
      headers: { "x-agent-id": "a".repeat(32) },
      body: JSON.stringify({ processes: [STEAM] }),
    });
    expect(stranger.status).toBe(401);
  });

  test("sync tells what changed since a position or a time, once", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    await agent.persistently("POST", AGENT_PATHS.classify, { processes: [STEAM] });
    await parent.desk.settled();
    const sync = async (since: string) =>
      (await agent.persistently("GET", `${AGENT_PATHS.sync}?since=${encodeURIComponent(since)}`)).body as {
        updates: ClassificationUpdate[];
        next: string;
      };
    const first = await sync("");
    expect(first.updates).toMatchObject([
      { fingerprintHash: STEAM.fingerprintHash, classification: "game", source: "builtin" },
    ]);
    expect(await sync(first.next)).toEqual({ updates: [], next: first.next });
    expect((await sync("2020-01-01T00:00:00Z")).updates).toHaveLength(1);
    expect((await sync(new Date(Date.now() + 60_000).toISOString())).updates).toEqual([]);
    const second = await agent.persistently("GET", `${AGENT_PATHS.syncV2}?since=2020-01-01T00:00:00Z`);
    expect(second.body).toMatchObject({
      updates: [{ fingerprint_hash: STEAM.fingerprintHash, classification: "game", source: "database" }],
    });
    for (const since of ["yesterday", "-1", "9".repeat(70), '"; DROP TABLE agents']) {
      const answer = await agent.persistently(
        "GET",
        `${AGENT_PATHS.sync}?since=${encodeURIComponent(since)}`,
      );
      expect([since, answer.error?.code]).toEqual([since, "bad_request"]);
    }
  });

  test("refuse what is no question, and store nothing of it", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const wrong = [
      {},
      { processes: "all" },
      { processes: [{ ...STEAM, extra: 1 }] },
      { processes: [{ ...STEAM, name: "" }] },
      { processes: Array.from({ length: 201 }, () => STEAM) },
      Buffer.from("{"),
      Buffer.from([0xff]),
    ];
    for (const body of wrong) {
      const answer = await agent.persistently("POST", AGENT_PATHS.classify, body);
      expect(answer.error?.code).toBe("bad_request");
    }
    await parent.desk.settled();
    expect((await parent.get("/api/v1/classifications")).body).toEqual({ items: [], nextCursor: null });
    expect(parent.complaints).toEqual([]);
  });
});
