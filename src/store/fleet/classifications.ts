/**
 * What programs are taken for, by whose word, and how that came to be. A stronger source is never replaced by a weaker one;
 * every change has its line in the history and a position that agents can ask after.
 */
import {
  CLASSIFICATION_SOURCES,
  type ClassificationSource,
  type ProcessCategory,
} from "../../model/categories.ts";
import type { ClassificationChange, ClassificationEntry, Page } from "../../model/fleet.ts";
import { WbError } from "../../model/errors.ts";
import type { ClassificationUpdate } from "../../protocol/fleet/classification.ts";
import { writeAudit } from "./audit.ts";
import type { Actor, ClassificationStore } from "./contract.ts";
import { addSearch, listNewestFirst } from "./pages.ts";
import type { Sql, SqlDatabase } from "./sql.ts";
import { Conditions, reserveNumbers, selectIn } from "./statements.ts";
import { countSuggestion, suggesters, type Suggestion } from "./suggestions.ts";

/** So many agents must say the same before their word is taken. */
const SUGGESTIONS_NEEDED = 3;
const HISTORY_MAX = 1000;
const UPDATES_MAX = 1000;

const ENTRY_COLUMNS = `t.fingerprint_hash, t.process_name, t.path, t.publisher, t.version, t.classification,
  t.classification_source, t.confidence, t.original_classification, t.overridden_by, t.override_reason, t.updated_at_ms,
  COALESCE(f.agents, 0) AS agents`;
const ENTRY_TABLES =
  "process_classifications t LEFT JOIN fingerprints f ON f.fingerprint_hash = t.fingerprint_hash";

interface EntryRow {
  readonly fingerprint_hash: string;
  readonly process_name: string;
  readonly path: string | null;
  readonly publisher: string | null;
  readonly version: string | null;
  readonly classification: ProcessCategory;
  readonly classification_source: ClassificationSource;
  readonly confidence: number | null;
  readonly original_classification: ProcessCategory | null;
  readonly overridden_by: string | null;
  readonly override_reason: string | null;
  readonly updated_at_ms: number;
  readonly agents: number;
}

interface Program {
  readonly name: string;
  readonly path: string | null;
  readonly publisher: string | null;
  readonly version: string | null;
}

/** A new word about a program. */
interface Change {
  readonly hash: string;
  readonly program: Program;
  readonly category: ProcessCategory;
  readonly source: ClassificationSource;
  readonly confidence: number | null;
  readonly changedBy: string | null;
  readonly reason: string | null;
  readonly nowMs: number;
}

export function createClassificationStore(database: SqlDatabase): ClassificationStore {
  return {
    get: (hash) => readEntry(database, hash),

    async getMany(hashes) {
      const rows = await selectIn<EntryRow>(
        database,
        (list) => `SELECT ${ENTRY_COLUMNS} FROM ${ENTRY_TABLES} WHERE t.fingerprint_hash IN (${list})`,
        [],
        [...new Set(hashes)],
      );
      return new Map(rows.map((row) => [row.fingerprint_hash, toEntry(row)]));
    },

    list: (query) => listEntries(database, query),
    history: (hash) => readHistory(database, hash),

    classify: (process, category, source, confidence, changedBy, nowMs) =>
      database.transaction((sql) => {
        const { fingerprintHash: hash, name, path, publisher, version } = process;
        const program = { name, path, publisher, version };
        return change(sql, { hash, program, category, source, confidence, changedBy, reason: null, nowMs });
      }),

    override: (hash, category, reason, actor, nowMs) =>
      database.transaction((sql) => override(sql, hash, category, reason, actor, nowMs)),

    suggest: (suggestion, nowMs) => database.transaction((sql) => suggest(sql, suggestion, nowMs)),
    updatesSince: (since, limit) => readUpdates(database, since, limit),

    async agentsWith(hash) {
      const rows = await database.all<{ id: string }>(
        `SELECT a.id FROM agent_fingerprints f JOIN agents a ON a.agent_key = f.agent_key
         WHERE f.fingerprint_hash = $1 AND a.state <> 'removed' ORDER BY a.agent_key`,
        [hash],
      );
      return rows.map((row) => row.id);
    },
  };
}

