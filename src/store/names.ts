/**
 * The names of addresses on disk, between runs: an SQLite file that several processes may use at once. It is a cache:
 * whatever goes wrong with it, it says so, and nobody waits for it longer than `BUSY_MS`. A corrupt file is set aside
 * and a new one begun.
 */
import { constants, Database } from "bun:sqlite";
import { chmodSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { makePrivateDirectory } from "../lib/directories.ts";

import type { NameCounters, StoredName, StoredNameSource } from "../model/names.ts";

/** Rows kept; the most recently learned stay. */
const NAMES_MAX = 10_000;
/** Days of counters kept. */
const COUNTER_DAYS = 30;
const DAY_MS = 86_400_000;
/** SQLite waits in the thread that draws frames, so it may not wait long; what is refused is tried again later. */
const BUSY_MS = 20;
const SCHEMA_VERSION = 2;
const DIRECTORIES_MADE_MAX = 2;

const SCHEMA = `
  CREATE TABLE names (
    address TEXT PRIMARY KEY,
    name TEXT,
    source TEXT NOT NULL CHECK (source IN ('ptr', 'dns')),
    expires_ms INTEGER NOT NULL,
    saved_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX names_saved ON names (saved_ms);
  CREATE TABLE counters (
    day INTEGER PRIMARY KEY,
    hits INTEGER NOT NULL,
    misses INTEGER NOT NULL,
    lookups INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    unreachable INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    observed_dns INTEGER NOT NULL,
    observed_sni INTEGER NOT NULL
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** What became of an attempt to use the file. */
export type NameStoreEnd = "done" | "busy" | "corrupt" | "unwritable";

export interface NameStoreFailure {
  readonly end: Exclude<NameStoreEnd, "done">;
  /** For a person. */
  readonly message: string;
}

export interface OpenedNameStore {
  readonly store: NameStore | undefined;
  /** Whether a corrupt file was renamed to `<path>.corrupt`. */
  readonly wasSetAside: boolean;
  readonly failure: NameStoreFailure | undefined;
}

interface NameRow {
  readonly address: string;
  readonly name: string | null;
  readonly source: StoredNameSource;
  readonly expires_ms: number;
}

/** Opens or creates the file. Never throws: what can't be used is told in `failure`. */
export function openNameStore(path: string): OpenedNameStore {
  const first = tryOpen(path);
  if (first instanceof NameStore) return { store: first, wasSetAside: false, failure: undefined };
  if (first.end !== "corrupt") return { store: undefined, wasSetAside: false, failure: first };
  const failure = setAside(path);
  if (failure !== undefined) return { store: undefined, wasSetAside: false, failure };
  const second = tryOpen(path);
  if (second instanceof NameStore) return { store: second, wasSetAside: true, failure: undefined };
  return { store: undefined, wasSetAside: true, failure: second };
}

/** Reads the counters since `sinceMs` (whole days, UTC) without creating or changing anything; undefined if there are none. */
export function readNameCounters(
  path: string,
  sinceMs: number,
): (NameCounters & { entries: number }) | undefined {
  let database: Database | undefined;
  try {
    database = openUnchanged(path);
    database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const row = database
      .query<NameCounters & { entries: number; days: number }, [number]>(
        `SELECT count(*) AS days, sum(hits) AS hits, sum(misses) AS misses, sum(lookups) AS lookups,
           sum(failures) AS failures, sum(unreachable) AS unreachable, sum(dropped) AS dropped,
           sum(observed_dns) AS observedDns, sum(observed_sni) AS observedSni,
           (SELECT count(*) FROM names) AS entries
         FROM counters WHERE day >= ?`,
      )
      .get(Math.floor(sinceMs / DAY_MS));
    if (row === null || row.days === 0) return undefined;
    const { days: _days, ...counters } = row;
    return counters;
  } catch {
    return undefined; // no file, or one that can't be read: there are no counters to tell
  } finally {
    database?.close();
  }
}

/** Names of single addresses, for who asks a few and stores nothing: the rest of the file is not read. */
export class NameReader {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Creates and changes nothing; undefined where there is no file, or one that can't be read. */
  static open(path: string): NameReader | undefined {
    let database: Database | undefined;
    try {
      database = openUnchanged(path);
      database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
      const reader = new NameReader(database);
      reader.#find("", 0); // the table may not be there
      return reader;
    } catch {
      database?.close();
      return undefined; // a cache that can't be read knows no names
    }
  }

  /** What is stored of an address and has not expired. */
  find(address: string, nowMs: number): StoredName | undefined {
    try {
      return this.#find(address, nowMs);
    } catch {
      return undefined; // damaged in its middle, or locked: the name is not known
    }
  }

  close(): void {
    this.#database.close();
  }

  #find(address: string, nowMs: number): StoredName | undefined {
    const row = this.#database
      .query<NameRow, [string, number]>(
        "SELECT address, name, source, expires_ms FROM names WHERE address = ? AND expires_ms > ?",
      )
      .get(address, Math.round(nowMs));
    return row === null ? undefined : storedName(row);
  }
}

/** A reader makes -wal and -shm files beside the database, unless it is told that nobody writes: then there is no -wal. */
function openUnchanged(path: string): Database {
  if (statSync(`${path}-wal`, { throwIfNoEntry: false }) !== undefined)
    return new Database(path, { readonly: true });
  const uri = `file:${encodeURI(path).replaceAll("?", "%3f").replaceAll("#", "%23")}?immutable=1`;
  return new Database(uri, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
}

export class NameStore {
  readonly #database: Database;

  /** Throws what SQLite throws; `openNameStore` is the way in. */
  constructor(path: string) {
    makePrivateDirectory(dirname(path), DIRECTORIES_MADE_MAX);
    const database = new Database(path, { create: true, readwrite: true });
    this.#database = database;
    try {
      database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
      database.run("PRAGMA journal_mode = WAL");
      // No waiting for the disk: after a power failure the file may be corrupt, and then it is set aside.
      database.run("PRAGMA synchronous = OFF");
      database.transaction(() => migrate(database)).immediate();
      checkIntegrity(database);
      chmodSync(path, 0o600); // whom this machine talks to is nobody else's business
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Names that have not expired, the most recently learned first: `limit` of them from the `offset`th on. */
  load(nowMs: number, limit = NAMES_MAX, offset = 0): StoredName[] | NameStoreFailure {
    try {
      const rows = this.#database
        .query<NameRow, [number, number, number]>(
          `SELECT address, name, source, expires_ms FROM names WHERE expires_ms > ?
           ORDER BY saved_ms DESC, address DESC LIMIT ? OFFSET ?`,
        )
        .all(Math.round(nowMs), limit, offset);
      return rows.map(storedName);
    } catch (error) {
      return failureOf(error);
    }
  }

  /**
   * Adds the names and the counts in one transaction. The newest answer replaces the one before, but a PTR record never
   * an observed name that still holds. Undefined: done.
   */
  save(names: readonly StoredName[], counts: NameCounters, nowMs: number): NameStoreFailure | undefined {
    try {
      this.#database.transaction(() => this.#write(names, counts, nowMs)).immediate();
      return undefined;
    } catch (error) {
      return failureOf(error);
    }
  }

  /** Removes what has expired, what is too much, and counters of long ago. */
  trim(nowMs: number): NameStoreFailure | undefined {
    try {
      this.#database.transaction(() => this.#remove(nowMs)).immediate();
      return undefined;
    } catch (error) {
      return failureOf(error);
    }
  }

  close(): void {
    this.#database.close();
  }

  #write(names: readonly StoredName[], counts: NameCounters, nowMs: number): void {
    const upsert = this.#database.query(
      `INSERT INTO names (address, name, source, expires_ms, saved_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (address) DO UPDATE SET
         name = excluded.name, source = excluded.source, expires_ms = excluded.expires_ms, saved_ms = excluded.saved_ms
       WHERE NOT (source = 'dns' AND excluded.source = 'ptr' AND expires_ms > excluded.saved_ms)`,
    );
    for (const { address, name, source, expiresAtMs } of names) {
      upsert.run(address, name ?? null, source, Math.round(expiresAtMs), Math.round(nowMs));
    }
    this.#database
      .query(
        `INSERT INTO counters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (day) DO UPDATE SET
           hits = hits + excluded.hits, misses = misses + excluded.misses, lookups = lookups + excluded.lookups,
           failures = failures + excluded.failures, unreachable = unreachable + excluded.unreachable,
           dropped = dropped + excluded.dropped, observed_dns = observed_dns + excluded.observed_dns,
           observed_sni = observed_sni + excluded.observed_sni`,
      )
      .run(
        Math.floor(nowMs / DAY_MS),
        counts.hits,
        counts.misses,
        counts.lookups,
        counts.failures,
        counts.unreachable,
        counts.dropped,
        counts.observedDns,
        counts.observedSni,
      );
  }

  #remove(nowMs: number): void {
    this.#database.query("DELETE FROM names WHERE expires_ms <= ?").run(Math.round(nowMs));
    this.#database
      .query(
        `DELETE FROM names WHERE address IN
           (SELECT address FROM names ORDER BY saved_ms DESC, address DESC LIMIT -1 OFFSET ${NAMES_MAX})`,
      )
      .run();
    this.#database.query("DELETE FROM counters WHERE day < ?").run(Math.floor(nowMs / DAY_MS) - COUNTER_DAYS);
  }
}

function storedName({ address, name, source, expires_ms: expiresAtMs }: NameRow): StoredName {
  return { address, name: name ?? undefined, source, expiresAtMs };
}

function tryOpen(path: string): NameStore | NameStoreFailure {
  try {
    return new NameStore(path);
  } catch (error) {
    return failureOf(error);
  }
}

/** A file of another version is begun anew: it is a cache, and this is cheaper than being wrong about it. */
function migrate(database: Database): void {
  const version =
    database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
  if (version === SCHEMA_VERSION) return;
  database.run("DROP TABLE IF EXISTS names; DROP TABLE IF EXISTS counters;");
  database.run(SCHEMA);
}

/** Looks through the whole file, about a megabyte: damage in its middle would otherwise spoil every run anew. */
function checkIntegrity(database: Database): void {
  const found = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get()?.quick_check;
  if (found === "ok") return;
  throw Object.assign(new Error(found ?? "no answer"), { code: "SQLITE_CORRUPT" });
}

/** One file is kept aside, not one for every accident. */
function setAside(path: string): NameStoreFailure | undefined {
  try {
    renameSync(path, `${path}.corrupt`);
    // They belong to the file that is gone, and would be replayed into the new one.
    rmSync(`${path}-wal`, { force: true });
    rmSync(`${path}-shm`, { force: true });
    return undefined;
  } catch (error) {
    return { end: "unwritable", message: messageOf(error) };
  }
}

/** By SQLite's primary result code, https://www.sqlite.org/rescode.html; anything else means a file that can't be used. */
function failureOf(error: unknown): NameStoreFailure {
  const code = (error as { code?: unknown } | null)?.code;
  const name = typeof code === "string" ? code : "";
  const message = messageOf(error);
  if (name.startsWith("SQLITE_BUSY") || name.startsWith("SQLITE_LOCKED")) return { end: "busy", message };
  // SQLITE_ERROR and SQLITE_CONSTRAINT come from tables that are not what they should be.
  if (/^SQLITE_(CORRUPT|NOTADB|ERROR|SCHEMA|MISMATCH|CONSTRAINT)/.test(name))
    return { end: "corrupt", message };
  return { end: "unwritable", message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
