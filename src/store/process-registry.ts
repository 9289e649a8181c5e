/**
 * What an agent remembers of processes between its runs, in one SQLite file: fingerprints with their categories, the processes
 * that run, and what was read of executable files. A damaged file is set aside and a new one begun.
 *
 * Each start and end is written before it is told, and again when the outbox has it: so after a kill it is known of each
 * process whether it was told for certain, not at all, or perhaps. Everything here is bounded.
 */
import { Database, SQLiteError } from "bun:sqlite";
import { isCategory, type ClassificationSource, type ProcessCategory } from "../model/categories.ts";
import {
  forgetOldDamagedFiles,
  isDamage,
  openOwn,
  setAside,
  storageMessage,
  type DatabaseDefinition,
} from "./database.ts";

const FINGERPRINTS_MAX = 20_000;
const FILES_MAX = 5000;

const REGISTRY: DatabaseDefinition = {
  applicationId: 0x57_42_50_52, // "WBPR"
  what: "process registry",
  tables: ["process_registry", "running_processes", "executable_files", "observation"],
  migrations: [
    `CREATE TABLE process_registry (
       fingerprint_hash TEXT PRIMARY KEY,
       name TEXT NOT NULL,
       path TEXT,
       file_hash TEXT,
       signature TEXT,
       publisher TEXT,
       version TEXT,
       classification TEXT,
       classification_source TEXT,
       classified_at INTEGER,
       first_seen INTEGER NOT NULL,
       last_seen INTEGER NOT NULL,
       seen_count INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX process_registry_name ON process_registry (name);
     CREATE INDEX process_registry_last_seen ON process_registry (last_seen);
     CREATE TABLE running_processes (
       process_id TEXT PRIMARY KEY,
       fingerprint_hash TEXT NOT NULL,
       pid INTEGER NOT NULL,
       started_at REAL NOT NULL,
       last_updated INTEGER NOT NULL,
       telling TEXT NOT NULL CHECK (telling IN ('starting', 'told', 'stopping', 'local')),
       details TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE executable_files (
       file_key TEXT PRIMARY KEY,
       file_hash TEXT,
       publisher TEXT,
       version TEXT,
       last_used INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE observation (
       only INTEGER PRIMARY KEY CHECK (only = 1),
       boot_id TEXT NOT NULL,
       until_ms REAL NOT NULL
     ) STRICT;`,
  ],
};

/** `starting`, `stopping`: perhaps told. `local`: known here, and told to nobody. */
export type TellingState = "starting" | "told" | "stopping" | "local";

export interface RegistryFingerprint {
  readonly fingerprintHash: string;
  readonly name: string;
  readonly path: string | null;
  readonly fileHash: string | null;
  readonly signature: string | null;
  readonly publisher: string | null;
  readonly version: string | null;
}

export interface RegistryProcess {
  readonly processId: string;
  readonly fingerprintHash: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly telling: TellingState;
  /** JSON text of whoever wrote it. */
  readonly details: string;
}

export interface RegistryWrite {
  readonly fingerprints: readonly RegistryFingerprint[];
  readonly processes: readonly RegistryProcess[];
  /** Ids of processes whose state is another one now. */
  readonly states: readonly { readonly processId: string; readonly telling: TellingState }[];
  readonly removed: readonly string[];
  /** All that happened until then is stored; undefined: not known to be. */
  readonly observedUntilMs: number | undefined;
  readonly nowMs: number;
}

export interface StoredCategory {
  readonly category: ProcessCategory;
  readonly source: ClassificationSource;
}

export interface RegistryFileFacts {
  readonly fileHash: string | null;
  readonly publisher: string | null;
  readonly version: string | null;
}

interface ProcessRow {
  readonly process_id: string;
  readonly fingerprint_hash: string;
  readonly pid: number;
  readonly started_at: number;
  readonly telling: TellingState;
  readonly details: string;
}

export class ProcessRegistryStore {
  /** Where a damaged file went. */
  readonly setAsidePath: string | undefined;
  /** Why nothing is kept, for as long as this runs. */
  #lasting: string | undefined;
  /** Why the last thing was not kept. */
  #passing: string | undefined;
  readonly #path: string;
  #database: Database;
  readonly #files = new Map<string, RegistryFileFacts>();
  #isLost = false;

  private constructor(path: string, database: Database, setAsidePath: string | undefined) {
    this.#path = path;
    this.#database = database;
    this.setAsidePath = setAsidePath;
  }

  /** Never throws: where the file can't be used it remembers for this run alone, and says why in `problem`. */
  static open(path: string): ProcessRegistryStore {
    try {
      forgetOldDamagedFiles(path);
      const { database, setAsidePath } = openOwn(path, REGISTRY);
      return new ProcessRegistryStore(path, database, setAsidePath);
    } catch (error) {
      const store = new ProcessRegistryStore(path, inMemory(), undefined);
      store.#lasting = error instanceof Error ? error.message : storageMessage(error);
      return store;
    }
  }

