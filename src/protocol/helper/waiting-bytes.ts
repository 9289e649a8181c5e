/**
 * Bytes that wait to be written: first in, first out, copied in, and never more than a limit. What one queue has emptied
 * the next one uses, so that answers of megabytes every second leave no garbage. Pure.
 */
import { offerSpareBuffer } from "../../lib/spare-buffers.ts";

/** Sizes are powers of two from here on; what is not touched takes no memory. */
const BUFFER_BYTES_MIN = 4096;
/** A larger buffer is not kept. */
const SPARE_BYTES_MAX = 16 * 1024 * 1024;
const NO_BYTES = new Uint8Array(0);

/** The largest buffer that was emptied, for whichever queue needs one next. */
let spare = NO_BYTES;
offerSpareBuffer(() => spare);

function takeBuffer(sizeBytes: number): Uint8Array<ArrayBuffer> {
  if (spare.byteLength >= sizeBytes) {
    const taken = spare;
    spare = NO_BYTES;
    return taken;
  }
  return new Uint8Array(Math.max(BUFFER_BYTES_MIN, 2 ** Math.ceil(Math.log2(sizeBytes))));
}

function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  if (buffer.byteLength > spare.byteLength && buffer.byteLength <= SPARE_BYTES_MAX) spare = buffer;
}

export class WaitingBytes {
  readonly #bytesMax: number;
  #buffer = NO_BYTES;
  #start = 0;
  #end = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Copies the bytes to the end; false, and nothing is added, where more than the limit would wait. */
  add(bytes: Uint8Array): boolean {
    if (this.length + bytes.byteLength > this.#bytesMax) return false;
    if (this.#end + bytes.byteLength > this.#buffer.byteLength) this.#makeRoom(bytes.byteLength);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.byteLength;
    return true;
  }

  /** What comes next; valid until something is added or removed. */
  peek(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Forgets so many of the first bytes. */
  remove(count: number): void {
    this.#start += count;
    if (this.#start >= this.#end) this.clear();
  }

  clear(): void {
    giveBuffer(this.#buffer);
    this.#buffer = NO_BYTES;
    this.#start = 0;
    this.#end = 0;
  }

  /** Moves what waits to the beginning of the buffer, or of a larger one. */
  #makeRoom(added: number): void {
    const used = this.length;
    if (used + added <= this.#buffer.byteLength) this.#buffer.copyWithin(0, this.#start, this.#end);
    else {
      const larger = takeBuffer(used + added);
      larger.set(this.peek());
      giveBuffer(this.#buffer);
      this.#buffer = larger;
    }
    this.#start = 0;
    this.#end = used;
  }
}
