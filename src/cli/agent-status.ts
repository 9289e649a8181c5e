/** `wb agent status`: whether it runs and is connected, and that nothing is lost: produced = acked + pending + lost, per stream. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { askControl } from "../agent/control.ts";
import { readOutboxStatus } from "../agent/outbox.ts";
import { SERVICE_STATE } from "../agent/place.ts";
import { STANDING_WORDS } from "../agent/refusal.ts";
import { FILES, isInUse, readParent } from "../agent/state.ts";
import { statusOfStopped, type AgentStatus, type StreamStatus } from "../agent/status.ts";
import { formatBytes, formatDuration, printable, printableJson } from "../lib/format.ts";
import { WbError } from "../model/errors.ts";
import { agentSettings, type AgentFlags } from "./agent-options.ts";
import { moment } from "./fleet/print.ts";
import { layOut, type Column } from "./print/layout.ts";
import { standardOutput } from "./output.ts";

export interface StatusFlags extends AgentFlags {
  readonly json?: true;
}

/** A directory that this user may not look into looks empty: that is not the same as no agent. */
export function checkReadable(directory: string): void {
  if (existsSync(directory) || process.geteuid?.() === 0) return;
  if (!existsSync(SERVICE_STATE)) return;
  throw new WbError("permission", "the agent of this machine is a service, whose state is root's", {
    hint: "ask as root (sudo); one of your own that is elsewhere is named by --state-dir",
  });
}

/** From the agent itself where it runs, else from its files. @throws WbError */
export async function readStatus(directory: string): Promise<AgentStatus> {
  const socket = join(directory, FILES.socket);
  const isRunning = isInUse(directory);
  if (isRunning && existsSync(socket)) {
    try {
      return (await askControl(socket, { ask: "status" })) as AgentStatus;
    } catch (error) {
      // It is just ending or beginning: what its files say is the next best.
      if (!(error instanceof WbError) || error.code !== "unavailable") throw error;
    }
  }
  return statusOfStopped(directory, readParent(directory), readOutboxStatus(directory), isRunning);
}

const COLUMNS: readonly Column<StreamStatus>[] = [
  { heading: "STREAM", text: ({ stream }) => stream },
  { heading: "PRODUCED", right: true, text: ({ produced }) => String(produced) },
  { heading: "ACKED", right: true, text: ({ acked }) => String(acked) },
  { heading: "PENDING", right: true, text: ({ pending }) => String(pending) },
  { heading: "LOST", right: true, text: ({ lost }) => String(lost) },
  { heading: "TO SEND", right: true, text: ({ pendingBytes }) => formatBytes(pendingBytes) },
  { heading: "", text: ({ invariantHolds }) => (invariantHolds ? "adds up" : "DOES NOT ADD UP") },
];

/** Whether it is connected, and if not, why; one line. */
export function connectionLine({ running, link, parent, agentId }: AgentStatus, nowMs: number): string {
  if (parent === null) return "no parent: join one with `wb agent join TOKEN`";
  if (link === null && parent.state === "pending") {
    const how = `a person there compares the code: wb serve agents approve ${agentId} ${parent.code}`;
    if (running) return `waits for approval: ${how}`;
    return `does not run, and is not approved yet: ${how}; then start it with \`wb agent\``;
  }
  if (!running) return "does not run: start it with `wb agent`, or as a service with `wb agent install`";
  if (link === null) return "runs, but can't be asked: see `wb agent logs`";
  const since = `for ${formatDuration(Math.max(0, nowMs - link.sinceMs))}`;
  if (link.standing !== "accepted") return STANDING_WORDS[link.standing];
  if (link.state === "online") return `connected ${since}`;
  const last = link.lastContactAtMs === null ? "" : `; last heard of it ${moment(link.lastContactAtMs)}`;
  const restMs = link.retryAtMs === null ? 0 : link.retryAtMs - nowMs;
  const next = restMs <= 0 ? "" : `; tries again in ${formatDuration(restMs)}`;
  return `not connected ${since}: ${link.problem ?? "trying"}${last}${next}`;
}

const STORAGE_WORDS = "; what is seen waits in memory, and what does not fit there is told as lost";

/** What a person reads. */
export function statusLines(status: AgentStatus, nowMs: number): string[] {
  const { parent, ring } = status;
  const lines: [string, string][] = [["agent", status.agentId ?? "-"]];
  if (parent !== null) lines.push(["parent", `${parent.parentName} (${parent.addresses[0] ?? ""})`]);
  const code = parent?.code ?? null;
  if (code !== null) lines.push(["code", code]);
  lines.push(["connection", connectionLine(status, nowMs)]);
  if (status.startedAtMs !== null)
    lines.push(["running since", `${moment(status.startedAtMs)}, pid ${status.pid ?? "-"}`]);
  if (status.captureMethod !== null) lines.push(["counts by", status.captureMethod]);
  if (status.runningProcesses !== null) lines.push(["processes", String(status.runningProcesses)]);
  if (status.residentBytes !== null) lines.push(["memory", formatBytes(status.residentBytes)]);
  if (ring !== null) lines.push(["not stored yet", `${ring.events} events, ${formatBytes(ring.bytes)}`]);
  lines.push(["directory", status.directory]);
  if (status.storageProblem !== null)
    lines.push(["storage", `${status.storageProblem}${status.running ? STORAGE_WORDS : ""}`]);
  for (const path of status.setAside) lines.push(["set aside", path]);
  for (const notice of status.notices) lines.push(["notice", notice]);
  const width = Math.max(...lines.map(([name]) => name.length));
  const facts = lines.map(([name, text]) => `${name.padEnd(width)}  ${printable(text)}`);
  const { streams } = status;
  if (streams === null || streams.length === 0) return facts;
  const unknown = streams.filter(({ unknownTails }) => unknownTails > 0);
  const tails = unknown.map(
    ({ stream, unknownTails }) =>
      `${stream}: the end of ${unknownTails} ${unknownTails === 1 ? "epoch is" : "epochs are"} lost, and nobody can know how much that is`,
  );
  return [...facts, "", ...layOut(COLUMNS, streams, undefined), ...tails];
}

export async function runStatus(flags: StatusFlags): Promise<void> {
  const { directory } = await agentSettings(flags);
  if (flags.stateDir === undefined) checkReadable(directory);
  const status = await readStatus(directory);
  const text =
    flags.json === true
      ? printableJson(JSON.stringify(status, undefined, 2))
      : statusLines(status, Date.now()).join("\n");
  await standardOutput.write(`${text}\n`);
}
