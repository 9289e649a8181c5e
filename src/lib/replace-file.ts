/** A small file put in another one's place whole or not at all, so that a link at its path is replaced and never followed. */
import { randomBytes } from "node:crypto";
import { closeSync, constants, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/**
 * Written under a name that nobody knows, synced, then renamed. It is its owner's alone (mode 0600), unless `prepare` lets others in
 * before anything is written. Throws the system's error, with nothing left.
 */
export function replaceFile(path: string, text: string, prepare?: (descriptor: number) => void): void {
  const working = join(dirname(path), `.${basename(path)}-${randomBytes(8).toString("hex")}`);
  const descriptor = openSync(working, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    prepare?.(descriptor);
    writeSync(descriptor, text);
    fsyncSync(descriptor);
    renameSync(working, path);
  } catch (error) {
    unlinkSync(working);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
