/** The few shapes of statement that every store uses: many rows at once, lists of values, conditions, numbers that never come twice. */
import type { Sql, SqlValue } from "./sql.ts";

/** Rows per statement. Few sizes, so that few statements are prepared: a row costs the same in all of them. */
const ROWS_PER_STATEMENT = [32, 8, 1] as const;
const VALUES_PER_LIST = [128, 16, 1] as const;

const insertTexts = new Map<string, string>();

function insertText(table: string, columns: readonly string[], rows: number, suffix: string): string {
  const name = `${table}|${columns.length}|${rows}|${suffix}`;
  const known = insertTexts.get(name);
  if (known !== undefined) return known;
  const row = (at: number): string =>
    `(${columns.map((_, column) => `$${at * columns.length + column + 1}`).join(", ")})`;
  const values = Array.from({ length: rows }, (_, at) => row(at)).join(", ");
  const text = `INSERT INTO ${table} (${columns.join(", ")}) VALUES ${values} ${suffix}`;
  insertTexts.set(name, text);
  return text;
}

/** The statements that insert these rows, each with its values. */
function* insertsOf(
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  suffix: string,
): Generator<[text: string, values: SqlValue[]]> {
  let at = 0;
  for (const size of ROWS_PER_STATEMENT) {
    for (; rows.length - at >= size; at += size)
      yield [insertText(table, columns, size, suffix), rows.slice(at, at + size).flat()];
  }
}

/** `suffix` is the ON CONFLICT clause. PostgreSQL wants that no row comes twice in one statement where that clause updates. */
export async function insertRows(
  sql: Sql,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  suffix = "",
): Promise<void> {
  for (const [text, values] of insertsOf(table, columns, rows, suffix)) await sql.run(text, values);
}

/** Those that were not there before, as `returning` names their columns. */
export async function insertNew<Row>(
  sql: Sql,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  returning: string,
): Promise<Row[]> {
  const added: Row[] = [];
  for (const [text, values] of insertsOf(
    table,
    columns,
    rows,
    `ON CONFLICT DO NOTHING RETURNING ${returning}`,
  ))
    added.push(...(await sql.all<Row>(text, values)));
  return added;
}

/** Rows whose column is one of the values. `text(list)` is the statement; its parameters before the list are `before`. */
export async function selectIn<Row>(
  sql: Sql,
  text: (list: string) => string,
  before: readonly SqlValue[],
  values: readonly SqlValue[],
): Promise<Row[]> {
  const found: Row[] = [];
  let at = 0;
  for (const size of VALUES_PER_LIST) {
    for (; values.length - at >= size; at += size) {
      const list = Array.from({ length: size }, (_, index) => `$${before.length + index + 1}`).join(", ");
      found.push(...(await sql.all<Row>(text(list), [...before, ...values.slice(at, at + size)])));
    }
  }
  return found;
}

/** Reserves so many numbers of this name in the transaction; the first of them. */
export async function reserveNumbers(sql: Sql, name: string, count: number): Promise<number> {
  const row = await sql.one<{ value: number }>(
    `INSERT INTO counters (name, value) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value RETURNING value`,
    [name, count],
  );
  return (row?.value ?? count) - count + 1;
}

/** Conditions that must all hold, with their values. */
export class Conditions {
  readonly #texts: string[] = [];
  readonly values: SqlValue[] = [];

  /** `text` has a question mark for each value. */
  add(text: string, ...values: readonly SqlValue[]): this {
    this.#texts.push(text);
    this.values.push(...values);
    return this;
  }

  /** Nothing where the value is undefined. */
  addIf(text: string, value: SqlValue | undefined): this {
    return value === undefined ? this : this.add(text, value);
  }

  and(others: Conditions): this {
    this.#texts.push(...others.#texts);
    this.values.push(...others.values);
    return this;
  }

  get isEmpty(): boolean {
    return this.#texts.length === 0;
  }

  /** `WHERE …`, or nothing. */
  get where(): string {
    if (this.isEmpty) return "";
    let at = 0;
    const text = this.#texts.join(" AND ").replaceAll("?", () => {
      at += 1;
      return `$${at}`;
    });
    return `WHERE ${text}`;
  }
}
