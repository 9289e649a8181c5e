/** `wb agent leave`: tells the parent, forgets it; with --purge also forgets the key and what was still to be sent. */
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { askControl } from "../agent/control.ts";
import { createParentClient, ParentTransport } from "../agent/client.ts";
import { wordsOf } from "../agent/refusal.ts";
import { UNIT_NAME } from "../agent/service-unit.ts";
import { FILES, isInUse, openState } from "../agent/state.ts";
import { WbError } from "../model/errors.ts";
import { installedUnit } from "../platform/systemd-service.ts";
import { AGENT_PATHS } from "../protocol/fleet/paths.ts";
import { agentLog } from "./agent-join.ts";
import { agentSettings, type AgentFlags, type AgentSettings } from "./agent-options.ts";
import { say, warn } from "./output.ts";

export interface LeaveFlags extends AgentFlags {
  readonly purge?: true;
}

const LEAVE_MS = 5000;
const ENDS_MS = 20_000;
/** All that an agent makes in its directory, also what it has set aside. */
const OURS =
  /^(?:\.?(?:identity\.pem|parent\.json)|state\.db|outbox|agent\.(?:lock|log|sock)|registry|processes)/;

async function leaveRunning(directory: string): Promise<boolean> {
  const answer = await askControl(join(directory, FILES.socket), { ask: "leave" });
  const { told, problem } = (answer ?? {}) as { told?: unknown; problem?: unknown };
  if (told !== true) warn(`the parent was not told: ${typeof problem === "string" ? problem : "no answer"}`);
  for (const end = Date.now() + ENDS_MS; isInUse(directory); await Bun.sleep(100)) {
    if (Date.now() < end) continue;
    throw new WbError("unavailable", "the agent has left its parent and does not end", {
      hint: "systemctl stop wirebound-agent",
    });
  }
  return true;
}

/** True where there was a parent to leave. */
async function leaveStopped(settings: AgentSettings): Promise<boolean> {
  const state = openState(settings.directory, agentLog(settings.directory));
  try {
    const { parent } = state;
    if (parent === undefined) return false;
    const { addresses, pin, parentId } = parent;
    const transport = new ParentTransport({ addresses, pin, proxy: settings.proxy, env: process.env });
    const client = createParentClient({ state, transport, parentId });
    const answer = await client.request("POST", AGENT_PATHS.leave, {}, () => undefined, {
      timeoutMs: LEAVE_MS,
    });
    client.close();
    if (answer.kind !== "ok") warn(`the parent was not told: ${wordsOf(answer)}`);
    state.setParent(undefined);
    return true;
  } finally {
    state.close();
  }
}

/** Only what is an agent's: a directory that was named by mistake loses nothing else. */
function purge(directory: string): void {
  for (const name of readdirSync(directory).filter((each) => OURS.test(each))) {
    rmSync(join(directory, name), { recursive: true, force: true });
  }
  try {
    rmdirSync(directory);
  } catch {
    // There is something in it that is not the agent's, or it may not be removed: it stays.
  }
}

export async function runLeave(flags: LeaveFlags): Promise<void> {
  const settings = await agentSettings(flags);
  const { directory } = settings;
  if (!existsSync(directory)) {
    say(`there is no agent in ${directory}`);
    return;
  }
  const hasLeft = isInUse(directory) ? await leaveRunning(directory) : await leaveStopped(settings);
  say(hasLeft ? "left; the agent has no parent any more" : "this machine has joined no parent");
  const unit = installedUnit(UNIT_NAME, process.env);
  if (unit !== undefined)
    say(
      `its service is still installed: ${unit === "user" ? "wb agent uninstall --user" : "sudo wb agent uninstall"}`,
    );
  if (flags.purge !== true) return;
  purge(directory);
  say(`removed the agent's key and all that it kept from ${directory}`);
}
