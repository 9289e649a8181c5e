/** Joining against a real parent: by token, by a code that both sides show, through a proxy; whoever is in between is found out. */
import { expect, test } from "bun:test";
import type { AgentState } from "../../../src/agent/contract.ts";
import {
  awaitApproval,
  join,
  targetOfHost,
  targetOfToken,
  type JoinOptions,
  type JoinTarget,
} from "../../../src/agent/join.ts";
import { machineFacts } from "../../../src/agent/machine.ts";
import { WbError } from "../../../src/model/errors.ts";
import { formatJoinToken, parseJoinToken } from "../../../src/protocol/fleet/join-token.ts";
import { connectProxy } from "../../support/fleet/connect-proxy.ts";
import { failureOf } from "../../support/failure.ts";
import { AgentUnderTest, ParentWithDoor } from "../../support/fleet/agent-world.ts";
import { pinnedServer, serverKey } from "../../support/fleet/pinned-server.ts";
import { waitFor } from "../../support/wait-for.ts";

function optionsFor(state: AgentState, change: Partial<JoinOptions> = {}): JoinOptions {
  return {
    state,
    machine: machineFacts(),
    proxy: undefined,
    env: {},
    signal: new AbortController().signal,
    say: () => undefined,
    ...change,
  };
}

async function refusalOf(target: JoinTarget, state: AgentState): Promise<string> {
  try {
    await join(target, optionsFor(state));
  } catch (error) {
    if (error instanceof WbError) return `${error.message}; ${error.hint ?? "no hint"}`;
    throw error;
  }
  return "none";
}

test("by token: at once, once; then it is used up, and nothing is kept of what was refused", async () => {
  await using at = await ParentWithDoor.start();
  await using first = await AgentUnderTest.make();
  await using second = await AgentUnderTest.make();
  const token = await at.token();
  const id = await first.join(token);
  expect((await at.parent.store.agents.get(id))?.state).toBe("active");
  const state = second.openState();
  const refusal = await refusalOf(targetOfToken(parseJoinToken(token), undefined), state);
  expect(refusal).toBe(
    "the parent refuses: this token is not valid: unknown, expired, revoked or used up; make a new one with `wb serve token create`",
  );
  expect(state.parent).toBeUndefined();
  state.close();
});

test("by token, where so many join from one address that all have to wait: it waits as it is told, and joins", async () => {
  await using at = await ParentWithDoor.start();
  await using agent = await AgentUnderTest.make();
  const token = parseJoinToken(await at.token());
  // What is no request at all counts as an attempt, too.
  const attempt = async (): Promise<number> => {
    const url = `https://${at.address}/api/agent/join`;
    return (await fetch(url, { method: "POST", body: "{}", tls: { rejectUnauthorized: false } })).status;
  };
  const { clock } = at.parent;
  clock.hold();
  const statuses = await Promise.all(Array.from({ length: 110 }, attempt));
  expect(new Set(statuses)).toEqual(new Set([400, 429]));
  const told: string[] = [];
  const state = agent.openState();
  const say = (text: string): void => {
    told.push(text);
    clock.advance(10_000);
  };
  const options = optionsFor(state, { say });
  expect((await join(targetOfToken(token, undefined), options)).state).toBe("active");
  expect(told).toEqual(["the parent asks to wait: too many attempts to join from this address"]);

  // Nobody has to wait longer than he likes.
  await Promise.all(Array.from({ length: 110 }, attempt));
  const impatient = new AbortController();
  const waiting = join(targetOfToken(token, undefined), {
    ...options,
    signal: impatient.signal,
    say: () => impatient.abort(),
  });
  expect(await failureOf(waiting)).toContain("too many attempts");
  state.close();
});

test("by token, whose parent does not have the pinned key: refused, and the token was not told to anybody", async () => {
  await using at = await ParentWithDoor.start();
  const bodies: string[] = [];
  await using impostor = await pinnedServer(async (request) => {
    bodies.push(await request.text());
    return Response.json({});
  });
  await using agent = await AgentUnderTest.make();
  const token = parseJoinToken(await at.token());
  const state = agent.openState();
  const forged = parseJoinToken(formatJoinToken({ ...token, addresses: [impostor.address] }));
  const refusal = await refusalOf(targetOfToken(forged, undefined), state);
  expect(refusal).toStartWith(`${impostor.address} is not the parent that this agent knows`);
  expect(bodies).toEqual([]);
  // The other address of the same token is the parent's.
  const joined = await join(targetOfToken(token, impostor.address), optionsFor(state));
  expect(joined.addresses).toEqual([at.address, impostor.address]);
  state.close();
});

