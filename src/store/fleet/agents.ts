/** Agents: who they are, what they last said, and which of them may speak. */
import type { AgentState, AgentSummary, Page } from "../../model/fleet.ts";
import { AGENT_STATES } from "../../model/fleet.ts";
import { readAgent, SUMMARY_COLUMNS, SUMMARY_TABLES, toSummary, type SummaryRow } from "./agent-rows.ts";
import { writeAudit } from "./audit.ts";
import type { AgentStore } from "./contract.ts";
import { joinAgent, readJoinRequests } from "./joining.ts";
import { addSearch, checkedLimit, formatCursor, parseCursor } from "./pages.ts";
import type { Sql, SqlDatabase } from "./sql.ts";
import { Conditions, insertRows, selectIn } from "./statements.ts";

const RETIRED_MAX = 16;
const STATUS_COLUMNS = [
  "agent_key",
  "last_seen_at_ms",
  "clock_offset_ms",
  "counter",
  "hostname",
  "heartbeat",
] as const;
/** One that was delayed does not replace a newer one. By the counter, which unlike the clock is never set back. */
const NEWEST_HEARTBEAT = `ON CONFLICT (agent_key) DO UPDATE SET last_seen_at_ms = excluded.last_seen_at_ms,
  clock_offset_ms = excluded.clock_offset_ms, counter = excluded.counter, hostname = excluded.hostname,
  heartbeat = excluded.heartbeat WHERE excluded.counter >= agent_status.counter`;

/** What a change of state is called in the audit log, by what it was and what it becomes; what is missing can't be. */
const TRANSITIONS: Readonly<Record<AgentState, Partial<Record<AgentState, string>>>> = {
  pending: { active: "agent.approve", removed: "agent.remove", quarantined: "agent.quarantine" },
  active: { quarantined: "agent.quarantine", removed: "agent.remove" },
  quarantined: { active: "agent.release", removed: "agent.remove" },
  removed: {}, // it joins anew
};

export function createAgentStore(database: SqlDatabase): AgentStore {
  return {
    get: (id) => readAgent(database, id),
    list: (query) => listAgents(database, query),

    async summary(id, onlineSinceMs) {
      const row = await database.one<SummaryRow>(
        `SELECT ${SUMMARY_COLUMNS} FROM ${SUMMARY_TABLES} WHERE a.id = $1`,
        [id],
      );
      return row === undefined ? undefined : toSummary(row, onlineSinceMs);
    },

    counts: (onlineSinceMs) => countAgents(database, onlineSinceMs),
    join: (request) => database.transaction((sql) => joinAgent(sql, request)),

    async pendingJoin(agentId) {
      const row = await database.one<{ commitment: string; nonce: string; code: string | null }>(
        `SELECT join_commitment AS commitment, join_parent_nonce AS nonce, join_code AS code FROM agents
         WHERE id = $1 AND state = 'pending'`,
        [agentId],
      );
      if (row === undefined) return undefined;
      return { commitment: row.commitment, parentNonce: row.nonce, code: row.code };
    },

    async setJoinCode(agentId, code) {
      await database.run("UPDATE agents SET join_code = $2 WHERE id = $1 AND state = 'pending'", [
        agentId,
        code,
      ]);
    },

    joinRequests: () => readJoinRequests(database),
    setState: (...change) => database.transaction((sql) => changeState(sql, ...change)),

    async setInstance(id, instance, retired, counterFloor) {
      await database.run(
        `UPDATE agents SET instance = $2, retired_instances = $3,
           counter_floor = CASE WHEN counter_floor > $4 THEN counter_floor ELSE $4 END WHERE id = $1`,
        [id, instance, JSON.stringify(retired.slice(0, RETIRED_MAX)), counterFloor],
      );
    },

    storeHeartbeats: (beats) => storeHeartbeats(database, beats),
  };
}

