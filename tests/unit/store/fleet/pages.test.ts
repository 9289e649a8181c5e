/** Pages: stable while rows are added, bounded in what one call looks at, and refused where the cursor was not given here. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { WbError } from "../../../../src/model/errors.ts";
import { formatCursor, parseCursor, searchPattern } from "../../../../src/store/fleet/pages.ts";
import { event, note, StoredAgent } from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";

test("tell each row once, whatever is added meanwhile", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const agent = new StoredAgent();
  await agent.join(store);
  const told: number[] = [];
  let cursor: string | undefined;
  let next = 1;
  let chain: string | null = null;
  do {
    const batch = agent.batch(
      "health",
      Array.from({ length: 7 }, (_, index) => note(next + index)),
      { previousChain: chain },
    );
    chain = batch.chains.at(-1) ?? null;
    next += 7;
    await store.events.ingest([batch]);
    if (next < 30) continue;
    const page = await store.events.events({ limit: 9, agentId: agent.id, ...(cursor && { cursor }) });
    told.push(...page.items.map(({ seq }) => seq));
    cursor = page.nextCursor ?? "";
  } while (cursor !== "");
  expect(told).toEqual(Array.from({ length: 35 }, (_, index) => 35 - index));
});

test("look at a bounded number of rows, and go on where they ended", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const agent = new StoredAgent();
  await agent.join(store);
  const ROWS = 210_000;
  let chain: string | null = null;
  for (let first = 1; first <= ROWS; first += 1000) {
    const items = Array.from({ length: 1000 }, (_, index) =>
      event(first + index, first + index === 1 ? "rare" : "n", "1"),
    );
    const batch = agent.batch("health", items, { previousChain: chain });
    chain = batch.chains.at(-1) ?? null;
    await store.events.ingest([batch]);
  }
  const query = { limit: 10, agentId: agent.id, type: "rare" };
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const first = await store.events.events(query);
  clearInterval(timer);
  expect(first.items).toEqual([]);
  expect(first.nextCursor).toBe(formatCursor("events", ROWS - 200_000 + 1));
  expect(turns).toBeGreaterThan(3); // others had their turn meanwhile
  const second = await store.events.events({ ...query, cursor: first.nextCursor ?? "" });
  expect(second.items.map(({ seq }) => seq)).toEqual([1]);
  expect(second.nextCursor).toBeNull();
}, 300_000);

test("refuse every cursor that this list did not give", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (position) => {
      expect(parseCursor("events", formatCursor("events", position))).toBe(position);
    }),
  );
  const refuses = async (cursor: string): Promise<void> => {
    const lists = [
      store.events.events({ limit: 1, cursor }),
      store.events.events({ limit: 1, cursor, agentId: "nobody" }),
      store.events.processes({ limit: 1, cursor }),
      store.agents.list({ limit: 1, cursor, onlineSinceMs: 0 }),
      store.people.auditLog({ limit: 1, cursor }),
    ];
    for (const ended of await Promise.allSettled(lists)) {
      const reason: unknown = ended.status === "rejected" ? ended.reason : undefined;
      expect(reason).toBeInstanceOf(WbError);
      expect((reason as WbError).code).toBe("usage");
    }
  };
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => Buffer.from(text).toString("base64url")),
        fc.constantFrom(
          formatCursor("losses", 5),
          Buffer.from("events:1 OR 1=1").toString("base64url"),
          Buffer.from("events:-1").toString("base64url"),
          Buffer.from("events:9999999999999999").toString("base64url"),
          Buffer.from("events:01").toString("base64url"),
          `${formatCursor("events", 5)}=`,
          "x".repeat(100_000),
        ),
      ),
      refuses,
    ),
    { numRuns: 60 },
  );
});

test("have 1 to 1000 items", async () => {
  await using temporary = await temporaryStore();
  for (const limit of [0, -1, 1.5, 1001, Number.NaN, Number.POSITIVE_INFINITY]) {
    const { agents, events } = temporary.store;
    expect(events.events({ limit })).rejects.toThrow("a page has 1 to 1000 items");
    expect(agents.list({ limit, onlineSinceMs: 0 })).rejects.toThrow("a page has 1 to 1000 items");
  }
});

test("a search is for the text itself, of a bounded length", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const names = ["100%", "a_b", String.raw`c\d`, "'; DROP TABLE agents; --", "plain", "ÄÖ"];
  for (const name of names) await new StoredAgent().join(store, name);
  const found = async (search: string): Promise<string[]> =>
    (await store.agents.list({ limit: 10, onlineSinceMs: 0, search })).items.map(({ hostname }) => hostname);
  for (const name of names) expect(await found(name)).toEqual([name]);
  expect(await found("%")).toEqual(["100%"]);
  expect(await found("_")).toEqual(["a_b"]);
  expect(await found("\\")).toEqual([String.raw`c\d`]);
  expect(await found("PLAIN")).toEqual(["plain"]);
  expect(await found("")).toHaveLength(names.length);
  expect(() => searchPattern("x".repeat(257))).toThrow("at most 256 characters");
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, maxLength: 20 }), async (text) => {
      const expected = names.filter((name) => name.toLowerCase().includes(text.toLowerCase()));
      const told = await found(text);
      // Ids are searched as well, and only ASCII's capitals are the same as its small letters.
      if (/^[ -~]*$/.test(text) && !/^[0-9a-f]+$/i.test(text)) expect(told).toEqual(expected);
    }),
  );
});