test("by approval: both sides have the same code; approved, it goes on; refused, it says so", async () => {
  await using at = await ParentWithDoor.start();
  for (const decision of ["active", "removed"] as const) {
    await using agent = await AgentUnderTest.make();
    const state = agent.openState();
    const joined = await join(targetOfHost(at.address, undefined), optionsFor(state));
    expect(joined.state).toBe("pending");
    expect(joined.code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    const [request] = await at.parent.store.agents.joinRequests();
    expect([request?.agentId, request?.code]).toEqual([state.identity.id, joined.code ?? ""]);
    const approval = awaitApproval(optionsFor(state));
    const outcome = decision === "active" ? approval : failureOf(approval);
    await waitFor("it asks", () => at.requests.includes("/api/agent/join/status"));
    const actor = { name: "anna", address: null };
    await at.parent.store.agents.setState(state.identity.id, decision, "test", actor, Date.now());
    if (decision === "active") {
      expect(await outcome).toBe(true);
      expect(state.parent).toMatchObject({ state: "active", code: null });
    } else expect(await outcome).toContain("a person at the parent has refused this agent");
    state.close();
  }
}, 180_000);

test("waiting ends with its signal, the code stays, and it can wait again later", async () => {
  await using at = await ParentWithDoor.start();
  await using agent = await AgentUnderTest.make();
  const state = agent.openState();
  const { code } = await join(targetOfHost(at.address, at.key.pin), optionsFor(state));
  state.close();
  const later = agent.openState();
  expect(later.parent).toMatchObject({ state: "pending", code });
  const stop = new AbortController();
  const waiting = awaitApproval(optionsFor(later, { signal: stop.signal }));
  stop.abort();
  expect(await waiting).toBe(false);
  later.close();
});

test("who waits for approval waits as long as a busy parent asks", async () => {
  await using at = await ParentWithDoor.start();
  await using agent = await AgentUnderTest.make();
  const state = agent.openState();
  await join(targetOfHost(at.address, at.key.pin), optionsFor(state));
  const asked: number[] = [];
  at.intervene = (_, path) => {
    if (path !== "/api/agent/join/status") return undefined;
    asked.push(performance.now());
    const error = { code: "rate_limited", message: "too many" };
    return Response.json({ error }, { status: 429, headers: { "retry-after": "2" } });
  };
  const stop = new AbortController();
  const waiting = awaitApproval(optionsFor(state, { signal: stop.signal }));
  await waitFor("the second", () => asked.length === 2, 15_000);
  stop.abort();
  await waiting;
  expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(1990);
  state.close();
}, 20_000);

test("somebody in between, who passes everything on, is refused by the parent: the request is signed over the key that the agent saw", async () => {
  await using at = await ParentWithDoor.start();
  await using between = await pinnedServer((request) => at.handle(request));
  await using agent = await AgentUnderTest.make();
  const state = agent.openState();
  expect(await refusalOf(targetOfHost(between.address, undefined), state)).toStartWith(
    "the parent refuses: the request is not signed for this parent's TLS key",
  );
  expect(await refusalOf(targetOfHost(between.address, at.key.pin), state)).toStartWith(
    `${between.address} is not the parent`,
  );
  expect(state.parent).toBeUndefined();
  state.close();
});

test("through a proxy; a parent that is not there, or is none, says so", async () => {
  await using at = await ParentWithDoor.start();
  await using proxy = await connectProxy();
  await using agent = await AgentUnderTest.make();
  const state = agent.openState();
  const target = targetOfToken(parseJoinToken(await at.token()), undefined);
  const joined = await join(
    target,
    optionsFor(state, { env: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } }),
  );
  expect([joined.state, proxy.tunnels.length]).toEqual(["active", 1]);
  await using other = await pinnedServer(() => new Response("hello"));
  expect(await refusalOf(targetOfHost(other.address, undefined), state)).toStartWith(
    "the parent answered something that this agent does not understand",
  );
  expect(await refusalOf(targetOfHost("127.0.0.1:1", undefined), state)).toStartWith(
    "127.0.0.1:1 can't be reached",
  );
  expect(await refusalOf(targetOfHost(at.address, (await serverKey()).pin), state)).toStartWith(
    `${at.address} is not the parent`,
  );
  expect(() => targetOfHost("parent.example", "short")).toThrow("this is no pin of a parent");
  state.close();
});
