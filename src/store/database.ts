/**
 * Opening an SQLite file that must not be lost: a newer or foreign one is refused and not touched, a damaged one is set
 * aside whole (never repaired, never deleted) and a new one begun, an older one is migrated in one transaction.
 *
 * Why synchronous=NORMAL is enough: in WAL mode a commit is a write to the log file, which the kernel has from that moment
 * on; killing the process loses nothing that was committed. Only power loss can, and then whole last transactions since
 * the log was last synced (at each checkpoint), never the database's integrity. See https://sqlite.org/wal.html.
 */
import { constants, Database, SQLiteError } from "bun:sqlite";
import { closeSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { makePrivateDirectory } from "../lib/directories.ts";
import { localDate, localTime } from "../lib/calendar.ts";
import { WbError } from "../model/errors.ts";

export interface DatabaseDefinition {
  readonly applicationId: number;
  readonly migrations: readonly string[];
  /** What must be there after the last migration. */
  readonly tables: readonly string[];
  /** For a person: "history". */
  readonly what: string;
}

export interface OpenedDatabase {
  readonly database: Database;
  /** Where the damaged file went; undefined where there was none. */
  readonly setAsidePath: string | undefined;
}

/** How long a writer waits for another; a reader in WAL mode waits for nobody. */
const BUSY_TIMEOUT_MS = 250;
const SET_ASIDE_MAX = 5;
/** Of files that nobody looks after: the next makes it this many. */
const SET_ASIDE_KEPT = 3;
/** Larger files are checked page by page only as they are used: the check reads the whole file (about 0.5 s per GiB). */
const CHECKED_BYTES_MAX = 512 * 1024 * 1024;
/** No version of any of them will ever be above. */
const VERSION_MAX = 1000;
const HEADER = "SQLite format 3\0";

/** The names that a damaged database is known by. What is called otherwise and is no database was never one of ours. */
const DATABASE_NAME = /\.(?:db|sqlite3?)$/;

/** The file is not, or no longer, a database. */
class DamagedError extends Error {}

/** Nothing was ever written: a file that was only just made, or whose maker was killed at once. */
export class EmptyDatabaseError extends WbError {
  constructor(path: string) {
    super("storage", `${path} holds nothing yet`, { hint: "`wb monitor` records while it runs" });
    this.name = "EmptyDatabaseError";
  }
}

/** Whether the error says that the file itself is damaged. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedError) return true;
  return error instanceof SQLiteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code ?? "");
}

/** A person's words for what SQLite or the file system says. */
export function storageMessage(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (/^SQLITE_FULL|ENOSPC|EDQUOT/.test(code)) return "the disk is full";
  if (/^SQLITE_READONLY|EROFS/.test(code)) return "the file or its file system is read-only";
  if (/^SQLITE_(IOERR|PROTOCOL)/.test(code)) return `the disk refuses to read or write (${code})`;
  if (/^SQLITE_(PERM|AUTH|CANTOPEN)|EACCES|EPERM/.test(code)) return "it may not be opened or made here";
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return "another program keeps it locked";
  return error instanceof Error ? error.message : String(error);
}

/**
 * Opens for reading and writing, making the file (mode 0600) and its directory (0700) where they are missing. Only the
 * holder of the recorder's lock may call it, because it moves a damaged file away.
 * @throws WbError("storage") where the file is newer, not ours or can't be opened.
 */
export function openForWriting(path: string, definition: DatabaseDefinition): OpenedDatabase {
  try {
    makePrivateDirectory(dirname(path), 3); // ~/.local/state/wirebound
    try {
      return { database: open(path, definition), setAsidePath: undefined };
    } catch (error) {
      if (!isDamage(error)) throw error;
      const setAsidePath = setAside(path);
      return { database: open(path, definition), setAsidePath };
    }
  } catch (error) {
    if (error instanceof WbError) throw error;
    throw new WbError(
      "storage",
      `the ${definition.what} ${path} cannot be written: ${storageMessage(error)}`,
      {
        cause: error,
        hint: `look at \`ls -ld ${dirname(path)}\` and \`df ${dirname(path)}\`, or set XDG_STATE_HOME to another place`,
      },
    );
  }
}

/**
 * The same at a place where nobody else writes and nothing may need a hand: a file of another program, or of a version that there
 * will never be, has a damaged header there. What really is newer is left as it is.
 */
export function openOwn(path: string, definition: DatabaseDefinition): OpenedDatabase {
  try {
    return openForWriting(path, definition);
  } catch (error) {
    if (!isHeaderDamaged(path, definition)) throw error;
    const setAsidePath = setAside(path);
    return { database: openForWriting(path, definition).database, setAsidePath };
  }
}

function isHeaderDamaged(path: string, { applicationId }: DatabaseDefinition): boolean {
  try {
    const database = new Database(path, { readonly: true });
    try {
      const version = pragma(database, "user_version");
      return pragma(database, "application_id") !== applicationId || version < 0 || version > VERSION_MAX;
    } finally {
      database.close();
    }
  } catch {
    return false; // it can't be read at all: why, the first error says better
  }
}

/**
 * Opens for reading. Changes nothing, also not a damaged file.
 * @throws WbError("storage"); EmptyDatabaseError where nothing was ever written
 */
export function openForReading(path: string, definition: DatabaseDefinition): Database {
  try {
    const database = openReadOnly(path);
    try {
      checkVersion(database, path, definition);
      if (pragma(database, "user_version") === 0) throw new EmptyDatabaseError(path);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof WbError) throw error;
    const damaged = isDamage(error);
    throw new WbError(
      "storage",
      `the ${definition.what} ${path} ${damaged ? "is damaged" : `cannot be read: ${storageMessage(error)}`}`,
      {
        cause: error,
        hint: damaged
          ? "the next `wb monitor` sets it aside and begins a new one"
          : `look at \`ls -l ${path}*\`: read it as the user who records it`,
      },
    );
  }
}

function openReadOnly(path: string): Database {
  try {
    const database = new Database(path, { readonly: true });
    try {
      database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS * 4}`);
      database.query("SELECT count(*) FROM sqlite_schema").get();
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    // In WAL mode a reader needs the -shm file or the right to make it. Where there is no log the file is all there is,
    // and it may be read as it stands.
    if (isDamage(error) || hasLog(path) || statSync(path, { throwIfNoEntry: false }) === undefined)
      throw error;
    return openImmutable(path);
  }
}

function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Reads the file as it stands, without a trace on the disk. Only right where nobody writes it and it has no log. */
function openImmutable(path: string): Database {
  const uri = `file:${encodeURI(path).replaceAll("?", "%3f").replaceAll("#", "%23")}?immutable=1`;
  return new Database(uri, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
}

function open(path: string, definition: DatabaseDefinition): Database {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isFile() === false) {
    throw new WbError("storage", `${path} is not a file, so it can't hold the ${definition.what}`, {
      hint: "name a file that may be made or written to",
    });
  }
  const bytes = status?.size ?? 0;
  if (bytes > 0) examine(path, definition);
  else closeSync(openSync(path, "a", 0o600)); // SQLite gives its other files the mode of this one
  const database = new Database(path, { readwrite: true, create: true });
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = NORMAL");
    database.run("PRAGMA foreign_keys = ON");
    database.run("PRAGMA journal_size_limit = 16777216");
    if (bytes > 0 && bytes <= CHECKED_BYTES_MAX) quickCheck(database);
    migrate(database, definition);
    for (const table of definition.tables) {
      const found = database
        .query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")
        .get(table);
      if (found === null) throw new DamagedError(`the table ${table} is missing`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Looks at an existing file without being able to change it. */
function examine(path: string, definition: DatabaseDefinition): void {
  const descriptor = openSync(path, "r");
  try {
    const start = Buffer.alloc(HEADER.length);
    const read = readSync(descriptor, start, 0, start.length, 0);
    if (start.subarray(0, read).toString("latin1") !== HEADER) {
      if (!DATABASE_NAME.test(path)) throw notADatabase(path);
      throw new DamagedError("not a database");
    }
  } finally {
    closeSync(descriptor);
  }
  const database = hasLog(path) ? openReadOnly(path) : openImmutable(path);
  try {
    checkVersion(database, path, definition);
  } finally {
    database.close();
  }
}

/** A path that was mistyped must not cost the file that is there. */
function notADatabase(path: string): WbError {
  return new WbError("storage", `${path} is not a database; it is left as it is`, {
    hint: "name a file that is not there yet, such as one that ends in .db",
  });
}

function pragma(database: Database, name: "user_version" | "application_id"): number {
  return database.query<Record<string, number>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0;
}

function checkVersion(database: Database, path: string, definition: DatabaseDefinition): void {
  const version = pragma(database, "user_version");
  const application = pragma(database, "application_id");
  const tables = database.query<{ tables: number }, []>("SELECT count(*) AS tables FROM sqlite_schema").get();
  if (application !== definition.applicationId && (version !== 0 || (tables?.tables ?? 0) > 0)) {
    throw new WbError("storage", `${path} is a database of another program; it is left as it is`, {
      hint: "move it away, or set XDG_STATE_HOME to another place",
    });
  }
  if (version > definition.migrations.length) {
    throw new WbError(
      "storage",
      `${path} was made by a newer wb (version ${version} of the ${definition.what}, this one knows ${definition.migrations.length}); it is left as it is`,
      { hint: "install the newer wb, or move the file away to begin a new one" },
    );
  }
}

function quickCheck(database: Database): void {
  const answer = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get();
  if (answer?.quick_check !== "ok") throw new DamagedError(answer?.quick_check ?? "no answer");
}

function migrate(database: Database, definition: DatabaseDefinition): void {
  const run = database.transaction(() => {
    const version = pragma(database, "user_version");
    for (const migration of definition.migrations.slice(version)) database.run(migration);
    if (version === definition.migrations.length) return;
    database.run(`PRAGMA application_id = ${definition.applicationId}`);
    database.run(`PRAGMA user_version = ${definition.migrations.length}`);
  });
  run.immediate();
}

/** The damaged files beside this one that were set aside, oldest first. */
export function damagedFiles(path: string): string[] {
  const directory = dirname(path);
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) return [];
  const prefix = `${basename(path)}.corrupt-`;
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix) && !/-(?:wal|shm)$/.test(name))
    .sort()
    .map((name) => join(directory, name));
}

