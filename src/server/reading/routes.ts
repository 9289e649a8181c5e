/** All that people read of a fleet, and decide about its agents and tokens. */
import type { App, ServerContext } from "../context.ts";
import { registerAgentReadingRoutes } from "./agent-routes.ts";
import { registerDecisionRoutes } from "./decision-routes.ts";
import { registerRecordRoutes } from "./record-routes.ts";

export function registerReadingRoutes(app: App, context: ServerContext): void {
  registerAgentReadingRoutes(app, context);
  registerDecisionRoutes(app, context);
  registerRecordRoutes(app, context);
}