async function listAgents(sql: Sql, query: Parameters<AgentStore["list"]>[0]): Promise<Page<AgentSummary>> {
  const limit = checkedLimit(query.limit);
  const conditions = new Conditions()
    .addIf("a.agent_key > ?", parseCursor("agents", query.cursor))
    .addIf("a.state = ?", query.state);
  addSearch(conditions, ["COALESCE(s.hostname, a.hostname)", "a.id"], query.search);
  const rows = await sql.all<SummaryRow>(
    `SELECT ${SUMMARY_COLUMNS} FROM ${SUMMARY_TABLES} ${conditions.where} ORDER BY a.agent_key LIMIT ${limit + 1}`,
    conditions.values,
  );
  const told = rows.slice(0, limit);
  const last = rows.length > limit ? told.at(-1) : undefined;
  return {
    items: told.map((row) => toSummary(row, query.onlineSinceMs)),
    nextCursor: last === undefined ? null : formatCursor("agents", last.agent_key),
  };
}

async function countAgents(sql: Sql, onlineSinceMs: number): Promise<Record<AgentState | "online", number>> {
  const rows = await sql.all<{ state: AgentState; agents: number }>(
    "SELECT state, COUNT(*) AS agents FROM agents GROUP BY state",
  );
  const online = await sql.one<{ agents: number }>(
    `SELECT COUNT(*) AS agents FROM agent_status s JOIN agents a ON a.agent_key = s.agent_key
     WHERE s.last_seen_at_ms >= $1 AND a.state = 'active'`,
    [onlineSinceMs],
  );
  const of = (state: AgentState): number => rows.find((row) => row.state === state)?.agents ?? 0;
  const [pending, active, quarantined, removed] = AGENT_STATES.map(of);
  return {
    pending: pending ?? 0,
    active: active ?? 0,
    quarantined: quarantined ?? 0,
    removed: removed ?? 0,
    online: online?.agents ?? 0,
  };
}

async function changeState(
  sql: Sql,
  ...[id, state, reason, actor, nowMs, from]: Parameters<AgentStore["setState"]>
): Promise<boolean> {
  const agent = await sql.one<{ agent_key: number; state: AgentState; hostname: string }>(
    "SELECT agent_key, state, hostname FROM agents WHERE id = $1",
    [id],
  );
  const action = agent === undefined ? undefined : TRANSITIONS[agent.state][state];
  if (agent === undefined || action === undefined || from?.includes(agent.state) === false) return false;
  await sql.run("UPDATE agents SET state = $2, state_reason = $3 WHERE agent_key = $1", [
    agent.agent_key,
    state,
    reason,
  ]);
  if (state === "removed")
    await sql.run("DELETE FROM agent_commands WHERE agent_key = $1", [agent.agent_key]);
  const details = { from: agent.state, to: state, reason, hostname: agent.hostname };
  await writeAudit(sql, { actor, action, subject: id, details, atMs: nowMs });
  return true;
}

async function storeHeartbeats(
  database: SqlDatabase,
  beats: Parameters<AgentStore["storeHeartbeats"]>[0],
): Promise<void> {
  if (beats.length === 0) return;
  await database.transaction(async (sql) => {
    const newest = new Map<string, (typeof beats)[number]>();
    for (const beat of beats) {
      if (beat.counter >= (newest.get(beat.agentId)?.counter ?? 0)) newest.set(beat.agentId, beat);
    }
    const agents = await selectIn<{ agent_key: number; id: string }>(
      sql,
      (list) => `SELECT agent_key, id FROM agents WHERE id IN (${list})`,
      [],
      [...newest.keys()],
    );
    const rows = agents.flatMap(({ agent_key: key, id }) => {
      const beat = newest.get(id);
      if (beat === undefined) return [];
      const { heartbeat } = beat;
      const { hostname } = heartbeat.machine;
      return [
        [key, beat.receivedAtMs, beat.clockOffsetMs, beat.counter, hostname, JSON.stringify(heartbeat)],
      ];
    });
    await insertRows(sql, "agent_status", STATUS_COLUMNS, rows, NEWEST_HEARTBEAT);
  });
}
