/**
 * How an agent becomes one of the fleet: by a token at once, or by a person who compares a code. Neither opens anything to who
 * is in between: the request is signed over the TLS key that the agent sees, and the code is made of nonces that neither side
 * could choose after it knew the other's. Attempts are limited per address, requests that wait are bounded.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { TokenBuckets } from "../../lib/token-bucket.ts";
import { idOf, importPublicKey, isSignedBy } from "../../protocol/fleet/identity.ts";
import { toBase64Url } from "../../protocol/fleet/canonical.ts";
import { joinSecretHash } from "../../protocol/fleet/join-token.ts";
import { JoinAnswer, JoinRequest, JoinReveal, JoinStatus } from "../../protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../../protocol/fleet/paths.ts";
import { approvalCode, commitmentOf, joinBytes } from "../../protocol/fleet/proofs.ts";
import type { App, ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { addressKey, readBody } from "../http/limits.ts";
import { describeAgentRoute } from "./describe-route.ts";
import { requireAgent, stateRefusal } from "./guard.ts";
import { readBodyAs } from "./json-body.ts";
import { asRefusal, jittered } from "./storage-trouble.ts";

const BODY_BYTES_MAX = 16 * 1024;
/** Attempts that did not succeed, per address. */
const ATTEMPTS = { burst: 100, perSecond: 1 };
const ADDRESSES_MAX = 10_000;
/** Agents whose code a person is shown, in all and from one address. The store drops others that wait as new ones come. */
const REQUESTS_MAX = 500;
export const REQUESTS_PER_ADDRESS_MAX = 32;
const PENDING_RETRY_MS = 60_000;
const NONCE_BYTES = 32;
/** One that is quarantined can't: it would join again, and no person would have decided. */
const MAY_LEAVE = ["pending", "active"] as const;

export function registerJoinRoutes(app: App, context: ServerContext): void {
  registerJoin(app, context);
  registerReveal(app, context);
  registerStatus(app, context);
  registerLeave(app, context);
}

function registerJoin(app: App, context: ServerContext): void {
  const attempts = new TokenBuckets(ATTEMPTS.burst, ATTEMPTS.perSecond, ADDRESSES_MAX);
  describeAgentRoute(app, {
    method: "post",
    path: AGENT_PATHS.join,
    summary: "Join with a token, or ask for a person's approval",
    role: "nobody",
    body: JoinRequest,
    answer: JoinAnswer,
  });
  app.post(AGENT_PATHS.join, async (c) => {
    const address = c.get("address");
    const nowMs = context.clock.monotonicMs();
    const bucket = attempts.of(addressKey(address), nowMs);
    // Charged at once, so that many at the same moment are counted too; given back where it succeeds.
    const waitMs = bucket.take(nowMs);
    if (waitMs > 0) {
      context.metrics.add("wb_agent_joins_total", { outcome: "rate_limited" });
      throw new FleetError("rate_limited", "too many attempts to join from this address", {
        retryAfterMs: waitMs,
      });
    }
    try {
      const body = await readBody(context, c, BODY_BYTES_MAX);
      const answer = await join(context, readBodyAs(JoinRequest, body), address);
      if (answer.state === "active") bucket.giveBack();
      context.metrics.add("wb_agent_joins_total", { outcome: answer.state });
      return c.json(answer);
    } catch (error) {
      const refusal = asRefusal(error);
      const outcome = refusal instanceof FleetError ? refusal.code : "internal";
      context.metrics.add("wb_agent_joins_total", { outcome });
      throw refusal;
    }
  });
}

async function join(context: ServerContext, request: JoinRequest, address: string): Promise<JoinAnswer> {
  const { store, identity, clock, bus, pin } = context;
  const agentId = idOf(request.publicKey);
  const { signature, ...signed } = request;
  const key = importPublicKey(request.publicKey);
  if (key === undefined || !isSignedBy(key, joinBytes(signed, pin), signature)) {
    throw new FleetError("unauthenticated", "the request is not signed for this parent's TLS key", {
      hint: "somebody may be in between: compare the pin that `wb serve` shows",
    });
  }
  const parentNonce = toBase64Url(randomBytes(NONCE_BYTES));
  const answer = (state: "active" | "pending"): JoinAnswer => ({
    agentId,
    state,
    parentId: identity.id,
    parentKey: identity.publicKey,
    parentName: context.name,
    parentNonce,
  });
  const known = await store.agents.get(agentId);
  // Its answer was lost, or it lost what it was told: it is in already, and no token is used up for that.
  if (known?.state === "active") return answer("active");
  if (known?.state === "quarantined") throw stateRefusal("quarantined");
  if (request.token === null && known?.state !== "pending") await refuseTooMany(context, address);
  const outcome = await store.agents.join({
    agentId,
    publicKey: request.publicKey,
    machine: request.machine,
    token: request.token === null ? null : readToken(request.token),
    commitment: request.commitment,
    parentNonce,
    address,
    nowMs: clock.now(),
  });
  if (outcome === "token") throw tokenRefusal();
  if (outcome === "quarantined") throw stateRefusal("quarantined");
  // One that waits is told of once its code is known.
  if (outcome === "active") bus.publish({ type: "agent", agentId, change: "joined" });
  return answer(outcome);
}

