/**
 * SQLite behind the one interface to a database: transactions one after the other, each on the disk before it resolves (the
 * next one does not wait for that), prepared statements kept, and a second, read-only connection for what is read outside of
 * transactions, so that a reader waits for no writer. Whatever the disk refuses becomes WbError("storage"), with nothing half
 * done.
 */
import { SQLiteError, type Database, type SQLQueryBindings, type Statement } from "bun:sqlite";
import { WbError } from "../../model/errors.ts";
import { openForReading, openForWriting, storageMessage, type DatabaseDefinition } from "../database.ts";
import { Checkpointer } from "./checkpointer.ts";
import { LogSync } from "./log-sync.ts";
import type { Sql, SqlDatabase, SqlValue } from "./sql.ts";

/** Statements kept ready per connection; the one that was not used for longest goes. */
const STATEMENTS_MAX = 256;
/** The log is cut back to this size after it was larger. */
const LOG_BYTES_MAX = 64 * 1024 * 1024;
const CACHE_KIB = 64 * 1024;
/** Errors that are the disk's or the file's, and no defect of a statement. */
const STORAGE_ERROR =
  /^SQLITE_(?:FULL|IOERR|READONLY|CORRUPT|NOTADB|BUSY|LOCKED|CANTOPEN|PERM|PROTOCOL|NOMEM|TOOBIG)/;

export interface SqliteOptions {
  /** A damaged file was moved to this path, and a new one begun. */
  readonly onSetAside?: ((path: string) => void) | undefined;
  /** Something does not work that can be done without. Told once until it works again. */
  readonly onTrouble?: ((message: string) => void) | undefined;
}

/**
 * Opens or makes the file. Only the holder of the parent's lock may call it, because it moves a damaged file away.
 * @throws WbError("storage")
 */
export function openSqlite(
  path: string,
  definition: DatabaseDefinition,
  options: SqliteOptions = {},
): SqliteDatabase {
  const { database, setAsidePath } = openForWriting(path, definition);
  if (setAsidePath !== undefined) options.onSetAside?.(setAsidePath);
  try {
    // What was acknowledged to an agent is deleted there: it must outlive a power failure. LogSync sees to that.
    database.run("PRAGMA synchronous = NORMAL");
    database.run(`PRAGMA journal_size_limit = ${LOG_BYTES_MAX}`);
    database.run(`PRAGMA cache_size = -${CACHE_KIB}`);
    database.run("PRAGMA temp_store = MEMORY");
    return new SqliteDatabase(path, database, openForReading(path, definition), options.onTrouble);
  } catch (error) {
    database.close();
    throw asStorageError(error, path);
  }
}

export class SqliteDatabase implements SqlDatabase {
  readonly #path: string;
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #log: LogSync;
  readonly #checkpointer: Checkpointer;
  /** Ends when the transaction that was asked for last has ended, and the log was written back where it was long. */
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(
    path: string,
    writer: Database,
    reader: Database,
    onTrouble: (message: string) => void = () => undefined,
  ) {
    this.#path = path;
    this.#writer = new Connection(writer);
    this.#reader = new Connection(reader);
    this.#log = new LogSync(path);
    this.#checkpointer = new Checkpointer(path, writer, onTrouble);
  }

  async all<Row>(text: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#guard(() => this.#reader.all(text, parameters)) as Row[];
  }

  async one<Row>(text: string, parameters: readonly SqlValue[] = []): Promise<Row | undefined> {
    return this.#guard(() => this.#forOne().one(text, parameters)) as Row | undefined;
  }

