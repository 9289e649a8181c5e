/**
 * What is known of an executable file: the SHA-256 of its content, and the package that it came with. Read once per file as
 * long as device, inode, size, mtime and ctime stay (the last no program can set), in chunks, two files at a time. A file that
 * can't be read, or that is larger than a gigabyte, has no hash: that is null, never a guess.
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
  /** By this name then; undefined where it names another file, in another mount namespace. */
  readonly path: string | undefined;
  /** Unix milliseconds: a file at `path` that was changed or put there later is another one. */
  readonly ranAtMs: number;
  /** What to ask the package's owner for. */
  readonly packagePath: string | undefined;
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
    if (file.link !== undefined) {
      const linked = await statOf(file.link);
      const known = linked === undefined ? undefined : this.#known.get(keyOf(linked, file));
      if (known !== undefined && file.isStill()) return known;
    }
    if (file.path === undefined) return undefined;
    const found = await this.#look(file.path, file.ranAtMs);
    return found === undefined || !wasThere(found, file) ? undefined : this.#known.get(keyOf(found, file));
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
      const key = keyOf(found, file);
      const known = this.#known.get(key) ?? this.#stored.fileFacts(key);
      if (known !== undefined) {
        this.#known.set(key, known);
        return known;
      }
      return await this.#readOnce(key, handle, file.packagePath);
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

  /** Its package is known by the path alone, as long as the file is there. */
  async #withoutContent({ packagePath }: ExecutableFile): Promise<FileFacts> {
    if (packagePath === undefined) return NO_FACTS;
    const known = this.#known.get(packagePath);
    if (known !== undefined) return known;
    const owner = await this.#ownerOf(packagePath);
    const facts = { ...NO_FACTS, publisher: owner?.publisher ?? null, version: owner?.version ?? null };
    this.#known.set(packagePath, facts);
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

/** What tells a file from all others, and from itself before it was changed. Which package it is in depends on who looks. */
function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats, { packagePath }: ExecutableFile): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}:${packagePath === undefined ? "elsewhere" : "here"}`;
}

/** Whatever is written or moved there gets a new ctime: what has an older one was there, as it is, when the program began. */
function wasThere({ ctimeNs, mtimeNs }: BigIntStats, { ranAtMs }: ExecutableFile): boolean {
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
  if (file.path === undefined) return undefined;
  const handle = await openOrNot(file.path);
  if (handle === undefined) return undefined;
  if (wasThere(await handle.stat({ bigint: true }), file)) return handle;
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
