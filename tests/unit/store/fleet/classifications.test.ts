/** What programs are taken for: whose word counts, what is remembered of it, and what agents are told. */
import { describe, expect, test } from "bun:test";
import type { FleetStore } from "../../../../src/store/fleet/contract.ts";
import { EPOCH_A, EPOCH_B, hashFor, Processes, T0, StoredAgent } from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";

const ANN = { name: "ann", address: "192.0.2.7" };
const STEAM = hashFor("steam");
const REQUEST = {
  fingerprintHash: STEAM,
  name: "steam",
  path: "/usr/bin/steam",
  fileHash: null,
  signature: null,
  publisher: "Valve",
  version: "1.0",
};

async function seen(store: FleetStore, name = "steam"): Promise<StoredAgent> {
  const agent = new StoredAgent();
  await agent.join(store);
  const processes = new Processes();
  await store.events.ingest([agent.batch("process", [processes.started(processes.running(5, name))])]);
  return agent;
}

test("a program is counted once for each agent that has seen it, however often and together they tell", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const agents = Array.from({ length: 40 }, () => new StoredAgent());
  for (const agent of agents) await agent.join(store);
  const told = (agent: StoredAgent, epoch: string) => {
    const processes = new Processes();
    const items = [1, 2].map((pid) => processes.started(processes.running(pid, "steam")));
    return agent.batch("process", items, { epoch });
  };
  await store.classifications.classify(REQUEST, "game", "builtin", 0.9, null, T0);
  const count = async (): Promise<number | undefined> => (await store.classifications.get(STEAM))?.agents;
  expect(await count()).toBe(0);
  await store.events.ingest(agents.slice(0, 35).map((agent) => told(agent, EPOCH_A)));
  expect(await count()).toBe(35);
  await store.events.ingest(agents.slice(30).map((agent) => told(agent, EPOCH_B)));
  expect(await count()).toBe(40);
  expect((await store.classifications.agentsWith(STEAM)).length).toBe(40);
});

describe("a person's word", () => {
  test("replaces any other, keeps what was before it, and is replaced by none", async () => {
    await using temporary = await temporaryStore();
    const { classifications, people } = temporary.store;
    expect(await classifications.override(STEAM, "game", null, ANN, T0)).toBeUndefined();
    const agent = await seen(temporary.store);
    expect(await classifications.get(STEAM)).toBeUndefined();
    expect(await classifications.classify(REQUEST, "utility", "builtin", 0.8, null, T0)).toBe(true);
    expect(await classifications.classify(REQUEST, "utility", "builtin", 0.8, null, T0 + 1)).toBe(true);
    expect(await classifications.classify(REQUEST, "media", "upstream", 0.9, "api", T0 + 2)).toBe(true);
    expect(await classifications.classify(REQUEST, "utility", "builtin", 0.8, null, T0 + 3)).toBe(false);
    const entry = {
      fingerprintHash: STEAM,
      processName: "steam",
      path: "/usr/bin/steam",
      publisher: "Valve",
      version: "1.0",
      category: "game",
      source: "parent_override",
      confidence: null,
      originalCategory: "media",
      overriddenBy: "ann",
      reason: "it is",
      agents: 1,
      updatedAtMs: T0 + 4,
    } as const;
    expect(await classifications.override(STEAM, "game", "it is", ANN, T0 + 4)).toEqual(entry);
    expect(await classifications.get(STEAM)).toEqual(entry);
    expect(await classifications.classify(REQUEST, "media", "community", 1, null, T0 + 5)).toBe(false);
    await classifications.override(STEAM, "browser", null, { name: "bob", address: null }, T0 + 6);
    expect(await classifications.getMany([STEAM, STEAM, hashFor("x")])).toEqual(
      new Map([
        [STEAM, { ...entry, category: "browser", overriddenBy: "bob", reason: null, updatedAtMs: T0 + 6 }],
      ]),
    );
    const history = await classifications.history(STEAM);
    expect(
      history.map(({ oldCategory, newCategory, source, changedBy, reason, changedAtMs }) => [
        oldCategory,
        newCategory,
        source,
        changedBy,
        reason,
        changedAtMs - T0,
      ]),
    ).toEqual([
      ["game", "browser", "parent_override", "bob", null, 6],
      ["media", "game", "parent_override", "ann", "it is", 4],
      ["utility", "media", "upstream", "api", null, 2],
      [null, "utility", "builtin", null, null, 0],
    ]);
    const log = await people.auditLog({ limit: 10, action: "classification.override", actor: "ann" });
    expect(log.items).toMatchObject([
      { subject: STEAM, details: { name: "steam", from: "media", to: "game", reason: "it is" } },
    ]);
    expect(await classifications.agentsWith(STEAM)).toEqual([agent.id]);
    expect(await classifications.agentsWith(hashFor("x"))).toEqual([]);
  });
});

