/**
 * A lock between processes by flock(2): exclusive, never waited for, and released by the kernel when its holder ends,
 * however it ends. The file stays; it is the lock on it that counts.
 */
import { closeSync, fstatSync, futimesSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errno, ERRNO, errnoName, libc } from "../../ffi/linux/libc.ts";
import { makePrivateDirectory } from "../lib/directories.ts";
import { WbError } from "../model/errors.ts";
import type { ExclusiveLock } from "../model/history.ts";

/** sys/file.h; see flock(2). */
const LOCK_EX = 2;
const LOCK_NB = 4;
const ATTEMPTS_MAX = 10;

function storageError(path: string, cause: unknown): WbError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new WbError("storage", `cannot lock ${path}: ${reason}`, {
    cause,
    hint: `see that ${dirname(path)} exists and that you may write there, or set XDG_STATE_HOME`,
  });
}

/** flock on an open file: true when locked, false when another open file holds the lock; throws the error number's name. */
function lockDescriptor(descriptor: number): boolean {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (libc().flock(descriptor, LOCK_EX | LOCK_NB) === 0) return true;
    const error = errno();
    if (error === ERRNO.EAGAIN) return false;
    if (error !== ERRNO.EINTR) throw new Error(`flock: ${errnoName(error)}`);
  }
  return false; // interrupted again and again: not now
}

/** Whether the open file is still the one at the path: a lock on a deleted file keeps nobody out. */
function isStillAt(path: string, descriptor: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const here = fstatSync(descriptor);
  return there !== undefined && there.ino === here.ino && there.dev === here.dev;
}

/**
 * A lock on the file at `path`, which is made when it is first tried, its directory too (mode 0700). Two locks on one
 * file exclude each other even within a process. A file system without locks (some network ones) throws.
 */
export function createFileLock(path: string): ExclusiveLock {
  let held: number | undefined;
  const tryAcquire = (): boolean => {
    if (held !== undefined) return true;
    let descriptor: number | undefined;
    try {
      makePrivateDirectory(dirname(path), 3); // ~/.local/state/wirebound
      descriptor = openSync(path, "a", 0o600); // closed on exec, so no child keeps the lock
      if (lockDescriptor(descriptor) && isStillAt(path, descriptor)) held = descriptor;
    } catch (error) {
      throw storageError(path, error);
    } finally {
      if (descriptor !== undefined && descriptor !== held) closeSync(descriptor);
    }
    return held !== undefined;
  };
  return {
    tryAcquire,
    release: () => {
      if (held !== undefined) closeSync(held);
      held = undefined;
    },
    touch: () => {
      if (held === undefined) return;
      try {
        const now = Date.now() / 1000;
        futimesSync(held, now, now);
      } catch {
        // A sign of life that can't be left (a file system turned read-only) is no sign: nobody depends on it.
      }
    },
    touchedAtMs: () => statSync(path, { throwIfNoEntry: false })?.mtimeMs,
  };
}
