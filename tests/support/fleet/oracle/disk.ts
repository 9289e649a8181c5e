/** A small disk of its own for one program: a tmpfs that can be filled to the last byte, and freed. Needs root. */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const PIECE = new Uint8Array(256 * 1024);
const FILLER = "filler";

function mount(...words: readonly string[]): void {
  const child = Bun.spawnSync([...words], { stderr: "pipe" });
  if (child.exitCode !== 0) throw new Error(`${words.join(" ")}: ${child.stderr.toString()}`);
}

export class SmallDisk implements Disposable {
  readonly path: string;
  #isFull = false;
  #wasFull = false;

  constructor(path: string, mebibytes: number) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    mount("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m,mode=700`, "oracle", path);
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** At some time. */
  get wasFull(): boolean {
    return this.#wasFull;
  }

  /** Until there is not one byte left. */
  fill(): void {
    this.#isFull = true;
    this.#wasFull = true;
    const file = openSync(join(this.path, FILLER), "a");
    try {
      for (let size = PIECE.length; size >= 1; size = Math.floor(size / 4)) {
        try {
          for (;;) if (writeSync(file, PIECE, 0, size) < size) break;
        } catch (error) {
          if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(join(this.path, FILLER), { force: true });
    this.#isFull = false;
  }

  [Symbol.dispose](): void {
    mount("umount", "--lazy", this.path);
  }
}
