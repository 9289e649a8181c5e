/**
 * The part of CBOR (RFC 8949) that the protocol uses, read and written by cbor-x: unsigned integers, byte and text
 * strings, arrays, and maps with the keys 0 to 23 in ascending order; large integers are doubles, exact up to 2^53. What
 * comes in is looked through before cbor-x sees it, so that no tag, no record, no open-ended length, no depth and no
 * announced size of a stranger's can make it do anything but read. Pure.
 *
 * Of the package only the part in JavaScript is imported: the entry of its name alone loads a native addon.
 */
import { isUtf8 } from "node:buffer";
import { Decoder } from "cbor-x/decode";
import { Encoder } from "cbor-x/encode";
import { offerSpareBuffer } from "../../lib/spare-buffers.ts";

/** What the protocol carries. */
export type Packed = number | string | Uint8Array | readonly Packed[] | PackedMap;
/** A map: what cbor-x makes of one. */
export type PackedMap = ReadonlyMap<number, Packed>;

/** Bytes that are not what the protocol allows; the message says where, and repeats nothing of them. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

export interface CborLimits {
  /** Containers in containers; a number alone has depth 0. */
  readonly depthMax: number;
  /** Values and containers of the whole message. */
  readonly itemsMax: number;
}

/** Major types (RFC 8949, 3.1). */
const UNSIGNED = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
/** Floats and simple values; of these only a double is used. */
const OTHER = 7;
const DOUBLE = 27;
const DOUBLE_BYTES = 8;
/** Additional information below this is the value itself; 24, 25 and 26 say that 1, 2 or 4 bytes follow. */
const ONE_BYTE = 24;
const FOUR_BYTES = 26;
/** An integer of this size or more is a double: cbor-x writes it so. */
const DOUBLE_MIN = 2 ** 32;
/** What the largest counter of the kernel can be. */
const DOUBLE_MAX = 2 ** 64;

/** cbor-x starts a new buffer where less than 2 KB are left; what is not counted beforehand must find room too. */
const SLACK_BYTES = 4096;

const OPTIONS = {
  useRecords: false,
  mapsAsObjects: false,
  structuredClone: false,
  bundleStrings: false,
  pack: false,
  tagUint8Array: false,
};
const encoder = new Encoder(OPTIONS) as Encoder & { useBuffer(buffer: Uint8Array): void };
const decoder = new Decoder({ ...OPTIONS, copyBuffers: true }) as unknown as {
  decode(bytes: Uint8Array): Packed;
};
/** What the encoder holds between two messages, instead of the last one. */
const idleBuffer = new Uint8Array(SLACK_BYTES);

/** A longer message is made in one buffer that is used again, so that megabytes every second leave no garbage. */
export const OWN_BUFFER_BYTES_MAX = 65_536;
/** A larger buffer is not kept. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024;
let longBuffer = new Uint8Array(0);
offerSpareBuffer(() => longBuffer);

/**
 * A message as bytes: up to OWN_BUFFER_BYTES_MAX of byte strings in a buffer of its own, a longer one valid until the next
 * long one is made. Byte strings are copied once: the buffer has room for them from the beginning. Keys of maps must be in
 * ascending order. Text must be well-formed.
 */
export function encodeCbor(value: Packed): Uint8Array {
  encoder.useBuffer(bufferFor(sizeOfBytes(value) + SLACK_BYTES));
  try {
    return plainView(encoder.encode(value));
  } finally {
    encoder.useBuffer(idleBuffer);
  }
}

function bufferFor(size: number): Uint8Array {
  // Not cleared before: all of it that leaves is written. Slow means: not cut from a buffer that others share.
  if (size <= OWN_BUFFER_BYTES_MAX + SLACK_BYTES) return Buffer.allocUnsafeSlow(size);
  if (size > KEPT_BYTES_MAX) return Buffer.allocUnsafeSlow(size);
  // A power of two: a table that grows by a row does not need a new buffer, and what is not touched takes no memory.
  if (size > longBuffer.byteLength) longBuffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(size)));
  return longBuffer;
}

