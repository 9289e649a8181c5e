/**
 * Writes SQLite's log back to the database on a thread of its own: that waits twice for the disk to sync (5 to 20 ms, and hundreds
 * where others use the disk), and a COMMIT that does it holds up everything that the program answers. The thread begins when it is
 * first needed, which in most short lives is never, and takes some 5 MiB.
 */
import type { Database, Statement } from "bun:sqlite";
import { Worker } from "node:worker_threads";
import { storageMessage } from "../database.ts";
import type { CheckpointFailure } from "./checkpoint-thread.ts";

/** Of 4 KiB: more of them at once would be faster in all, and a longer wait for who writes just then. */
const PAGES = 1024;
/**
 * Where the thread has not done it (the disk refuses, there is no thread to be had), SQLite does it by itself in a COMMIT once the
 * log is so long, so that it does not grow for ever.
 */
const PAGES_MAX = 4 * PAGES;
/** The first that tells how long the log is without writing it back (wal_checkpoint=NOOP). Some systems bring their own SQLite. */
const MEASURES = ">=3.51.0";

/** In pages: how long the log is, and how much of that has been written back. */
interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

export class Checkpointer {
  readonly #thread: CheckpointThread;
  readonly #state: Statement<LogState, []> | undefined;
  readonly #onTrouble: (message: string) => void;
  /** As long the log may be: longer than at first after writing it back has failed. */
  #pagesDue = PAGES;
  #isTroubled = false;

  /** `path` is the database's that `writer` is a connection to. `onTrouble` is told once until it works again. */
  constructor(path: string, writer: Database, onTrouble: (message: string) => void) {
    this.#thread = new CheckpointThread(path);
    this.#onTrouble = onTrouble;
    const version = writer
      .query<{ version: string }, []>("SELECT sqlite_version() AS version")
      .get()?.version;
    const measures = version !== undefined && Bun.semver.satisfies(version, MEASURES);
    if (measures) this.#state = writer.prepare("PRAGMA wal_checkpoint = NOOP");
    writer.run(`PRAGMA wal_autocheckpoint = ${measures ? PAGES_MAX : PAGES}`);
  }

  /**
   * Writes the log back where it is long. Nothing may be written before it resolves: then it gets to the log's end, and only so
   * the next transaction begins the log anew.
   */
  async afterCommit(): Promise<void> {
    let pages = 0;
    try {
      const { log, checkpointed } = this.#state?.get() ?? { log: 0, checkpointed: 0 };
      pages = log - checkpointed;
      if (pages < PAGES) this.#pagesDue = PAGES;
      if (pages < this.#pagesDue) return;
      await this.#thread.checkpoint();
      this.#isTroubled = false;
    } catch (error) {
      this.#pagesDue = pages + PAGES;
      if (!this.#isTroubled)
        this.#onTrouble(`the database's log can't be written back: ${storageMessage(error)}`);
      this.#isTroubled = true;
    }
  }

  /** After the last transaction, before the writer is closed. */
  async close(): Promise<void> {
    await this.#thread.close();
    this.#state?.finalize();
  }
}

class CheckpointThread {
  readonly #path: string;
  #worker: Worker | undefined;
  #running: PromiseWithResolvers<void> | undefined;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * One at a time. When it resolves, the database has all that is in the log and is synced, but for what a reader in another
   * program keeps from it. Throws what the disk says, or that there is no thread: the next call tries to begin one.
   */
  async checkpoint(): Promise<void> {
    this.#running = Promise.withResolvers();
    try {
      this.#worker ??= this.#begin();
      this.#worker.ref();
      this.#worker.postMessage(this.#path);
      await this.#running.promise;
    } finally {
      this.#running = undefined;
      this.#worker?.unref(); // it keeps no program alive that has nothing else to do
    }
  }

  /** After the last checkpoint. Resolves when the thread has closed the database. */
  async close(): Promise<void> {
    if (this.#worker === undefined) return;
    this.#closing = Promise.withResolvers();
    this.#worker.ref();
    this.#worker.postMessage(null); // terminate() would not let it close the database
    await this.#closing.promise;
  }

  #begin(): Worker {
    const worker = new Worker(new URL("./checkpoint-thread.ts", import.meta.url));
    const lose = (reason: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#running?.reject(new Error(`the thread for it has ended: ${reason}`));
      this.#closing?.resolve();
    };
    worker.on("message", (failure: CheckpointFailure | null) => {
      if (failure === null) this.#running?.resolve();
      else this.#running?.reject(Object.assign(new Error(failure.message), { code: failure.code }));
    });
    worker.on("error", (error: Error) => lose(error.message));
    worker.on("exit", (status) => lose(`status ${status}`));
    return worker;
  }
}
