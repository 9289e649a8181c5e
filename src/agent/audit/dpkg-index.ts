/**
 * Which Debian package a file belongs to. The lists of all packages are read when the first file is asked for, and kept as
 * four bytes of hash and two of package per file, at most a million; a hit is confirmed in the package's own list. The index is
 * made anew when dpkg's status changes, or what it notes beside it while it installs, and forgotten when nobody has asked for a while.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  DpkgStatusReader,
  mergedNames,
  packageOfList,
  parseDiversions,
  type Diversion,
} from "../../decode/dpkg.ts";
import { FileTable, hashOf, placeOf } from "./file-table.ts";
import { LineReader } from "./line-reader.ts";

export interface FileOwner {
  readonly publisher: string | null;
  readonly version: string | null;
}

const PACKAGES_MAX = 65_535;
const FORGET_MS = 120_000;
/** Entries that the status file is to get when dpkg has done its work: what it starts meanwhile is of these versions. */
const NOTES = "updates";
const NOTE = /^\d{4}$/;
const FIELD_MAX = 255;
/** The event loop waits no longer than that for the lists to be read. */
const TURN_MS = 5;

interface Index {
  /** mtimes of the status file and the notes that it was made of. */
  readonly stamp: string;
  /** FNV-1a of the paths, in order; at the same place the number of the list. */
  readonly hashes: Uint32Array;
  readonly lists: Uint16Array;
  readonly listNames: readonly string[];
  /** By name, and by `name:architecture`. */
  readonly packages: ReadonlyMap<string, FileOwner>;
  readonly diversions: readonly Diversion[];
}

export class DpkgIndex {
  readonly #directory: string;
  #index: Index | undefined;
  #making: Promise<Index | undefined> | undefined;
  #forget: Timer | undefined;

  /** `directory`: /var/lib/dpkg. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Undefined where no package has this file. */
  async owner(path: string): Promise<FileOwner | undefined> {
    const index = await this.#current();
    if (index === undefined) return undefined;
    for (const name of mergedNames(path)) {
      const diversion = index.diversions.find(({ to }) => to === name);
      const away = index.diversions.find(({ from }) => from === name);
      const found =
        diversion === undefined
          ? this.#find(index, name, (owner) => away === undefined || away.by === owner || away.by === ":")
          : this.#find(index, diversion.from, (owner) => diversion.by !== owner);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  close(): void {
    clearTimeout(this.#forget);
    this.#index = undefined;
  }

  async #current(): Promise<Index | undefined> {
    clearTimeout(this.#forget);
    this.#forget = setTimeout(() => {
      this.#index = undefined;
    }, FORGET_MS);
    this.#forget.unref();
    const stamp = await this.#stamp();
    if (stamp === undefined) return undefined;
    if (this.#index?.stamp === stamp) return this.#index;
    this.#making ??= this.#make(stamp).finally(() => {
      this.#making = undefined;
    });
    return await this.#making;
  }

  async #stamp(): Promise<string | undefined> {
    try {
      const { mtimeMs, size } = await stat(join(this.#directory, "status"));
      const notes = await stat(join(this.#directory, NOTES)).catch(() => undefined); // an old dpkg, or a test's
      return `${mtimeMs}:${size}:${notes?.mtimeMs}`;
    } catch {
      return undefined; // no dpkg here
    }
  }

  async #make(stamp: string): Promise<Index | undefined> {
    const packages = new Map<string, FileOwner>();
    const status = new DpkgStatusReader(({ name, architecture, version, maintainer }) => {
      const owner = { publisher: field(maintainer), version: field(version) };
      packages.set(name, owner);
      packages.set(`${name}:${architecture}`, owner);
    });
    const reader = new LineReader();
    const notes = (await namesIn(join(this.#directory, NOTES))).filter((name) => NOTE.test(name)).sort();
    for (const name of ["status", ...notes.map((note) => join(NOTES, note))]) {
      reader.read(join(this.#directory, name), (bytes, start, end) => status.line(bytes, start, end));
      status.end();
    }
    const diversions = parseDiversions(await textOf(join(this.#directory, "diversions")));
    const listNames = (await namesIn(join(this.#directory, "info")))
      .filter((name) => packageOfList(name) !== undefined)
      .slice(0, PACKAGES_MAX);
    const files = new FileTable();
    let turnMs = performance.now();
    for (const [list, name] of listNames.entries()) {
      files.beginList(list);
      reader.read(join(this.#directory, "info", name), (bytes, start, end) => files.add(bytes, start, end));
      if (performance.now() - turnMs < TURN_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnMs = performance.now();
    }
    this.#index = { stamp, ...files.sorted(), listNames, packages, diversions };
    return this.#index;
  }

  #find(index: Index, path: string, mayOwn: (name: string) => boolean): FileOwner | undefined {
    const bytes = new TextEncoder().encode(path);
    const hash = hashOf(bytes, 0, bytes.length);
    for (let at = placeOf(index.hashes, hash); index.hashes[at] === hash; at += 1) {
      const listName = index.listNames[index.lists[at] ?? 0] ?? "";
      const owner = packageOfList(listName);
      if (owner === undefined || !mayOwn(owner.name)) continue;
      if (!this.#lists(listName, bytes)) continue;
      const { name, architecture } = owner;
      const found = index.packages.get(architecture === "" ? name : `${name}:${architecture}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #lists(listName: string, path: Uint8Array): boolean {
    let has = false;
    new LineReader().read(join(this.#directory, "info", listName), (bytes, start, end) => {
      has ||= end - start === path.length && Buffer.compare(path, bytes.subarray(start, end)) === 0;
    });
    return has;
  }
}

function field(text: string): string | null {
  return text === "" ? null : text.slice(0, FIELD_MAX);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return ""; // there is none
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch {
    return [];
  }
}
