/**
 * Reads the type information that a compiler put into an object file: the structs and enums by their names. The format is
 * https://docs.kernel.org/bpf/btf.html in section .BTF of an ELF file (https://refspecs.linuxfoundation.org/elf/).
 */

export interface BtfMember {
  readonly name: string;
  /** In bytes. */
  readonly offset: number;
  readonly size: number;
  /** Of one element where the member is an array, else of the member. */
  readonly elementSize: number;
}

export interface BtfTypes {
  readonly structs: ReadonlyMap<string, { readonly size: number; readonly members: readonly BtfMember[] }>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

const KIND = { INT: 1, PTR: 2, ARRAY: 3, STRUCT: 4, UNION: 5, ENUM: 6, FUNC_PROTO: 13, VAR: 14 };
const MORE_KINDS = { DATASEC: 15, DECL_TAG: 17, ENUM64: 19 };
/** Kinds that only give another type a name or a quality: TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG. */
const ALIASES = [8, 9, 10, 11, 18];
const POINTER_SIZE = 8;

interface RawType {
  readonly name: string;
  readonly kind: number;
  readonly count: number;
  /** Its size, or the type that it is about. */
  readonly sizeOrType: number;
  /** Offset of what follows the fixed part. */
  readonly rest: number;
}

export function readBtf(object: Uint8Array): BtfTypes {
  const section = sectionOf(object, ".BTF");
  const reader = new BtfReader(section);
  const structs = new Map<string, { size: number; members: BtfMember[] }>();
  const enums = new Map<string, Map<string, number>>();
  for (const type of reader.types) {
    if (type?.kind === KIND.STRUCT)
      structs.set(type.name, { size: type.sizeOrType, members: reader.members(type) });
    if (type?.kind === KIND.ENUM) enums.set(type.name, reader.values(type));
  }
  return { structs, enums };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textAt(bytes: Uint8Array, offset: number): string {
  return new TextDecoder().decode(bytes.subarray(offset, bytes.indexOf(0, offset)));
}

/** The content of a section of a 64-bit little-endian ELF file. */
function sectionOf(object: Uint8Array, wanted: string): Uint8Array {
  const view = viewOf(object);
  const table = Number(view.getBigUint64(40, true));
  const [entrySize, count, namesIndex] = [58, 60, 62].map((offset) => view.getUint16(offset, true));
  const section = (index: number): { name: number; bytes: Uint8Array } => {
    const header = table + index * (entrySize ?? 0);
    const start = Number(view.getBigUint64(header + 24, true));
    const size = Number(view.getBigUint64(header + 32, true));
    return { name: view.getUint32(header, true), bytes: object.subarray(start, start + size) };
  };
  const names = section(namesIndex ?? 0).bytes;
  for (let index = 1; index < (count ?? 0); index++) {
    const { name, bytes } = section(index);
    if (textAt(names, name) === wanted) return bytes;
  }
  throw new Error(`the object has no section ${wanted}`);
}

class BtfReader {
  /** By their number; number 0 is void. */
  readonly types: (RawType | undefined)[] = [undefined];
  readonly #view: DataView;
  readonly #strings: Uint8Array;

  constructor(section: Uint8Array) {
    const view = viewOf(section);
    this.#view = view;
    if (view.getUint16(0, true) !== 0xeb9f) throw new Error("not BTF");
    const header = view.getUint32(4, true);
    const [typesAt, typesSize, stringsAt, stringsSize] = [8, 12, 16, 20].map((at) =>
      view.getUint32(at, true),
    );
    const strings = header + (stringsAt ?? 0);
    this.#strings = section.subarray(strings, strings + (stringsSize ?? 0));
    let offset = header + (typesAt ?? 0);
    const end = offset + (typesSize ?? 0);
    while (offset < end) offset = this.#readType(offset);
  }

  #readType(offset: number): number {
    const info = this.#view.getUint32(offset + 4, true);
    const type = {
      name: this.#text(this.#view.getUint32(offset, true)),
      kind: (info >>> 24) & 31,
      count: info & 0xffff,
      sizeOrType: this.#view.getUint32(offset + 8, true),
      rest: offset + 12,
    };
    this.types.push(type);
    return type.rest + restSize(type.kind, type.count);
  }

  members(type: RawType): BtfMember[] {
    return Array.from({ length: type.count }, (_, index) => {
      const at = type.rest + index * 12;
      const member = this.#view.getUint32(at + 4, true);
      return {
        name: this.#text(this.#view.getUint32(at, true)),
        offset: this.#view.getUint32(at + 8, true) / 8,
        size: this.#sizeOf(member),
        elementSize: this.#elementSizeOf(member),
      };
    });
  }

  values(type: RawType): Map<string, number> {
    const values = new Map<string, number>();
    for (let index = 0; index < type.count; index++) {
      const at = type.rest + index * 8;
      values.set(this.#text(this.#view.getUint32(at, true)), this.#view.getInt32(at + 4, true));
    }
    return values;
  }

  #text(offset: number): string {
    return textAt(this.#strings, offset);
  }

  #resolved(id: number): RawType {
    let type = this.types[id];
    while (type !== undefined && ALIASES.includes(type.kind)) type = this.types[type.sizeOrType];
    if (type === undefined) throw new Error(`type ${id} is not there`);
    return type;
  }

  #sizeOf(id: number): number {
    const type = this.#resolved(id);
    if (type.kind === KIND.PTR) return POINTER_SIZE;
    if (type.kind !== KIND.ARRAY) return type.sizeOrType;
    return this.#view.getUint32(type.rest + 8, true) * this.#sizeOf(this.#view.getUint32(type.rest, true));
  }

  #elementSizeOf(id: number): number {
    const type = this.#resolved(id);
    return type.kind === KIND.ARRAY ? this.#sizeOf(this.#view.getUint32(type.rest, true)) : this.#sizeOf(id);
  }
}

/** How many bytes follow a type's fixed part. */
function restSize(kind: number, count: number): number {
  if (kind === KIND.INT || kind === KIND.VAR || kind === MORE_KINDS.DECL_TAG) return 4;
  if (kind === KIND.ARRAY) return 12;
  if ([KIND.STRUCT, KIND.UNION, MORE_KINDS.DATASEC, MORE_KINDS.ENUM64].includes(kind)) return count * 12;
  return kind === KIND.ENUM || kind === KIND.FUNC_PROTO ? count * 8 : 0;
}
