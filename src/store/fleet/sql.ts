/**
 * The one way in which the parent speaks to its database: SQL in the dialect that SQLite and PostgreSQL share, with `$1` for
 * parameters. A transaction is serialised with all others; what is read inside sees what was written inside.
 */

export type SqlValue = string | number | bigint | null | Uint8Array;

export interface Sql {
  all<Row>(text: string, parameters?: readonly SqlValue[]): Promise<Row[]>;
  one<Row>(text: string, parameters?: readonly SqlValue[]): Promise<Row | undefined>;
  /** How many rows were changed. */
  run(text: string, parameters?: readonly SqlValue[]): Promise<number>;
}

export interface SqlDatabase extends Sql {
  /** Committed when `work` resolves, undone when it throws. Durable (synced) once this resolves. Not to be nested. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
