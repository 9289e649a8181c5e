/**
 * The file with the secret that the helper and its clients share: 32 random bytes as base64. It is made whole or not at
 * all, and only believed where nobody else could have written or read it.
 */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../lib/replace-file.ts";
import { WbError } from "../model/errors.ts";
import { directoryTrust } from "./trusted-path.ts";

export const SECRET_BYTES = 32;
const FILE_BYTES_MAX = 4096;
const BY_OTHERS = 0o007;
const WRITABLE_BY_GROUP = 0o020;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** The secret of its base64 form; undefined where the text is none. */
export function parseSecret(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  if (!/^[A-Za-z0-9+/]{43}=$/.test(trimmed)) return undefined;
  return new Uint8Array(Buffer.from(trimmed, "base64"));
}

function unsafe(path: string, why: string, hint: string): WbError {
  return new WbError("permission", `the secret in ${path} is not to be trusted: ${why}`, { hint });
}

const NOT_BY_HELPER = "it is not as the helper makes it: remove it, and start the helper again";

/**
 * Reads a secret that the helper has made.
 * @throws WbError("unavailable") where there is none or it may not be read; WbError("permission") where others could have
 * made it or read it; WbError("protocol") where it holds something else.
 */
export function readSecretFile(path: string): Uint8Array {
  const descriptor = openSecret(path);
  try {
    const { mode, uid, size } = fstatSync(descriptor);
    const userId = process.geteuid?.() ?? 0;
    if ((mode & constants.S_IFMT) !== constants.S_IFREG)
      throw unsafe(path, "it is no regular file", NOT_BY_HELPER);
    if (uid !== 0 && uid !== userId) {
      throw unsafe(path, `it belongs to another user (${uid})`, NOT_BY_HELPER);
    }
    if ((mode & BY_OTHERS) !== 0) throw unsafe(path, "everybody may use it", `chmod o= ${path}`);
    if ((mode & WRITABLE_BY_GROUP) !== 0) throw unsafe(path, "its group may write it", `chmod g-w ${path}`);
    if (size > FILE_BYTES_MAX) throw unsafe(path, `it has ${size} bytes`, NOT_BY_HELPER);
    const { problem } = directoryTrust(dirname(path), userId);
    if (problem !== undefined) throw unsafe(path, problem, "keep it in a directory of root's alone");
    const buffer = new Uint8Array(FILE_BYTES_MAX);
    const length = readSync(descriptor, buffer, 0, buffer.length, 0);
    const secret = parseSecret(new TextDecoder().decode(buffer.subarray(0, length)));
    if (secret !== undefined) return secret;
    throw new WbError("protocol", `${path} holds no secret: 32 bytes as base64 are expected`, {
      hint: "remove it, and start the helper again: it makes a new one",
    });
  } finally {
    closeSync(descriptor);
  }
}

function openSecret(path: string): number {
  try {
    // A pipe in its place would else block whoever opens it.
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (cause) {
    const code = (cause as { code?: unknown } | null)?.code;
    if (code === "ELOOP") throw unsafe(path, "it is a symbolic link", NOT_BY_HELPER);
    const why = code === "ENOENT" ? "there is none" : code === "EACCES" ? "it may not be read" : String(code);
    throw new WbError("unavailable", `the helper's secret in ${path} can't be read: ${why}`, {
      cause,
      hint:
        code === "EACCES"
          ? "join the group that may: usermod -aG wirebound USER, then log in again"
          : "start the helper: systemctl start wirebound-helper",
    });
  }
}

/**
 * Writes a secret in place of an older one. `groupId`: who may read it beside the owner; undefined for nobody.
 * @throws the system's error where it can't be written. The directory is to be trusted (trusted-path.ts).
 */
export function writeSecretFile(path: string, secret: Uint8Array, groupId: number | undefined): void {
  replaceFile(path, `${Buffer.from(secret).toString("base64")}\n`, (descriptor) => {
    if (groupId === undefined) return;
    fchownSync(descriptor, -1, groupId);
    fchmodSync(descriptor, 0o640);
  });
}
