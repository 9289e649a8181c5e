/** What the command line asks of a parent: lists over many pages, whether there is more, who is meant, and refusals in words. */
import { describe, expect, test } from "bun:test";
import { ParentApi } from "../../../../src/cli/fleet/client.ts";
import { agentId } from "../../../../src/cli/fleet/naming.ts";
import type { AgentSummary } from "../../../../src/model/fleet.ts";
import { MACHINE, type TestAgent } from "../../../support/fleet/agent.ts";
import { TestParent } from "../../../support/fleet/parent.ts";
import { waitFor } from "../../../support/wait-for.ts";
import { WbError } from "../../../../src/model/errors.ts";

async function failure(promise: Promise<unknown>): Promise<WbError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof WbError) return error;
  throw new Error(`it did not fail as it should: ${Bun.inspect(error)}`);
}

async function agentCalled(parent: TestParent, hostname: string): Promise<TestAgent> {
  const agent = await parent.agent();
  expect((await agent.beat({ machine: { ...MACHINE, hostname } })).status).toBe(200);
  // What a heartbeat says is written a moment later, many at once.
  await waitFor("the hostname", async () => {
    const { body } = await parent.get(`/api/v1/agents/${agent.identity.id}`);
    return (body as AgentSummary).hostname === hostname;
  });
  return agent;
}

async function apiOf(parent: TestParent): Promise<ParentApi> {
  const { key } = await parent.key("viewer");
  return new ParentApi({ url: parent.url, key, pin: parent.server.pin });
}

/** A parent that answers lists as it is told: by cursor, the items and the cursor after them. */
function fakePages(
  pages: Readonly<Record<string, { items: readonly unknown[]; nextCursor: string | null }>>,
): {
  url: string;
  limits: string[];
  stop: () => Promise<void>;
} {
  const limits: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const { searchParams } = new URL(request.url);
      limits.push(searchParams.get("limit") ?? "");
      return Response.json(pages[searchParams.get("cursor") ?? ""]);
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, limits, stop: () => server.stop(true) };
}

describe("lists", () => {
  test("goes on over empty pages, and asks for one row more than it gives", async () => {
    const parent = fakePages({
      "": { items: [1, 2], nextCursor: "a" },
      a: { items: [], nextCursor: "b" },
      b: { items: [3], nextCursor: null },
    });
    const api = new ParentApi({ url: parent.url, key: "wbk_x", pin: undefined });
    expect(await api.list<number>("/list", {}, 10)).toEqual({ items: [1, 2, 3], more: false });
    expect(parent.limits).toEqual(["11", "9", "9"]);
    expect(await api.list<number>("/list", {}, 3)).toEqual({ items: [1, 2, 3], more: false });
    expect(await api.list<number>("/list", {}, 2)).toEqual({ items: [1, 2], more: true });
    await parent.stop();
  });

  test("nor one whose pages stay empty, however its cursors change", async () => {
    let asked = 0;
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => Response.json({ items: [], nextCursor: `c${(asked += 1)}` }),
    });
    const api = new ParentApi({ url: `http://127.0.0.1:${server.port}`, key: "wbk_x", pin: undefined });
    expect((await failure(api.list("/list", {}, 10))).code).toBe("protocol");
    expect(asked).toBe(1001);
    await server.stop(true);
  });

  test("a parent whose cursor leads nowhere is not asked for ever", async () => {
    const parent = fakePages({
      "": { items: [], nextCursor: "a" },
      a: { items: [], nextCursor: "a" },
    });
    const api = new ParentApi({ url: parent.url, key: "wbk_x", pin: undefined });
    const error = await failure(api.list("/list", {}, 10));
    expect([error.code, error.message]).toEqual([
      "protocol",
      "it answered with status 200, as no parent does",
    ]);
    expect(parent.limits).toHaveLength(2);
    await parent.stop();
  });

  test("what is no JSON is no answer of a parent", async () => {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("<html>") });
    const api = new ParentApi({ url: `http://127.0.0.1:${server.port}`, key: "wbk_x", pin: undefined });
    const error = await failure(api.get("/api/v1/agents"));
    expect([error.code, error.message]).toEqual([
      "protocol",
      "it answered with status 200, as no parent does",
    ]);
    await server.stop(true);
  });
});

