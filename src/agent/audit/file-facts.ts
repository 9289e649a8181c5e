/**
 * What is known of an executable file: the SHA-256 of its content, and the package that it came with, where the package's path
 * names this very file. Read once per file as long as device, inode, size, mtime and ctime stay (the last no program can set), in
 * chunks, two files at a time. A file that can't be read, or that is larger than a gigabyte, has no hash: that is null, never a
 * guess; so is the package of a file that was replaced, or is another one than this machine has at that path.
 */
import { createHash } from "node:crypto";
import { constants, type BigIntStats } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { LRUCache } from "lru-cache";

export interface FileFacts {
  readonly fileHash: string | null;
  readonly publisher: string | null;
  readonly version: string | null;
}

export const NO_FACTS: FileFacts = { fileHash: null, publisher: null, version: null };

/** The cache on disk: what was read in earlier runs. */
export interface StoredFileFacts {
  fileFacts(key: string): FileFacts | undefined;
  keepFileFacts(key: string, facts: FileFacts): void;
}

/** Tells which package has the file. */
export type OwnerOf = (
  path: string,
) => Promise<{ publisher: string | null; version: string | null } | undefined>;

/** A file to be read, as it was named when the program began to run. */
export interface ExecutableFile {
  /** By this name it is opened first: /proc/PID/exe. Undefined where the process is gone. */
  readonly link: string | undefined;
  /** Whether what `link` opened is the file that is meant; asked right after opening. */
  readonly isStill: () => boolean;
  /** By this name then, unless it is foreign. */
  readonly path: string;
  /** The program may see another file there than we do: in another mount namespace, or a chroot. */
  readonly isForeign: boolean;
  /** Unix milliseconds: a file at `path` that was changed or put there later is another one. */
  readonly ranAtMs: number;
}

interface Look {
  readonly beganAtMs: number;
  readonly found: Promise<BigIntStats | undefined>;
}

const BYTES_MAX = 1024 ** 3;
const CHUNK_BYTES = 256 * 1024;
const AT_ONCE = 2;
const WAITING_MAX = 4096;
const KNOWN_MAX = 1000;

export class FileReader {
  readonly #stored: StoredFileFacts;
  readonly #ownerOf: OwnerOf;
  readonly #known = new LRUCache<string, FileFacts>({ max: KNOWN_MAX });
  readonly #looking = new Map<string, Look>();
  readonly #nowMs: () => number;
  readonly #underWay = new Map<string, Promise<FileFacts>>();
  readonly #waiting: (() => void)[] = [];
  readonly #buffers: Uint8Array[] = [];
  #running = 0;
  /** Files that were not read because too many were waiting. */
  skipped = 0;

  /** `nowMs`: Unix milliseconds. */
  constructor(stored: StoredFileFacts, ownerOf: OwnerOf, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#stored = stored;
    this.#ownerOf = ownerOf;
  }

  /** Never rejects. */
  async read(file: ExecutableFile): Promise<FileFacts> {
    return (await this.#recall(file)) ?? (await this.#readInTurn(file));
  }

  /** What is known of it without opening it. */
  async #recall(file: ExecutableFile): Promise<FileFacts | undefined> {
    const named = await this.#look(file.path, file.ranAtMs);
    if (file.link !== undefined) {
      const linked = await statOf(file.link);
      const known = linked === undefined ? undefined : this.#known.get(keyOf(linked, file, named));
      if (known !== undefined && file.isStill()) return known;
    }
    return isProved(named, file) ? this.#known.get(keyOf(named, file, named)) : undefined;
  }

