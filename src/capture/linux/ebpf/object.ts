/**
 * One object of kernel programs in this process: opened from memory, configured, loaded, attached, closed. Every refusal
 * is a value with one line of reason; nothing is printed, nothing is pinned, and closing (or the end of the process,
 * however it ends) takes everything out of the kernel again.
 */
import { ptr, read, toArrayBuffer, type Pointer } from "bun:ffi";
import { cString, errno, errnoName } from "../../../../ffi/linux/libc.ts";
import {
  BPF_OBJECT_OPEN_OPTIONS,
  BTF_KIND_DATASEC,
  BTF_TYPE,
  BTF_VAR_SECINFO,
  libbpf,
} from "../../../../ffi/linux/libbpf.ts";
import { WbError } from "../../../model/errors.ts";
import { programOf, reasonOf, textAt, withMessages } from "./messages.ts";

/** Kernel names of objects and internal maps are cut to 15 characters (BPF_OBJ_NAME_LEN). */
const OBJECT_NAME = "wirebound";
const RODATA = ".rodata";
/** More than any object of ours has; the list is made by the library. */
const ITEMS_MAX = 1000;

export interface BpfProgram {
  readonly name: string;
  /** Says what it is attached to: `raw_tp/sock_send_length`. */
  readonly section: string;
}

/** An open map. Its descriptor is valid until its object is closed. */
export interface BpfMap {
  readonly name: string;
  readonly fd: number;
  /** enum bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** Why something was refused. */
export interface Refusal {
  /** A positive error number. */
  readonly errorNumber: number;
  /** One line for a person. */
  readonly reason: string;
}

/** Why an object was refused, and the name of the program that is probably to blame. */
export interface LoadRefusal extends Refusal {
  readonly suspect: string | undefined;
}

function refusal(errorNumber: number, messages: readonly string[]): LoadRefusal {
  const name = errnoName(errorNumber);
  const reason = reasonOf(messages);
  return {
    errorNumber,
    reason: reason === undefined ? name : `${name}: ${reason}`,
    suspect: programOf(messages),
  };
}

export class BpfObject implements Disposable {
  readonly programs: readonly BpfProgram[];
  readonly #handles = new Map<string, Pointer>();
  readonly #links: Pointer[] = [];
  /** The library reads from it until the object is loaded. */
  readonly #bytes: Uint8Array;
  #object: Pointer | undefined;

  /** `bytes` is an ELF file as clang makes it for the target bpf. Throws WbError `internal` where it is not. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const name = cString(OBJECT_NAME);
    const options = new Uint8Array(BPF_OBJECT_OPEN_OPTIONS.size);
    const view = new DataView(options.buffer);
    BPF_OBJECT_OPEN_OPTIONS.set.size(view, 0, BPF_OBJECT_OPEN_OPTIONS.size);
    BPF_OBJECT_OPEN_OPTIONS.set.objectName(view, 0, ptr(name));
    const { result, messages } = withMessages(() => {
      const object = libbpf().bpf_object__open_mem(bytes, bytes.length, options) as Pointer | null;
      return { object, error: object === null ? errno() : 0 };
    });
    if (result.object === null) {
      throw new WbError(
        "internal",
        `the kernel programs can't be opened: ${refusal(result.error, messages).reason}`,
      );
    }
    this.#object = result.object;
    this.programs = this.#listPrograms();
  }

  /** The names of all maps, open or not. */
  get mapNames(): readonly string[] {
    return this.#listMaps().map((map) => textAt(libbpf().bpf_map__name(map)));
  }

  /** Sets a `const volatile` variable of 4 or 8 bytes, before loading. False where no program has such a variable. */
  setConstant(name: string, value: number): boolean {
    const map = this.#findMap(RODATA);
    const place = map === undefined ? undefined : this.#findConstant(name);
    if (map === undefined || place === undefined) return false;
    const size = new BigUint64Array(1);
    const data = libbpf().bpf_map__initial_value(map, size) as Pointer | null;
    if (data === null || place.offset + place.size > Number(size[0] ?? 0n)) return false;
    const view = new DataView(toArrayBuffer(data, place.offset, place.size));
    if (place.size === 8) view.setBigUint64(0, BigInt(value), true);
    else if (place.size === 4) view.setUint32(0, value, true);
    else throw new Error(`${name} has ${place.size} bytes`);
    return true;
  }

  /** Before loading: how many entries a map may have; for a ring buffer, its bytes, which the library rounds up. */
  setMaxEntries(name: string, maxEntries: number): void {
    const map = this.#findMap(name);
    const result = map === undefined ? -1 : libbpf().bpf_map__set_max_entries(map, maxEntries);
    if (result < 0) throw new Error(`${name} can't have ${maxEntries} entries: ${errnoName(-result)}`);
  }