describe("who is meant", () => {
  test("an id, the beginning of one, or a hostname that only one has", async () => {
    await using parent = await TestParent.start();
    const one = (await agentCalled(parent, "db-1")).identity.id;
    const two = (await agentCalled(parent, "büro-μ")).identity.id;
    const api = await apiOf(parent);
    expect(await agentId(api, one)).toBe(one);
    expect(await agentId(api, one.toUpperCase())).toBe(one);
    expect(await agentId(api, one.slice(0, 12))).toBe(one);
    expect(await agentId(api, "DB-1")).toBe(one);
    expect(await agentId(api, "büro-μ")).toBe(two);
    for (const nobody of ["", "db", "%", "zz", "../..", "x".repeat(5000)]) {
      const error = await failure(agentId(api, nobody));
      expect([error.code, error.message]).toEqual(["usage", `there is no agent "${nobody}"`]);
    }
  });

  test("several of one name are told apart by their ids; a removed one stands back", async () => {
    await using parent = await TestParent.start();
    const one = (await agentCalled(parent, "twin")).identity.id;
    const two = (await agentCalled(parent, "twin")).identity.id;
    const api = await apiOf(parent);
    const error = await failure(agentId(api, "twin"));
    expect(error.message).toBe('2 agents are called "twin"');
    for (const id of [one, two]) expect(error.hint).toContain(`${id} (twin, active)`);
    expect((await parent.send("POST", `/api/v1/agents/${one}/remove`, { reason: "" })).status).toBe(200);
    expect(await agentId(api, "twin")).toBe(two);
    expect(await agentId(api, one)).toBe(one);
  });
});

describe("refusals", () => {
  test("say what to do, and nothing of HTTP", async () => {
    await using parent = await TestParent.start();
    const api = await apiOf(parent);
    const forbidden = await failure(api.post("/api/v1/tokens", { uses: 1 }));
    expect([forbidden.code, forbidden.message]).toEqual([
      "permission",
      "this needs the role operator, and you are viewer",
    ]);
    expect(forbidden.hint).toContain("wb serve key create NAME --role ROLE");
    const wrong = await failure(api.get("/api/v1/agents", { limit: 5000 }));
    expect(wrong.message).toStartWith("limit: ");
    expect(wrong.hint).toBe("the command's --help tells what it takes");
    const unknown = await failure(api.get(`/api/v1/agents/${"0".repeat(32)}`));
    expect([unknown.message, unknown.hint]).toEqual([
      "there is no such agent",
      "`wb serve agents` lists them",
    ]);
    const keyless = new ParentApi({ url: parent.url, key: "wbk_0_0", pin: parent.server.pin });
    expect((await failure(keyless.get("/api/v1/agents"))).code).toBe("permission");
  });

  test("over TLS by the pin; who has another key is sent nothing", async () => {
    await using parent = await TestParent.start();
    const { items } = await (await apiOf(parent)).list<AgentSummary>("/api/v1/agents", {}, 10);
    expect(items).toEqual([]);
    const { key } = await parent.key("viewer");
    const api = new ParentApi({ url: parent.url, key, pin: "A".repeat(43) });
    const wrong = await failure(api.get("/api/v1/agents"));
    expect(wrong.message).toBe(`127.0.0.1:${parent.server.port} has another key than this pin`);
    expect(wrong.hint).toContain("nothing was sent to it");
  });

  test("nobody listens: of this machine's parent it says how to start it", async () => {
    const gone = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const url = `https://127.0.0.1:${gone.port}`;
    gone.stop(true);
    const local = { url, key: "wbk_x", pin: "A".repeat(43), isLocal: true };
    expect((await failure(new ParentApi(local).get("/"))).hint).toBe(
      "start the parent of this machine with `wb serve`; if it runs, it is busy: ask again",
    );
    expect((await failure(new ParentApi({ ...local, isLocal: false }).get("/"))).hint).toContain(
      "is `wb serve` running there",
    );
  });
});
