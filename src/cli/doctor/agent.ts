/** The agent of this machine: whether there is one, runs, is connected, and adds up. */
import { existsSync } from "node:fs";
import type { AgentStatus } from "../../agent/status.ts";
import { WbError } from "../../model/errors.ts";
import { agentStateDirectory } from "../agent-options.ts";
import { checkReadable, connectionLine, readStatus } from "../agent-status.ts";
import { counted, reasonOf, type Check } from "./check.ts";

const BASE = { id: "agent", title: "Agent of a fleet" } as const;

/** Never throws. */
export async function agentCheck(
  configPath: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  nowMs: number,
): Promise<Check> {
  try {
    const directory = await agentStateDirectory(configPath, env);
    checkReadable(directory);
    if (!existsSync(directory)) return noAgent();
    return agentFinding(await readStatus(directory), nowMs);
  } catch (error) {
    const hint = error instanceof WbError ? error.hint : undefined;
    const isHidden = error instanceof WbError && (error.code === "permission" || error.code === "config");
    return { ...BASE, status: isHidden ? "skip" : "warn", detail: reasonOf(error), remedy: hint };
  }
}

function noAgent(): Check {
  return { ...BASE, status: "skip", detail: "this machine has joined no parent (`wb agent join TOKEN`)" };
}

/** That a machine belongs to no fleet is nothing wrong; that it has a parent and does not tell it anything is. */
export function agentFinding(status: AgentStatus, nowMs: number): Check {
  const { parent, running, link, streams } = status;
  if (parent === null) return noAgent();
  const lost = (streams ?? []).reduce((sum, each) => sum + each.lost, 0);
  const pending = (streams ?? []).reduce((sum, each) => sum + each.pending, 0);
  const isOnline = running && link?.state === "online" && link.standing === "accepted";
  const data = { running, online: isOnline, parent: parent.parentName, pending, lost };
  const account = `${counted(pending, "event")} to send, ${lost.toLocaleString("en")} lost`;
  const detail = `${parent.parentName}: ${connectionLine(status, nowMs)}; ${account}`;
  if (streams?.some(({ invariantHolds }) => !invariantHolds) === true) {
    const remedy = "Please report it with what `wb agent status --json` says";
    return { ...BASE, status: "fail", detail: "its account of events does not add up", remedy, data };
  }
  if (status.storageProblem !== null) {
    const remedy = `Make room where ${status.directory} is; what does not fit is declared as lost`;
    return { ...BASE, status: "warn", detail: `${detail}; ${status.storageProblem}`, remedy, data };
  }
  if (isOnline) return { ...BASE, status: "ok", detail, data };
  const remedy = running
    ? "See what it says: `wb agent logs`, and that the parent runs: `wb serve`"
    : "Start it: `wb agent`, or as a service: `sudo wb agent install`";
  return { ...BASE, status: "warn", detail, remedy, data };
}
