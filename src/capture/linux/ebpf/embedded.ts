/**
 * Where this program's own eBPF files are. Run from its source, it takes what `bun build.ts --ebpf-only` compiled, and
 * the system's libraries. In a binary, build.ts puts another module in place of this one: with the files that it embeds,
 * or with `undefined` in a binary that was built without them.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { EbpfFiles } from "./files.ts";

const OBJECT = join(import.meta.dir, "../../../../.toolchain/ebpf", process.arch, "wirebound.o");

export const EBPF_FILES: EbpfFiles | undefined = existsSync(OBJECT)
  ? { objects: { wirebound: OBJECT }, libraries: undefined }
  : undefined;
