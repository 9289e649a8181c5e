/** `wb serve status`: whether the parent runs, where it is and by which key it is known, and how many agents there are. */
import { formatBytes, printable } from "../../lib/format.ts";
import type { AgentState, AgentSummary } from "../../model/fleet.ts";
import { standardOutput } from "../output.ts";
import { ParentApi } from "./client.ts";
import { parentAccess, type ParentFlags } from "./parent-options.ts";
import { moment, printJson } from "./print.ts";

interface Me {
  readonly server: {
    readonly name: string;
    readonly version: string;
    readonly pin: string;
    readonly parentId: string;
  };
}

/** Values of Prometheus' text form: by the whole name, with its labels. */
export function metricValues(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").map((line) => /^([^#\s]\S*) (\S+)$/.exec(line));
  return new Map(lines.flatMap((found) => (found === null ? [] : [[found[1] ?? "", Number(found[2])]])));
}

/** In a larger fleet the agents are not counted to the last one for this. */
const AGENTS_MAX = 5000;

/** How many agents are in each state, and how many are online. */
async function countAgents(
  api: ParentApi,
): Promise<{ counts: Readonly<Record<AgentState | "online", number>>; more: boolean }> {
  const { items, more } = await api.list<AgentSummary>("/api/v1/agents", {}, AGENTS_MAX);
  const counts = { active: 0, online: 0, pending: 0, quarantined: 0, removed: 0 };
  for (const { state, online } of items) {
    counts[state] += 1;
    if (online) counts.online += 1;
  }
  return { counts, more };
}

/** @throws WbError where it does not run, or this user may not ask it. */
export async function showStatus(flags: ParentFlags): Promise<void> {
  const access = parentAccess(flags, process.env);
  const api = new ParentApi(access);
  const { server } = await api.get<Me>("/api/v1/me");
  const isReady = (await api.text("/readyz")).status === 200;
  const metrics = metricValues((await api.text("/metrics")).text);
  const { counts, more } = await countAgents(api);
  const startedAtMs = (metrics.get("wb_start_time_seconds") ?? 0) * 1000;
  const residentBytes = metrics.get("wb_resident_bytes") ?? 0;
  const { name, version, pin, parentId } = server;
  if (flags.json === true) {
    const status = { name, version, url: access.url, pin, parentId, startedAtMs, isReady, agents: counts };
    return await printJson("parent", { ...status, more, residentBytes });
  }
  const shown = Object.entries(counts).filter(([state, count]) => /active|online/.test(state) || count > 0);
  const agents = shown.map(([state, count]) => `${count} ${state}`).join(", ");
  const lines: readonly (readonly [string, string])[] = [
    ["parent", `${name} (WireBound ${version})`],
    ["page and API", access.url],
    ["pin of its key", pin],
    ["id", parentId],
    ["running since", moment(startedAtMs)],
    ["stores", isReady ? "yes" : "NO: its log says why"],
    ["agents", `${agents}${more ? ", and more" : ""}`],
    ["memory", formatBytes(residentBytes)],
  ];
  const width = Math.max(...lines.map(([heading]) => heading.length));
  const text = lines.map(([heading, value]) => `${heading.padEnd(width)}  ${printable(value)}\n`).join("");
  await standardOutput.write(text);
}
