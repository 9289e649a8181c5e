/** A history filter as an SQL condition over the joined tables. Values are bound, never pasted. Pure. */
import type { HistoryFilter } from "../model/history.ts";

export interface Condition {
  /** Begins with ` AND` for each part; empty where everything matches. */
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** `*` stands for any characters, everything else for itself; letters A-Z match in either case (SQLite's LIKE). */
function pattern(text: string): string {
  return text.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll("*", "%");
}

const LIKE = String.raw`LIKE ? ESCAPE '\'`;

export function conditionOf(filter: HistoryFilter | undefined): Condition {
  let sql = "";
  const values: (string | number)[] = [];
  const add = (part: string, ...parameters: (string | number)[]): void => {
    sql += ` AND ${part}`;
    values.push(...parameters);
  };
  if (filter?.process !== undefined) {
    const like = pattern(filter.process);
    add(`(process.name ${LIKE} OR process.path ${LIKE})`, like, like);
  }
  if (filter?.address !== undefined) add(`endpoint.address ${LIKE}`, pattern(filter.address));
  if (filter?.host !== undefined) add(`endpoint.host ${LIKE}`, pattern(filter.host));
  if (filter?.user !== undefined) {
    add(`(process.user_name ${LIKE} OR CAST(process.user_id AS TEXT) = ?)`, pattern(filter.user), filter.user);
  }
  if (filter?.port !== undefined) add("endpoint.port = ?", filter.port);
  if (filter?.protocol !== undefined) add("endpoint.protocol = ?", filter.protocol);
  if (filter?.direction !== undefined) add("endpoint.direction = ?", filter.direction);
  return { sql, values };
}
