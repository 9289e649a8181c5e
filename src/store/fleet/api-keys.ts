/** API keys: for programs, with a role of their own. The secret is here only as a hash. */
import type { ApiKeySummary, Role } from "../../model/fleet.ts";
import { writeAudit } from "./audit.ts";
import type { PeopleStore } from "./contract.ts";
import type { SqlDatabase } from "./sql.ts";

/** When a key was used last is known to the minute, so that not each request is a transaction. */
const TOUCHED_MS = 60_000;

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly secret_hash: string;
  readonly created_by: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly last_used_at_ms: number | null;
  readonly revoked: number;
}

export function createKeyStore(
  database: SqlDatabase,
): Pick<PeopleStore, "createKey" | "key" | "keys" | "touchKey" | "revokeKey"> {
  return {
    createKey: (key, actor, nowMs) =>
      database.transaction(async (sql) => {
        const { id, name, role, secretHash, expiresAtMs } = key;
        await sql.run(
          `INSERT INTO api_keys (id, name, role, secret_hash, created_by, created_at_ms, expires_at_ms, last_used_at_ms,
             revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, 0)`,
          [id, name, role, secretHash, actor.name, nowMs, expiresAtMs],
        );
        const details = { name, role, expiresAtMs };
        await writeAudit(sql, { actor, action: "key.create", subject: id, details, atMs: nowMs });
        const createdBy = actor.name;
        return {
          id,
          name,
          role,
          createdBy,
          createdAtMs: nowMs,
          expiresAtMs,
          lastUsedAtMs: null,
          revoked: false,
        };
      }),

    async key(id) {
      const row = await database.one<KeyRow>("SELECT * FROM api_keys WHERE id = $1", [id]);
      return row === undefined ? undefined : { ...toKey(row), secretHash: row.secret_hash };
    },

    async keys() {
      const rows = await database.all<KeyRow>("SELECT * FROM api_keys ORDER BY created_at_ms DESC, id");
      return rows.map(toKey);
    },

    async touchKey(id, nowMs) {
      const row = await database.one<{ last_used_at_ms: number | null }>(
        "SELECT last_used_at_ms FROM api_keys WHERE id = $1",
        [id],
      );
      const sinceMs = Math.abs(nowMs - (row?.last_used_at_ms ?? Number.NEGATIVE_INFINITY));
      if (row === undefined || sinceMs < TOUCHED_MS) return;
      await database.run("UPDATE api_keys SET last_used_at_ms = $2 WHERE id = $1", [id, nowMs]);
    },

    revokeKey: (id, actor, nowMs) =>
      database.transaction(async (sql) => {
        const key = await sql.one<{ name: string }>(
          "UPDATE api_keys SET revoked = 1 WHERE id = $1 AND revoked = 0 RETURNING name",
          [id],
        );
        if (key === undefined) return false;
        await writeAudit(sql, { actor, action: "key.revoke", subject: id, details: key, atMs: nowMs });
        return true;
      }),
  };
}

function toKey(row: KeyRow): ApiKeySummary {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    createdBy: row.created_by,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    lastUsedAtMs: row.last_used_at_ms,
    revoked: row.revoked === 1,
  };
}
