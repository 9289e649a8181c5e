/** `wb agent`: joins where it has not, then watches and tells its parent until it is told to stop. */
import { createHash } from "node:crypto";
import { createAgentParts, type PartsOptions } from "../agent/parts.ts";
import { machineFacts } from "../agent/machine.ts";
import { becomeFrugal, releasingMemory } from "../agent/memory.ts";
import { runAgent } from "../agent/run.ts";
import { openState } from "../agent/state.ts";
import type { AgentClock } from "../agent/contract.ts";
import { readBootId } from "../platform/boot-id.ts";
import { openAgentOutbox } from "../agent/outbox.ts";
import { agentLog, ensureJoined } from "./agent-join.ts";
import { agentSettings, readToken, type AgentFlags, type AgentSettings } from "./agent-options.ts";
import { stopSignal } from "./stop-signal.ts";

const clock: AgentClock = { now: () => Date.now(), monotonicMs: () => performance.now() };

/** Tells apart agents that were set up differently. */
function configHash(settings: AgentSettings): string {
  const { flowIntervalMs, retryMaxMs, helper } = settings;
  return createHash("sha256")
    .update(JSON.stringify({ flowIntervalMs, retryMaxMs, helper }))
    .digest("hex")
    .slice(0, 16);
}

function helperOf({ helper, helperSocket, helperSecret }: AgentSettings): PartsOptions["helper"] {
  return helper ? { socketPath: helperSocket, secretPath: helperSecret } : undefined;
}

/** Until a signal. @throws WbError where it can't begin: no parent, a state that is in use, a wrong address. */
export async function runAgentCommand(flags: AgentFlags): Promise<void> {
  becomeFrugal();
  const settings = await agentSettings(flags);
  const token = await readToken(flags.token, flags.tokenFile);
  const log = agentLog(settings.directory);
  using stop = stopSignal({ durationMs: undefined, once: false });
  const state = openState(settings.directory, log);
  let isHandedOver = false;
  try {
    const wish = { token, parent: settings.parent, pin: flags.pin };
    if (!(await ensureJoined(wish, state, settings, stop.signal)) || state.parent === undefined) return;
    const bootId = readBootId();
    const outbox = openAgentOutbox({ state, bootId, clock, log });
    log.info(`agent ${state.identity.id} of ${state.parent.parentName} begins in ${settings.directory}`);
    isHandedOver = true;
    await runAgent({
      state,
      outbox,
      clock,
      log,
      bootId,
      machine: machineFacts,
      configHash: configHash(settings),
      proxy: settings.proxy,
      env: process.env,
      retryMaxMs: settings.retryMaxMs,
      createParts: (client, link) =>
        createAgentParts({
          state,
          outbox,
          clock,
          log,
          client,
          link,
          flowIntervalMs: settings.flowIntervalMs,
          retryMaxMs: settings.retryMaxMs,
          helper: helperOf(settings),
        }),
      stop: stop.signal,
      onStarted: () => {
        const release = releasingMemory();
        return () => release[Symbol.dispose]();
      },
    });
    const { storageProblem } = outbox.status();
    if (storageProblem === null) log.info("ended; what was seen is stored");
    else log.error(`ended; not all that was seen could be stored: ${storageProblem}`);
  } finally {
    if (!isHandedOver) state.close();
  }
}
