/**
 * libbpf 1.x, the library that loads kernel programs: the one table of what is called in it. Each function is as libbpf's
 * own documentation says (https://libbpf.readthedocs.io/en/latest/api.html). Functions that return a number return
 * a negative error number on failure; those that return a pointer return null and set errno
 * (https://docs.ebpf.io/ebpf-library/libbpf/userspace/). It prints nothing unless it is given a function to print with.
 *
 * On kernels before 5.11 it raises RLIMIT_MEMLOCK by itself before the first map
 * (https://docs.ebpf.io/ebpf-library/libbpf/userspace/libbpf_set_memlock_rlim/), as every version from 1.0 on does.
 */
import { LazyLibrary } from "../library.ts";
import { defineLayout } from "../layout.ts";

const SYSTEM_PATHS = ["libbpf.so.1"];

const library = new LazyLibrary(SYSTEM_PATHS, {
  // Objects: https://docs.ebpf.io/ebpf-library/libbpf/userspace/bpf_object__open_mem/ and its neighbours.
  bpf_object__open_mem: { args: ["ptr", "u64", "ptr"], returns: "ptr" },
  bpf_object__load: { args: ["ptr"], returns: "i32" },
  bpf_object__close: { args: ["ptr"], returns: "void" },
  bpf_object__btf: { args: ["ptr"], returns: "ptr" },
  bpf_object__next_program: { args: ["ptr", "ptr"], returns: "ptr" },
  bpf_object__next_map: { args: ["ptr", "ptr"], returns: "ptr" },
  bpf_object__find_map_by_name: { args: ["ptr", "ptr"], returns: "ptr" },
  // Programs: https://docs.ebpf.io/ebpf-library/libbpf/userspace/bpf_program__attach/ and its neighbours.
  bpf_program__name: { args: ["ptr"], returns: "ptr" },
  bpf_program__section_name: { args: ["ptr"], returns: "ptr" },
  bpf_program__set_autoload: { args: ["ptr", "bool"], returns: "i32" },
  bpf_program__attach: { args: ["ptr"], returns: "ptr" },
  bpf_program__attach_cgroup: { args: ["ptr", "i32"], returns: "ptr" },
  bpf_link__destroy: { args: ["ptr"], returns: "i32" },
  // Maps of an object: https://docs.ebpf.io/ebpf-library/libbpf/userspace/bpf_map__set_max_entries/ and its neighbours.
  bpf_map__name: { args: ["ptr"], returns: "ptr" },
  bpf_map__fd: { args: ["ptr"], returns: "i32" },
  bpf_map__type: { args: ["ptr"], returns: "i32" },
  bpf_map__key_size: { args: ["ptr"], returns: "u32" },
  bpf_map__value_size: { args: ["ptr"], returns: "u32" },
  bpf_map__max_entries: { args: ["ptr"], returns: "u32" },
  bpf_map__set_max_entries: { args: ["ptr", "u32"], returns: "i32" },
  bpf_map__initial_value: { args: ["ptr", "ptr"], returns: "ptr" },
  // What a map holds, by its descriptor: https://docs.ebpf.io/ebpf-library/libbpf/userspace/bpf_map_lookup_batch/ etc.
  bpf_map_lookup_elem: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  bpf_map_lookup_batch: { args: ["i32", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  bpf_map_get_next_key: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  bpf_map_update_elem: { args: ["i32", "ptr", "ptr", "u64"], returns: "i32" },
  bpf_map_delete_elem: { args: ["i32", "ptr"], returns: "i32" },
  bpf_map_delete_batch: { args: ["i32", "ptr", "ptr", "ptr"], returns: "i32" },
  // Types: https://docs.ebpf.io/ebpf-library/libbpf/userspace/btf__find_by_name_kind/ and its neighbours.
  btf__find_by_name_kind: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  btf__type_by_id: { args: ["ptr", "u32"], returns: "ptr" },
  btf__name_by_offset: { args: ["ptr", "u32"], returns: "ptr" },
  // Ring buffers: https://docs.ebpf.io/ebpf-library/libbpf/userspace/ring_buffer__new/ and its neighbours.
  ring_buffer__new: { args: ["i32", "ptr", "ptr", "ptr"], returns: "ptr" },
  ring_buffer__consume: { args: ["ptr"], returns: "i32" },
  ring_buffer__free: { args: ["ptr"], returns: "void" },
  // The library itself.
  libbpf_num_possible_cpus: { args: [], returns: "i32" },
  libbpf_set_print: { args: ["ptr"], returns: "ptr" },
  libbpf_version_string: { args: [], returns: "ptr" },
});

export type Libbpf = typeof library.symbols;

/** Opens the library at the first call. Throws LibraryError where there is none. */
export function libbpf(): Libbpf {
  return library.symbols;
}

/** Takes the functions from this file from now on; without one, from the system's library. */
export function useLibbpf(path?: string): void {
  library.usePaths(path === undefined ? SYSTEM_PATHS : [path]);
}

/**
 * The first two members of struct bpf_object_open_opts (libbpf.h): the library takes a shorter struct as one of an older
 * version.
 */
export const BPF_OBJECT_OPEN_OPTIONS = defineLayout("bpf_object_open_opts", 16, {
  size: [0, "u64"],
  objectName: [8, "u64"],
});

/** enum libbpf_print_level (libbpf.h). */
export const LIBBPF_WARN = 0;
export const LIBBPF_INFO = 1;

/** linux/bpf.h: create the element or replace it. */
export const BPF_ANY = 0;
/** linux/bpf.h: create the element, unless it is there. */
export const BPF_NOEXIST = 1;

/** Kinds and records of type information: https://docs.kernel.org/bpf/btf.html */
export const BTF_KIND_DATASEC = 15;
export const BTF_TYPE = defineLayout("btf_type", 12, {
  nameOffset: [0, "u32"],
  /** Bits 0-15: number of members that follow. */
  info: [4, "u32"],
  sizeOrType: [8, "u32"],
});
export const BTF_VAR_SECINFO = defineLayout("btf_var_secinfo", 12, {
  type: [0, "u32"],
  offset: [4, "u32"],
  size: [8, "u32"],
});
