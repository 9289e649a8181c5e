/** The ids of processes and endpoints in the database, remembered for the busy ones. Makes an entry only when asked to. */
import type { Database, Statement } from "bun:sqlite";
import { LRUCache } from "lru-cache";
import type { HistorySubject } from "../model/history.ts";

const REMEMBERED_MAX = 10_000;

type Value = string | number;
interface Id {
  readonly id: number;
}

/** One dictionary table: a row of columns and its id. */
class Dictionary {
  readonly #find: Statement<Id, Value[]>;
  readonly #insert: Statement<Id, Value[]>;
  readonly #ids = new LRUCache<string, number>({ max: REMEMBERED_MAX });

  constructor(database: Database, table: string, columns: readonly string[]) {
    const where = columns.map((column) => `${column} = ?`).join(" AND ");
    const marks = columns.map(() => "?").join(", ");
    this.#find = database.prepare(`SELECT id FROM ${table} WHERE ${where}`);
    this.#insert = database.prepare(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${marks}) RETURNING id`,
    );
  }

  find(values: readonly Value[]): number | undefined {
    const key = JSON.stringify(values);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const row = this.#find.get(...values);
    if (row === null) return undefined;
    this.#ids.set(key, row.id);
    return row.id;
  }

  make(values: readonly Value[]): number {
    const known = this.find(values);
    if (known !== undefined) return known;
    const row = this.#insert.get(...values);
    if (row === null) throw new Error("an insert returned no row"); // RETURNING always does
    this.#ids.set(JSON.stringify(values), row.id);
    return row.id;
  }

  forget(): void {
    this.#ids.clear();
  }

  finalize(): void {
    this.#find.finalize();
    this.#insert.finalize();
  }
}

/** What the database holds for a user id that is not known. */
export const NO_USER = -1;

function processValues(subject: HistorySubject): Value[] {
  const { processName, processPath, userId, userName, attribution } = subject;
  return [processName, processPath, userId ?? NO_USER, userName, attribution];
}

function endpointValues(subject: HistorySubject): Value[] {
  const { remoteAddress, remoteHost, hostSource, port, protocol, direction } = subject;
  return [remoteAddress, remoteHost, hostSource ?? "", port, protocol, direction];
}

export class Dictionaries {
  readonly #processes: Dictionary;
  readonly #endpoints: Dictionary;

  constructor(database: Database) {
    this.#processes = new Dictionary(database, "process", [
      "name",
      "path",
      "user_id",
      "user_name",
      "attribution",
    ]);
    this.#endpoints = new Dictionary(database, "endpoint", [
      "address",
      "host",
      "host_source",
      "port",
      "protocol",
      "direction",
    ]);
  }

  /** Undefined where the database has no entry for one of the two. */
  find(subject: HistorySubject): readonly [processId: number, endpointId: number] | undefined {
    const processId = this.#processes.find(processValues(subject));
    if (processId === undefined) return undefined;
    const endpointId = this.#endpoints.find(endpointValues(subject));
    return endpointId === undefined ? undefined : [processId, endpointId];
  }

  make(subject: HistorySubject): readonly [processId: number, endpointId: number] {
    return [this.#processes.make(processValues(subject)), this.#endpoints.make(endpointValues(subject))];
  }

  /** After a rollback, or after entries were deleted: ids may no longer be there. */
  forget(): void {
    this.#processes.forget();
    this.#endpoints.forget();
  }

  finalize(): void {
    this.#processes.finalize();
    this.#endpoints.finalize();
  }
}
