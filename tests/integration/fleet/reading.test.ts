/** What people read and decide, over real HTTP and the real store: pages, filters, proofs, agents, tokens, roles. */
import { describe, expect, test } from "bun:test";
import type {
  AgentSummary,
  AuditEntry,
  JoinRequestSummary,
  JoinTokenSummary,
  Page,
  ProcessRecord,
  StoredEvent,
} from "../../../src/model/fleet.ts";
import { checkEventProof } from "../../../src/protocol/fleet/event-proof.ts";
import { parseJoinToken } from "../../../src/protocol/fleet/join-token.ts";
import { CommandsAnswer, JoinAnswer } from "../../../src/protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { ProcessTeller, programNamed } from "../../support/fleet/process-events.ts";
import { TestParent } from "../../support/fleet/parent.ts";
import { TestAgent, TestStream, newNonce } from "../../support/fleet/agent.ts";

const LISTS = [
  "/api/v1/agents",
  "/api/v1/processes",
  "/api/v1/connections",
  "/api/v1/events",
  "/api/v1/losses",
  "/api/v1/classifications",
  "/api/v1/audit",
];
const START_MS = 1_700_000_000_000;

function pageOf<T>(answer: { status: number; body: unknown }): Page<T> {
  expect(answer.status).toBe(200);
  return answer.body as Page<T>;
}

async function everything<T>(parent: TestParent, path: string, limit: number): Promise<T[]> {
  const found: T[] = [];
  let cursor = "";
  do {
    const separator = path.includes("?") ? "&" : "?";
    const page = pageOf<T>(await parent.get(`${path}${separator}limit=${limit}${cursor}`));
    expect(page.items.length).toBeLessThanOrEqual(limit);
    found.push(...page.items);
    cursor = page.nextCursor === null ? "" : `&cursor=${encodeURIComponent(page.nextCursor)}`;
  } while (cursor !== "");
  return found;
}

async function runs(agent: TestAgent, ...names: string[]): Promise<TestStream> {
  const stream = new TestStream(agent, "process");
  const teller = new ProcessTeller();
  const items = names.map((name, index) =>
    stream.event(teller.started(programNamed(name), START_MS + index), "process_started"),
  );
  expect((await agent.send(stream.batch(items))).status).toBe(200);
  return stream;
}

describe("lists", () => {
  test("all take limits from 1 to 1000, refuse other ones, forged cursors and unknown questions", async () => {
    await using parent = await TestParent.start();
    for (const path of LISTS) {
      for (const limit of ["1", "1000"]) {
        expect((await parent.get(`${path}?limit=${limit}`)).status).toBe(200);
      }
      const wrong = [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=1e2",
        "limit=",
        "limit=1.5",
        "limit=NaN",
        "more=1",
      ];
      const forged = ["cursor=x", "cursor=", `cursor=${"a".repeat(600)}`, `cursor=${btoa("agents:1;DROP")}`];
      for (const query of [...wrong, ...forged]) {
        const answer = await parent.get(`${path}?${query}`);
        expect([path, query, answer.status]).toEqual([path, query, 400]);
        expect(answer.body).toMatchObject({ error: { code: "bad_request" } });
      }
    }
    expect(parent.complaints).toEqual([]);
  });

  test("go page by page through everything, once each", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const names = Array.from({ length: 25 }, (_, n) => `program-${String(n).padStart(2, "0")}`);
    await runs(agent, ...names);
    const processes = await everything<ProcessRecord>(parent, "/api/v1/processes", 7);
    expect(processes.map(({ name }) => name).sort()).toEqual(names);
    const events = await everything<StoredEvent>(parent, "/api/v1/events?stream=process", 10);
    expect(events.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(names.map((_, n) => n + 1));
    const audit = await everything<AuditEntry>(parent, "/api/v1/audit", 2);
    expect(new Set(audit.map(({ id }) => id)).size).toBe(audit.length);
  });

  test("take filters by agent, time, text and kind, with the text as it stands", async () => {
    await using parent = await TestParent.start();
    const one = await parent.agent();
    const other = await parent.agent();
    await runs(one, "steam", "100%_sure", "o'hara");
    await runs(other, "firefox");
    const names = async (query: string) =>
      pageOf<ProcessRecord>(await parent.get(`/api/v1/processes?${query}`))
        .items.map(({ name }) => name)
        .sort();
    expect(await names(`agent=${one.identity.id}`)).toEqual(["100%_sure", "o'hara", "steam"]);
    expect(await names(`agent=${other.identity.id}&running=true`)).toEqual(["firefox"]);
    expect(await names("running=false")).toEqual([]);
    expect(await names(`search=${encodeURIComponent("%_s")}`)).toEqual(["100%_sure"]);
    expect(await names(`search=${encodeURIComponent("'")}`)).toEqual(["o'hara"]);
    expect(await names(`since=${START_MS + 1}&agent=${one.identity.id}&limit=10`)).toContain("o'hara");
    expect(await names(`until=${START_MS - 1}`)).toEqual([]);
    for (const query of ["agent=x", "running=yes", "category=fun", "since=-1", "since=now", "search="]) {
      expect([query, (await parent.get(`/api/v1/processes?${query}`)).status]).toEqual([query, 400]);
    }
  });

  test("are for those who prove who they are", async () => {
    await using parent = await TestParent.start();
    for (const path of [...LISTS, "/api/v1/tokens", "/api/v1/join-requests"]) {
      expect((await parent.fetch(path)).status).toBe(401);
      expect((await parent.get(path)).status).toBe(200);
    }
  });
});

