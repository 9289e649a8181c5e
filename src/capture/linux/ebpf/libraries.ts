/**
 * libbpf in this process: the system's own, or the one that the binary carries. A carried library is a file for as long
 * as it takes to open it: in a fresh directory that nobody else can enter or replace, gone before this returns. What
 * runs as root is never loaded from a directory that another user may write to.
 */
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { LibraryError } from "../../../../ffi/library.ts";
import { libbpf, useLibbpf } from "../../../../ffi/linux/libbpf.ts";
import { openGlobally } from "../../../../ffi/linux/loader.ts";
import { WbError } from "../../../model/errors.ts";
import { runtimeDirectory, stateDirectory } from "../../../platform/paths.ts";
import type { EmbeddedLibrary } from "./files.ts";

const PREFIX = "wirebound-libraries-";
/** Write permission of the group and of others. */
const SHARED_WRITE = 0o022;

/**
 * Where the private directory may be, best first. Several, because a service may write to few places, and because many
 * systems mount /run so that nothing can be executed from it.
 */
export function libraryParents(): readonly string[] {
  const service = process.env["RUNTIME_DIRECTORY"] === undefined ? undefined : runtimeDirectory();
  const places =
    process.geteuid?.() === 0 ? ["/run", service, "/var/lib", stateDirectory()] : [stateDirectory()];
  return places.filter((place) => place !== undefined);
}

let isOpen = false;

/**
 * Opens libbpf, once per process: what is open stays what is used. Without `embedded` it is the system's. Throws WbError
 * `unavailable` with every reason where none can be opened.
 */
export function openLibbpf(
  embedded: readonly EmbeddedLibrary[] | undefined,
  parents: readonly string[] = libraryParents(),
): void {
  if (isOpen) return;
  const reasons: string[] = [];
  for (const parent of embedded === undefined ? [] : parents) {
    const reason = openEmbedded(embedded ?? [], parent);
    if (reason === undefined) {
      isOpen = true;
      return;
    }
    reasons.push(`${parent}: ${reason}`);
  }
  useLibbpf();
  try {
    libbpf();
    isOpen = true;
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    throw new WbError("unavailable", ["libbpf can't be opened", ...reasons, error.message].join("; "), {
      hint: "Install it, as root: apt-get install libbpf1",
      cause: error,
    });
  }
}

/** Opens the libraries from a private directory below `parent`; returns the reason where that fails. */
function openEmbedded(embedded: readonly EmbeddedLibrary[], parent: string): string | undefined {
  let directory: string | undefined;
  try {
    refuseShared(parent);
    directory = mkdtempSync(join(parent, PREFIX)); // with mode 0700, by mkdtemp's contract
    refuseForeign(directory);
    return openFrom(directory, embedded);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.message;
  } finally {
    // The kernel keeps the mapped files; nobody needs their names any more.
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }
}

function openFrom(directory: string, embedded: readonly EmbeddedLibrary[]): string | undefined {
  for (const { soname, path } of embedded) {
    const extracted = join(directory, soname);
    writeFileSync(extracted, readFileSync(path), { flag: "wx", mode: 0o600 });
    if (soname.startsWith("libbpf.so")) {
      useLibbpf(extracted);
      libbpf();
      return undefined;
    }
    const reason = openGlobally(extracted);
    if (reason !== undefined) return reason;
  }
  return "this binary carries no libbpf";
}

/** Throws where someone else could put another file in place of ours: by owning a directory above it, or writing to it. */
function refuseShared(path: string): void {
  for (let place = path; ; place = dirname(place)) {
    const stat = lstatSync(place);
    const owner = stat.uid === 0 || stat.uid === process.geteuid?.();
    if (!stat.isDirectory() || !owner || (stat.mode & SHARED_WRITE) !== 0) {
      throw new Error(`${place} is not a directory that only this user may change`);
    }
    if (place === dirname(place)) return;
  }
}

/** Throws unless the directory is what was just made: ours alone, and no link. */
function refuseForeign(directory: string): void {
  const stat = lstatSync(directory);
  if (!stat.isDirectory() || stat.uid !== process.geteuid?.() || (stat.mode & 0o777) !== 0o700) {
    throw new Error(`${directory} is not a private directory of this user`);
  }
}
