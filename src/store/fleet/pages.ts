/**
 * Pages of rows by their number: a cursor names the last row that was told, so that rows added meanwhile change nothing.
 * One call looks at a bounded number of rows and lets others have their turn in between: where a filter finds little, a page
 * may have fewer items than were asked for, also none, and yet a cursor to go on from.
 */
import { WbError } from "../../model/errors.ts";
import type { Page } from "../../model/fleet.ts";
import type { PageQuery } from "./contract.ts";
import type { Sql } from "./sql.ts";
import { Conditions } from "./statements.ts";

export const PAGE_ITEMS_MAX = 1000;
const SEARCH_CHARACTERS_MAX = 256;
/** Rows between two turns of others, and per call: some 10 ms each, half a second in all. */
const WINDOW_ROWS = 5000;
const WINDOWS_MAX = 40;

/** Opaque to who gets it. `kind` is a word for the list that it belongs to. */
export function formatCursor(kind: string, position: number): string {
  return Buffer.from(`${kind}:${position}`).toString("base64url");
}

/** @throws WbError("usage") for what this parent did not give for this list */
export function parseCursor(kind: string, cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor.slice(0, 64), "base64url").toString("latin1");
  const position = new RegExp(`^${kind}:(\\d{1,16})$`).exec(text)?.[1];
  if (
    position === undefined ||
    !Number.isSafeInteger(Number(position)) ||
    formatCursor(kind, Number(position)) !== cursor
  ) {
    throw new WbError("usage", "this is no cursor of this list", {
      hint: "begin without one, then use `nextCursor` of each answer as it stands",
    });
  }
  return Number(position);
}

/** @throws WbError("usage") */
export function checkedLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_ITEMS_MAX)
    throw new WbError("usage", `a page has 1 to ${PAGE_ITEMS_MAX} items, not ${limit}`);
  return limit;
}

/**
 * The pattern for `lower(column) LIKE lower(?) ESCAPE '\\'` that finds the text anywhere; what LIKE takes for a wildcard is
 * only itself. @throws WbError("usage") for a text that is too long
 */
export function searchPattern(search: string): string {
  if (search.length > SEARCH_CHARACTERS_MAX)
    throw new WbError("usage", `a search has at most ${SEARCH_CHARACTERS_MAX} characters`);
  return `%${search.replaceAll(/[\\%_]/g, (letter) => `\\${letter}`)}%`;
}

/** A condition that finds the text in any of the columns. */
export function searchCondition(columns: readonly string[]): string {
  return `(${columns.map((column) => `lower(${column}) LIKE lower(?) ESCAPE '\\'`).join(" OR ")})`;
}

export function addSearch(conditions: Conditions, columns: readonly string[], search?: string): void {
  if (search === undefined || search === "") return;
  const pattern = searchPattern(search);
  conditions.add(searchCondition(columns), ...columns.map(() => pattern));
}

export interface Listing {
  /** Word for the cursor. */
  readonly kind: string;
  readonly table: string;
  /** The column of the table that numbers its rows. */
  readonly number: string;
  /** What follows FROM, where the table is called `t`. */
  readonly from: string;
  readonly columns: string;
  /** Conditions on the table itself that an index answers. */
  readonly scope: Conditions;
  /** What each row has to be looked at for. */
  readonly filters: Conditions;
}

/** The rows with the highest numbers first. @throws WbError("usage") for a forged cursor or a wrong limit */
export async function listNewestFirst<Row>(sql: Sql, listing: Listing, query: PageQuery): Promise<Page<Row>> {
  const limit = checkedLimit(query.limit);
  let before = parseCursor(listing.kind, query.cursor) ?? Number.MAX_SAFE_INTEGER;
  const items: (Row & Numbered)[] = [];
  for (let windows = 0; windows < WINDOWS_MAX; windows += 1) {
    if (windows > 0) await othersTurn();
    const floor = listing.filters.isEmpty ? undefined : await windowFloor(sql, listing, before);
    items.push(...(await selectWindow<Row>(sql, listing, before, floor ?? 0, limit + 1 - items.length)));
    if (items.length > limit) {
      const told = items.slice(0, limit);
      return { items: told, nextCursor: formatCursor(listing.kind, told.at(-1)?.row_number_ ?? 0) };
    }
    if (floor === undefined) return { items, nextCursor: null };
    before = floor;
  }
  return { items, nextCursor: formatCursor(listing.kind, before) };
}

interface Numbered {
  readonly row_number_: number;
}

/** The number of the last row in the next window; undefined where fewer rows are left. */
async function windowFloor(sql: Sql, listing: Listing, before: number): Promise<number | undefined> {
  const number = `t.${listing.number}`;
  const conditions = new Conditions().and(listing.scope).add(`${number} < ?`, before);
  const row = await sql.one<Numbered>(
    `SELECT ${number} AS row_number_ FROM ${listing.table} t ${conditions.where}
     ORDER BY ${number} DESC LIMIT 1 OFFSET ${WINDOW_ROWS - 1}`,
    conditions.values,
  );
  return row?.row_number_;
}

async function selectWindow<Row>(
  sql: Sql,
  listing: Listing,
  before: number,
  floor: number,
  limit: number,
): Promise<(Row & Numbered)[]> {
  const number = `t.${listing.number}`;
  const conditions = new Conditions()
    .and(listing.scope)
    .and(listing.filters)
    .add(`${number} < ?`, before)
    .add(`${number} >= ?`, floor);
  return sql.all<Row & Numbered>(
    `SELECT ${number} AS row_number_, ${listing.columns} FROM ${listing.from} ${conditions.where}
     ORDER BY ${number} DESC LIMIT ${limit}`,
    conditions.values,
  );
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
