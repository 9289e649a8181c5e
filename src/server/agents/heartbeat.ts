/**
 * POST /api/agent/heartbeat: what an agent tells every half a minute, and what it is told back: the parent's time, what is
 * stored of its streams, whether there are commands, and how much it may send. Written in batches, answered at once.
 */
import { Heartbeat, HeartbeatAnswer } from "../../protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../../protocol/fleet/paths.ts";
import type { App, ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { ClockOffsets } from "./clock-offset.ts";
import { describeAgentRoute } from "./describe-route.ts";
import { highestCounter, renewLease, requireAgent } from "./guard.ts";
import type { HeartbeatBook } from "./heartbeat-book.ts";
import type { Ingest } from "./ingest.ts";
import { readBodyAs } from "./json-body.ts";
import { asRefusal } from "./storage-trouble.ts";

/** A heartbeat with 200 sessions, 16 notices and 16 streams fits. */
const BODY_BYTES_MAX = 256 * 1024;
const AGENTS_MAX = 50_000;
/** No agent has carried out more: who says so lies, and would use the numbers up. */
const COMMANDS_MAX = 1e12;

export function registerHeartbeatRoute(
  app: App,
  context: ServerContext,
  rooms: { readonly book: HeartbeatBook; readonly ingest: Ingest },
): void {
  const offsets = new ClockOffsets(AGENTS_MAX);
  describeAgentRoute(app, {
    method: "post",
    path: AGENT_PATHS.heartbeat,
    summary: "An agent is alive",
    body: Heartbeat,
    answer: HeartbeatAnswer,
  });
  app.post(AGENT_PATHS.heartbeat, requireAgent(context, { bodyBytesMax: BODY_BYTES_MAX }), async (c) => {
    const { store, clock, limits, metrics } = context;
    const beganMs = clock.monotonicMs();
    const receivedAtMs = clock.now();
    const agent = c.get("agent");
    const heartbeat = readBodyAs(Heartbeat, c.get("rawBody"));
    if (heartbeat.agentId !== agent.id) {
      throw new FleetError("bad_request", "agentId: not the agent that signed this");
    }
    const lease = await renewLease(context, c, heartbeat.lease);
    rooms.book.note({
      agentId: agent.id,
      heartbeat,
      receivedAtMs,
      clockOffsetMs: offsets.estimate(agent.id, heartbeat.clock, receivedAtMs),
      counter: highestCounter(context, agent),
    });
    try {
      const cursors = await store.events.cursors(agent.id, heartbeat.streams);
      const given = await store.commands.cursor(agent.id);
      // More than were given: this parent was put back from a copy, and would give numbers that the agent takes for old.
      const isBehind = heartbeat.commandCursor > given && heartbeat.commandCursor <= COMMANDS_MAX;
      const commandCursor = isBehind
        ? await context.commands.raise(agent.id, heartbeat.commandCursor)
        : given;
      metrics.observe("wb_heartbeat_seconds", {}, (clock.monotonicMs() - beganMs) / 1000);
      return c.json({
        serverTimeMs: clock.now(),
        heartbeatIntervalMs: limits.heartbeatIntervalMs,
        lease,
        commandCursor,
        cursors,
        ...rooms.ingest.credit(),
      } satisfies HeartbeatAnswer);
    } catch (error) {
      throw asRefusal(error);
    }
  });
}
