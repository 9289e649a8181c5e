/** `wb serve processes` and `wb serve connections`: what runs, or ran, on the agents, and whom it talked to. */
import type { ConnectionRecord, ProcessRecord } from "../../model/fleet.ts";
import { parseMoment } from "../history-options.ts";
import { WbError } from "../../model/errors.ts";
import type { Column } from "../print/layout.ts";
import { ParentApi } from "./client.ts";
import { parentAccess, type ParentFlags } from "./parent-options.ts";
import { agentId } from "./naming.ts";
import { byteCount, LIMIT, moment, orDash, printList } from "./print.ts";

export interface ActivityFlags extends ParentFlags {
  readonly agent?: string;
  readonly all?: boolean;
  readonly category?: string;
  readonly search?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
}

const PROCESSES: readonly Column<ProcessRecord>[] = [
  { heading: "AGENT", widthMax: 9, text: ({ agentId }) => agentId.slice(0, 8) },
  { heading: "PID", right: true, text: ({ pid }) => String(pid) },
  { heading: "NAME", widthMax: 32, shrinks: true, text: ({ name }) => name },
  { heading: "CATEGORY", text: ({ category }) => category },
  { heading: "USER", leavesAt: 1, widthMax: 16, text: ({ userName }) => orDash(userName) },
  { heading: "STARTED", text: ({ startedAtMs }) => moment(startedAtMs) },
  {
    heading: "STOPPED",
    leavesAt: 3,
    text: ({ stoppedAtMs, isEndExact }) =>
      (stoppedAtMs === null || isEndExact ? "" : "≤") + moment(stoppedAtMs),
  },
  {
    heading: "COMMAND",
    leavesAt: 2,
    widthMax: 60,
    shrinks: true,
    text: ({ commandLine, path }) => commandLine || orDash(path),
  },
];

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const found = parseMoment(text, Date.now());
  if (found === undefined)
    throw new WbError("usage", `${option}: "${text}" is not a moment`, {
      hint: "such as 24h, yesterday or 2026-11-19",
    });
  return found;
}

export async function listProcesses(flags: ActivityFlags): Promise<void> {
  const api = new ParentApi(parentAccess(flags, process.env));
  const { category, search } = flags;
  const since = timeOf("--since", flags.since);
  const until = timeOf("--until", flags.until);
  const running = flags.all === true || since !== undefined || until !== undefined ? undefined : true;
  const agent = await agentOf(api, flags);
  const query = { agent, category, search, running, since, until };
  const found = await api.list<ProcessRecord>("/api/v1/processes", query, flags.limit ?? LIMIT);
  await printList(found, {
    name: "processes",
    json: flags.json,
    columns: PROCESSES,
    nothing: running === true ? "no such processes run" : "no such processes",
  });
}

async function agentOf(api: ParentApi, { agent }: ActivityFlags): Promise<string | undefined> {
  return agent === undefined ? undefined : await agentId(api, agent);
}

const CONNECTIONS: readonly Column<ConnectionRecord>[] = [
  { heading: "AGENT", leavesAt: 3, widthMax: 9, text: ({ agentId }) => agentId.slice(0, 8) },
  { heading: "PROCESS", widthMax: 28, shrinks: true, text: ({ processName }) => orDash(processName) },
  { heading: "PROTO", leavesAt: 2, text: ({ protocol }) => protocol },
  {
    heading: "REMOTE",
    widthMax: 60,
    shrinks: true,
    text: ({ remoteHost, remoteAddress, remotePort }) =>
      `${remoteHost ?? remoteAddress}${remotePort === null ? "" : ` ${remotePort}`}`,
  },
  {
    heading: "SENT",
    right: true,
    text: ({ bytesSent, uncertaintyBytes }) => byteCount(bytesSent, uncertaintyBytes),
  },
  {
    heading: "RECEIVED",
    right: true,
    text: ({ bytesReceived, uncertaintyBytes }) => byteCount(bytesReceived, uncertaintyBytes),
  },
  { heading: "FROM", leavesAt: 1, text: ({ intervalStartMs }) => moment(intervalStartMs) },
  { heading: "TO", text: ({ intervalEndMs }) => moment(intervalEndMs) },
];

export async function listConnections(flags: ActivityFlags): Promise<void> {
  const api = new ParentApi(parentAccess(flags, process.env));
  const { search } = flags;
  const since = timeOf("--since", flags.since);
  const until = timeOf("--until", flags.until);
  const agent = await agentOf(api, flags);
  const query = { agent, search, since, until };
  const found = await api.list<ConnectionRecord>("/api/v1/connections", query, flags.limit ?? LIMIT);
  await printList(found, {
    name: "connections",
    json: flags.json,
    columns: CONNECTIONS,
    nothing: "no such connections",
  });
}
