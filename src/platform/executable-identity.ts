/**
 * Whether another process runs the very program that this one runs: the same file by device and inode, or a file of the same
 * content. Both are looked at through /proc/PID/exe, which names the file that runs and not a path that may have changed.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

const CHUNK_BYTES = 1024 * 1024;
const KNOWN_MAX = 16;

interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: bigint;
  /** Change of content or of the inode, which no program can set. */
  readonly changedNs: bigint;
}

function identityOf(stat: ReturnType<typeof fstatSync>): FileIdentity {
  const big = stat as unknown as { dev: bigint; ino: bigint; size: bigint; ctimeNs: bigint };
  return { device: big.dev, inode: big.ino, size: big.size, changedNs: big.ctimeNs };
}

/** Compares executables with this process's own, and remembers the digests of the last few that were not the same file. */
export class ExecutableIdentity {
  readonly #procRoot: string;
  readonly #digests = new Map<string, string>();
  #own: string | undefined;

  constructor(procRoot = "/proc") {
    this.#procRoot = procRoot;
  }

  /** `file`: the same file; `digest`: a copy of it; `other`: something else; `unreadable`: gone, or not to be looked at. */
  compare(pid: number): "file" | "digest" | "other" | "unreadable" {
    try {
      const ownPath = `${this.#procRoot}/self/exe`;
      const path = `${this.#procRoot}/${pid}/exe`;
      const own = identityOf(statSync(ownPath, { bigint: true }));
      const theirs = identityOf(statSync(path, { bigint: true }));
      if (own.device === theirs.device && own.inode === theirs.inode) return "file";
      if (own.size !== theirs.size) return "other";
      this.#own ??= this.#digest(ownPath);
      return this.#digest(path) === this.#own ? "digest" : "other";
    } catch {
      return "unreadable"; // it ended meanwhile, or this process may not look at it
    }
  }

  /** SHA-256 of the file's content, read once as long as the file does not change. */
  #digest(path: string): string {
    const descriptor = openSync(path, "r");
    try {
      const { device, inode, size, changedNs } = identityOf(fstatSync(descriptor, { bigint: true }));
      const key = `${device}:${inode}:${size}:${changedNs}`;
      const known = this.#digests.get(key);
      if (known !== undefined) return known;
      const hasher = new Bun.CryptoHasher("sha256");
      const chunk = new Uint8Array(CHUNK_BYTES);
      for (;;) {
        const length = readSync(descriptor, chunk, 0, chunk.length, null);
        if (length === 0) break;
        hasher.update(chunk.subarray(0, length));
      }
      const digest = hasher.digest("hex");
      if (this.#digests.size >= KNOWN_MAX) this.#digests.clear();
      this.#digests.set(key, digest);
      return digest;
    } finally {
      closeSync(descriptor);
    }
  }
}