  /** Gives the named programs, and no others, to the kernel. One that is refused fails them all. */
  load(names: ReadonlySet<string>): LoadRefusal | undefined {
    for (const [name, program] of this.#handles) {
      libbpf().bpf_program__set_autoload(program, names.has(name));
    }
    const { result, messages } = withMessages(() => libbpf().bpf_object__load(this.#open()));
    return result < 0 ? refusal(-result, messages) : undefined;
  }

  /** Attaches a loaded program to what its section names; a cgroup program to the cgroup's open directory. */
  attach(program: BpfProgram, cgroupFd?: number): Refusal | undefined {
    const handle = this.#handles.get(program.name);
    if (handle === undefined) throw new Error(`there is no program ${program.name}`);
    const { result, messages } = withMessages(() => {
      const link = (
        cgroupFd === undefined
          ? libbpf().bpf_program__attach(handle)
          : libbpf().bpf_program__attach_cgroup(handle, cgroupFd)
      ) as Pointer | null;
      return { link, error: link === null ? errno() : 0 };
    });
    if (result.link === null) return refusal(result.error, messages);
    this.#links.push(result.link);
    return undefined;
  }

  /** After loading. */
  maps(): ReadonlyMap<string, BpfMap> {
    const native = libbpf();
    const maps = this.#listMaps().map((map) => ({
      name: textAt(native.bpf_map__name(map)),
      fd: native.bpf_map__fd(map),
      type: native.bpf_map__type(map),
      keySize: native.bpf_map__key_size(map),
      valueSize: native.bpf_map__value_size(map),
      maxEntries: native.bpf_map__max_entries(map),
    }));
    return new Map(maps.map((map) => [map.name, map]));
  }

  [Symbol.dispose](): void {
    const object = this.#object;
    if (object === undefined) return;
    this.#object = undefined;
    for (const link of this.#links.splice(0).reverse()) libbpf().bpf_link__destroy(link);
    this.#handles.clear();
    libbpf().bpf_object__close(object);
  }

  #open(): Pointer {
    if (this.#object === undefined) throw new Error(`the object of ${this.#bytes.length} bytes is closed`);
    return this.#object;
  }

  #listPrograms(): BpfProgram[] {
    const programs: BpfProgram[] = [];
    let handle = libbpf().bpf_object__next_program(this.#open(), null) as Pointer | null;
    while (handle !== null && programs.length < ITEMS_MAX) {
      const name = textAt(libbpf().bpf_program__name(handle));
      programs.push({ name, section: textAt(libbpf().bpf_program__section_name(handle)) });
      this.#handles.set(name, handle);
      handle = libbpf().bpf_object__next_program(this.#open(), handle) as Pointer | null;
    }
    return programs;
  }

  #listMaps(): Pointer[] {
    const maps: Pointer[] = [];
    let handle = libbpf().bpf_object__next_map(this.#open(), null) as Pointer | null;
    while (handle !== null && maps.length < ITEMS_MAX) {
      maps.push(handle);
      handle = libbpf().bpf_object__next_map(this.#open(), handle) as Pointer | null;
    }
    return maps;
  }

  #findMap(name: string): Pointer | undefined {
    const map = libbpf().bpf_object__find_map_by_name(this.#open(), cString(name)) as Pointer | null;
    return map ?? undefined;
  }

  /** Where a variable is in .rodata, by the object's own type information. */
  #findConstant(name: string): { readonly offset: number; readonly size: number } | undefined {
    const native = libbpf();
    const btf = native.bpf_object__btf(this.#open()) as Pointer | null;
    if (btf === null) return undefined;
    const section = native.btf__find_by_name_kind(btf, cString(RODATA), BTF_KIND_DATASEC);
    const type = section < 0 ? null : (native.btf__type_by_id(btf, section) as Pointer | null);
    if (type === null) return undefined;
    const count = read.u32(type, BTF_TYPE.offsetOf.info) & 0xffff;
    for (let index = 0; index < count; index++) {
      const entry = BTF_TYPE.size + index * BTF_VAR_SECINFO.size;
      const id = read.u32(type, entry + BTF_VAR_SECINFO.offsetOf.type);
      const variable = native.btf__type_by_id(btf, id) as Pointer | null;
      if (variable === null) continue;
      const nameOffset = read.u32(variable, BTF_TYPE.offsetOf.nameOffset);
      if (textAt(native.btf__name_by_offset(btf, nameOffset)) !== name) continue;
      return {
        offset: read.u32(type, entry + BTF_VAR_SECINFO.offsetOf.offset),
        size: read.u32(type, entry + BTF_VAR_SECINFO.offsetOf.size),
      };
    }
    return undefined;
  }
}
