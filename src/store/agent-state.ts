/**
 * An agent's own small state: values by name, and numbers that are never given out twice. Every change is on the disk before
 * the call returns, also against a power failure. One agent per file: its caller holds the lock of the state directory.
 */
import type { Database } from "bun:sqlite";
import { WbError } from "../model/errors.ts";
import { forgetOldDamagedFiles, openOwn, storageMessage, type DatabaseDefinition } from "./database.ts";

const DEFINITION: DatabaseDefinition = {
  applicationId: 0x57_42_41_53, // "WBAS"
  migrations: [
    `CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
     CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), reserved INTEGER NOT NULL) STRICT;
     INSERT INTO counter (id, reserved) VALUES (1, 0);`,
  ],
  tables: ["state", "counter"],
  what: "agent's state",
};

/** More were never given out: what is above is damaged, and begins anew. Whoever was given some says so (`atLeast`). */
const COUNTER_MAX = 2 ** 52;

/**
 * Makes it where it is missing. `setAsidePath`: where a damaged file was moved to; its values and numbers are gone.
 * @throws WbError("storage")
 */
export function openAgentState(path: string): { store: AgentStateStore; setAsidePath: string | undefined } {
  forgetOldDamagedFiles(path);
  const { database, setAsidePath } = openOwn(path, DEFINITION);
  // A number that was used must not come again after a power failure either.
  database.run("PRAGMA synchronous = FULL");
  return { store: new AgentStateStore(path, database), setAsidePath };
}

export class AgentStateStore {
  readonly #path: string;
  readonly #database: Database;

  constructor(path: string, database: Database) {
    this.#path = path;
    this.#database = database;
  }

  /** @throws WbError("storage") */
  get(name: string): string | undefined {
    return this.#guard(
      () =>
        this.#database.query<{ value: string }, [string]>("SELECT value FROM state WHERE name = ?").get(name)
          ?.value,
    );
  }

  /** Undefined removes it. @throws WbError("storage") where it could not be kept: then the old value stands. */
  set(name: string, value: string | undefined): void {
    this.#guard(() => {
      if (value === undefined) {
        this.#database.query<null, [string]>("DELETE FROM state WHERE name = ?").run(name);
        return;
      }
      this.#database
        .query<null, [string, string]>(
          "INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .run(name, value);
    });
  }

  /**
   * Reserves `block` (1 or more) numbers that nobody was given and nobody will be given, above `atLeast`: those after the one
   * that is returned. @throws WbError("storage") where that could not be kept: then none is reserved.
   */
  reserveCounters(block: number, atLeast = 0): number {
    return this.#guard(() => {
      const row = this.#database
        .query<{ reserved: number }, [number, number]>(
          `UPDATE counter SET reserved = max(CASE WHEN reserved BETWEEN 0 AND ${COUNTER_MAX} THEN reserved ELSE 0 END, ?) + ?
           WHERE id = 1 RETURNING reserved`,
        )
        .get(atLeast, block);
      if (row === null) throw new WbError("storage", `${this.#path} has lost its counter`);
      return row.reserved - block;
    });
  }

  close(): void {
    this.#database.close();
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof WbError) throw error;
      throw new WbError("storage", `${this.#path} can't be used: ${storageMessage(error)}`, {
        cause: error,
        hint: "make room on its disk, and see that the agent may write there",
      });
    }
  }
}
