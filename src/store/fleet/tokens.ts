/** Join tokens: made, listed and revoked by people; their uses are counted where an agent joins (joining.ts). */
import type { JoinTokenSummary } from "../../model/fleet.ts";
import { writeAudit } from "./audit.ts";
import type { TokenStore } from "./contract.ts";
import type { SqlDatabase } from "./sql.ts";

const LISTED_MAX = 1000;

interface TokenRow {
  readonly id: string;
  readonly created_by: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  readonly uses_left: number;
  readonly uses_total: number;
  readonly requires_approval: number;
  readonly revoked: number;
}

export function createTokenStore(database: SqlDatabase): TokenStore {
  return {
    create: (token) =>
      database.transaction(async (sql) => {
        const { id, uses, expiresAtMs, requiresApproval, actor, nowMs } = token;
        await sql.run(
          `INSERT INTO join_tokens (id, secret_hash, created_by, created_at_ms, expires_at_ms, uses_left, uses_total,
             requires_approval, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`,
          [id, token.secretHash, actor.name, nowMs, expiresAtMs, uses, uses, requiresApproval ? 1 : 0],
        );
        const details = { uses, expiresAtMs, requiresApproval };
        await writeAudit(sql, { actor, action: "token.create", subject: id, details, atMs: nowMs });
        return {
          id,
          createdBy: actor.name,
          createdAtMs: nowMs,
          expiresAtMs,
          usesLeft: uses,
          usesTotal: uses,
          requiresApproval,
          revoked: false,
        };
      }),

    async list() {
      const rows = await database.all<TokenRow>(
        `SELECT id, created_by, created_at_ms, expires_at_ms, uses_left, uses_total, requires_approval, revoked
         FROM join_tokens ORDER BY created_at_ms DESC, id LIMIT ${LISTED_MAX}`,
      );
      return rows.map(toSummary);
    },

    revoke: (id, actor, nowMs) =>
      database.transaction(async (sql) => {
        const changed = await sql.run("UPDATE join_tokens SET revoked = 1 WHERE id = $1 AND revoked = 0", [
          id,
        ]);
        if (changed === 0) return false;
        await writeAudit(sql, { actor, action: "token.revoke", subject: id, details: null, atMs: nowMs });
        return true;
      }),
  };
}

function toSummary(row: TokenRow): JoinTokenSummary {
  return {
    id: row.id,
    createdBy: row.created_by,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    usesLeft: row.uses_left,
    usesTotal: row.uses_total,
    requiresApproval: row.requires_approval === 1,
    revoked: row.revoked === 1,
  };
}
