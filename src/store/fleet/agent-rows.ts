/** Rows of agents as the rest of the program knows them. */
import type { AgentState, AgentSummary, StreamAccount } from "../../model/fleet.ts";
import type { Heartbeat, MachineFacts } from "../../protocol/fleet/messages.ts";
import type { AgentRecord } from "./contract.ts";
import type { Sql } from "./sql.ts";

interface AgentRow {
  readonly id: string;
  readonly public_key: string;
  readonly state: AgentState;
  readonly hostname: string;
  readonly machine: string;
  readonly joined_at_ms: number;
  readonly instance: string | null;
  readonly retired_instances: string;
  readonly counter_floor: number;
  readonly counter: number | null;
}

export async function readAgent(sql: Sql, id: string): Promise<AgentRecord | undefined> {
  const row = await sql.one<AgentRow>(
    `SELECT a.id, a.public_key, a.state, COALESCE(s.hostname, a.hostname) AS hostname, a.machine, a.joined_at_ms,
       a.instance, a.retired_instances, a.counter_floor, s.counter
     FROM agents a LEFT JOIN agent_status s ON s.agent_key = a.agent_key WHERE a.id = $1`,
    [id],
  );
  if (row === undefined) return undefined;
  return {
    id: row.id,
    publicKey: row.public_key,
    state: row.state,
    hostname: row.hostname,
    machine: JSON.parse(row.machine) as MachineFacts,
    joinedAtMs: row.joined_at_ms,
    instance: row.instance,
    counterFloor: Math.max(row.counter_floor, row.counter ?? 0),
    retiredInstances: JSON.parse(row.retired_instances) as string[],
  };
}

/** The number that an agent has in the tables of what it tells; undefined where there is no such agent. */
export async function agentKeyOf(sql: Sql, id: string): Promise<number | undefined> {
  const row = await sql.one<{ agent_key: number }>("SELECT agent_key FROM agents WHERE id = $1", [id]);
  return row?.agent_key;
}

export const SUMMARY_COLUMNS = `a.agent_key, a.id, a.state, COALESCE(s.hostname, a.hostname) AS hostname, a.machine,
  a.joined_at_ms, s.last_seen_at_ms, s.clock_offset_ms, s.heartbeat, v.running`;
export const SUMMARY_TABLES = `agents a LEFT JOIN agent_status s ON s.agent_key = a.agent_key
  LEFT JOIN process_views v ON v.agent_key = a.agent_key`;

export interface SummaryRow {
  readonly agent_key: number;
  readonly id: string;
  readonly state: AgentState;
  readonly hostname: string;
  readonly machine: string;
  readonly joined_at_ms: number;
  readonly last_seen_at_ms: number | null;
  readonly clock_offset_ms: number | null;
  readonly heartbeat: string | null;
  readonly running: number | null;
}

export function toSummary(row: SummaryRow, onlineSinceMs: number): AgentSummary {
  const heartbeat = row.heartbeat === null ? undefined : (JSON.parse(row.heartbeat) as Heartbeat);
  const machine = heartbeat?.machine ?? (JSON.parse(row.machine) as MachineFacts);
  return {
    id: row.id,
    hostname: row.hostname,
    state: row.state,
    online: row.state === "active" && (row.last_seen_at_ms ?? Number.NEGATIVE_INFINITY) >= onlineSinceMs,
    platform: machine.platform,
    version: machine.version,
    captureMethod: heartbeat?.captureMethod ?? "unknown",
    joinedAtMs: row.joined_at_ms,
    lastSeenAtMs: row.last_seen_at_ms,
    clockOffsetMs: row.clock_offset_ms,
    runningProcesses: row.running ?? 0,
    health: heartbeat?.health ?? null,
    sessions: heartbeat?.sessions ?? [],
    streams: (heartbeat?.streams ?? []).map(toAccount),
    notices: heartbeat?.notices ?? [],
  };
}

function toAccount(report: Heartbeat["streams"][number]): StreamAccount {
  const { stream, produced, acked, pending, lost, unknownTails } = report;
  return { stream, produced, acked, pending, lost, unknownTails };
}
