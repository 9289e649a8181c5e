/**
 * The kinds of fields that messages are made of: each knows how its value is carried and takes back nothing that it would
 * not have sent. Unpacking a stranger's value throws Malformed with the field's name and without its content; packing a
 * value that is outside the kind's limits throws WbError("internal"), so what can be sent can be read. Pure.
 */
import { WbError } from "../../model/errors.ts";
import { Malformed, type Packed, type PackedMap } from "./cbor.ts";

/** How values of one type are carried. */
export interface Kind<T> {
  /** Undefined: it is left out. */
  readonly pack: (value: T) => Packed | undefined;
  /** Of an absent key: undefined. */
  readonly unpack: (value: Packed | undefined) => T;
}

/** A field: its key in the map, 0 to 23, and its kind. */
export type Field<T> = readonly [key: number, kind: Kind<T>];
/** The fields of a record; the compiler sees that none is forgotten. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

/** A kind whose values are carried as they are, if `accepts` them. */
function plain<T extends Packed>(what: string, accepts: (value: Packed | undefined) => value is T): Kind<T> {
  return {
    pack: (value) => {
      if (!accepts(value)) throw new WbError("internal", `not ${what}: it can't be sent`);
      return value;
    },
    unpack: (value) => {
      if (!accepts(value)) throw new Malformed(`not ${what}`);
      return value;
    },
  };
}

/** A whole number from `smallest` to `largest`. */
export function integer(smallest: number, largest: number): Kind<number> {
  return plain(
    `a whole number from ${smallest} to ${largest}`,
    (value): value is number =>
      typeof value === "number" && Number.isInteger(value) && value >= smallest && value <= largest,
  );
}

/** Exactly so many bytes. */
export function bytesOf(length: number): Kind<Uint8Array> {
  return plain(
    `${length} bytes`,
    (value): value is Uint8Array => value instanceof Uint8Array && value.byteLength === length,
  );
}

/** As many bytes as the frame can hold. */
export const bytes: Kind<Uint8Array> = plain(
  "bytes",
  (value): value is Uint8Array => value instanceof Uint8Array,
);

/** Text of at most so many UTF-16 units. */
export function text(lengthMax: number): Kind<string> {
  const kind = plain(
    `a text of at most ${lengthMax} characters`,
    (value): value is string => typeof value === "string" && value.length <= lengthMax,
  );
  // Half a surrogate pair has no UTF-8: the other would refuse the message.
  return { pack: (value) => kind.pack(value.toWellFormed()), unpack: kind.unpack };
}

/** At most `countMax` values of one kind. */
export function list<T>(element: Kind<T>, countMax: number): Kind<readonly T[]> {
  return {
    pack: (values) => {
      if (values.length > countMax) throw new WbError("internal", `more than ${countMax} can't be sent`);
      return values.map((value) => {
        const packed = element.pack(value);
        if (packed === undefined) throw new WbError("internal", "nothing can't be in a list");
        return packed;
      });
    },
    unpack: (value) => {
      if (!Array.isArray(value)) throw new Malformed("not a list");
      const values = value as readonly Packed[];
      if (values.length > countMax) throw new Malformed(`a list of more than ${countMax}`);
      return values.map((each) => element.unpack(each));
    },
  };
}

/** What may be absent. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    pack: (value) => (value === undefined ? undefined : kind.pack(value)),
    unpack: (value) => (value === undefined ? undefined : kind.unpack(value)),
  };
}

/** One of a closed set of words, carried as its number. */
export function oneOf<T extends string>(numbers: Readonly<Record<T, number>>): Kind<T> {
  const words = new Map(Object.entries(numbers).map(([word, number]) => [number as number, word as T]));
  return {
    pack: (value) => numbers[value],
    unpack: (value) => {
      const word = typeof value === "number" ? words.get(value) : undefined;
      if (word === undefined) throw new Malformed("not one of the known words");
      return word;
    },
  };
}

/** A record, carried as a map with the keys of its fields in ascending order. Every key must be known. */
export function record<T extends object>(fields: Fields<T>): Kind<T> {
  type Entry = readonly [name: keyof T & string, field: Field<T[keyof T]>];
  const entries = (Object.entries(fields) as unknown as Entry[]).sort(
    ([, [one]], [, [other]]) => one - other,
  );
  return {
    pack: (value) => {
      const map = new Map<number, Packed>();
      for (const [name, [key, kind]] of entries) {
        const packed = inField(name, () => kind.pack(value[name]));
        if (packed !== undefined) map.set(key, packed);
      }
      return map;
    },
    unpack: (value) => {
      if (!(value instanceof Map)) throw new Malformed("not a map");
      const map = value as PackedMap;
      let known = 0;
      const result: Record<string, unknown> = {};
      for (const [name, [key, kind]] of entries) {
        const packed = map.get(key);
        if (packed !== undefined) known += 1;
        result[name] = inField(name, () => kind.unpack(packed));
      }
      if (known !== map.size) throw new Malformed("a key that is not known");
      return result as T; // every field of T is in `fields`
    },
  };
}

/** Puts the field's name before what is said about its value. */
function inField<R>(name: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed(`${name}: ${error.message}`);
    if (error instanceof WbError) throw new WbError(error.code, `${name}: ${error.message}`);
    throw error;
  }
}
