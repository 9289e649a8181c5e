/**
 * From ebpf/*.bpf.c to object files: compiled by clang for the target bpf, stripped of everything but the type information
 * that the loader needs. Done again only when a source is newer. Where the tools are missing there is a reason in place of
 * objects; an error in a source is an error.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";

export type Cpu = "x64" | "arm64";

export const ROOT = join(import.meta.dir, "..");
const SOURCE_SUFFIX = ".bpf.c";
const HEADER = "/usr/include/bpf/bpf_helpers.h";

/** What bpf_tracing.h calls the processor, for the registers that kprobes read. */
const TARGET_ARCH: Readonly<Record<Cpu, string>> = { x64: "x86", arm64: "arm64" };

/** Where what is made for a processor is kept. */
export function ebpfDirectory(cpu: Cpu): string {
  return join(ROOT, ".toolchain", "ebpf", cpu);
}

/** What is missing here for compiling, as one line; undefined where nothing is. */
export function missingTools(): string | undefined {
  const programs = ["clang", "llvm-strip", "llvm-readelf"].filter((name) => Bun.which(name) === null);
  if (programs.length > 0) return `${programs.join(", ")} not installed (Debian: clang, llvm)`;
  return existsSync(HEADER) ? undefined : `${HEADER} is not there (Debian: libbpf-dev)`;
}

/** Runs a command; throws an Error with what it printed where it fails. */
export async function run(command: readonly string[], directory: string): Promise<string> {
  const child = Bun.spawn([...command], { cwd: directory, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const code = await child.exited;
  if (code !== 0)
    throw new Error(`${command[0] ?? ""} failed (exit ${code}): ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

/** Paths of the objects by name, or why there are none. */
export async function compilePrograms(
  cpu: Cpu,
): Promise<{ readonly objects: Readonly<Record<string, string>> } | { readonly missing: string }> {
  const missing = missingTools();
  if (missing !== undefined) return { missing };
  const inputs = readdirSync(import.meta.dir).map((name) => join(import.meta.dir, name));
  const newest = Math.max(...inputs.map((path) => statSync(path).mtimeMs));
  const directory = ebpfDirectory(cpu);
  await mkdir(directory, { recursive: true });
  const objects: Record<string, string> = {};
  for (const source of inputs.filter((path) => path.endsWith(SOURCE_SUFFIX))) {
    const name = basename(source, SOURCE_SUFFIX);
    const object = join(directory, `${name}.o`);
    if (!existsSync(object) || statSync(object).mtimeMs < newest) await compile(source, object, cpu);
    objects[name] = object;
  }
  return { objects };
}

async function compile(source: string, object: string, cpu: Cpu): Promise<void> {
  // Written aside and renamed, so that a build or a test at the same time never reads half a file.
  const working = `${object}.${process.pid}.tmp`;
  try {
    await run(
      [
        "clang",
        "-O2",
        "-g",
        "-Wall",
        "-target",
        "bpf",
        "-mcpu=v2", // what every kernel from 5.0 on accepts
        `-D__TARGET_ARCH_${TARGET_ARCH[cpu]}`,
        "-fdebug-compilation-dir=.", // so that nothing tells where it was compiled
        "-c",
        join("ebpf", basename(source)),
        "-o",
        working,
      ],
      ROOT,
    );
    await run(["llvm-strip", "-g", working], ROOT); // keeps .BTF and .BTF.ext
    await rename(working, object);
  } finally {
    await rm(working, { force: true });
  }
}
