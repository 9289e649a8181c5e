/** `wb serve agents`: who is there, what waits for approval, and the decisions about them. */
import type { AgentSummary, JoinRequestSummary } from "../../model/fleet.ts";
import { say } from "../output.ts";
import type { Column } from "../print/layout.ts";
import { ParentApi } from "./client.ts";
import { parentAccess, type ParentFlags } from "./parent-options.ts";
import { agentId } from "./naming.ts";
import { LIMIT, moment, orDash, printJson, printList, printTable } from "./print.ts";

export interface AgentsFlags extends ParentFlags {
  readonly state?: string;
  readonly search?: string;
  readonly limit?: number;
}

const COLUMNS: readonly Column<AgentSummary>[] = [
  { heading: "AGENT", text: ({ id }) => id },
  { heading: "HOSTNAME", widthMax: 40, shrinks: true, text: ({ hostname }) => hostname },
  {
    heading: "STATE",
    text: ({ state, online }) => (state === "active" ? (online ? "online" : "offline") : state),
  },
  { heading: "VERSION", leavesAt: 1, text: ({ version }) => version },
  { heading: "CAPTURE", leavesAt: 2, text: ({ captureMethod }) => captureMethod },
  {
    heading: "PROCESSES",
    leavesAt: 3,
    right: true,
    text: ({ runningProcesses }) => String(runningProcesses),
  },
  { heading: "LOST", right: true, text: lossOf },
  { heading: "LAST SEEN", leavesAt: 4, text: ({ lastSeenAtMs }) => moment(lastSeenAtMs) },
];

function lossOf({ streams }: AgentSummary): string {
  const lost = streams.reduce((sum, each) => sum + each.lost, 0);
  return streams.some(({ unknownTails }) => unknownTails > 0) ? `≥${lost}` : String(lost);
}

export async function listAgents(flags: AgentsFlags): Promise<void> {
  const api = new ParentApi(parentAccess(flags, process.env));
  const { state, search } = flags;
  const agents = await api.list<AgentSummary>("/api/v1/agents", { state, search }, flags.limit ?? LIMIT);
  const isAll = state === undefined && search === undefined;
  await printList(agents, {
    name: "agents",
    json: flags.json,
    columns: COLUMNS,
    nothing: isAll
      ? "no agents yet: `wb serve token create` prints what the first one joins by"
      : "no such agents",
  });
  if (flags.json === true) return;
  const { items } = await api.get<{ items: readonly JoinRequestSummary[] }>("/api/v1/join-requests");
  if (items.length > 0) say(`${items.length} waiting for approval: wb serve agents waiting`);
}

const WAITING: readonly Column<JoinRequestSummary>[] = [
  { heading: "AGENT", text: ({ agentId }) => agentId },
  { heading: "CODE", text: ({ code }) => orDash(code) },
  { heading: "HOSTNAME", widthMax: 40, shrinks: true, text: ({ hostname }) => hostname },
  { heading: "PLATFORM", leavesAt: 2, widthMax: 30, shrinks: true, text: ({ platform }) => platform },
  { heading: "FROM", text: ({ address }) => address },
  { heading: "SINCE", leavesAt: 1, text: ({ requestedAtMs }) => moment(requestedAtMs) },
];

export async function listWaiting(flags: ParentFlags): Promise<void> {
  const api = new ParentApi(parentAccess(flags, process.env));
  const { items } = await api.get<{ items: readonly JoinRequestSummary[] }>("/api/v1/join-requests");
  if (flags.json === true) return await printJson("joinRequests", items);
  await printTable(items, WAITING, "nobody waits for approval");
  if (items.length > 0)
    say("compare the code with the one that the agent shows, then: wb serve agents approve AGENT CODE");
}

export async function showAgent(name: string, flags: ParentFlags): Promise<void> {
  const api = new ParentApi(parentAccess(flags, process.env));
  const id = await agentId(api, name);
  const agent = await api.get<AgentSummary>(`/api/v1/agents/${id}`);
  const streams = await api.get<{ items: readonly StreamState[] }>(`/api/v1/agents/${id}/streams`);
  if (flags.json === true) return await printJson("agent", { ...agent, stored: streams.items });
  await printTable([agent], COLUMNS, "");
  for (const notice of agent.notices) say(`note: ${notice}`);
  await printTable(streams.items, STREAMS, "nothing was stored of it yet");
}

interface StreamState {
  readonly stream: string;
  readonly epoch: string;
  readonly produced: number | null;
  readonly cursor: number;
  readonly stored: number;
  readonly lost: number;
}

/** Up to the cursor everything is stored or declared lost. */
function holds({ cursor, stored, lost }: StreamState): boolean {
  return stored + lost === cursor;
}

const STREAMS: readonly Column<StreamState>[] = [
  { heading: "STREAM", text: ({ stream }) => stream },
  { heading: "EPOCH", text: ({ epoch }) => epoch },
  {
    heading: "PRODUCED",
    right: true,
    text: ({ produced }) => (produced === null ? "unknown" : String(produced)),
  },
  { heading: "STORED", right: true, text: ({ stored }) => String(stored) },
  { heading: "LOST", right: true, text: ({ lost }) => String(lost) },
  { heading: "UP TO", right: true, text: ({ cursor }) => String(cursor) },
  { heading: "", text: (each) => (holds(each) ? "adds up" : "DOES NOT ADD UP") },
];

/** approve, remove, release. */
export async function decideAboutAgent(
  name: string,
  decision: "approve" | "remove" | "release",
  body: Readonly<Record<string, string>>,
  flags: ParentFlags,
): Promise<void> {
  const api = new ParentApi(parentAccess(flags, process.env));
  const id = await agentId(api, name);
  const answer = await api.post<unknown>(`/api/v1/agents/${id}/${decision}`, body);
  if (flags.json === true) return await printJson("result", answer);
  say(`${id}: ${{ approve: "approved", remove: "removed", release: "released" }[decision]}`);
}
