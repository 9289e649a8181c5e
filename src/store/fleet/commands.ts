/** The parent's word to agents, kept until it is carried out or expires. Numbers rise per agent and never come twice. */
import { WbError } from "../../model/errors.ts";
import type { Command } from "../../protocol/fleet/messages.ts";
import { agentKeyOf } from "./agent-rows.ts";
import type { CommandStore } from "./contract.ts";
import type { Sql, SqlDatabase } from "./sql.ts";

/** Per agent: what waits for one that is away. */
const WAITING_MAX = 1000;

interface CommandRow {
  readonly seq: number;
  readonly kind: Command["kind"];
  readonly payload: string;
  readonly issued_at_ms: number;
  readonly expires_at_ms: number;
  readonly signature: string;
}

export function createCommandStore(database: SqlDatabase): CommandStore {
  return {
    add: (agentId, command, sign) => database.transaction((sql) => addCommand(sql, agentId, command, sign)),

    async after(agentId, cursor, nowMs, limit) {
      const rows = await database.all<CommandRow>(
        `SELECT c.seq, c.kind, c.payload, c.issued_at_ms, c.expires_at_ms, c.signature
         FROM agent_commands c JOIN agents a ON a.agent_key = c.agent_key
         WHERE a.id = $1 AND c.seq > $2 AND c.expires_at_ms > $3 ORDER BY c.seq LIMIT $4`,
        [agentId, cursor, nowMs, limit],
      );
      return rows.map((row) => ({
        agentId,
        seq: row.seq,
        kind: row.kind,
        issuedAtMs: row.issued_at_ms,
        expiresAtMs: row.expires_at_ms,
        payload: row.payload,
        signature: row.signature,
      }));
    },

    async cursor(agentId) {
      const row = await database.one<{ command_seq: number }>(
        "SELECT command_seq FROM agents WHERE id = $1",
        [agentId],
      );
      return row?.command_seq ?? 0;
    },

    raise: (agentId, above, nowMs, sign) =>
      database.transaction((sql) => raiseNumbers(sql, { agentId, above, nowMs, sign })),

    async forget(agentId, upTo) {
      const key = await agentKeyOf(database, agentId);
      if (key === undefined) return;
      // Most agents say with each heartbeat what is long forgotten: reading costs nothing, a transaction is synced.
      const some = await database.one(
        "SELECT seq FROM agent_commands WHERE agent_key = $1 AND seq <= $2 LIMIT 1",
        [key, upTo],
      );
      if (some === undefined) return;
      await database.run("DELETE FROM agent_commands WHERE agent_key = $1 AND seq <= $2", [key, upTo]);
    },
  };
}

async function raiseNumbers(
  sql: Sql,
  raise: {
    agentId: string;
    above: number;
    nowMs: number;
    sign: (command: Omit<Command, "signature">) => string;
  },
): Promise<number> {
  const { agentId, above, nowMs, sign } = raise;
  const agent = await sql.one<{ agent_key: number; command_seq: number }>(
    "SELECT agent_key, command_seq FROM agents WHERE id = $1",
    [agentId],
  );
  if (agent === undefined || agent.command_seq >= above) return agent?.command_seq ?? 0;
  const waiting = await sql.all<CommandRow>(
    `SELECT seq, kind, payload, issued_at_ms, expires_at_ms, signature FROM agent_commands
     WHERE agent_key = $1 AND expires_at_ms > $2 ORDER BY seq DESC`,
    [agent.agent_key, nowMs],
  );
  // From the last on, so that no number is taken twice on the way.
  for (const [index, row] of waiting.entries()) {
    const seq = above + waiting.length - index;
    const { kind, payload, issued_at_ms: issuedAtMs, expires_at_ms: expiresAtMs } = row;
    await sql.run("UPDATE agent_commands SET seq = $3, signature = $4 WHERE agent_key = $1 AND seq = $2", [
      agent.agent_key,
      row.seq,
      seq,
      sign({ agentId, seq, kind, issuedAtMs, expiresAtMs, payload }),
    ]);
  }
  const highest = above + waiting.length;
  await sql.run("UPDATE agents SET command_seq = $2 WHERE agent_key = $1", [agent.agent_key, highest]);
  return highest;
}

async function addCommand(
  sql: Sql,
  agentId: string,
  command: Parameters<CommandStore["add"]>[1],
  sign: (seq: number) => string,
): Promise<Command> {
  const key = await agentKeyOf(sql, agentId);
  if (key === undefined) throw new WbError("usage", `there is no agent ${agentId}`);
  const { kind, payload, issuedAtMs, expiresAtMs, coalesceKey } = command;
  await sql.run(
    "DELETE FROM agent_commands WHERE agent_key = $1 AND (expires_at_ms <= $2 OR coalesce_key = $3)",
    [key, issuedAtMs, coalesceKey],
  );
  const waiting = await sql.one<{ commands: number }>(
    "SELECT COUNT(*) AS commands FROM agent_commands WHERE agent_key = $1",
    [key],
  );
  if ((waiting?.commands ?? 0) >= WAITING_MAX) {
    throw new WbError("unavailable", `${WAITING_MAX} commands wait for the agent ${agentId} already`, {
      hint: "it takes them when it is back, or they expire",
    });
  }
  const row = await sql.one<{ command_seq: number }>(
    "UPDATE agents SET command_seq = command_seq + 1 WHERE agent_key = $1 RETURNING command_seq",
    [key],
  );
  const seq = row?.command_seq ?? 1;
  const signature = sign(seq);
  await sql.run(
    `INSERT INTO agent_commands (agent_key, seq, kind, payload, issued_at_ms, expires_at_ms, coalesce_key, signature)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [key, seq, kind, payload, issuedAtMs, expiresAtMs, coalesceKey, signature],
  );
  return { agentId, seq, kind, issuedAtMs, expiresAtMs, payload, signature };
}
