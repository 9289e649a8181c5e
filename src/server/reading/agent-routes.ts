/** Agents as people see them: the list, one, its streams, those who wait to join; and watching one for a while. */
import { createRoute, z } from "@hono/zod-openapi";
import { AGENT_STATES } from "../../model/fleet.ts";
import { WatchPayload } from "../../protocol/fleet/messages.ts";
import type { App, ServerContext } from "../context.ts";
import { answers, jsonBody, Nothing, pageOf } from "../http/answers.ts";
import { FleetError } from "../http/errors.ts";
import { forRole } from "../people/guard.ts";
import { AgentId, asked, askedPage, given, onlineSinceMs, PageFields, Search, wholePage } from "./asking.ts";
import { AgentSchema, JoinRequestSchema, ReconciliationSchema } from "./schemas.ts";

/** The command to watch is worth nothing once the time to watch is over; so long it may be late. */
const LATE_MS = 10_000;
const params = z.object({ id: AgentId });
const Watch = z.strictObject(WatchPayload.shape).openapi({ example: { intervalMs: 1000, forMs: 60_000 } });

function routes(context: ServerContext) {
  const common = { tags: ["fleet"], ...forRole(context, "viewer") };
  return {
    list: createRoute({
      ...common,
      method: "get",
      path: "/api/v1/agents",
      summary: "All agents",
      request: {
        query: z.strictObject({ ...PageFields, state: z.enum(AGENT_STATES).optional(), search: Search }),
      },
      responses: answers("A page of agents", pageOf(AgentSchema)),
    }),
    one: createRoute({
      ...common,
      method: "get",
      path: "/api/v1/agents/{id}",
      summary: "One agent",
      request: { params },
      responses: answers("The agent", AgentSchema, 404),
    }),
    streams: createRoute({
      ...common,
      method: "get",
      path: "/api/v1/agents/{id}/streams",
      summary: "Per stream and epoch: what is stored, declared lost, and produced as the agent says",
      request: { params },
      responses: answers("All epochs of all streams", pageOf(ReconciliationSchema), 404),
    }),
    joinRequests: createRoute({
      ...common,
      method: "get",
      path: "/api/v1/join-requests",
      summary: "Agents that wait for a person, with the code to compare",
      responses: answers("All of them", pageOf(JoinRequestSchema)),
    }),
    watch: createRoute({
      ...common,
      method: "post",
      path: "/api/v1/agents/{id}/watch",
      summary: "Let the agent tell its connections more often for a while",
      request: { params, body: jsonBody(Watch) },
      responses: answers("The agent is told", Nothing, 404),
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
