/** How a key becomes an agent: by a token, whose use is counted in the same transaction, or by waiting for a person. */
import type { AgentState, JoinRequestSummary } from "../../model/fleet.ts";
import type { MachineFacts } from "../../protocol/fleet/messages.ts";
import { writeAudit } from "./audit.ts";
import type { AgentStore } from "./contract.ts";
import type { Sql } from "./sql.ts";
import { reserveNumbers } from "./statements.ts";

/** Agents that nobody has approved; beyond, one of them goes, so that strangers can't fill the disk. */
const PENDING_MAX = 1000;

export type JoinFacts = Parameters<AgentStore["join"]>[0];
export type JoinOutcome = Awaited<ReturnType<AgentStore["join"]>>;

interface KnownAgent {
  readonly agent_key: number;
  readonly state: AgentState;
  readonly join_token_id: string | null;
}

/** Inside a transaction. */
export async function joinAgent(sql: Sql, request: JoinFacts): Promise<JoinOutcome> {
  const known = await sql.one<KnownAgent>(
    "SELECT agent_key, state, join_token_id FROM agents WHERE id = $1",
    [request.agentId],
  );
  if (known?.state === "quarantined") return "quarantined";
  const admitted = await admit(sql, request, known);
  if (admitted === "token") return "token";
  if (known === undefined) await addAgent(sql, request, admitted);
  else await renewAgent(sql, request, known, admitted);
  if (admitted === "active" && known?.state !== "active") {
    await writeAudit(sql, {
      actor: { name: `agent:${request.agentId}`, address: request.address },
      action: "agent.join",
      subject: request.agentId,
      details: { hostname: request.machine.hostname, token: request.token?.id ?? null },
      atMs: request.nowMs,
    });
  }
  return admitted;
}

async function admit(
  sql: Sql,
  request: JoinFacts,
  known: KnownAgent | undefined,
): Promise<"active" | "pending" | "token"> {
  const { token } = request;
  // Its key is its proof: one that is active already needs nobody's leave to come again.
  if (token === null) return known?.state === "active" ? "active" : "pending";
  const row = await sql.one<{ requires_approval: number }>(
    "SELECT requires_approval FROM join_tokens WHERE id = $1 AND secret_hash = $2",
    [token.id, token.secretHash],
  );
  if (row === undefined) return "token";
  const isRepeated =
    known?.join_token_id === token.id && (known.state === "active" || known.state === "pending");
  // The answer to its first request was lost: that use has been counted.
  if (isRepeated) return known.state === "active" ? "active" : "pending";
  const used = await sql.run(
    "UPDATE join_tokens SET uses_left = uses_left - 1 WHERE id = $1 AND revoked = 0 AND uses_left > 0 AND expires_at_ms > $2",
    [token.id, request.nowMs],
  );
  if (used === 0) return "token";
  return row.requires_approval === 1 && known?.state !== "active" ? "pending" : "active";
}

async function addAgent(sql: Sql, request: JoinFacts, state: AgentState): Promise<void> {
  if (state === "pending") await makeRoom(sql);
  await sql.run(
    `INSERT INTO agents (agent_key, id, public_key, state, state_reason, hostname, machine, address, joined_at_ms,
       join_token_id, join_commitment, join_parent_nonce, join_code, instance, retired_instances, counter_floor, command_seq)
     VALUES ($1, $2, $3, $4, NULL, $5, $6, $7, $8, $9, $10, $11, NULL, NULL, '[]', 0, 0)`,
    [
      await reserveNumbers(sql, "agents", 1),
      request.agentId,
      request.publicKey,
      state,
      request.machine.hostname,
      JSON.stringify(request.machine),
      request.address,
      request.nowMs,
      request.token?.id ?? null,
      request.commitment,
      request.parentNonce,
    ],
  );
}

async function renewAgent(sql: Sql, request: JoinFacts, known: KnownAgent, state: AgentState): Promise<void> {
  await sql.run(
    `UPDATE agents SET state = $2, state_reason = NULL, hostname = $3, machine = $4, address = $5,
       join_token_id = COALESCE($6, join_token_id), join_commitment = $7, join_parent_nonce = $8, join_code = NULL
     WHERE agent_key = $1`,
    [
      known.agent_key,
      state,
      request.machine.hostname,
      JSON.stringify(request.machine),
      request.address,
      request.token?.id ?? null,
      request.commitment,
      request.parentNonce,
    ],
  );
  if (known.state !== "active") {
    await sql.run("UPDATE agents SET joined_at_ms = $2 WHERE agent_key = $1", [
      known.agent_key,
      request.nowMs,
    ]);
  }
}

/**
 * Only those go that were never approved: nothing hangs on them. Those first that have no code yet, the oldest of them, so that
 * strangers who only begin can't push out one that a person is comparing the code of.
 */
async function makeRoom(sql: Sql): Promise<void> {
  const row = await sql.one<{ pending: number }>(
    "SELECT COUNT(*) AS pending FROM agents WHERE state = 'pending'",
  );
  const surplus = (row?.pending ?? 0) - PENDING_MAX + 1;
  if (surplus <= 0) return;
  await sql.run(
    `DELETE FROM agents WHERE agent_key IN (SELECT agent_key FROM agents WHERE state = 'pending'
       AND agent_key NOT IN (SELECT agent_key FROM agent_status)
       ORDER BY CASE WHEN join_code IS NULL THEN 0 ELSE 1 END, agent_key LIMIT $1)`,
    [surplus],
  );
}

interface RequestRow {
  readonly id: string;
  readonly hostname: string;
  readonly machine: string;
  readonly address: string;
  readonly join_code: string;
  readonly joined_at_ms: number;
}

/** Those whose code is known; the newest first. */
export async function readJoinRequests(sql: Sql): Promise<JoinRequestSummary[]> {
  const rows = await sql.all<RequestRow>(
    `SELECT id, hostname, machine, address, join_code, joined_at_ms FROM agents
     WHERE state = 'pending' AND join_code IS NOT NULL ORDER BY joined_at_ms DESC, agent_key DESC LIMIT ${PENDING_MAX}`,
  );
  return rows.map((row) => ({
    agentId: row.id,
    hostname: row.hostname,
    platform: (JSON.parse(row.machine) as MachineFacts).platform,
    address: row.address,
    code: row.join_code,
    requestedAtMs: row.joined_at_ms,
  }));
}