  /** Why nothing is kept, for a person; undefined: all is well. */
  get problem(): string | undefined {
    return this.#lasting ?? this.#passing;
  }

  /** Whether what was stored has been lost since this was asked the last time: the file was found damaged. */
  takeLost(): boolean {
    const isLost = this.#isLost;
    this.#isLost = false;
    return isLost;
  }

  /** What was known to run, and until when; undefined where nothing was ever stored. */
  restore(): { bootId: string; observedUntilMs: number; processes: RegistryProcess[] } | undefined {
    return this.#guarded(undefined, () => {
      const seen = this.#database
        .query<{ boot_id: string; until_ms: number }, []>("SELECT boot_id, until_ms FROM observation")
        .get();
      if (seen === null) return undefined;
      const rows = this.#database
        .query<ProcessRow, []>(
          "SELECT process_id, fingerprint_hash, pid, started_at, telling, details FROM running_processes",
        )
        .all();
      return { bootId: seen.boot_id, observedUntilMs: seen.until_ms, processes: rows.map(processOf) };
    });
  }

  /** Another boot: none of those that ran does. */
  beginBoot(bootId: string, nowMs: number): void {
    this.#guarded(undefined, () => {
      this.#transact(() => {
        this.#database.run("DELETE FROM running_processes");
        this.#observed(bootId, nowMs);
      });
    });
  }

  /** In one transaction. False where it could not be stored, of which `problem` says why. */
  write(bootId: string, batch: RegistryWrite): boolean {
    return this.#guarded(false, () => {
      this.#transact(() => {
        this.#writeFingerprints(batch);
        this.#writeProcesses(batch);
        this.#writeFiles(batch.nowMs);
        if (batch.observedUntilMs !== undefined) this.#observed(bootId, batch.observedUntilMs);
      });
      this.#files.clear();
      this.#passing = undefined;
      return true;
    });
  }

  /** All that run, in the place of what is stored: after a time in which nothing could be. */
  rewrite(
    bootId: string,
    processes: readonly RegistryProcess[],
    { observedUntilMs, nowMs }: { readonly observedUntilMs: number | undefined; readonly nowMs: number },
  ): boolean {
    const nothing = { fingerprints: [], states: [], removed: [], observedUntilMs, nowMs };
    return this.#guarded(false, () => {
      this.#transact(() => {
        this.#database.run("DELETE FROM running_processes");
        this.#writeProcesses({ ...nothing, processes });
        if (observedUntilMs !== undefined) this.#observed(bootId, observedUntilMs);
      });
      this.#passing = undefined;
      return true;
    });
  }

  category(fingerprintHash: string): StoredCategory | undefined {
    return this.#guarded(undefined, () => {
      const row = this.#database
        .query<{ classification: string | null; classification_source: string | null }, [string]>(
          "SELECT classification, classification_source FROM process_registry WHERE fingerprint_hash = ?",
        )
        .get(fingerprintHash);
      const category = row?.classification ?? "";
      const source = row?.classification_source;
      if (!isCategory(category) || source === null || source === undefined) return undefined;
      return { category, source: source as ClassificationSource };
    });
  }

  /** Also of fingerprints that were not seen here yet: they may come. */
  setCategories(
    updates: readonly { fingerprintHash: string; category: ProcessCategory; source: ClassificationSource }[],
    nowMs: number,
  ): boolean {
    return this.#guarded(false, () => {
      const upsert = this.#database.query(
        `INSERT INTO process_registry
           (fingerprint_hash, name, classification, classification_source, classified_at, first_seen, last_seen, seen_count)
         VALUES (?, '', ?, ?, ?, ?, ?, 0)
         ON CONFLICT (fingerprint_hash) DO UPDATE SET classification = excluded.classification,
           classification_source = excluded.classification_source, classified_at = excluded.classified_at`,
      );
      const now = Math.round(nowMs);
      this.#transact(() => {
        for (const { fingerprintHash, category, source } of updates)
          upsert.run(fingerprintHash, category, source, now, now, now);
      });
      return true;
    });
  }

  fileFacts(key: string): RegistryFileFacts | undefined {
    return this.#guarded(undefined, () => {
      const row = this.#database
        .query<{ file_hash: string | null; publisher: string | null; version: string | null }, [string]>(
          "SELECT file_hash, publisher, version FROM executable_files WHERE file_key = ?",
        )
        .get(key);
      if (row === null) return this.#files.get(key);
      const facts = { fileHash: row.file_hash, publisher: row.publisher, version: row.version };
      this.keepFileFacts(key, facts); // it was used
      return facts;
    });
  }

  /** Stored with the next write. */
  keepFileFacts(key: string, facts: RegistryFileFacts): void {
    if (this.#files.size < FILES_MAX) this.#files.set(key, facts);
  }

  /** Forgets the fingerprints and files that were not seen for longest, as far as there are too many. */
  trim(): void {
    this.#guarded(undefined, () => {
      this.#transact(() => {
        this.#database.run(
          `DELETE FROM process_registry WHERE fingerprint_hash IN (
             SELECT fingerprint_hash FROM process_registry
             WHERE fingerprint_hash NOT IN (SELECT fingerprint_hash FROM running_processes)
             ORDER BY last_seen DESC LIMIT -1 OFFSET ${FINGERPRINTS_MAX})`,
        );
        this.#database.run(
          `DELETE FROM executable_files WHERE file_key IN (
             SELECT file_key FROM executable_files ORDER BY last_used DESC LIMIT -1 OFFSET ${FILES_MAX})`,
        );
      });
    });
  }

  close(): void {
    this.#database.close();
  }

  #writeFingerprints({ fingerprints, nowMs }: RegistryWrite): void {
    const upsert = this.#database.query(
      `INSERT INTO process_registry
         (fingerprint_hash, name, path, file_hash, signature, publisher, version, first_seen, last_seen, seen_count)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
       ON CONFLICT (fingerprint_hash) DO UPDATE SET name = excluded.name, path = excluded.path,
         file_hash = excluded.file_hash, signature = excluded.signature, publisher = excluded.publisher,
         version = excluded.version, last_seen = excluded.last_seen, seen_count = seen_count + 1`,
    );
    const now = Math.round(nowMs);
    for (const each of fingerprints) {
      const { fingerprintHash, name, path, fileHash, signature, publisher, version } = each;
      upsert.run(fingerprintHash, name, path, fileHash, signature, publisher, version, now, now);
    }
  }

  #writeProcesses({ processes, states, removed, nowMs }: RegistryWrite): void {
    const now = Math.round(nowMs);
    const insert = this.#database.query(
      `INSERT OR REPLACE INTO running_processes
         (process_id, fingerprint_hash, pid, started_at, last_updated, telling, details) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    for (const { processId, fingerprintHash, pid, startedAtMs, telling, details } of processes)
      insert.run(processId, fingerprintHash, pid, startedAtMs, now, telling, details);
    const update = this.#database.query(
      "UPDATE running_processes SET telling = ?, last_updated = ? WHERE process_id = ?",
    );
    for (const { processId, telling } of states) update.run(telling, now, processId);
    const remove = this.#database.query("DELETE FROM running_processes WHERE process_id = ?");
    for (const processId of removed) remove.run(processId);
  }

  #writeFiles(nowMs: number): void {
    const insert = this.#database.query(
      `INSERT OR REPLACE INTO executable_files (file_key, file_hash, publisher, version, last_used)
       VALUES (?, ?, ?, ?, ?)`,
    );
    for (const [key, { fileHash, publisher, version }] of this.#files)
      insert.run(key, fileHash, publisher, version, Math.round(nowMs));
  }

  #observed(bootId: string, untilMs: number): void {
    this.#database
      .query("INSERT OR REPLACE INTO observation (only, boot_id, until_ms) VALUES (1, ?, ?)")
      .run(bootId, untilMs);
  }

  #transact(body: () => void): void {
    const transaction = this.#database.transaction(body);
    try {
      transaction.immediate();
    } catch (error) {
      if (!(error instanceof SQLiteError) || error.code !== "SQLITE_FULL") throw error;
      // What the log holds goes to the file, so that its room can be used again.
      this.#database.query("PRAGMA wal_checkpoint(RESTART)").get();
      transaction.immediate();
    }
  }

  /** A file that is found damaged while it is used is set aside, and the next writes go to a new one. */
  #guarded<T>(otherwise: T, body: () => T): T {
    try {
      return body();
    } catch (error) {
      this.#passing = storageMessage(error);
      if (isDamage(error)) this.#beginAnew();
      return otherwise;
    }
  }

  #beginAnew(): void {
    this.#isLost = true;
    this.#database.close();
    try {
      forgetOldDamagedFiles(this.#path);
      setAside(this.#path);
      this.#database = openOwn(this.#path, REGISTRY).database;
    } catch (error) {
      this.#lasting = storageMessage(error);
      this.#database = inMemory();
    }
  }
}

function inMemory(): Database {
  const database = new Database(":memory:");
  for (const migration of REGISTRY.migrations) database.run(migration);
  return database;
}

function processOf(row: ProcessRow): RegistryProcess {
  const { process_id: processId, fingerprint_hash: fingerprintHash, started_at: startedAtMs } = row;
  const { pid, telling, details } = row;
  return { processId, fingerprintHash, pid, startedAtMs, telling, details };
}
