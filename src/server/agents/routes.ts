/** Everything that the parent answers to agents beside classification, and what runs behind it. */
import type { App, ServerContext } from "../context.ts";
import { registerCommandRoutes } from "./commands.ts";
import { registerHeartbeatRoute } from "./heartbeat.ts";
import { HeartbeatBook } from "./heartbeat-book.ts";
import { createIngest } from "./ingest.ts";
import { registerJoinRoutes } from "./join.ts";
import { registerTelemetryRoutes } from "./telemetry.ts";

export interface AgentRooms {
  /** Stores what was taken and is not stored yet. To be awaited after the last request and before the store closes. */
  stop(): Promise<void>;
}

export function registerAgentRoutes(app: App, context: ServerContext): AgentRooms {
  const ingest = createIngest(context);
  const book = new HeartbeatBook(context);
  registerJoinRoutes(app, context);
  registerHeartbeatRoute(app, context, { book, ingest });
  registerCommandRoutes(app, context);
  registerTelemetryRoutes(app, context, ingest);
  return {
    stop: async () => {
      await ingest.stop();
      await book.stop();
    },
  };
}
