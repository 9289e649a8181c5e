/**
 * What becomes of the files of an agent that is dead: torn, cut short, overwritten. Any of its databases, their logs, and the sidecar.
 * Not its keys: whoever loses these is somebody else.
 */
import { closeSync, openSync, readdirSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./random.ts";

/** What a file is for. */
export type Kept = "outbox" | "processes" | "state";

export interface Damage {
  readonly kept: Kept;
  readonly file: string;
  readonly how: string;
}

const FILES: Readonly<Record<string, Kept>> = {
  "outbox.db": "outbox",
  "outbox.db-wal": "outbox",
  "outbox.ledger": "outbox",
  "processes.db": "processes",
  "processes.db-wal": "processes",
  "state.db": "state",
  "state.db-wal": "state",
};
/** What a disk writes as a whole, and a page of SQLite's. */
const SECTOR = 512;
const PAGE = 4096;
const PIECES_MAX = 8;
const PIECE_BYTES_MAX = 2000;

/** Undefined where there was nothing to damage. */
export function damageOne(directory: string, random: Random): Damage | undefined {
  const there = new Set(readdirSync(directory));
  const files = Object.entries(FILES).filter(([file]) => there.has(file));
  if (files.length === 0) return undefined;
  const [file, kept] = random.pick(files);
  const path = join(directory, file);
  const way = random.next();
  const damage = way < 0.3 ? cutShort : way < 0.55 ? tear : overwrite;
  return { kept, file, how: damage(path, statSync(path).size, random) };
}

function cutShort(path: string, size: number, random: Random): string {
  const left = random.chance(0.2) ? 0 : random.between(0, size);
  truncateSync(path, left);
  return `truncated from ${size} to ${left}`;
}

/** Of one page only the first sectors were written; the others are as on a disk that was never used. */
function tear(path: string, size: number, random: Random): string {
  const page = random.between(0, Math.max(0, Math.ceil(size / PAGE) - 1)) * PAGE;
  const end = Math.min(page + PAGE, size);
  const from = page + random.between(0, Math.max(0, Math.ceil((end - page) / SECTOR) - 1)) * SECTOR;
  write(path, from, new Uint8Array(end - from));
  return `torn from ${from} to ${end} of ${size}`;
}

function overwrite(path: string, size: number, random: Random): string {
  const pieces = size === 0 ? 0 : random.between(1, PIECES_MAX);
  for (let piece = 0; piece < pieces; piece += 1) {
    const at = random.between(0, size - 1);
    write(path, at, random.bytes(Math.min(random.between(1, PIECE_BYTES_MAX), size - at)));
  }
  return `${pieces} pieces of ${size} bytes overwritten`;
}

function write(path: string, at: number, bytes: Uint8Array): void {
  const opened = openSync(path, "r+");
  writeSync(opened, bytes, 0, bytes.length, at);
  closeSync(opened);
}
