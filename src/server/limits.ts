/** How much a parent takes, where nothing else is said. */
import type { ServerLimits } from "./context.ts";

export const DEFAULT_LIMITS: ServerLimits = {
  bodyBytesMax: 1024 * 1024,
  bodyMs: 15_000,
  requestsPerAgentPerMinute: 600,
  requestsPerCallerPerMinute: 1200,
  heartbeatIntervalMs: 30_000,
  longPollMs: 240_000,
  ingestQueueBytesMax: 64 * 1024 * 1024,
};
/** Of any body on any route: a batch of telemetry is the largest, and JSON makes more of it. */
export const BODY_BYTES_CEILING = 16 * 1024 * 1024;
/** Each agent has a long-poll open. */
export const REQUESTS_OPEN_MAX = 60_000;
export const STRANGER_REQUESTS_PER_MINUTE = 1200;
/** An agent that was not heard of for so many intervals is offline. */
export const SILENT_INTERVALS = 3;
