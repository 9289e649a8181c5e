/** What watches a real machine: processes, flows, health, put together for run.ts. */
import { join } from "node:path";
import type { Outbox } from "../telemetry/contract.ts";
import { createProcessAuditor } from "./audit/auditor.ts";
import { createAsker, syncClassifications } from "./classifying.ts";
import type { AgentClock, AgentLog, AgentState, ParentClient } from "./contract.ts";
import { createFlowMonitor } from "./flows.ts";
import { createHealthReader } from "./health.ts";
import type { Link } from "./link.ts";
import { AgentHealth } from "./provider-health.ts";
import type { AgentParts } from "./run.ts";
import { FILES } from "./state.ts";

export interface PartsOptions {
  readonly state: AgentState;
  readonly outbox: Outbox;
  readonly clock: AgentClock;
  readonly log: AgentLog;
  readonly client: ParentClient;
  readonly link: Link;
  readonly flowIntervalMs: number;
  readonly retryMaxMs: number;
  /** Where the elevated helper's service is, `{}` for the usual places; undefined: it is not used. */
  readonly helper:
    | { readonly socketPath?: string | undefined; readonly secretPath?: string | undefined }
    | undefined;
}

export function createAgentParts(options: PartsOptions): AgentParts {
  const { state, outbox, clock, log, client, link, retryMaxMs, helper } = options;
  const auditor = createProcessAuditor({
    outbox,
    clock,
    log,
    registryPath: join(state.directory, FILES.registry),
    state,
    asker: createAsker(client, link, clock),
    helper,
  });
  const flows = createFlowMonitor({
    outbox,
    clock,
    log,
    helper: helper === undefined ? { use: "none" } : { use: "service", ...helper },
    intervalMs: options.flowIntervalMs,
    processIdOf: (key) => auditor.processIdOf(key),
    state,
  });
  const told = new AgentHealth({ outbox, clock, log, processes: () => auditor.health(), flows });
  return {
    auditor,
    flows,
    health: createHealthReader({ directory: state.directory }),
    others: [
      { name: "telling of health", run: (signal) => told.run(signal) },
      {
        name: "fetching classifications",
        run: (signal) => syncClassifications({ client, state, log, link, auditor, retryMaxMs }, signal),
      },
    ],
  };
}
