/** Joining through the parent's HTTP: tokens, approval by a compared code, refusals, leaving and coming again. */
import { describe, expect, test } from "bun:test";
import { JoinAnswer } from "../../../src/protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { approvalCode } from "../../../src/protocol/fleet/proofs.ts";
import { REQUESTS_PER_ADDRESS_MAX } from "../../../src/server/agents/join.ts";
import { TestAgent, newNonce, send } from "../../support/fleet/agent.ts";
import { PERSON, TestParent } from "../../support/fleet/parent.ts";
import { waitFor } from "../../support/wait-for.ts";

async function stateOf(parent: TestParent, agent: TestAgent): Promise<string | undefined> {
  return (await parent.store.agents.get(agent.identity.id))?.state;
}

describe("a token", () => {
  test("lets an agent in at once, and the agent may speak", async () => {
    await using parent = await TestParent.start();
    const events = parent.watch();
    const agent = parent.stranger();
    const answer = await agent.join((await parent.token()).credential);
    expect(answer.status).toBe(200);
    const { parentNonce: _, ...rest } = JoinAnswer.parse(answer.body);
    expect(rest).toEqual({
      agentId: agent.identity.id,
      state: "active",
      parentId: parent.context.identity.id,
      parentKey: parent.context.identity.publicKey,
      parentName: "test parent",
    });
    expect((await agent.beat()).status).toBe(200);
    const told = { type: "agent", agentId: agent.identity.id, change: "joined" };
    await waitFor("it is told", () => events.some((event) => Bun.deepEquals(event, told)));
  });

  test("with 5 uses lets exactly 5 of 50 in that come at once", async () => {
    await using parent = await TestParent.start();
    const { credential, id } = await parent.token({ uses: 5 });
    const agents = Array.from({ length: 50 }, () => parent.stranger());
    const answers = await Promise.all(agents.map((agent) => agent.join(credential)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(new Set(refused.map(({ status, error }) => `${status} ${error?.code}`))).toEqual(
      new Set(["403 token"]),
    );
    const states = await Promise.all(agents.map((agent) => stateOf(parent, agent)));
    expect(states.filter((state) => state === "active")).toHaveLength(5);
    expect(states.filter((state) => state === undefined)).toHaveLength(45);
    const summary = (await parent.store.tokens.list()).find((token) => token.id === id);
    expect(summary?.usesLeft).toBe(0);
  });

  test("is not used up by an agent that asks again because the answer was lost", async () => {
    await using parent = await TestParent.start();
    const { credential } = await parent.token({ uses: 2 });
    const agent = parent.stranger();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect((await agent.join(credential)).status).toBe(200);
    }
    expect((await parent.stranger().join(credential)).status).toBe(200);
    expect((await parent.stranger().join(credential)).error?.code).toBe("token");
  });

  test("that expired, was revoked, or never was opens nothing, and all sound the same", async () => {
    await using parent = await TestParent.start();
    const revoked = await parent.token();
    await parent.store.tokens.revoke(revoked.id, PERSON, Date.now());
    const good = await parent.token();
    const wrongSecret = `${good.id}.${"A".repeat(43)}`;
    const expired = await parent.token({ forMs: -1 });
    const credentials = [revoked.credential, expired.credential, wrongSecret, "nosuch.secret", "", ".", "x"];
    const answers = await Promise.all(credentials.map((credential) => parent.stranger().join(credential)));
    expect(new Set(answers.map(({ body, status }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    expect(answers[0]?.error?.code).toBe("token");
    expect(answers[0]?.status).toBe(403);
  });

  test("can ask for approval all the same", async () => {
    await using parent = await TestParent.start();
    const agent = parent.stranger();
    const answer = await agent.join((await parent.token({ requiresApproval: true })).credential);
    expect(JoinAnswer.parse(answer.body).state).toBe("pending");
    expect((await agent.beat()).error?.code).toBe("pending");
  });
});

describe("approval", () => {
  test("shows the same code on both sides, and the agent is in once a person says so", async () => {
    await using parent = await TestParent.start();
    const agent = parent.stranger();
    const nonce = newNonce();
    const answer = JoinAnswer.parse((await agent.join(null, nonce)).body);
    expect(answer.state).toBe("pending");
    expect(await parent.store.agents.joinRequests()).toEqual([]);
    expect((await agent.request("POST", AGENT_PATHS.joinReveal, { nonce })).body).toEqual({
      state: "pending",
    });
    const [request] = await parent.store.agents.joinRequests();
    const shown = approvalCode({
      parentPin: parent.server.pin,
      parentKey: answer.parentKey,
      agentKey: agent.identity.publicKey,
      agentNonce: nonce,
      parentNonce: answer.parentNonce,
    });
    expect(request?.code).toBe(shown);
    expect(request?.agentId).toBe(agent.identity.id);
    expect((await agent.request("GET", AGENT_PATHS.joinStatus)).body).toEqual({ state: "pending" });
    expect((await agent.beat()).error?.code).toBe("pending");
    await parent.store.agents.setState(agent.identity.id, "active", "", PERSON, Date.now());
    expect((await agent.request("GET", AGENT_PATHS.joinStatus)).body).toEqual({ state: "active" });
    expect((await agent.beat()).status).toBe(200);
  });

  test("codes differ where somebody in between has its own key or nonce", async () => {
    await using parent = await TestParent.start();
    const agent = parent.stranger();
    const nonce = newNonce();
    const answer = JoinAnswer.parse((await agent.join(null, nonce)).body);
    await agent.request("POST", AGENT_PATHS.joinReveal, { nonce });
    const [request] = await parent.store.agents.joinRequests();
    const facts = {
      parentPin: parent.server.pin,
      parentKey: answer.parentKey,
      agentKey: agent.identity.publicKey,
      agentNonce: nonce,
      parentNonce: answer.parentNonce,
    };
    const others = [
      { ...facts, parentPin: newNonce() },
      { ...facts, parentKey: newNonce() },
      { ...facts, agentKey: newNonce() },
      { ...facts, parentNonce: newNonce() },
    ];
    expect(others.map(approvalCode)).not.toContain(request?.code);
  });

  test("refuses a nonce that was not committed to, and keeps the code of the right one", async () => {
    await using parent = await TestParent.start();
    const agent = parent.stranger();
    const nonce = newNonce();
    await agent.join(null, nonce);
    const wrong = await agent.request("POST", AGENT_PATHS.joinReveal, { nonce: newNonce() });
    expect([wrong.status, wrong.error?.code]).toEqual([400, "bad_request"]);
    expect(await parent.store.agents.joinRequests()).toEqual([]);
    expect((await agent.request("POST", AGENT_PATHS.joinReveal, { nonce })).status).toBe(200);
    const [before] = await parent.store.agents.joinRequests();
    expect((await agent.request("POST", AGENT_PATHS.joinReveal, { nonce })).status).toBe(200);
    expect(await parent.store.agents.joinRequests()).toEqual(before === undefined ? [] : [before]);
  });

  test("one address can't fill the list", async () => {
    await using parent = await TestParent.start();
    const codes: (string | undefined)[] = [];
    for (let count = 0; count < REQUESTS_PER_ADDRESS_MAX + 2; count += 1) {
      const agent = parent.stranger();
      const nonce = newNonce();
      const answer = await agent.join(null, nonce);
      codes.push(answer.error?.code);
      if (answer.status === 200) await agent.request("POST", AGENT_PATHS.joinReveal, { nonce });
      else expect(Number(answer.headers.get("retry-after"))).toBeWithin(60, 91);
    }
    expect(codes.filter((code) => code === undefined)).toHaveLength(REQUESTS_PER_ADDRESS_MAX);
    expect(codes.slice(-2)).toEqual(["rate_limited", "rate_limited"]);
    expect(await parent.store.agents.joinRequests()).toHaveLength(REQUESTS_PER_ADDRESS_MAX);
  });
});

describe("a request to join", () => {
  test("is refused where the agent saw another TLS key, or signs for a key that it does not have", async () => {
    await using parent = await TestParent.start();
    const { credential } = await parent.token();
    const agent = parent.stranger();
    const elsewhere = agent.joinRequest(credential, newNonce(), newNonce());
    const stolen = {
      ...agent.joinRequest(credential),
      publicKey: parent.stranger().identity.publicKey,
    };
    for (const request of [elsewhere, stolen]) {
      const body = Buffer.from(JSON.stringify(request));
      const answer = await send(agent.unsigned("POST", AGENT_PATHS.join, body));
      expect([answer.status, answer.error?.code]).toEqual([401, "unauthenticated"]);
    }
    expect((await agent.join(credential)).status).toBe(200);
  });

  test("is limited per address, but not for those who are let in", async () => {
    await using parent = await TestParent.start();
    const { credential } = await parent.token({ uses: 150 });
    parent.clock.hold();
    for (let count = 0; count < 150; count += 1) {
      expect((await parent.stranger().join(credential)).status).toBe(200);
    }
    const answers = await Promise.all(Array.from({ length: 150 }, () => parent.stranger().join("no.token")));
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited.length).toBe(50);
    expect(Number(limited[0]?.headers.get("retry-after"))).toBeWithin(1, 60);
  });

  test("of any other shape is refused, and nothing breaks", async () => {
    await using parent = await TestParent.start();
    const bodies = ["", "{", "null", "[]", '{"publicKey":1}', "\u0000", `"${"x".repeat(20_000)}"`];
    const answers = await Promise.all(
      bodies.map((body) => send(parent.stranger().unsigned("POST", AGENT_PATHS.join, Buffer.from(body)))),
    );
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 413]);
    expect(parent.complaints).toEqual([]);
  });
});

describe("an agent that is gone", () => {
  test("is told so, and joins again with the same key", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    expect((await agent.beat()).status).toBe(200);
    await parent.store.agents.setState(agent.identity.id, "removed", "old machine", PERSON, Date.now());
    const gone = await agent.beat();
    expect([gone.status, gone.error?.code]).toEqual([410, "removed"]);
    expect((await agent.request("GET", AGENT_PATHS.joinStatus)).body).toEqual({ state: "removed" });
    expect((await agent.join("no.token")).error?.code).toBe("token");
    expect((await agent.join((await parent.token()).credential)).status).toBe(200);
    expect((await agent.beat()).status).toBe(200);
  });

  test("may leave by itself, which is audited", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    expect((await agent.request("POST", AGENT_PATHS.leave, {})).body).toEqual({ state: "removed" });
    expect((await agent.beat()).error?.code).toBe("removed");
    const { items } = await parent.store.people.auditLog({ limit: 10, subject: agent.identity.id });
    expect(items.map(({ action, actor }) => `${action} ${actor}`)).toContain(
      `agent.remove agent:${agent.identity.id}`,
    );
  });
});
