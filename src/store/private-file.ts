/**
 * Files for this user alone (keys, secrets): written whole or not at all, synced, mode 0600, and only read where nobody
 * else could have.
 */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../lib/replace-file.ts";
import { WbError } from "../model/errors.ts";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
const BY_OTHERS = 0o077;
const BYTES_MAX = 64 * 1024;

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** In place of what is there. @throws WbError("storage") */
export function writePrivateFile(path: string, text: string): void {
  try {
    replaceFile(path, text);
    syncDirectory(dirname(path));
  } catch (cause) {
    throw new WbError("storage", `cannot write ${path}: ${codeOf(cause)}`, {
      cause,
      hint: `see that ${dirname(path)} exists, has room, and that you may write there`,
    });
  }
}

/** So that the name is there too after a loss of power. Does nothing where the system can't open directories. */
function syncDirectory(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, O_RDONLY);
  } catch (error) {
    if (["EISDIR", "EPERM", "EACCES"].includes(codeOf(error))) return;
    throw error;
  }
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The text of a file of at most 64 KiB; undefined where there is none.
 * @throws WbError("permission") where others may use it; WbError("storage") where it can't be read.
 */
export function readPrivateFile(path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK); // a pipe in its place would block
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw new WbError("storage", `cannot read ${path}: ${codeOf(cause)}`, {
      cause,
      hint: "see that it is a file of this user, and no link; what is another user's (a service's) is asked as that user, or by sudo",
    });
  }
  try {
    const { mode, size } = fstatSync(descriptor);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || size > BYTES_MAX) {
      throw new WbError("storage", `${path} is not the file that it should be`, { hint: "move it away" });
    }
    if ((mode & BY_OTHERS) !== 0) {
      throw new WbError("permission", `${path} may be used by others`, { hint: `chmod 600 ${path}` });
    }
    const buffer = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const read = readSync(descriptor, buffer, length, size - length, length);
      if (read === 0) break;
      length += read;
    }
    return buffer.toString("utf8", 0, length);
  } finally {
    closeSync(descriptor);
  }
}
