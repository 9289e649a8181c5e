/**
 * Deleting what is old, a bounded number of rows at a time, so that nobody waits long for it. Tables that are only added to
 * are deleted from their beginning; what was told together goes together, since rows carry when the parent received them.
 */
import type { Sql, SqlDatabase } from "./sql.ts";

/** A program may run for months without being told anew: what it is, is kept so much longer than events. */
const FINGERPRINTS_LONGER_MS = 365 * 86_400_000;
const ADDED_TO = [
  { table: "agent_process_events", spared: "" },
  { table: "event_batches", spared: "" },
  { table: "event_losses", spared: "AND is_hole = 0" },
  { table: "agent_connections", spared: "" },
] as const;

/** How many rows were deleted: fewer than `rowsMax` where nothing more is that old. */
export async function prune(database: SqlDatabase, beforeMs: number, rowsMax: number): Promise<number> {
  return database.transaction(async (sql) => {
    let deleted = 0;
    for (const { table, spared } of ADDED_TO) {
      if (deleted >= rowsMax) return deleted;
      deleted += await pruneBeginning(sql, table, spared, beforeMs, rowsMax - deleted);
    }
    deleted += await pruneBy(
      sql,
      { table: "agent_processes", key: "id", time: "stopped_at_ms" },
      "AND stopped_at_ms IS NOT NULL",
      beforeMs,
      rowsMax - deleted,
    );
    deleted += await pruneBy(
      sql,
      { table: "sessions", key: "token_hash", time: "expires_at_ms" },
      "",
      beforeMs,
      rowsMax - deleted,
    );
    return deleted + (await prunePrograms(sql, beforeMs - FINGERPRINTS_LONGER_MS, rowsMax - deleted));
  });
}

async function pruneBeginning(
  sql: Sql,
  table: string,
  spared: string,
  beforeMs: number,
  rowsMax: number,
): Promise<number> {
  const rows = await sql.all<{ id: number; received_at_ms: number }>(
    `SELECT id, received_at_ms FROM ${table} WHERE id > 0 ${spared} ORDER BY id LIMIT $1`,
    [rowsMax],
  );
  const last = rows.findLast((row) => row.received_at_ms < beforeMs);
  if (last === undefined) return 0;
  return sql.run(`DELETE FROM ${table} WHERE id <= $1 AND received_at_ms < $2 ${spared}`, [
    last.id,
    beforeMs,
  ]);
}

async function pruneBy(
  sql: Sql,
  of: { readonly table: string; readonly key: string; readonly time: string },
  condition: string,
  beforeMs: number,
  rowsMax: number,
): Promise<number> {
  if (rowsMax <= 0) return 0;
  return sql.run(
    `DELETE FROM ${of.table} WHERE (${of.key}) IN (SELECT ${of.key} FROM ${of.table}
       WHERE ${of.time} < $1 ${condition} ORDER BY ${of.time} LIMIT $2)`,
    [beforeMs, rowsMax],
  );
}

/** Programs that nobody has seen for long, and what was said about them; but not a person's word. */
async function prunePrograms(sql: Sql, beforeMs: number, rowsMax: number): Promise<number> {
  if (rowsMax <= 0) return 0;
  const old = await sql.all<{ fingerprint_hash: string }>(
    `SELECT f.fingerprint_hash FROM fingerprints f WHERE f.last_seen_ms < $1 AND NOT EXISTS
       (SELECT 1 FROM process_classifications c WHERE c.fingerprint_hash = f.fingerprint_hash
          AND c.classification_source = 'parent_override') ORDER BY f.last_seen_ms LIMIT $2`,
    [beforeMs, rowsMax],
  );
  for (const { fingerprint_hash: hash } of old) {
    for (const table of ["agent_fingerprints", "process_classifications", "fingerprints"])
      await sql.run(`DELETE FROM ${table} WHERE fingerprint_hash = $1`, [hash]);
  }
  const suggestions = {
    table: "process_classification_suggestions",
    key: "fingerprint_hash, agent_id, suggested_by",
    time: "created_at_ms",
  };
  return old.length + (await pruneBy(sql, suggestions, "", beforeMs, rowsMax - old.length));
}