function sizeOfBytes(value: Packed): number {
  if (value instanceof Uint8Array) return value.byteLength;
  if (!(value instanceof Map)) return 0; // texts and numbers are small: the buffer grows where they are not
  let size = 0;
  for (const each of (value as PackedMap).values()) size += sizeOfBytes(each);
  return size;
}

/** Never a Buffer, whose `slice` is no copy. */
function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads a whole message; nothing in it is a view of `bytes`. Throws Malformed, and nothing else. */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits): Packed {
  new Scanner(bytes, limits).scan();
  try {
    // A view of its own: cbor-x adds a property to what it reads from.
    return decoder.decode(plainView(bytes));
  } catch {
    // Not to be reached after the scan; whatever a new version of cbor-x may refuse, this stays total.
    throw new Malformed("refused by the decoder");
  }
}

/** Looks a message through without making anything of it. */
class Scanner {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: CborLimits;
  #position = 0;
  #items = 0;

  constructor(bytes: Uint8Array, limits: CborLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  /** Throws Malformed where the bytes are not one allowed value and nothing after it. */
  scan(): void {
    this.#value(0);
    if (this.#position !== this.#bytes.byteLength) throw new Malformed("bytes after the message");
  }

  /** Recursion is as deep as `depthMax`. */
  #value(depth: number): void {
    this.#items += 1;
    if (this.#items > this.#limits.itemsMax) throw new Malformed("too many values");
    const initial = this.#take(1);
    const major = initial >> 5;
    const information = initial & 31;
    if (major === UNSIGNED) this.#argument(information);
    else if (major === BYTES || major === TEXT) this.#string(major, this.#argument(information));
    else if (major === ARRAY || major === MAP) {
      if (depth >= this.#limits.depthMax) throw new Malformed("nested too deeply");
      const count = this.#argument(information);
      // Each value is one byte at least: what can't be there is refused before it is looked for.
      if (count > this.#remaining) throw new Malformed("more values announced than there are bytes");
      if (major === ARRAY) for (let index = 0; index < count; index += 1) this.#value(depth + 1);
      else this.#map(count, depth);
    } else if (major === OTHER && information === DOUBLE) this.#double();
    else throw new Malformed("a type that is not used here");
  }

  #map(count: number, depth: number): void {
    let previous = -1;
    for (let index = 0; index < count; index += 1) {
      const key = this.#take(1);
      if (key >= ONE_BYTE) throw new Malformed("a key that is not one of 0 to 23");
      if (key <= previous) throw new Malformed("keys that are not in ascending order");
      previous = key;
      this.#value(depth + 1);
    }
  }

  /** The number that belongs to the initial byte, in its shortest form only: one value has one encoding. */
  #argument(information: number): number {
    if (information < ONE_BYTE) return information;
    if (information > FOUR_BYTES) throw new Malformed("a length that is open, reserved or too large");
    const width = 2 ** (information - ONE_BYTE);
    const value = this.#take(width);
    const smallest = width === 1 ? ONE_BYTE : 2 ** (4 * width);
    if (value < smallest) throw new Malformed("a number that is longer than it need be");
    return value;
  }

  #string(major: number, length: number): void {
    if (length > this.#remaining) throw new Malformed("a string longer than the message");
    const start = this.#position;
    this.#position += length;
    if (major === TEXT && !isUtf8(this.#bytes.subarray(start, this.#position)))
      throw new Malformed("a text that is not UTF-8");
  }

  #double(): void {
    if (DOUBLE_BYTES > this.#remaining) throw new Malformed("cut short");
    const value = this.#view.getFloat64(this.#position);
    this.#position += DOUBLE_BYTES;
    if (!Number.isInteger(value) || value < DOUBLE_MIN || value > DOUBLE_MAX)
      throw new Malformed("a number that is not a whole one, or not in its shortest form");
  }

  /** The next 1, 2 or 4 bytes as a number. */
  #take(width: number): number {
    if (width > this.#remaining) throw new Malformed("cut short");
    const position = this.#position;
    this.#position += width;
    if (width === 1) return this.#view.getUint8(position);
    return width === 2 ? this.#view.getUint16(position) : this.#view.getUint32(position);
  }

  get #remaining(): number {
    return this.#bytes.byteLength - this.#position;
  }
}
