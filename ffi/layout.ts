/**
 * The one way to declare a C struct. Every field names its offset, and the declaration is checked when it is made:
 * offsets ascend, fields are naturally aligned, none overlaps another and none reaches beyond the struct's size. A
 * mistake is an assertion at load, never a wrong number later. Reading is a DataView access at a constant offset.
 */

/** Multi-byte types are little-endian, as on every system that WireBound runs on; `be` marks network byte order. */
export type ScalarType = "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "u64" | "i64" | "u16be" | "u32be";

/** Offset and type; with a length, that many bytes or elements of the type from the offset on (read by their index). */
export type FieldSpec =
  | readonly [offset: number, type: ScalarType]
  | readonly [offset: number, type: ScalarType, count: number];

export interface Layout<Fields extends Readonly<Record<string, FieldSpec>>> {
  readonly name: string;
  /** In bytes, trailing padding included. */
  readonly size: number;
  readonly offsetOf: { readonly [Name in keyof Fields]: number };
  /**
   * Reads a field of the struct that begins at `base`. 64-bit fields are exact up to 2^53 and rounded above. The caller
   * has checked that the field lies within the view; DataView throws a RangeError where it does not.
   */
  readonly get: { readonly [Name in keyof Fields]: FieldReader };
  /** Writes a field; 64-bit fields take a safe integer. */
  readonly set: { readonly [Name in keyof Fields]: FieldWriter };
}

export type FieldReader = (view: DataView, base: number, index?: number) => number;
export type FieldWriter = (view: DataView, base: number, value: number, index?: number) => void;

const SIZES: Readonly<Record<ScalarType, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
  u16be: 2,
  u32be: 4,
};

const TWO_TO_32 = 0x1_0000_0000;

/** Declares a struct; throws a plain Error, a defect of ours, where the declaration contradicts itself. */
export function defineLayout<const Fields extends Readonly<Record<string, FieldSpec>>>(
  name: string,
  size: number,
  fields: Fields,
): Layout<Fields> {
  const offsetOf: Record<string, number> = {};
  const get: Record<string, FieldReader> = {};
  const set: Record<string, FieldWriter> = {};
  let end = 0;
  for (const [field, [offset, type, count = 1]] of Object.entries<FieldSpec>(fields)) {
    const width = SIZES[type];
    const where = `${name}.${field}`;
    if (!Number.isInteger(offset) || offset < end) throw new Error(`${where}: offset ${offset} overlaps`);
    if (offset % width !== 0) throw new Error(`${where}: offset ${offset} is not aligned to ${width}`);
    if (!Number.isInteger(count) || count < 1) throw new Error(`${where}: ${count} elements`);
    end = offset + width * count;
    if (end > size) throw new Error(`${where}: ends at ${end}, beyond the struct's ${size} bytes`);
    offsetOf[field] = offset;
    get[field] = READERS[type](offset);
    set[field] = WRITERS[type](offset);
  }
  return { name, size, offsetOf, get, set } as Layout<Fields>;
}

/** For each type, a reader of the field at an offset; elements follow each other without gaps. */
const READERS: Readonly<Record<ScalarType, (offset: number) => FieldReader>> = {
  u8:
    (offset) =>
    (view, base, index = 0) =>
      view.getUint8(base + offset + index),
  i8:
    (offset) =>
    (view, base, index = 0) =>
      view.getInt8(base + offset + index),
  u16:
    (offset) =>
    (view, base, index = 0) =>
      view.getUint16(base + offset + index * 2, true),
  i16:
    (offset) =>
    (view, base, index = 0) =>
      view.getInt16(base + offset + index * 2, true),
  u32:
    (offset) =>
    (view, base, index = 0) =>
      view.getUint32(base + offset + index * 4, true),
  i32:
    (offset) =>
    (view, base, index = 0) =>
      view.getInt32(base + offset + index * 4, true),
  u64:
    (offset) =>
    (view, base, index = 0) =>
      view.getUint32(base + offset + index * 8, true) +
      view.getUint32(base + offset + index * 8 + 4, true) * TWO_TO_32,
  i64:
    (offset) =>
    (view, base, index = 0) =>
      view.getUint32(base + offset + index * 8, true) +
      view.getInt32(base + offset + index * 8 + 4, true) * TWO_TO_32,
  u16be:
    (offset) =>
    (view, base, index = 0) =>
      view.getUint16(base + offset + index * 2, false),
  u32be:
    (offset) =>
    (view, base, index = 0) =>
      view.getUint32(base + offset + index * 4, false),
};

/** For each type, a writer of the field at an offset. */
const WRITERS: Readonly<Record<ScalarType, (offset: number) => FieldWriter>> = {
  u8:
    (offset) =>
    (view, base, value, index = 0) =>
      view.setUint8(base + offset + index, value),
  i8:
    (offset) =>
    (view, base, value, index = 0) =>
      view.setInt8(base + offset + index, value),
  u16:
    (offset) =>
    (view, base, value, index = 0) =>
      view.setUint16(base + offset + index * 2, value, true),
  i16:
    (offset) =>
    (view, base, value, index = 0) =>
      view.setInt16(base + offset + index * 2, value, true),
  u32:
    (offset) =>
    (view, base, value, index = 0) =>
      view.setUint32(base + offset + index * 4, value, true),
  i32:
    (offset) =>
    (view, base, value, index = 0) =>
      view.setInt32(base + offset + index * 4, value, true),
  u64: write64,
  i64: write64,
  u16be:
    (offset) =>
    (view, base, value, index = 0) =>
      view.setUint16(base + offset + index * 2, value, false),
  u32be:
    (offset) =>
    (view, base, value, index = 0) =>
      view.setUint32(base + offset + index * 4, value, false),
};

/** The low word is the remainder towards negative infinity, so that the two words together are two's complement. */
function write64(offset: number): FieldWriter {
  return (view, base, value, index = 0) => {
    const high = Math.floor(value / TWO_TO_32);
    view.setUint32(base + offset + index * 8, value - high * TWO_TO_32, true);
    view.setInt32(base + offset + index * 8 + 4, high, true);
  };
}