describe("events", () => {
  test("come as the agent signed them, each with a proof that verifies offline", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const { epoch } = await runs(agent, "a", "b", "c");
    const path = (seq: number) => `/api/v1/events/${agent.identity.id}/process/${epoch}/${seq}/proof`;
    for (const seq of [1, 2, 3]) {
      const answer = await parent.get(path(seq));
      expect(answer.status).toBe(200);
      expect(checkEventProof(answer.body, agent.identity.publicKey)).toMatchObject({ verified: true });
    }
    expect((await parent.get(path(4))).status).toBe(404);
    expect((await parent.get(path(1).replace("process", "flow"))).status).toBe(404);
    for (const wrong of [path(1).replace("/process/", "/nothing/"), path(0), path(1).replace(epoch, "..")]) {
      expect([400, 404]).toContain((await parent.get(wrong)).status);
    }
  });
});

describe("agents", () => {
  test("are told with their streams; watching one sends it a command that replaces the one before", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const { id } = agent.identity;
    await runs(agent, "a", "b");
    await agent.beat({ runningProcesses: 2 });
    const one = await parent.get(`/api/v1/agents/${id}`);
    expect(one.body).toMatchObject({ id, hostname: "test-host", state: "active" });
    expect(
      pageOf<AgentSummary>(await parent.get("/api/v1/agents?search=TEST-h&state=active")).items,
    ).toHaveLength(1);
    expect(pageOf<AgentSummary>(await parent.get("/api/v1/agents?state=removed")).items).toEqual([]);
    expect((await parent.get(`/api/v1/agents/${id}/streams`)).body).toMatchObject({
      items: [{ stream: "process", cursor: 2, stored: 2, lost: 0 }],
      nextCursor: null,
    });
    for (const intervalMs of [1000, 2000]) {
      const body = { intervalMs, forMs: 60_000 };
      expect((await parent.send("POST", `/api/v1/agents/${id}/watch`, body, "viewer")).status).toBe(200);
    }
    const answer = await agent.persistently("GET", `${AGENT_PATHS.commands}?after=0&wait=0`);
    const { commands } = CommandsAnswer.parse(answer.body);
    expect(commands.map(({ kind, payload }) => [kind, JSON.parse(payload) as unknown])).toEqual([
      ["watch", { intervalMs: 2000, forMs: 60_000 }],
    ]);
    for (const body of [{}, { intervalMs: 1, forMs: 1 }, { intervalMs: 1000, forMs: 1e9 }]) {
      expect((await parent.send("POST", `/api/v1/agents/${id}/watch`, body)).status).toBe(400);
    }
    const nobody = "f".repeat(32);
    for (const path of [`/api/v1/agents/${nobody}`, `/api/v1/agents/${nobody}/streams`]) {
      expect((await parent.get(path)).status).toBe(404);
    }
    expect((await parent.get("/api/v1/agents/..%2fusers")).status).toBe(400);
  });

  test("are approved by the code that they show, and by no other", async () => {
    await using parent = await TestParent.start();
    const agent = parent.stranger();
    const { id } = agent.identity;
    const nonce = newNonce();
    const joined = JoinAnswer.parse((await agent.join(null, nonce)).body);
    expect(joined.state).toBe("pending");
    expect((await agent.persistently("POST", AGENT_PATHS.joinReveal, { nonce })).status).toBe(200);
    const [request] = pageOf<JoinRequestSummary>(await parent.get("/api/v1/join-requests")).items;
    expect(request).toMatchObject({ agentId: id, hostname: "test-host", address: "127.0.0.1" });
    const code = request?.code ?? "";
    expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    const approve = (body: unknown, role: "viewer" | "operator" = "operator") =>
      parent.send("POST", `/api/v1/agents/${id}/approve`, body, role);
    expect((await approve({ code }, "viewer")).status).toBe(403);
    expect((await approve({ code: code === "AAAA-AAAA" ? "BBBB-BBBB" : "AAAA-AAAA" })).status).toBe(400);
    expect((await approve({ code: "" })).status).toBe(400);
    expect((await approve({})).status).toBe(400);
    expect((await parent.store.agents.get(id))?.state).toBe("pending");
    expect((await approve({ code: ` ${code.toLowerCase().replace("-", "")}` })).status).toBe(200);
    expect((await parent.store.agents.get(id))?.state).toBe("active");
    expect((await agent.beat()).status).toBe(200);
    expect((await approve({ code })).status).toBe(404);
    const lines = pageOf<AuditEntry>(
      await parent.get(`/api/v1/audit?subject=${id}&action=agent.approve`),
    ).items;
    expect(lines).toMatchObject([{ actor: "key:operator-key", address: "127.0.0.1" }]);
  });

  test("are removed and released, where they are in a state for it", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const { id } = agent.identity;
    const decide = (
      what: string,
      body: unknown = { reason: "test" },
      role: "viewer" | "operator" = "operator",
    ) => parent.send("POST", `/api/v1/agents/${id}/${what}`, body, role);
    expect((await decide("release")).status).toBe(400);
    expect((await decide("remove", {}, "viewer")).status).toBe(403);
    await parent.store.agents.setState(
      id,
      "quarantined",
      "clone",
      { name: "system", address: null },
      Date.now(),
    );
    expect((await agent.beat()).error?.code).toBe("quarantined");
    expect((await decide("release")).status).toBe(200);
    expect((await agent.beat()).status).toBe(200);
    expect((await decide("remove", { reason: "" })).status).toBe(200);
    expect((await agent.beat()).error?.code).toBe("removed");
    expect((await decide("remove")).status).toBe(400);
    expect((await decide("watch", { intervalMs: 1000, forMs: 1000 })).status).toBe(400);
    expect((await decide("remove", { reason: "x".repeat(1001) })).status).toBe(400);
  });
});

