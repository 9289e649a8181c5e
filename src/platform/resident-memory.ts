/**
 * Gives back what only starting up has needed of the program's own file: of its 80 MB of code a start touches more than
 * twenty, and a helper that then does the same little things forever needs a few. What is needed again comes back from the
 * page cache. Likewise the memory of buffers that nobody uses at the moment.
 */
import { ptr } from "bun:ffi";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { defineLayout } from "../../ffi/layout.ts";
import { libc } from "../../ffi/linux/libc.ts";
import { spareBuffers } from "../lib/spare-buffers.ts";
import { SinglePages, type Mapping } from "./single-pages.ts";

/** sys/mman.h */
const MADV_DONTNEED = 4;
const MADV_DONTDUMP = 16;
/** In which Bun keeps what it has compiled in: modules, their bytecode, files. Nothing ever writes to it. */
const BUNDLE_SECTION = ".bun";
const PAGE_BYTES = 4096;
/** Smaller buffers are not worth a call. */
const BUFFER_BYTES_MIN = 65_536;
/** Smaller mappings are not worth mapping singly. */
const MAPPING_BYTES_MIN = 1024 * 1024;
/** elf.h: Elf64_Ehdr and Elf64_Shdr. An executable that is not of type ET_EXEC is mapped anywhere. */
const ELF = defineLayout("Elf64_Ehdr", 64, {
  magic: [0, "u32"],
  class: [4, "u8"],
  type: [16, "u16"],
  sectionsOffset: [40, "u64"],
  sectionCount: [60, "u16"],
  namesIndex: [62, "u16"],
});
const SECTION = defineLayout("Elf64_Shdr", 64, {
  name: [0, "u32"],
  address: [16, "u64"],
  offset: [24, "u64"],
  size: [32, "u64"],
});
const ELF_MAGIC = 0x464c_457f;
const CLASS_64 = 2;
const ET_EXEC = 2;
const SECTIONS_MAX = 256;
const NAMES_BYTES_MAX = 65_536;

/** Where the bundle's whole pages are in memory; undefined where this is not a compiled program. */
export function bundleMapping(path = "/proc/self/exe"): Mapping | undefined {
  const file = openSync(path, "r");
  try {
    const read = (offset: number, length: number): DataView => {
      const bytes = new Uint8Array(length);
      const count = readSync(file, bytes, 0, length, offset);
      return new DataView(bytes.buffer, 0, count);
    };
    const head = read(0, ELF.size);
    if (head.byteLength < ELF.size || ELF.get.magic(head, 0) !== ELF_MAGIC) return undefined;
    if (ELF.get.class(head, 0) !== CLASS_64 || ELF.get.type(head, 0) !== ET_EXEC) return undefined;
    const count = Math.min(SECTIONS_MAX, ELF.get.sectionCount(head, 0));
    const sections = read(ELF.get.sectionsOffset(head, 0), count * SECTION.size);
    const namesAt = ELF.get.namesIndex(head, 0) * SECTION.size;
    if (sections.byteLength < count * SECTION.size || namesAt >= sections.byteLength) return undefined;
    const namesBytes = Math.min(NAMES_BYTES_MAX, SECTION.get.size(sections, namesAt));
    const names = read(SECTION.get.offset(sections, namesAt), namesBytes);
    for (let at = 0; at < sections.byteLength; at += SECTION.size) {
      if (textAt(names, SECTION.get.name(sections, at)) === BUNDLE_SECTION) {
        return wholePages(SECTION.get.address(sections, at), SECTION.get.size(sections, at));
      }
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}

function textAt(view: DataView, start: number): string {
  let text = "";
  for (let at = start; at < view.byteLength && view.getUint8(at) !== 0; at += 1) {
    text += String.fromCharCode(view.getUint8(at));
  }
  return text;
}

function wholePages(address: number, size: number): Mapping | undefined {
  const start = Math.ceil(address / PAGE_BYTES) * PAGE_BYTES;
  const end = Math.floor((address + size) / PAGE_BYTES) * PAGE_BYTES;
  return end > start ? { start, length: end - start } : undefined;
}

/**
 * Of /proc/PID/smaps (proc_pid_smaps(5)), the private mappings of files of which no page was ever changed ("Anonymous"):
 * dropping their pages loses nothing. Those that can be written only within `bundle`, since something may be written to
 * any other in this very moment.
 */
export function cleanFileMappings(smaps: string, bundle?: Mapping): Mapping[] {
  const found: Mapping[] = [];
  let current: Mapping | undefined;
  for (const line of smaps.split("\n")) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (....) [0-9a-f]+ \S+ \d+ *(.*)$/.exec(line);
    if (head !== null) {
      const [, from = "", to = "", mode = "", path = ""] = head;
      const start = Number.parseInt(from, 16);
      const mapping = { start, length: Number.parseInt(to, 16) - start };
      const isBundle = bundle !== undefined && isWithin(mapping, bundle);
      const isClean = /^r-[x-]p$/.test(mode) || (mode === "rw-p" && isBundle);
      current = isClean && path.startsWith("/") ? mapping : undefined;
    } else if (current !== undefined && /^Anonymous: +0 kB$/.test(line)) {
      found.push(current);
      current = undefined;
    }
  }
  return found;
}

function isWithin(inner: Mapping, outer: Mapping): boolean {
  return inner.start >= outer.start && inner.start + inner.length <= outer.start + outer.length;
}

/** Does nothing where the kernel doesn't let it: it is memory that is saved, not a promise. */
export function releaseCleanPages(): void {
  for (const mapping of ownCleanMappings()) advise(mapping, MADV_DONTNEED);
}

/**
 * The same, and from now on only those pages come back that are touched: for a program that needs a little of everything, now and
 * then. To be called once; does nothing where the kernel doesn't let it.
 */
export function keepTouchedPagesOnly(): void {
  const pages = SinglePages.open();
  for (const mapping of ownCleanMappings()) {
    if (mapping.length >= MAPPING_BYTES_MIN) pages?.register(mapping);
    advise(mapping, MADV_DONTNEED);
  }
}

function ownCleanMappings(): Mapping[] {
  const bundle = bundleMapping();
  // Other advice than its surroundings have makes it a mapping of its own, with its own count of changed pages.
  if (bundle !== undefined) advise(bundle, MADV_DONTDUMP);
  return cleanFileMappings(readFileSync("/proc/self/smaps", "utf8"), bundle);
}

/** Buffers that nobody uses at this moment lose what is in them, and their memory, until they are used again. */
export function releaseSpareBuffers(): void {
  for (const buffer of spareBuffers()) {
    if (buffer.byteLength < BUFFER_BYTES_MIN) continue;
    const pages = wholePages(ptr(buffer), buffer.byteLength);
    if (pages !== undefined) advise(pages, MADV_DONTNEED);
  }
}

function advise({ start, length }: Mapping, advice: number): void {
  libc().madvise(BigInt(start), BigInt(length), advice);
}
