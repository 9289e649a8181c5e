/**
 * What agents and plugins take a program for. Suggestions are independent where they come from different agents: whoever
 * holds one agent can give it as many names as he likes, and still has one voice.
 */
import type { ProcessCategory } from "../../model/categories.ts";
import type { Sql } from "./sql.ts";

export interface Suggestion {
  readonly fingerprintHash: string;
  readonly category: ProcessCategory;
  readonly suggestedBy: string;
  readonly agentId: string;
  readonly confidence: number | null;
}

/** One per agent and name: the newest replaces what it said before. How many agents now say this. */
export async function countSuggestion(sql: Sql, suggestion: Suggestion, nowMs: number): Promise<number> {
  const { fingerprintHash, category, suggestedBy, agentId, confidence } = suggestion;
  await sql.run(
    `INSERT INTO process_classification_suggestions (fingerprint_hash, agent_id, suggested_by, suggested_classification,
       confidence, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (fingerprint_hash, agent_id, suggested_by) DO UPDATE SET
       suggested_classification = excluded.suggested_classification, confidence = excluded.confidence,
       created_at_ms = excluded.created_at_ms`,
    [fingerprintHash, agentId, suggestedBy, category, confidence, nowMs],
  );
  const row = await sql.one<{ agents: number }>(
    `SELECT COUNT(DISTINCT agent_id) AS agents FROM process_classification_suggestions
     WHERE fingerprint_hash = $1 AND suggested_classification = $2`,
    [fingerprintHash, category],
  );
  return row?.agents ?? 0;
}

/** Who says so, for the history: at most so many names. */
export async function suggesters(
  sql: Sql,
  fingerprintHash: string,
  category: ProcessCategory,
): Promise<string> {
  const rows = await sql.all<{ suggested_by: string }>(
    `SELECT DISTINCT suggested_by FROM process_classification_suggestions
     WHERE fingerprint_hash = $1 AND suggested_classification = $2 ORDER BY suggested_by LIMIT 5`,
    [fingerprintHash, category],
  );
  return rows.map((row) => row.suggested_by).join(", ");
}
