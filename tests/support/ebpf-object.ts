/** The compiled kernel programs for tests: as the build made them, and with parts broken. */
import { readFileSync, statSync, readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const OBJECT = join(ROOT, ".toolchain/ebpf", process.arch, "wirebound.o");

/** The object, compiled first where a source is newer. */
export function compiledPrograms(): Uint8Array {
  const sources = readdirSync(join(ROOT, "ebpf")).map((name) => statSync(join(ROOT, "ebpf", name)).mtimeMs);
  const made = statSync(OBJECT, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made < Math.max(...sources)) {
    const build = Bun.spawnSync([process.execPath, "build.ts", "--ebpf-only"], { cwd: ROOT, stderr: "pipe" });
    if (build.exitCode !== 0) throw new Error(build.stderr.toString());
  }
  return new Uint8Array(readFileSync(OBJECT));
}

/**
 * A copy in which a section has another name: its last letter is changed. What is attached by that name then finds
 * nothing, as on a kernel that does not have it.
 */
export function withoutSection(object: Uint8Array, section: string): Uint8Array {
  const copy = object.slice();
  const name = new TextEncoder().encode(`${section}\0`);
  let found = false;
  for (let at = 0; at + name.length <= copy.length; at++) {
    if (!name.every((byte, index) => copy[at + index] === byte)) continue;
    copy[at + name.length - 2] = "Q".charCodeAt(0);
    found = true;
  }
  if (!found) throw new Error(`there is no section ${section}`);
  return copy;
}

/** Type information of the records alone, made by the compiler from ebpf/records.h: the object keeps only what it uses. */
export async function compiledRecords(directory: string, names: readonly string[]): Promise<Uint8Array> {
  const source = [
    '#include "kernel.h"',
    '#include "records.h"',
    ...names.map((name, index) => `${name} *used${index};`),
  ].join("\n");
  const output = join(directory, "records.o");
  const child = Bun.spawn(
    ["clang", "-O2", "-g", "-target", "bpf", "-I", join(ROOT, "ebpf"), "-x", "c", "-c", "-", "-o", output],
    { stdin: new Blob([source]), stderr: "pipe" },
  );
  const errors = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(errors);
  return new Uint8Array(readFileSync(output));
}
