/** The paths that agents use, in one place for both sides. Those for people are in server/ alone. */

export const AGENT_PATHS = {
  join: "/api/agent/join",
  joinReveal: "/api/agent/join/reveal",
  joinStatus: "/api/agent/join/status",
  heartbeat: "/api/agent/heartbeat",
  /** Long-poll: `?after=<cursor>&wait=<seconds>`. */
  commands: "/api/agent/commands",
  /** A signed batch of the stream `process`. */
  processEvents: "/api/agent/process-events",
  /** A signed batch of any other stream. */
  telemetry: "/api/agent/telemetry",
  leave: "/api/agent/leave",
  classify: "/api/v1/processes/classify",
  suggest: "/api/v1/processes/suggest",
  sync: "/api/v1/processes/sync",
  override: "/api/v1/processes/override",
  classifyV2: "/api/v2/classify-processes",
  syncV2: "/api/v2/classifications/sync",
} as const;

/** The port of `wb serve` where nothing else is said. */
export const DEFAULT_PORT = 7443;
/** The service type that a parent is found by on the local network (RFC 6763): `_wirebound._tcp`. */
export const MDNS_TYPE = "wirebound";
