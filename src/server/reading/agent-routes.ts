/** Agents as people see them: the list, one, its streams, those who wait to join; and watching one for a while. */
import { createRoute, z } from "@hono/zod-openapi";
import { AGENT_STATES } from "../../model/fleet.ts";
import { WatchPayload } from "../../protocol/fleet/messages.ts";
import type { App, ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { requireRole } from "../people/guard.ts";
import { answers, jsonBody, Nothing, pageOf } from "../people/schemas.ts";
import { AgentId, asked, askedPage, given, onlineSinceMs, PageFields, Search, wholePage } from "./asking.ts";
import { AgentSchema, JoinRequestSchema, ReconciliationSchema } from "./schemas.ts";

/** The command to watch is worth nothing once the time to watch is over; so long it may be late. */
const LATE_MS = 10_000;
const params = z.object({ id: AgentId });

function routes(context: ServerContext) {
  const tags = ["agents of the fleet"];
  const middleware = requireRole(context, "viewer");
  return {
    list: createRoute({
      method: "get",
      path: "/api/v1/agents",
      tags,
      summary: "All agents",
      middleware,
      request: {
        query: z.strictObject({ ...PageFields, state: z.enum(AGENT_STATES).optional(), search: Search }),
      },
      responses: answers("A page of agents", pageOf(AgentSchema)),
    }),
    one: createRoute({
      method: "get",
      path: "/api/v1/agents/{id}",
      tags,
      summary: "One agent",
      middleware,
      request: { params },
      responses: answers("The agent", AgentSchema),
    }),
    streams: createRoute({
      method: "get",
      path: "/api/v1/agents/{id}/streams",
      tags,
      summary: "Per stream and epoch: what is stored, declared lost, and produced as the agent says",
      middleware,
      request: { params },
      responses: answers("All epochs of all streams", pageOf(ReconciliationSchema)),
    }),
    joinRequests: createRoute({
      method: "get",
      path: "/api/v1/join-requests",
      tags,
      summary: "Agents that wait for a person, with the code to compare",
      middleware,
      responses: answers("All of them", pageOf(JoinRequestSchema)),
    }),
    watch: createRoute({
      method: "post",
      path: "/api/v1/agents/{id}/watch",
      tags,
      summary: "Let the agent tell its connections more often for a while",
      middleware,
      request: { params, body: jsonBody(WatchPayload) },
      responses: answers("The agent is told", Nothing),
    }),
  };
}

export function registerAgentReadingRoutes(app: App, context: ServerContext): void {
  const { agents, events } = context.store;
  const { list, one, streams, joinRequests, watch } = routes(context);
  app.openapi(list, async (c) => {
    const query = { ...given(c.req.valid("query")), onlineSinceMs: onlineSinceMs(context) };
    return c.json(await askedPage(agents.list(query)), 200);
  });
  app.openapi(one, async (c) => {
    const agent = await agents.summary(c.req.valid("param").id, onlineSinceMs(context));
    if (agent === undefined) throw noAgent();
    return c.json(agent, 200);
  });
  app.openapi(streams, async (c) => {
    const { id } = c.req.valid("param");
    if ((await agents.get(id)) === undefined) throw noAgent();
    return c.json(wholePage(await asked(events.reconciliation(id))), 200);
  });
  app.openapi(joinRequests, async (c) => c.json(wholePage(await agents.joinRequests()), 200));
  app.openapi(watch, async (c) => {
    const { id } = c.req.valid("param");
    const { intervalMs, forMs } = c.req.valid("json");
    const agent = await agents.get(id);
    if (agent === undefined) throw noAgent();
    if (agent.state !== "active") {
      throw new FleetError("bad_request", `this agent is ${agent.state}, and is told nothing`);
    }
    const options = { lifetimeMs: forMs + LATE_MS, coalesceKey: "watch" };
    await context.commands.send(id, "watch", { intervalMs, forMs }, options);
    return c.json({}, 200);
  });
}

export function noAgent(): FleetError {
  return new FleetError("not_found", "there is no such agent", { hint: "`wb serve agents` lists them" });
}