/** Deletes all but the last few of them, so that a bad disk neither fills up nor needs a hand. */
export function forgetOldDamagedFiles(path: string): void {
  const files = damagedFiles(path);
  for (const file of files.slice(0, Math.max(0, files.length - SET_ASIDE_KEPT + 1))) {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
  }
}

/** Renames the file and its log, so that nothing of them is lost or taken for the new one's. Returns the new path. */
export function setAside(path: string): string {
  const earlier = damagedFiles(path);
  if (earlier.length >= SET_ASIDE_MAX) {
    throw new WbError(
      "storage",
      `${path} is damaged, and ${earlier.length} damaged ones already lie beside it`,
      {
        hint: `look into the disk's health, then remove or keep elsewhere ${path}.corrupt-*`,
      },
    );
  }
  const now = Date.now();
  const stem = `${path}.corrupt-${localDate(now)}T${localTime(now).replaceAll(":", "-")}`;
  let target = stem;
  for (let count = 2; statSync(target, { throwIfNoEntry: false }) !== undefined; count += 1)
    target = `${stem}-${count}`;
  // The database last: if it ends here, the next start finds a damaged database again and not a new one with an old log.
  for (const suffix of ["-wal", "-shm", ""]) {
    if (statSync(path + suffix, { throwIfNoEntry: false }) !== undefined)
      renameSync(path + suffix, target + suffix);
  }
  return target;
}