  /** One look is enough for all that ran what is at the path before it began. */
  async #look(path: string, ranAtMs: number): Promise<BigIntStats | undefined> {
    const underWay = this.#looking.get(path);
    if (underWay !== undefined && underWay.beganAtMs > ranAtMs) return await underWay.found;
    const look = { beganAtMs: this.#nowMs(), found: statOf(path) };
    this.#looking.set(path, look);
    const found = await look.found;
    if (this.#looking.get(path) === look) this.#looking.delete(path);
    return found;
  }

  async #readInTurn(file: ExecutableFile): Promise<FileFacts> {
    if (this.#running < AT_ONCE) {
      this.#running += 1;
    } else if (this.#waiting.length < WAITING_MAX) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve)); // the place of one that is done
    } else {
      this.skipped += 1;
      return NO_FACTS;
    }
    try {
      return await this.#open(file);
    } catch {
      return NO_FACTS; // gone in the middle of reading, or the disk fails
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  async #open(file: ExecutableFile): Promise<FileFacts> {
    const handle = await openRight(file);
    if (handle === undefined) return await this.#withoutContent(file);
    try {
      const found = await handle.stat({ bigint: true });
      if (!found.isFile() || found.size > BYTES_MAX) return NO_FACTS;
      const named = await statOf(file.path);
      const key = keyOf(found, file, named);
      const known = this.#known.get(key) ?? this.#stored.fileFacts(key);
      if (known !== undefined) {
        this.#known.set(key, known);
        return known;
      }
      return await this.#readOnce(key, handle, isSame(found, named) ? file.path : undefined);
    } finally {
      await handle.close();
    }
  }

  async #readOnce(key: string, handle: FileHandle, packagePath: string | undefined): Promise<FileFacts> {
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return await underWay;
    const reading = this.#make(handle, packagePath);
    this.#underWay.set(key, reading);
    try {
      const facts = await reading;
      this.#known.set(key, facts);
      this.#stored.keepFileFacts(key, facts);
      return facts;
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** Of one that may not be read, the package is known all the same. */
  async #withoutContent(file: ExecutableFile): Promise<FileFacts> {
    const named = await statOf(file.path);
    if (!isProved(named, file)) return NO_FACTS;
    const key = `${keyOf(named, file, named)}:closed`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const owner = await this.#ownerOf(file.path);
    const facts = { ...NO_FACTS, publisher: owner?.publisher ?? null, version: owner?.version ?? null };
    this.#known.set(key, facts);
    return facts;
  }

  async #make(handle: FileHandle, packagePath: string | undefined): Promise<FileFacts> {
    const owner = packagePath === undefined ? undefined : await this.#ownerOf(packagePath);
    const fileHash = await this.#hash(handle);
    return { fileHash, publisher: owner?.publisher ?? null, version: owner?.version ?? null };
  }

  async #hash(handle: FileHandle): Promise<string> {
    const buffer = this.#buffers.pop() ?? new Uint8Array(CHUNK_BYTES);
    try {
      const hash = createHash("sha256");
      for (let position = 0; position <= BYTES_MAX;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
        position += bytesRead;
      }
      return hash.digest("hex");
    } finally {
      this.#buffers.push(buffer);
    }
  }
}

/** What tells a file from all others, and from itself before it was changed; with the path by which its package knows it. */
function keyOf(found: BigIntStats, { path }: ExecutableFile, named: BigIntStats | undefined): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = found;
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}:${isSame(found, named) ? path : ""}`;
}

function isSame({ dev, ino }: BigIntStats, named: BigIntStats | undefined): boolean {
  return named?.dev === dev && named.ino === ino;
}

/**
 * Whether what is there now is what the program runs: whatever is written or moved there gets a new ctime, so that what has an
 * older one was there, as it is, when the program began.
 */
function isProved(
  named: BigIntStats | undefined,
  { isForeign, ranAtMs }: ExecutableFile,
): named is BigIntStats {
  if (isForeign || named === undefined) return false;
  const { ctimeNs, mtimeNs } = named;
  return Number((ctimeNs > mtimeNs ? ctimeNs : mtimeNs) / 1000n) / 1000 <= ranAtMs;
}

async function statOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch {
    return undefined; // gone, or not for us
  }
}

/** The file that the process runs; undefined where it can't be opened, or nothing proves that it is that one. */
async function openRight(file: ExecutableFile): Promise<FileHandle | undefined> {
  if (file.link !== undefined) {
    const handle = await openOrNot(file.link);
    if (handle !== undefined && file.isStill()) return handle;
    await handle?.close();
  }
  const handle = file.isForeign ? undefined : await openOrNot(file.path);
  if (handle === undefined) return undefined;
  if (isProved(await handle.stat({ bigint: true }), file)) return handle;
  await handle.close();
  return undefined;
}

async function openOrNot(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // never waits at a pipe
  } catch {
    return undefined; // gone, or not for us
  }
}
