/**
 * Adding to one rollup table (hourly or daily) without letting it grow beyond a bound per hour or day: when there are too
 * many distinct rows, the rest is folded into rows without a peer, then without a process. No byte is lost by that, only
 * detail, and every folding is counted.
 */
import type { Database, Statement } from "bun:sqlite";
import type { Dictionaries } from "./history-dictionary.ts";
import {
  type HistoryAmounts,
  type HistorySubject,
  withoutPeer,
  withoutPeerAndProcess,
} from "../model/history.ts";

type Key = [startMs: number, processId: number, endpointId: number, meaning: string];
type Amounts = [number, number, number, number, number];

function amountsOf(amounts: HistoryAmounts): Amounts {
  const { connections, bytesSent, bytesReceived, uncertaintyBytes, lowerBoundConnections } = amounts;
  return [connections, bytesSent, bytesReceived, uncertaintyBytes, lowerBoundConnections];
}

export class RollupTable {
  readonly #dictionaries: Dictionaries;
  readonly #rowsMax: number;
  readonly #update: Statement<unknown, [...Amounts, ...Key]>;
  readonly #insert: Statement<unknown, [...Key, ...Amounts]>;
  readonly #deleteEmpty: Statement<unknown, Key>;
  readonly #count: Statement<{ rows: number }, [number]>;
  /** Rows per start; only a few hours are ever written to. */
  readonly #rows = new Map<number, number>();

  /** @param rowsMax rows per hour or day before peers are folded; half as many again before processes are */
  constructor(database: Database, table: "hourly" | "daily", dictionaries: Dictionaries, rowsMax: number) {
    this.#dictionaries = dictionaries;
    this.#rowsMax = rowsMax;
    const key = "start_ms = ? AND process_id = ? AND endpoint_id = ? AND meaning = ?";
    this.#update = database.prepare(
      `UPDATE ${table} SET connections = connections + ?, bytes_sent = bytes_sent + ?,
         bytes_received = bytes_received + ?, uncertainty_bytes = uncertainty_bytes + ?,
         lower_bound_connections = lower_bound_connections + ? WHERE ${key}`,
    );
    this.#insert = database.prepare(
      `INSERT INTO ${table} (start_ms, process_id, endpoint_id, meaning, connections, bytes_sent, bytes_received,
         uncertainty_bytes, lower_bound_connections) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#deleteEmpty = database.prepare(
      `DELETE FROM ${table} WHERE ${key} AND connections = 0 AND bytes_sent = 0 AND bytes_received = 0
         AND uncertainty_bytes = 0 AND lower_bound_connections = 0`,
    );
    this.#count = database.prepare(`SELECT count(*) AS rows FROM ${table} WHERE start_ms = ?`);
  }

  /** Adds to the subject's row. True where it had to be folded into another. */
  add(startMs: number, subject: HistorySubject, amounts: HistoryAmounts): boolean {
    if (this.#addToExisting(startMs, subject, amounts)) return false;
    if (this.#rowsAt(startMs) < this.#rowsMax) {
      this.#insertRow(startMs, subject, amounts);
      return false;
    }
    const folded = withoutPeer(subject);
    if (this.#addToExisting(startMs, folded, amounts)) return true;
    const foldsProcess = this.#rowsAt(startMs) >= this.#rowsMax * 1.5;
    const target = foldsProcess ? withoutPeerAndProcess(subject) : folded;
    if (!foldsProcess || !this.#addToExisting(startMs, target, amounts))
      this.#insertRow(startMs, target, amounts);
    return true;
  }

  /** After a rollback: what was counted may not be there. */
  forget(): void {
    this.#rows.clear();
  }

  finalize(): void {
    for (const statement of [this.#update, this.#insert, this.#deleteEmpty, this.#count])
      statement.finalize();
  }

  #addToExisting(startMs: number, subject: HistorySubject, amounts: HistoryAmounts): boolean {
    const ids = this.#dictionaries.find(subject);
    if (ids === undefined) return false;
    const key: Key = [startMs, ...ids, subject.meaning];
    const values = amountsOf(amounts);
    if (this.#update.run(...values, ...key).changes === 0) return false;
    if (values.some((value) => value < 0) && this.#deleteEmpty.run(...key).changes > 0) {
      this.#rows.set(startMs, this.#rowsAt(startMs) - 1);
    }
    return true;
  }

  #insertRow(startMs: number, subject: HistorySubject, amounts: HistoryAmounts): void {
    const rows = this.#rowsAt(startMs);
    this.#insert.run(startMs, ...this.#dictionaries.make(subject), subject.meaning, ...amountsOf(amounts));
    this.#rows.set(startMs, rows + 1);
  }

  #rowsAt(startMs: number): number {
    let rows = this.#rows.get(startMs);
    if (rows === undefined) {
      rows = this.#count.get(startMs)?.rows ?? 0;
      if (this.#rows.size > 48) this.#rows.clear();
      this.#rows.set(startMs, rows);
    }
    return rows;
  }
}
