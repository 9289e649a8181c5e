/**
 * Frames on a stream: four bytes of length in network order, then the message. Reading is incremental and bounded: what
 * a length announces is checked before anything is allocated for it, memory grows only with what has really come, and a
 * frame that lies whole in one chunk is not copied. Pure.
 */

export const FRAME_HEADER_BYTES = 4;

/** Up to here a frame is joined with its length, so that it is one write and wakes the reader once. */
const JOINED_BYTES_MAX = 16 * 1024;
/** The least that is allocated for a frame that comes in pieces. */
const BUFFER_BYTES_MIN = 4096;
/** A buffer is kept for the next frame unless it is so many times larger than the one that it just held. */
const KEPT_RATIO = 4;

/** What to write for a frame, in this order. A long frame is not copied: it must not change until it is written. */
export function frameParts(frame: Uint8Array): readonly Uint8Array[] {
  const joined = frame.byteLength <= JOINED_BYTES_MAX;
  const head = new Uint8Array(FRAME_HEADER_BYTES + (joined ? frame.byteLength : 0));
  new DataView(head.buffer).setUint32(0, frame.byteLength);
  if (!joined) return [head, frame];
  head.set(frame, FRAME_HEADER_BYTES);
  return [head];
}

/** Takes a stream apart into frames, however its chunks were cut. */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  /** Of the frame that is being read; undefined while its header is. */
  #length: number | undefined;
  #buffer = new Uint8Array(0);
  #filled = 0;
  #failure: string | undefined;
  #stopped = false;

  /** `onFrame` gets bytes that are only valid during its call. A frame has 1 to `bytesMax` bytes. */
  constructor(bytesMax: number, onFrame: (frame: Uint8Array) => void) {
    this.#bytesMax = bytesMax;
    this.#onFrame = onFrame;
  }

  /**
   * Takes the next piece of the stream and hands over every frame that it completes. Returns why the stream can't be
   * read any further, where that is so: from then on nothing is read. What `onFrame` throws comes through.
   */
  push(chunk: Uint8Array): string | undefined {
    let position = 0;
    while (position < chunk.byteLength && !this.#stopped) {
      position =
        this.#length === undefined
          ? this.#readHeader(chunk, position)
          : this.#readBody(chunk, position, this.#length);
    }
    return this.#failure;
  }

  /** Hands over no further frame, also of the chunk that is being read, and lets go of what was kept. */
  stop(): void {
    this.#stopped = true;
    this.#buffer = new Uint8Array(0);
  }

  /** Whether the stream, ending here, ends in the middle of a frame. */
  get isMidFrame(): boolean {
    return this.#headerFilled > 0 || this.#length !== undefined;
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    let position = start;
    while (this.#headerFilled < FRAME_HEADER_BYTES && position < chunk.byteLength) {
      this.#header[this.#headerFilled] = chunk[position] ?? 0;
      this.#headerFilled += 1;
      position += 1;
    }
    if (this.#headerFilled < FRAME_HEADER_BYTES) return position;
    const length = new DataView(this.#header.buffer).getUint32(0);
    if (length === 0) this.#fail("a frame without content");
    else if (length > this.#bytesMax)
      this.#fail(`a frame of ${length} bytes, where ${this.#bytesMax} are allowed`);
    else {
      this.#headerFilled = 0;
      this.#length = length;
    }
    return position;
  }

  #readBody(chunk: Uint8Array, start: number, length: number): number {
    const missing = length - this.#filled;
    const end = Math.min(start + missing, chunk.byteLength);
    if (this.#filled === 0 && end - start === length) {
      this.#length = undefined;
      // Never a Buffer, whose `slice` would be no copy.
      this.#onFrame(new Uint8Array(chunk.buffer, chunk.byteOffset + start, length));
      return end;
    }
    this.#makeRoom(this.#filled + end - start, length);
    this.#buffer.set(chunk.subarray(start, end), this.#filled);
    this.#filled += end - start;
    if (this.#filled === length) this.#handOver(length);
    return end;
  }

  #handOver(length: number): void {
    const buffer = this.#buffer;
    // All is as before the next frame when the other code runs: it may throw, or stop the reader.
    this.#length = undefined;
    this.#filled = 0;
    if (buffer.byteLength > length * KEPT_RATIO) this.#buffer = new Uint8Array(0);
    this.#onFrame(buffer.subarray(0, length));
  }

  /** Grows by doubling what has come, never to more than the frame needs. */
  #makeRoom(needed: number, length: number): void {
    if (needed <= this.#buffer.byteLength) return;
    const grown = new Uint8Array(Math.min(length, Math.max(needed, 2 * this.#filled, BUFFER_BYTES_MIN)));
    grown.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = grown;
  }

  #fail(reason: string): void {
    this.#failure = reason;
    this.stop();
  }
}
