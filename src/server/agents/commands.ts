/**
 * GET /api/agent/commands?after=<cursor>&wait=<seconds>: what the parent wants of this agent, at once or as soon as there is
 * something. An agent whose state changes while it waits is told so in this answer.
 */
import { z } from "zod";
import { CommandsAnswer } from "../../protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../../protocol/fleet/paths.ts";
import type { App, ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { describeAgentRoute } from "./describe-route.ts";
import { requireAgent, stateRefusal } from "./guard.ts";

const Query = z.strictObject({
  after: z.string().regex(/^\d{1,15}$/),
  /** Seconds. */
  wait: z
    .string()
    .regex(/^\d{1,4}$/)
    .optional(),
});

export function registerCommandRoutes(app: App, context: ServerContext): void {
  describeAgentRoute(app, {
    method: "get",
    path: AGENT_PATHS.commands,
    summary: "Commands after a cursor; waits for up to `wait` seconds where there are none (long-poll)",
    query: Query,
    answer: CommandsAnswer,
  });
  app.get(AGENT_PATHS.commands, requireAgent(context), async (c) => {
    const query = Query.safeParse(c.req.query());
    if (!query.success) throw new FleetError("bad_request", "the query is after=<cursor>&wait=<seconds>");
    const after = Number(query.data.after);
    const waitMs = Math.min(Number(query.data.wait ?? 0) * 1000, context.limits.longPollMs);
    const { id } = c.get("agent");
    // Read before the commands: what is not above it and not among them has expired, and need not be waited for.
    const highest = await context.store.commands.cursor(id);
    const commands = await context.commands.wait(id, after, waitMs, c.req.raw.signal);
    const agent = await context.store.agents.get(id);
    if (agent?.state !== "active") throw stateRefusal(agent?.state ?? "removed");
    const last = commands.at(-1)?.seq ?? Math.max(after, highest);
    return c.json({ commands, cursor: last } satisfies CommandsAnswer);
  });
}