  /** One row is found soonest by who has just written: the other connection forgets all that it knew at each write. */
  #forOne(): Connection {
    return this.#writer.database.inTransaction ? this.#reader : this.#writer;
  }

  async run(text: string, parameters: readonly SqlValue[] = []): Promise<number> {
    return this.transaction((sql) => sql.run(text, parameters));
  }

  async transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = turn.promise;
    await before;
    let result: T;
    try {
      result = await this.#inTransaction(work);
    } catch (error) {
      turn.resolve();
      throw error;
    }
    void this.#checkpointer.afterCommit().then(turn.resolve);
    await this.#durable();
    return result;
  }

  async #durable(): Promise<void> {
    try {
      await this.#log.durable();
    } catch (cause) {
      throw diskError(cause, this.#path, storageMessage(cause));
    }
  }

  async #inTransaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const scope = new TransactionScope(this.#writer);
    try {
      if (this.#log.hasFailed) this.#rewriteLog();
      this.#guard(() => this.#writer.database.run("BEGIN IMMEDIATE"));
      const result = await work(scope);
      scope.end();
      this.#writer.database.run("COMMIT");
      this.#log.committed();
      return result;
    } catch (error) {
      scope.end();
      this.#undo();
      throw asStorageError(error, this.#path);
    }
  }

  /** What the log holds, to the database, and that to the disk. Until it succeeds nothing more is written. */
  #rewriteLog(): void {
    const told = this.#guard(() => this.#writer.one("PRAGMA wal_checkpoint(TRUNCATE)", []));
    const { busy } = told as { readonly busy: number };
    if (busy !== 0) throw diskError(undefined, this.#path, "a sync has failed, and another program reads it");
    this.#log.rewritten();
  }

  /** SQLite may have undone it by itself, as it does where the disk is full. */
  #undo(): void {
    if (!this.#isClosed && this.#writer.database.inTransaction) this.#writer.database.run("ROLLBACK");
  }

  #guard<T>(work: () => T): T {
    if (this.#isClosed) throw new WbError("storage", "the fleet database is closed");
    try {
      return work();
    } catch (error) {
      throw asStorageError(error, this.#path);
    }
  }

  /** After the transactions that were asked for. */
  async close(): Promise<void> {
    await this.#last;
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#log.close();
    await this.#checkpointer.close();
    this.#reader.close();
    this.#writer.close();
  }
}

/** What a transaction hands out: refuses once the transaction is over, so that a forgotten await can't write outside of it. */
class TransactionScope implements Sql {
  readonly #connection: Connection;
  #isOver = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async all<Row>(text: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#open().all(text, parameters) as Row[];
  }

  async one<Row>(text: string, parameters: readonly SqlValue[] = []): Promise<Row | undefined> {
    return this.#open().one(text, parameters) as Row | undefined;
  }

  async run(text: string, parameters: readonly SqlValue[] = []): Promise<number> {
    return this.#open().run(text, parameters);
  }

  end(): void {
    this.#isOver = true;
  }

  #open(): Connection {
    if (this.#isOver) throw new WbError("internal", "a statement came after the end of its transaction");
    return this.#connection;
  }
}

class Connection {
  readonly database: Database;
  readonly #statements = new Map<string, Statement<unknown, SQLQueryBindings[]>>();

  constructor(database: Database) {
    this.database = database;
  }

  all(text: string, parameters: readonly SqlValue[]): unknown[] {
    return this.#prepare(text).all(...bindings(parameters));
  }

  one(text: string, parameters: readonly SqlValue[]): unknown {
    return this.#prepare(text).get(...bindings(parameters)) ?? undefined;
  }

  run(text: string, parameters: readonly SqlValue[]): number {
    return this.#prepare(text).run(...bindings(parameters)).changes;
  }

  #prepare(text: string): Statement<unknown, SQLQueryBindings[]> {
    const known = this.#statements.get(text);
    if (known !== undefined) {
      this.#statements.delete(text); // so that it is the newest again
      this.#statements.set(text, known);
      return known;
    }
    const statement = this.database.prepare<unknown, SQLQueryBindings[]>(text.replaceAll(/\$(\d+)/g, "?$1"));
    this.#statements.set(text, statement);
    if (this.#statements.size > STATEMENTS_MAX) {
      const [oldest] = this.#statements;
      if (oldest !== undefined) {
        this.#statements.delete(oldest[0]);
        oldest[1].finalize();
      }
    }
    return statement;
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.database.close();
  }
}

/** PostgreSQL has no U+0000 in text, and SQLite's functions end there: it becomes what stands for no character. */
function bindings(parameters: readonly SqlValue[]): SQLQueryBindings[] {
  return parameters.map((value) =>
    typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\uFFFD") : value,
  );
}

/** What SQLite says of the disk or the file, for a person; any other error as it is. */
function asStorageError(error: unknown, path: string): unknown {
  if (!(error instanceof SQLiteError) || !STORAGE_ERROR.test(error.code ?? "")) return error;
  return diskError(error, path, storageMessage(error));
}

function diskError(cause: unknown, path: string, message: string): WbError {
  return new WbError("storage", `the fleet database ${path} can't be used: ${message}`, {
    cause,
    hint: "make room, or look into the disk's health; agents keep what was not stored and send it again",
  });
}
