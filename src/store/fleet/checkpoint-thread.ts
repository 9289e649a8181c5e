/**
 * What runs on the thread of checkpointer.ts: with a connection of its own it writes the log back to the database. Each message is
 * the path of the database to do so, or null to end; each answer is null, or what SQLite says. build.ts names it as an entry
 * point, for nothing imports it.
 */
import { Database } from "bun:sqlite";
import { parentPort } from "node:worker_threads";

/** An error's words, and SQLite's name for it. */
export interface CheckpointFailure {
  readonly message: string;
  readonly code: string;
}

let database: Database | undefined;

function open(path: string): Database {
  const opened = new Database(path, { readwrite: true });
  // SQLite then syncs the log before it writes back, and the database before the log may begin anew.
  opened.run("PRAGMA synchronous = NORMAL");
  return opened;
}

function checkpoint(path: string): CheckpointFailure | null {
  try {
    database ??= open(path);
    database.run("PRAGMA wal_checkpoint(PASSIVE)");
    return null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return { message: error instanceof Error ? error.message : String(error), code };
  }
}

parentPort?.on("message", (path: string | null) => {
  if (path !== null) {
    parentPort?.postMessage(checkpoint(path));
    return;
  }
  database?.close();
  parentPort?.close(); // nothing is left to wait for, and so the thread ends
});