async function readEntry(sql: Sql, hash: string): Promise<ClassificationEntry | undefined> {
  const row = await sql.one<EntryRow>(
    `SELECT ${ENTRY_COLUMNS} FROM ${ENTRY_TABLES} WHERE t.fingerprint_hash = $1`,
    [hash],
  );
  return row === undefined ? undefined : toEntry(row);
}

function toEntry(row: EntryRow): ClassificationEntry {
  return {
    fingerprintHash: row.fingerprint_hash,
    processName: row.process_name,
    path: row.path,
    publisher: row.publisher,
    version: row.version,
    category: row.classification,
    source: row.classification_source,
    confidence: row.confidence,
    originalCategory: row.original_classification,
    overriddenBy: row.overridden_by,
    reason: row.override_reason,
    agents: row.agents,
    updatedAtMs: row.updated_at_ms,
  };
}

/** The one that was changed last first. */
async function listEntries(
  sql: Sql,
  query: Parameters<ClassificationStore["list"]>[0],
): Promise<Page<ClassificationEntry>> {
  const filters = new Conditions()
    .addIf("t.classification = ?", query.category)
    .addIf("t.classification_source = ?", query.source);
  addSearch(filters, ["t.process_name", "t.path", "t.publisher", "t.fingerprint_hash"], query.search);
  const page = await listNewestFirst<EntryRow>(
    sql,
    {
      kind: "classifications",
      table: "process_classifications",
      number: "position",
      from: ENTRY_TABLES,
      columns: ENTRY_COLUMNS,
      scope: new Conditions(),
      filters,
    },
    query,
  );
  return { items: page.items.map(toEntry), nextCursor: page.nextCursor };
}

interface HistoryRow {
  readonly fingerprint_hash: string;
  readonly old_classification: ProcessCategory | null;
  readonly new_classification: ProcessCategory;
  readonly source: ClassificationSource;
  readonly changed_by: string | null;
  readonly reason: string | null;
  readonly changed_at_ms: number;
}

/** The newest first. */
async function readHistory(sql: Sql, hash: string): Promise<ClassificationChange[]> {
  const rows = await sql.all<HistoryRow>(
    `SELECT fingerprint_hash, old_classification, new_classification, source, changed_by, reason, changed_at_ms
     FROM classification_history WHERE fingerprint_hash = $1 ORDER BY id DESC LIMIT ${HISTORY_MAX}`,
    [hash],
  );
  return rows.map((row) => ({
    fingerprintHash: row.fingerprint_hash,
    oldCategory: row.old_classification,
    newCategory: row.new_classification,
    source: row.source,
    changedBy: row.changed_by,
    reason: row.reason,
    changedAtMs: row.changed_at_ms,
  }));
}

function rank(source: ClassificationSource): number {
  return CLASSIFICATION_SOURCES.indexOf(source);
}

