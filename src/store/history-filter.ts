/** A history filter as an SQL condition over the joined tables. Values are bound, never pasted. Pure. */
import type { HistoryFilter, HistoryFilterKey, HistoryTerm } from "../model/history.ts";

export interface Condition {
  /** Begins with ` AND` for each term; empty where everything matches. */
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

const COLUMNS: Readonly<Record<HistoryFilterKey, readonly string[]>> = {
  text: ["process.name", "process.path", "endpoint.host", "endpoint.address"],
  process: ["process.name", "process.path"],
  path: ["process.path"],
  user: ["process.user_name", "CAST(process.user_id AS TEXT)"],
  host: ["endpoint.host"],
  address: ["endpoint.address"],
  port: ["CAST(endpoint.port AS TEXT)"],
  proto: ["endpoint.protocol"],
  direction: ["endpoint.direction"],
};

const BY_PART: ReadonlySet<HistoryFilterKey> = new Set(["text", "process", "path", "host"]);

/** The value as a pattern of SQLite's LIKE, which ignores the case of the letters A to Z. */
function pattern(key: HistoryFilterKey, { text, isQuoted }: HistoryTerm["values"][number]): string {
  const plain = text.replaceAll(/[\\%_]/g, String.raw`\$&`);
  if (isQuoted) return plain;
  if (/[*?]/.test(text)) return plain.replaceAll("*", "%").replaceAll("?", "_");
  return BY_PART.has(key) ? `%${plain}%` : plain;
}

export function conditionOf(filter: HistoryFilter | undefined): Condition {
  let sql = "";
  const values: string[] = [];
  for (const term of filter ?? []) {
    const parts: string[] = [];
    for (const value of term.values) {
      for (const column of COLUMNS[term.key]) {
        parts.push(String.raw`${column} LIKE ? ESCAPE '\'`);
        values.push(pattern(term.key, value));
      }
    }
    sql += ` AND ${term.isNegated ? "NOT " : ""}(${parts.join(" OR ")})`;
  }
  return { sql, values };
}
