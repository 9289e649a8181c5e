/**
 * Makes durable what SQLite has written to its log, while the program goes on: a transaction is acknowledged when the log was
 * synced after it, and all that were committed meanwhile share the next sync. SQLite itself would make everybody wait for the
 * disk at each of them; it goes on to sync by itself where its own files would not fit together otherwise (synchronous=NORMAL,
 * https://sqlite.org/wal.html).
 *
 * After a sync that failed nobody knows what is on the disk, also where the next one does not fail: what the log holds counts as
 * durable again only when it was written elsewhere, to the database itself.
 */
import { closeSync, fdatasync, openSync } from "node:fs";

export class LogSync {
  readonly #path: string;
  #descriptor: number | undefined;
  /** Transactions that were committed, and how many of them are durable. */
  #committed = 0;
  #durable = 0;
  #running: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** `path` is that of the database. */
  constructor(path: string) {
    this.#path = `${path}-wal`;
  }

  /** True where a sync has failed, until `rewritten`. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  committed(): void {
    this.#committed += 1;
  }

  /** All that was committed has been written to the database, and that was synced. */
  rewritten(): void {
    this.#failure = undefined;
    this.#durable = this.#committed;
  }

  /** Resolves when all that was committed before this call is on the disk. Throws what the disk says. */
  async durable(): Promise<void> {
    const wanted = this.#committed;
    while (this.#durable < wanted) {
      if (this.#failure !== undefined) throw this.#failure.error;
      this.#running ??= this.#sync().finally(() => {
        this.#running = undefined;
      });
      await this.#running;
    }
  }

  async #sync(): Promise<void> {
    const covered = this.#committed;
    try {
      await this.#syncFile();
      this.#durable = Math.max(this.#durable, covered);
    } catch (error) {
      this.#failure = { error };
    }
  }

  #syncFile(): Promise<void> {
    // SQLite keeps one log file for as long as the database is open. Nothing is written here, but Windows syncs for writers only.
    this.#descriptor ??= openSync(this.#path, "r+");
    const descriptor = this.#descriptor;
    return new Promise((resolve, reject) => {
      fdatasync(descriptor, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /** After the last transaction; who waits for one to be durable is answered first. */
  async close(): Promise<void> {
    await this.durable().catch(() => undefined); // who waits is told
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