/** False where a stronger word stands. The same word again changes nothing. */
async function change(sql: Sql, next: Change): Promise<boolean> {
  const current = await readEntry(sql, next.hash);
  if (current !== undefined && rank(next.source) < rank(current.source)) return false;
  const isPerson = next.source === "parent_override";
  if (current?.category === next.category && current.source === next.source && !isPerson) return true;
  const original = isPerson ? (current?.originalCategory ?? current?.category ?? null) : null;
  const position = await reserveNumbers(sql, "classifications", 1);
  const { name, path, publisher, version } = next.program;
  await sql.run(
    `INSERT INTO process_classifications (fingerprint_hash, process_name, path, publisher, version, classification,
       classification_source, confidence, original_classification, overridden_by, override_reason, updated_at_ms, position)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (fingerprint_hash) DO UPDATE SET classification = excluded.classification,
       classification_source = excluded.classification_source, confidence = excluded.confidence,
       original_classification = excluded.original_classification, overridden_by = excluded.overridden_by,
       override_reason = excluded.override_reason, updated_at_ms = excluded.updated_at_ms, position = excluded.position`,
    [
      next.hash,
      name,
      path,
      publisher,
      version,
      next.category,
      next.source,
      next.confidence,
      original,
      isPerson ? next.changedBy : null,
      next.reason,
      next.nowMs,
      position,
    ],
  );
  await sql.run(
    `INSERT INTO classification_history (id, fingerprint_hash, old_classification, new_classification, source, changed_by,
       reason, changed_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      await reserveNumbers(sql, "classification_history", 1),
      next.hash,
      current?.category ?? null,
      next.category,
      next.source,
      next.changedBy,
      next.reason,
      next.nowMs,
    ],
  );
  return true;
}

/** As an agent told of it, or as it was classified; undefined where it was never seen. */
async function programOf(sql: Sql, hash: string): Promise<Program | undefined> {
  for (const table of ["fingerprints", "process_classifications"]) {
    const row = await sql.one<Program>(
      `SELECT process_name AS name, path, publisher, version FROM ${table} WHERE fingerprint_hash = $1`,
      [hash],
    );
    if (row !== undefined) return row;
  }
  return undefined;
}

async function override(
  sql: Sql,
  hash: string,
  category: ProcessCategory,
  reason: string | null,
  actor: Actor,
  nowMs: number,
): Promise<ClassificationEntry | undefined> {
  const program = await programOf(sql, hash);
  if (program === undefined) return undefined;
  const before = await readEntry(sql, hash);
  const source = "parent_override";
  const changedBy = actor.name;
  await change(sql, { hash, program, category, source, confidence: null, changedBy, reason, nowMs });
  await writeAudit(sql, {
    actor,
    action: "classification.override",
    subject: hash,
    details: { name: program.name, from: before?.category ?? null, to: category, reason },
    atMs: nowMs,
  });
  return readEntry(sql, hash);
}

async function suggest(
  sql: Sql,
  suggestion: Suggestion,
  nowMs: number,
): Promise<{ count: number; applied: ClassificationEntry | undefined }> {
  const { fingerprintHash: hash, category } = suggestion;
  const count = await countSuggestion(sql, suggestion, nowMs);
  if (count < SUGGESTIONS_NEEDED) return { count, applied: undefined };
  const before = await readEntry(sql, hash);
  if (before?.source === "community" && before.category === category) return { count, applied: undefined };
  const program = (await programOf(sql, hash)) ?? { name: "", path: null, publisher: null, version: null };
  const isApplied = await change(sql, {
    hash,
    program,
    category,
    source: "community",
    confidence: suggestion.confidence,
    changedBy: await suggesters(sql, hash, category),
    reason: null,
    nowMs,
  });
  return { count, applied: isApplied ? await readEntry(sql, hash) : undefined };
}

/**
 * `since` is a `next` of before, "" or "0" for all, or a time in ISO 8601 as the seed's endpoint has it.
 * @throws WbError("usage") for anything else
 */
async function readUpdates(
  sql: Sql,
  since: string,
  limit: number,
): Promise<{ updates: ClassificationUpdate[]; next: string }> {
  const conditions = new Conditions();
  const position = /^\d{0,15}$/.test(since) ? Number(since) : undefined;
  if (position === undefined) conditions.add("updated_at_ms > ?", parseTime(since));
  else conditions.add("position > ?", position);
  const rows = await sql.all<EntryRow & { position: number }>(
    `SELECT fingerprint_hash, classification, classification_source, updated_at_ms, position
     FROM process_classifications ${conditions.where} ORDER BY position LIMIT ${Math.min(Math.max(1, Math.trunc(limit)), UPDATES_MAX)}`,
    conditions.values,
  );
  const last = rows.at(-1)?.position;
  return {
    updates: rows.map((row) => ({
      fingerprintHash: row.fingerprint_hash,
      classification: row.classification,
      source: row.classification_source,
      updatedAt: new Date(row.updated_at_ms).toISOString(),
    })),
    next: last === undefined ? since : String(last),
  };
}

function parseTime(text: string): number {
  const timeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) {
    throw new WbError("usage", "this is no position of the classifications", {
      hint: "ask with `next` of the answer before, or without anything for all of them",
    });
  }
  return timeMs;
}
