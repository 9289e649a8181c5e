/**
 * A program of its own for tests that load libbpf or kernel programs in another process: `bun ebpf-open.ts JSON`. It
 * answers with one line of JSON and stays until its input ends.
 */
import { readFileSync } from "node:fs";
import type { EmbeddedLibrary } from "../../src/capture/linux/ebpf/files.ts";
import { openEbpf } from "../../src/capture/linux/ebpf/ladder.ts";
import { openLibbpf } from "../../src/capture/linux/ebpf/libraries.ts";
import { WbError } from "../../src/model/errors.ts";

export interface OpenRequest {
  /** Opens these from a private directory below one of the parents, instead of the system's library. */
  readonly libraries?: readonly EmbeddedLibrary[];
  readonly parents?: readonly string[];
  /** Loads and attaches, too. */
  readonly load?: boolean;
  /** The compiled programs, where they are not this build's own. */
  readonly object?: string;
}

export interface OpenAnswer {
  /** Files of the carried libraries that are mapped executable in this process. */
  readonly mapped: readonly string[];
  readonly method?: string;
  readonly degradations?: readonly string[];
  readonly failures?: readonly string[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | undefined };
}

function mapped(): string[] {
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  return lines
    .filter((line) => /r-xp.*\/lib(?:bpf|elf|z|zstd)[-.]/.test(line))
    .map((line) => line.slice(line.indexOf("/")));
}

function answer(request: OpenRequest): OpenAnswer {
  try {
    if (request.libraries !== undefined) openLibbpf(request.libraries, request.parents);
    if (request.load !== true) return { mapped: mapped() };
    const loaded = openEbpf(request.object === undefined ? {} : { object: readFileSync(request.object) }); // stays attached for as long as this process lives
    const degradations = loaded.degradations.map(({ code }) => code);
    const failures = loaded.failures.map(({ program }) => program.section);
    return { mapped: mapped(), method: loaded.method, degradations, failures };
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    return { mapped: mapped(), error: { code: error.code, message: error.message, hint: error.hint } };
  }
}

if (import.meta.main) {
  console.log(JSON.stringify(answer(JSON.parse(process.argv[2] ?? "{}") as OpenRequest)));
  await Bun.stdin.text();
}
