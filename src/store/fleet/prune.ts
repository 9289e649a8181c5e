/**
 * Deleting what is old, a bounded number of rows at a time, so that nobody waits long for it. By the parent's time of receiving
 * it: agents' clocks say nothing here. Tables that are only added to are deleted from their beginning.
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
const PROGRAM_TABLES = [
  "agent_fingerprints",
  "process_classifications",
  "classification_history",
  "fingerprints",
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
      { table: "agent_processes", key: "id", time: "told_at_ms" },
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

interface AddedRow {
  readonly id: number;
  readonly received_at_ms: number;
}

/**
 * Rows are numbered as they came: what stands before an old one is older, also where the clock was ahead when it came, which shows
 * in a time after that of the newest. What stands after one that is young is young, also where the clock was behind.
 */
async function pruneBeginning(
  sql: Sql,
  table: string,
  spared: string,
  beforeMs: number,
  rowsMax: number,
): Promise<number> {
  const from = (id: number, count: number): Promise<AddedRow[]> =>
    sql.all(`SELECT id, received_at_ms FROM ${table} WHERE id > $1 ${spared} ORDER BY id LIMIT $2`, [
      id,
      count,
    ]);
  const newest = await sql.one<AddedRow>(
    `SELECT id, received_at_ms FROM ${table} ORDER BY id DESC LIMIT 1`,
    [],
  );
  const newestMs = newest?.received_at_ms ?? 0;
  const isOld = (row: AddedRow): boolean => row.received_at_ms < beforeMs;
  const rows = await from(0, rowsMax);
  const young = rows.findIndex((row) => !isOld(row) && row.received_at_ms <= newestMs);
  let last = rows.slice(0, young < 0 ? undefined : young).findLast(isOld);
  let next = young < 0 ? rows.at(-1) : undefined;
  // Further on in steps that double: an old one is found once there are about as many of them as stand before them.
  for (let step = rowsMax; last === undefined && next !== undefined; step *= 2) {
    [next] = await from(next.id + step - 1, 1);
    if (next !== undefined && isOld(next)) last = rows.at(-1);
  }
  if (last === undefined) return 0;
  return sql.run(`DELETE FROM ${table} WHERE id <= $1 ${spared}`, [last.id]);
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

/** Programs that nobody has seen for long, or only asked about, and what was said about them; but not a person's word. */
async function prunePrograms(sql: Sql, beforeMs: number, rowsMax: number): Promise<number> {
  if (rowsMax <= 0) return 0;
  const old = await sql.all<{ fingerprint_hash: string }>(
    `SELECT f.fingerprint_hash FROM fingerprints f WHERE f.last_seen_ms < $1 AND NOT EXISTS
       (SELECT 1 FROM process_classifications c WHERE c.fingerprint_hash = f.fingerprint_hash
          AND c.classification_source = 'parent_override') ORDER BY f.last_seen_ms LIMIT $2`,
    [beforeMs, rowsMax],
  );
  const unseen = await sql.all<{ fingerprint_hash: string }>(
    `SELECT c.fingerprint_hash FROM process_classifications c WHERE c.updated_at_ms < $1
       AND c.classification_source <> 'parent_override' AND NOT EXISTS
       (SELECT 1 FROM fingerprints f WHERE f.fingerprint_hash = c.fingerprint_hash) ORDER BY c.updated_at_ms LIMIT $2`,
    [beforeMs, rowsMax - old.length],
  );
  for (const { fingerprint_hash: hash } of [...old, ...unseen]) {
    for (const table of PROGRAM_TABLES)
      await sql.run(`DELETE FROM ${table} WHERE fingerprint_hash = $1`, [hash]);
  }
  const programs = old.length + unseen.length;
  const suggestions = {
    table: "process_classification_suggestions",
    key: "fingerprint_hash, agent_id, suggested_by",
    time: "created_at_ms",
  };
  return programs + (await pruneBy(sql, suggestions, "", beforeMs, rowsMax - programs));
}
