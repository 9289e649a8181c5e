/** What agents told and people decided, page by page: processes, connections, events and their proofs, losses, the audit log. */
import { createRoute, z } from "@hono/zod-openapi";
import { CATEGORIES } from "../../model/categories.ts";
import { STREAMS } from "../../protocol/fleet/envelope.ts";
import { EventProof, makeEventProof } from "../../protocol/fleet/event-proof.ts";
import type { App, ServerContext } from "../context.ts";
import { answers, pageOf } from "../http/answers.ts";
import { FleetError } from "../http/errors.ts";
import { forRole } from "../people/guard.ts";
import { AgentId, askedPage, Flag, given, PageFields, Search, TimeMs } from "./asking.ts";
import { AuditSchema, ConnectionSchema, EventSchema, LossSchema, ProcessSchema } from "./schemas.ts";

const word = z.string().min(1).max(256).optional();
const stream = z.enum(STREAMS);

const ProofParameters = z.object({
  agent: AgentId,
  stream,
  epoch: z.string().regex(/^[0-9a-f]{16}$/, "an epoch has 16 hexadecimal digits"),
  seq: z
    .string()
    .regex(/^[1-9]\d{0,15}$/, "a place in the stream, from 1 on")
    .transform(Number)
    .pipe(z.int())
    .openapi({ type: "integer" }),
});

function routes(context: ServerContext) {
  const common = { method: "get" as const, tags: ["records"], ...forRole(context, "viewer") };
  const times = { since: TimeMs, until: TimeMs };
  const ofAgent = { ...PageFields, agent: AgentId.optional() };
  return {
    processes: createRoute({
      ...common,
      path: "/api/v1/processes",
      summary: "Processes that run or ran",
      request: {
        query: z.strictObject({
          ...ofAgent,
          ...times,
          running: Flag.optional(),
          category: z.enum(CATEGORIES).optional(),
          search: Search,
        }),
      },
      responses: answers("A page of processes", pageOf(ProcessSchema)),
    }),
    connections: createRoute({
      ...common,
      path: "/api/v1/connections",
      summary: "What processes exchanged with remote addresses, by interval",
      request: {
        query: z.strictObject({ ...ofAgent, ...times, search: Search }),
      },
      responses: answers("A page of connections", pageOf(ConnectionSchema)),
    }),
    events: createRoute({
      ...common,
      path: "/api/v1/events",
      summary: "Events as the agents signed them",
      request: {
        query: z.strictObject({ ...ofAgent, ...times, stream: stream.optional(), type: word }),
      },
      responses: answers("A page of events", pageOf(EventSchema)),
    }),
    proof: createRoute({
      ...common,
      path: "/api/v1/events/{agent}/{stream}/{epoch}/{seq}/proof",
      summary: "The proof of one event, for `wb verify`",
      request: { params: ProofParameters },
      responses: answers(
        "The event, the signed header of its batch, and the way between them",
        EventProof,
        404,
      ),
    }),
    losses: createRoute({
      ...common,
      path: "/api/v1/losses",
      summary: "What is declared lost",
      request: { query: z.strictObject(ofAgent) },
      responses: answers("A page of losses", pageOf(LossSchema)),
    }),
    audit: createRoute({
      ...common,
      path: "/api/v1/audit",
      summary: "What people and the parent decided, the newest first",
      request: { query: z.strictObject({ ...PageFields, action: word, actor: word, subject: word }) },
      responses: answers("A page of the audit log", pageOf(AuditSchema)),
    }),
  };
}

export function registerRecordRoutes(app: App, context: ServerContext): void {
  const { events, people } = context.store;
  const { processes, connections, events: list, proof, losses, audit } = routes(context);
  app.openapi(processes, async (c) => {
    const { agent, since, until, ...query } = c.req.valid("query");
    const filters = given({ ...query, agentId: agent, sinceMs: since, untilMs: until });
    return c.json(await askedPage(events.processes(filters)), 200);
  });
  app.openapi(connections, async (c) => {
    const { agent, since, until, ...query } = c.req.valid("query");
    const filters = given({ ...query, agentId: agent, sinceMs: since, untilMs: until });
    return c.json(await askedPage(events.connections(filters)), 200);
  });
  app.openapi(list, async (c) => {
    const { agent, since, until, ...query } = c.req.valid("query");
    const filters = given({ ...query, agentId: agent, sinceMs: since, untilMs: until });
    return c.json(await askedPage(events.events(filters)), 200);
  });
  app.openapi(proof, async (c) => {
    const { agent, stream, epoch, seq } = c.req.valid("param");
    const source = await events.proof(agent, stream, epoch, seq);
    const made = source === undefined ? undefined : makeEventProof(source);
    if (made === undefined) throw new FleetError("not_found", "no such event is stored");
    return c.json(made, 200);
  });
  app.openapi(losses, async (c) => {
    const { agent, ...query } = c.req.valid("query");
    return c.json(await askedPage(events.losses(given({ ...query, agentId: agent }))), 200);
  });
  app.openapi(audit, async (c) => {
    return c.json(await askedPage(people.auditLog(given(c.req.valid("query")))), 200);
  });
}