describe("suggestions", () => {
  test("are applied when three agents say the same, whatever names they use", async () => {
    await using temporary = await temporaryStore();
    const { classifications } = temporary.store;
    const suggest = async (
      agentId: string,
      suggestedBy: string,
      category: "game" | "media" = "game",
    ): Promise<[number, string | undefined]> => {
      const { count, applied } = await classifications.suggest(
        { fingerprintHash: STEAM, category, suggestedBy, agentId, confidence: 0.5 },
        T0,
      );
      return [count, applied?.category];
    };
    await seen(temporary.store);
    for (const name of ["p1", "p2", "p3", "p4"]) expect(await suggest("a1", name)).toEqual([1, undefined]);
    expect(await suggest("a2", "p1", "media")).toEqual([1, undefined]);
    expect(await suggest("a3", "p1")).toEqual([2, undefined]);
    expect(await suggest("a3", "p1")).toEqual([2, undefined]);
    expect(await suggest("a2", "p1")).toEqual([3, "game"]); // it has changed its mind
    expect(await suggest("a4", "p1")).toEqual([4, undefined]);
    expect(await classifications.get(STEAM)).toMatchObject({ source: "community", confidence: 0.5 });
    expect((await classifications.history(STEAM))[0]?.changedBy).toBe("p1, p2, p3, p4");
    await classifications.override(STEAM, "utility", null, ANN, T0);
    expect(await suggest("a5", "p1")).toEqual([5, undefined]);
    expect(await classifications.get(STEAM)).toMatchObject({
      category: "utility",
      source: "parent_override",
    });
  });
});

describe("what agents are told", () => {
  test("is each change once, after a position or a time", async () => {
    await using temporary = await temporaryStore();
    const { classifications } = temporary.store;
    const classify = (name: string, category: "game" | "media", atMs: number): Promise<boolean> =>
      classifications.classify(
        { ...REQUEST, fingerprintHash: hashFor(name), name },
        category,
        "upstream",
        1,
        null,
        atMs,
      );
    await classify("a", "game", T0);
    await classify("b", "game", T0 + 1);
    const first = await classifications.updatesSince("", 1);
    expect(first).toEqual({
      updates: [
        {
          fingerprintHash: hashFor("a"),
          classification: "game",
          source: "upstream",
          updatedAt: "2026-03-01T12:00:00.000Z",
        },
      ],
      next: "1",
    });
    await classify("a", "media", T0 + 2);
    const names = async (since: string): Promise<string[]> =>
      (await classifications.updatesSince(since, 100)).updates.map(
        ({ fingerprintHash, classification }) =>
          `${fingerprintHash === hashFor("a") ? "a" : "b"} ${classification}`,
      );
    expect(await names("1")).toEqual(["b game", "a media"]);
    expect(await names("2026-03-01T12:00:00.001Z")).toEqual(["a media"]);
    expect(await classifications.updatesSince("3", 100)).toEqual({ updates: [], next: "3" });
    for (const since of ["-1", "x", "1 OR 1=1", "2026-99-99", "9".repeat(40)])
      expect(classifications.updatesSince(since, 1)).rejects.toThrow("no position");
    const page = await classifications.list({ limit: 1 });
    expect(page.items[0]?.processName).toBe("a");
    const rest = await classifications.list({ limit: 5, cursor: page.nextCursor ?? "" });
    expect(rest.items.map(({ processName }) => processName)).toEqual(["b"]);
    expect((await classifications.list({ limit: 5, category: "media" })).items).toHaveLength(1);
    expect((await classifications.list({ limit: 5, source: "builtin" })).items).toHaveLength(0);
    expect((await classifications.list({ limit: 5, search: hashFor("b").toUpperCase() })).items).toHaveLength(
      1,
    );
  });
});
