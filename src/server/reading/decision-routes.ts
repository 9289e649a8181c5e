/** What people decide about agents and join tokens; each is in the audit log, written by the store with the decision itself. */
import { randomBytes } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { AgentState } from "../../model/fleet.ts";
import { toBase64Url } from "../../protocol/fleet/canonical.ts";
import { formatJoinToken, joinSecretHash } from "../../protocol/fleet/join-token.ts";
import type { Actor } from "../../store/fleet/contract.ts";
import type { App, ServerContext } from "../context.ts";
import { answers, jsonBody, Nothing, pageOf } from "../http/answers.ts";
import { FleetError } from "../http/errors.ts";
import { actorOf, forRole } from "../people/guard.ts";
import { IdParameter } from "../people/schemas.ts";
import { noAgent } from "./agent-routes.ts";
import { AgentId, wholePage } from "./asking.ts";
import { TokenSchema } from "./schemas.ts";

const HOUR_MS = 3_600_000;
const TOKEN_USES_MAX = 10_000;
const TOKEN_MS_MAX = 30 * 24 * HOUR_MS;

const params = z.object({ id: AgentId });
const Reason = z
  .strictObject({ reason: z.string().max(1000).default("") })
  .openapi({ example: { reason: "the machine was sold" } });
const Approval = z
  .strictObject({ code: z.string().min(1).max(32) })
  .openapi({ example: { code: "7K2M-9QXD" } });
const NewToken = z
  .strictObject({
    uses: z.int().min(1).max(TOKEN_USES_MAX).default(1),
    expiresInMs: z.int().min(1000).max(TOKEN_MS_MAX).default(HOUR_MS),
    requiresApproval: z.boolean().default(false),
  })
  .openapi({ example: { uses: 5, expiresInMs: HOUR_MS, requiresApproval: false } });

function routes(context: ServerContext) {
  const operator = forRole(context, "operator");
  const decision = (path: string, summary: string) => ({
    method: "post" as const,
    path: `/api/v1/agents/{id}/${path}`,
    tags: ["fleet"],
    ...operator,
    summary,
    responses: answers("Done", Nothing, 404),
  });
  const tags = ["join tokens"];
  return {
    approve: createRoute({
      ...decision("approve", "Let an agent in, with the code that it shows"),
      request: { params, body: jsonBody(Approval) },
    }),
    remove: createRoute({
      ...decision("remove", "Remove an agent; it has to join anew"),
      request: { params, body: jsonBody(Reason) },
    }),
    release: createRoute({
      ...decision("release", "Let an agent out of quarantine"),
      request: { params, body: jsonBody(Reason) },
    }),
    tokens: createRoute({
      method: "get",
      path: "/api/v1/tokens",
      tags,
      summary: "The join tokens, never their secrets",
      ...forRole(context, "viewer"),
      responses: answers("All of them, the newest first", pageOf(TokenSchema)),
    }),
    createToken: createRoute({
      method: "post",
      path: "/api/v1/tokens",
      tags,
      summary: "Make a join token; this answer is the only one that tells it",
      ...operator,
      request: { body: jsonBody(NewToken) },
      responses: answers("The token", z.object({ token: z.string(), summary: TokenSchema })),
    }),
    revokeToken: createRoute({
      method: "delete",
      path: "/api/v1/tokens/{id}",
      tags,
      summary: "Make a join token worthless, at once",
      ...operator,
      request: { params: IdParameter },
      responses: answers("It lets nobody in any more", Nothing, 404),
    }),
  };
}

export function registerDecisionRoutes(app: App, context: ServerContext): void {
  const { approve, remove, release } = routes(context);
  app.openapi(approve, async (c) => {
    const { id } = c.req.valid("param");
    await checkCode(context, id, c.req.valid("json").code);
    await decide(context, { id, from: ["pending"], to: "active", reason: "approved", actor: actorOf(c) });
    context.bus.publish({ type: "agent", agentId: id, change: "approved" });
    return c.json({}, 200);
  });
  app.openapi(remove, async (c) => {
    const { id } = c.req.valid("param");
    const { reason } = c.req.valid("json");
    const from = ["pending", "active", "quarantined"] as const;
    await decide(context, { id, from, to: "removed", reason, actor: actorOf(c) });
    context.commands.release(id);
    context.bus.publish({ type: "agent", agentId: id, change: "removed" });
    return c.json({}, 200);
  });
  app.openapi(release, async (c) => {
    const { id } = c.req.valid("param");
    const { reason } = c.req.valid("json");
    await decide(context, { id, from: ["quarantined"], to: "active", reason, actor: actorOf(c) });
    context.bus.publish({ type: "agent", agentId: id, change: "released" });
    return c.json({}, 200);
  });
  registerTokenRoutes(app, context);
}

interface Decision {
  readonly id: string;
  readonly from: readonly AgentState[];
  readonly to: AgentState;
  readonly reason: string;
  readonly actor: Actor;
}

/** @throws FleetError where there is no such agent, or it is in a state in which this can't be decided. */
async function decide(context: ServerContext, { id, from, to, reason, actor }: Decision): Promise<void> {
  const { agents } = context.store;
  if (await agents.setState(id, to, reason, actor, context.clock.now(), from)) return;
  const agent = await agents.get(id);
  if (agent === undefined) throw noAgent();
  throw new FleetError("bad_request", `this agent is ${agent.state}`, {
    hint: `it can be done with one that is ${from.join(" or ")}`,
  });
}

/** The code tells that this is the agent that the person stands before, and that nobody is in between. */
async function checkCode(context: ServerContext, id: string, code: string): Promise<void> {
  const requests = await context.store.agents.joinRequests();
  const request = requests.find(({ agentId }) => agentId === id);
  if (request === undefined)
    throw new FleetError("not_found", "no agent with this id waits for an approval", {
      hint: "`wb serve agents waiting` lists those that do",
    });
  if (plainCode(request.code) !== plainCode(code)) {
    throw new FleetError("bad_request", "this is not the code of this agent", {
      hint: "give the code that the agent shows; where it differs from the parent's, somebody is in between",
    });
  }
}

/** As people type it: without the line in the middle, in any case, and with letters that look like digits (Crockford). */
function plainCode(code: string): string {
  return code.toUpperCase().replaceAll(/[\s-]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
}

function registerTokenRoutes(app: App, context: ServerContext): void {
  const { tokens } = context.store;
  const { tokens: list, createToken, revokeToken } = routes(context);
  app.openapi(list, async (c) => c.json(wholePage(await tokens.list()), 200));
  app.openapi(createToken, async (c) => {
    const { uses, expiresInMs, requiresApproval } = c.req.valid("json");
    const id = randomBytes(6).toString("hex");
    const secret = toBase64Url(randomBytes(32));
    const nowMs = context.clock.now();
    const summary = await tokens.create({
      id,
      secretHash: joinSecretHash(secret),
      uses,
      expiresAtMs: nowMs + expiresInMs,
      requiresApproval,
      actor: actorOf(c),
      nowMs,
    });
    const token = formatJoinToken({ addresses: context.addresses(), pin: context.pin, id, secret });
    return c.json({ token, summary }, 200);
  });
  app.openapi(revokeToken, async (c) => {
    const isRevoked = await tokens.revoke(c.req.valid("param").id, actorOf(c), context.clock.now());
    if (!isRevoked)
      throw new FleetError("not_found", "there is no such token, or it is revoked already", {
        hint: "`wb serve token list` lists them",
      });
    return c.json({}, 200);
  });
}