describe("join tokens", () => {
  test("are made, good for their uses, listed without their secret, and revoked", async () => {
    await using parent = await TestParent.start();
    const made = await parent.send("POST", "/api/v1/tokens", {
      uses: 2,
      expiresInMs: 60_000,
      requiresApproval: false,
    });
    expect(made.status).toBe(200);
    const { token, summary } = made.body as { token: string; summary: JoinTokenSummary };
    const parsed = parseJoinToken(token);
    expect(parsed).toMatchObject({
      addresses: [`127.0.0.1:${parent.server.port}`],
      pin: parent.server.pin,
      id: summary.id,
    });
    expect(summary).toMatchObject({
      usesLeft: 2,
      usesTotal: 2,
      createdBy: "key:operator-key",
      revoked: false,
    });
    const join = () => parent.stranger().join(`${parsed.id}.${parsed.secret}`);
    expect((await join()).body).toMatchObject({ state: "active" });
    const listed = await parent.get("/api/v1/tokens");
    expect(pageOf<JoinTokenSummary>(listed).items).toMatchObject([{ id: summary.id, usesLeft: 1 }]);
    expect(JSON.stringify(listed.body)).not.toContain(parsed.secret);
    expect((await parent.send("DELETE", `/api/v1/tokens/${summary.id}`, undefined, "viewer")).status).toBe(
      403,
    );
    expect((await parent.send("DELETE", `/api/v1/tokens/${summary.id}`, undefined)).status).toBe(200);
    expect((await parent.send("DELETE", `/api/v1/tokens/${summary.id}`, undefined)).status).toBe(404);
    expect((await join()).error?.code).toBe("token");
  });

  test("have bounds, and are not for viewers to make", async () => {
    await using parent = await TestParent.start();
    expect((await parent.send("POST", "/api/v1/tokens", {}, "viewer")).status).toBe(403);
    for (const body of [
      { uses: 0 },
      { uses: 1e9 },
      { expiresInMs: 1 },
      { expiresInMs: 1e15 },
      { uses: "1" },
      { more: 1 },
    ]) {
      expect((await parent.send("POST", "/api/v1/tokens", body)).status).toBe(400);
    }
    expect(pageOf(await parent.get("/api/v1/tokens")).items).toEqual([]);
  });
});

test("the OpenAPI document tells all of these routes", async () => {
  await using parent = await TestParent.start();
  const { paths } = (await parent.get("/openapi.json")).body as { paths: Record<string, unknown> };
  for (const path of [
    ...LISTS,
    "/api/v1/live",
    "/api/v1/agents/{id}/approve",
    "/api/v1/events/{agent}/{stream}/{epoch}/{seq}/proof",
    "/api/v1/processes/override",
    "/api/v2/classify-processes",
  ]) {
    expect(Object.keys(paths)).toContain(path);
  }
});