/** `<id>.<secret>`; the store only ever sees the secret's hash. */
function readToken(text: string): { id: string; secretHash: string } {
  const dot = text.indexOf(".");
  if (dot < 1) throw tokenRefusal();
  return { id: text.slice(0, dot), secretHash: joinSecretHash(text.slice(dot + 1)) };
}

/** The same for every reason: who guesses tokens learns nothing. */
function tokenRefusal(): FleetError {
  return new FleetError("token", "this token is not valid: unknown, expired, revoked or used up", {
    hint: "make a new one with `wb serve token create`",
  });
}

async function refuseTooMany(context: ServerContext, address: string): Promise<void> {
  const waiting = await context.store.agents.joinRequests();
  const here = addressKey(address);
  const fromHere = waiting.filter((request) => addressKey(request.address) === here).length;
  if (waiting.length < REQUESTS_MAX && fromHere < REQUESTS_PER_ADDRESS_MAX) return;
  throw new FleetError("rate_limited", "too many agents wait for approval", {
    hint: "approve or remove those that wait, or join with a token",
    retryAfterMs: jittered(PENDING_RETRY_MS),
  });
}

function registerReveal(app: App, context: ServerContext): void {
  describeAgentRoute(app, {
    method: "post",
    path: AGENT_PATHS.joinReveal,
    summary: "Reveal the nonce that was committed to; the approval code is made of it",
    body: JoinReveal,
    answer: JoinStatus,
  });
  const guard = requireAgent(context, { states: ["pending"], bodyBytesMax: BODY_BYTES_MAX });
  app.post(AGENT_PATHS.joinReveal, guard, async (c) => {
    const { nonce } = readBodyAs(JoinReveal, c.get("rawBody"));
    const agent = c.get("agent");
    const pending = await context.store.agents.pendingJoin(agent.id);
    if (pending === undefined || commitmentOf(nonce) !== pending.commitment) {
      throw new FleetError("bad_request", "this is not the nonce that was committed to", {
        hint: "ask to join again",
      });
    }
    const code = approvalCode({
      parentPin: context.pin,
      parentKey: context.identity.publicKey,
      agentKey: agent.publicKey,
      agentNonce: nonce,
      parentNonce: pending.parentNonce,
    });
    if (pending.code !== code) {
      // Here again, for here it becomes one that a person sees.
      if (pending.code === null) await refuseTooMany(context, c.get("address"));
      await context.store.agents.setJoinCode(agent.id, code);
      context.bus.publish({ type: "agent", agentId: agent.id, change: "join_requested" });
    }
    return c.json({ state: "pending" } satisfies JoinStatus);
  });
}

function registerStatus(app: App, context: ServerContext): void {
  describeAgentRoute(app, {
    method: "get",
    path: AGENT_PATHS.joinStatus,
    summary: "Whether this agent has been approved",
    answer: JoinStatus,
  });
  const guard = requireAgent(context, {
    states: ["pending", "active", "quarantined", "removed"],
    bodyBytesMax: BODY_BYTES_MAX,
  });
  app.get(AGENT_PATHS.joinStatus, guard, (c) => c.json({ state: c.get("agent").state } satisfies JoinStatus));
}

function registerLeave(app: App, context: ServerContext): void {
  describeAgentRoute(app, {
    method: "post",
    path: AGENT_PATHS.leave,
    summary: "Leave the fleet",
    body: z.strictObject({}),
    answer: JoinStatus,
  });
  const guard = requireAgent(context, { states: MAY_LEAVE, bodyBytesMax: BODY_BYTES_MAX });
  app.post(AGENT_PATHS.leave, guard, async (c) => {
    const { id } = c.get("agent");
    const actor = { name: `agent:${id}`, address: c.get("address") };
    const { agents } = context.store;
    if (!(await agents.setState(id, "removed", "it left", actor, context.clock.now(), MAY_LEAVE)))
      throw stateRefusal((await agents.get(id))?.state ?? "removed");
    context.commands.release(id);
    context.bus.publish({ type: "agent", agentId: id, change: "left" });
    return c.json({ state: "removed" } satisfies JoinStatus);
  });
}
