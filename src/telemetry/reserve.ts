/**
 * Room on the disk that is kept for the day when there is no other: a file that is given up when the disk is full, so that
 * acknowledgements and records of loss can still be written, and made again when there is room.
 */
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export const RESERVE_BYTES = 4 * 1024 * 1024;
/** Beyond the reserve itself: making it must not fill the disk again. */
const SPARE_BYTES = 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

export class Reserve {
  readonly #path: string;
  readonly #bytes: number;
  #isHeld: boolean;

  constructor(path: string, bytes = RESERVE_BYTES) {
    this.#path = path;
    this.#bytes = bytes;
    this.#isHeld = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === bytes;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Whether the disk has room; then the reserve is held again. */
  acquire(): boolean {
    if (this.#isHeld) return true;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize < this.#bytes + SPARE_BYTES) return false;
      this.#write();
      this.#isHeld = true;
    } catch {
      this.#remove(); // no room after all (a quota, or another was faster), or read-only: it is asked for again later
    }
    return this.#isHeld;
  }

  /** False where there was none to release. */
  release(): boolean {
    if (!this.#isHeld) return false;
    this.#isHeld = false;
    this.#remove();
    return true;
  }

  #write(): void {
    const piece = new Uint8Array(PIECE_BYTES);
    const file = openSync(this.#path, "w", 0o600);
    try {
      for (let left = this.#bytes; left > 0; left -= PIECE_BYTES)
        writeSync(file, piece, 0, Math.min(left, PIECE_BYTES));
      fsyncSync(file); // some file systems find out only now that there is no room
    } finally {
      closeSync(file);
    }
  }

  #remove(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // A read-only file system: it stays where it is, and is found again at the next start.
    }
  }
}

/** Whether an error says that there is no room, also behind the words for a person. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return /^SQLITE_FULL|ENOSPC|EDQUOT/.test(code) || isDiskFull(error.cause);
}

/** Less than what an SQLite file needs to begin: then also errors that don't say so mean that the disk is full. */
export function hasNoRoom(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < 128 * 1024;
  } catch {
    return false; // it can't be asked: then the error stands for itself
  }
}
