/** The two ways by which signed batches come: process events, which never wait behind anything else, and all others. */
import {
  BATCH_BYTES_MAX,
  BatchAnswer,
  SignedBatch,
  STREAMS,
  type StreamName,
} from "../../protocol/fleet/envelope.ts";
import { AGENT_PATHS } from "../../protocol/fleet/paths.ts";
import type { App, ServerContext } from "../context.ts";
import { describeAgentRoute } from "./describe-route.ts";
import { requireAgent } from "./guard.ts";
import type { Ingest } from "./ingest.ts";

const PROCESS: readonly StreamName[] = ["process"];
const OTHERS: readonly StreamName[] = STREAMS.filter((stream) => stream !== "process");

export function registerTelemetryRoutes(app: App, context: ServerContext, ingest: Ingest): void {
  const ways = [
    { path: AGENT_PATHS.processEvents, streams: PROCESS, summary: "A signed batch of process events" },
    { path: AGENT_PATHS.telemetry, streams: OTHERS, summary: "A signed batch of any other stream" },
  ];
  for (const { path, streams, summary } of ways) {
    describeAgentRoute(app, { method: "post", path, summary, body: SignedBatch, answer: BatchAnswer });
    app.post(path, requireAgent(context, { bodyBytesMax: BATCH_BYTES_MAX }), async (c) => {
      const agent = c.get("agent");
      const answer = await ingest.submit({
        agent,
        body: c.get("rawBody"),
        streams,
        address: c.get("address"),
      });
      return c.json(answer);
    });
  }
}
