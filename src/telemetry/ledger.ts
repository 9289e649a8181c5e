/**
 * The sidecar of the outbox: a small file that says how much was produced, so that after damage to the database the loss is
 * known exactly. It is written before each commit (what is intended) and after it (what is done).
 *
 * Two slots of a fixed size are written in turn, each with a checksum, so that a torn write leaves the one before. They are
 * not synced with each commit: after a reboot that was not preceded by an orderly end, the numbers are a lower bound.
 */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { z } from "zod";
import { sha256 } from "../protocol/fleet/canonical.ts";
import { EpochOrigin, STREAMS } from "../protocol/fleet/envelope.ts";

const MAGIC = 0x57424c31; // "WBL1"
const SLOT_BYTES = 64 * 1024;
const HEADER_BYTES = 12;
const HASH_BYTES = 32;
const BODY_BYTES_MAX = SLOT_BYTES - HEADER_BYTES - HASH_BYTES;

const count = z.int().min(0);

const LedgerEpoch = z.strictObject({
  stream: z.enum(STREAMS),
  epoch: z.string().regex(/^[0-9a-f]{16}$/),
  isCurrent: z.boolean(),
  bootId: z.string().max(64),
  /** Committed for certain. */
  produced: count,
  /** What the transaction that was under way would have made of it. */
  intended: count,
  cursor: count,
  cursorChain: z.string().nullable(),
  acked: count,
  unknownTail: z.boolean(),
  follows: EpochOrigin.nullable(),
});
export type LedgerEpoch = z.infer<typeof LedgerEpoch>;

export const LedgerImage = z.strictObject({
  agentId: z.string(),
  parentId: z.string(),
  bootId: z.string(),
  /** Ended in order, and synced. */
  isClean: z.boolean(),
  /** In the order of each stream. */
  epochs: z.array(LedgerEpoch),
  past: z.array(
    z.strictObject({
      stream: z.enum(STREAMS),
      produced: count,
      acked: count,
      lost: count,
      unknownTails: count,
    }),
  ),
});
export type LedgerImage = z.infer<typeof LedgerImage>;

interface Slot {
  readonly generation: number;
  readonly image: LedgerImage;
}

function readSlot(file: number, at: number): Slot | undefined {
  const bytes = Buffer.alloc(SLOT_BYTES);
  const length = readSync(file, bytes, 0, SLOT_BYTES, at);
  if (length < HEADER_BYTES + HASH_BYTES || bytes.readUInt32BE(0) !== MAGIC) return undefined;
  const generation = bytes.readUInt32BE(4);
  const size = bytes.readUInt32BE(8);
  if (size > BODY_BYTES_MAX) return undefined;
  const body = bytes.subarray(HEADER_BYTES + HASH_BYTES, HEADER_BYTES + HASH_BYTES + size);
  const told = bytes.subarray(HEADER_BYTES, HEADER_BYTES + HASH_BYTES);
  if (Buffer.compare(sha256(bytes.subarray(0, HEADER_BYTES), body), told) !== 0) return undefined;
  const image = LedgerImage.safeParse(JSON.parse(body.toString("utf8")));
  return image.success ? { generation, image: image.data } : undefined;
}

export class Ledger {
  readonly #file: number;
  #generation: number;

  private constructor(file: number, generation: number) {
    this.#file = file;
    this.#generation = generation;
  }

  /** Makes the file where there is none. `image` is what it held; undefined where it holds nothing that can be trusted. */
  static open(path: string): { ledger: Ledger; image: LedgerImage | undefined } {
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      if (fstatSync(file).size < 2 * SLOT_BYTES) {
        // Written and not only made longer: later writes must need no room on the disk.
        writeSync(file, new Uint8Array(SLOT_BYTES), 0, SLOT_BYTES, SLOT_BYTES);
        if (readSlot(file, 0) === undefined) writeSync(file, new Uint8Array(SLOT_BYTES), 0, SLOT_BYTES, 0);
      }
      const [first, second] = [readSlot(file, 0), readSlot(file, SLOT_BYTES)];
      const newest = (first?.generation ?? -1) > (second?.generation ?? -1) ? first : second;
      return { ledger: new Ledger(file, newest?.generation ?? 0), image: newest?.image };
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  /** Throws where the disk refuses. Where there are too many epochs for a slot, the oldest are left out. */
  write(image: LedgerImage): void {
    let { epochs } = image;
    let body = Buffer.from(JSON.stringify(image));
    while (body.byteLength > BODY_BYTES_MAX) {
      epochs = epochs.filter(({ isCurrent }, index) => isCurrent || index >= epochs.length / 2);
      const next = Buffer.from(JSON.stringify({ ...image, epochs }));
      if (next.byteLength >= body.byteLength) return;
      body = next;
    }
    const generation = (this.#generation + 1) % 0xffff_ffff;
    const bytes = Buffer.alloc(HEADER_BYTES + HASH_BYTES + body.byteLength);
    bytes.writeUInt32BE(MAGIC, 0);
    bytes.writeUInt32BE(generation, 4);
    bytes.writeUInt32BE(body.byteLength, 8);
    bytes.set(sha256(bytes.subarray(0, HEADER_BYTES), body), HEADER_BYTES);
    bytes.set(body, HEADER_BYTES + HASH_BYTES);
    const written = writeSync(this.#file, bytes, 0, bytes.byteLength, (generation % 2) * SLOT_BYTES);
    if (written !== bytes.byteLength)
      throw Object.assign(new Error("the sidecar was not written as a whole"), { code: "ENOSPC" });
    this.#generation = generation;
  }

  /** Through to the disk: at changes that are rare and must not be lost. */
  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}
