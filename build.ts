/**
 * Builds WireBound: compile each target of the table → checksums → a smoke run of what can run here.
 *
 * `bun build.ts` builds dist/wb for this machine; `--target NAME` (repeatable) or `--all` builds others as
 * dist/wb-NAME. `--quiet` prints only errors. `--ebpf-only` compiles the kernel programs for this machine, which the program
 * run from its source takes, and nothing else. Where their compiler is not there, binaries are built without them.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BunPlugin } from "bun";
import { compilePrograms } from "./ebpf/compile.ts";
import { ebpfPlugin } from "./ebpf/embed.ts";
import { VERSION } from "./src/model/version.ts";
import { webPlugin } from "./src/web/embed.ts";

interface Target {
  readonly name: string;
  readonly compile: Bun.Build.CompileTarget;
  /** The package of OpenTUI's native library for it, installed beside the host's own when cross-compiling. */
  readonly nativePackage: string;
  readonly os: "linux" | "win32" | "darwin";
  readonly cpu: "x64" | "arm64";
  readonly suffix: string;
  /** What runs it on an x86-64 Linux machine that has it: the first word is a program on PATH. */
  readonly emulator?: readonly string[];
}

const TARGETS: readonly Target[] = [
  {
    name: "linux-x64",
    compile: "bun-linux-x64",
    nativePackage: "@opentui/core-linux-x64",
    os: "linux",
    cpu: "x64",
    suffix: "",
  },
  {
    name: "linux-arm64",
    compile: "bun-linux-arm64",
    nativePackage: "@opentui/core-linux-arm64",
    os: "linux",
    cpu: "arm64",
    suffix: "",
    emulator: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
  },
  {
    name: "windows-x64",
    compile: "bun-windows-x64",
    nativePackage: "@opentui/core-win32-x64",
    os: "win32",
    cpu: "x64",
    suffix: ".exe",
    emulator: ["wine"],
  },
  {
    name: "darwin-arm64",
    compile: "bun-darwin-arm64",
    nativePackage: "@opentui/core-darwin-arm64",
    os: "darwin",
    cpu: "arm64",
    suffix: "",
  },
];

const ROOT = import.meta.dir;
const DIST = join(ROOT, "dist");
const NATIVE = join(ROOT, ".toolchain", "native");

function isHost(target: Target): boolean {
  return target.os === process.platform && target.cpu === process.arch;
}

/** Where OpenTUI's native package for the target is; installs it in .toolchain/native when this machine's own isn't it. */
async function nativePackageDirectory(target: Target): Promise<string> {
  if (isHost(target)) return join(ROOT, "node_modules", target.nativePackage);
  const installed = join(NATIVE, target.name, "node_modules", target.nativePackage);
  const manifest: unknown = await Bun.file(join(ROOT, "node_modules/@opentui/core/package.json")).json();
  const version = (manifest as { version: string }).version;
  const present = Bun.file(join(installed, "package.json"));
  if ((await present.exists()) && ((await present.json()) as { version: string }).version === version)
    return installed;
  const directory = join(NATIVE, target.name);
  await mkdir(directory, { recursive: true });
  const dependencies = { [target.nativePackage]: version };
  await writeFile(join(directory, "package.json"), JSON.stringify({ private: true, dependencies }));
  const install = Bun.spawnSync(
    [
      process.execPath,
      "install",
      "--no-save",
      "--ignore-scripts",
      `--os=${target.os}`,
      `--cpu=${target.cpu}`,
    ],
    { cwd: directory, stdout: "pipe", stderr: "pipe" },
  );
  if (install.exitCode !== 0)
    throw new Error(`cannot install ${target.nativePackage}: ${install.stderr.toString()}`);
  return installed;
}

/** Resolves the target's native package of OpenTUI, and leaves those of all other systems out of the binary. */
function nativePackagePlugin(target: Target, directory: string): BunPlugin {
  return {
    name: "opentui-native",
    setup(build) {
      build.onResolve({ filter: /^@opentui\/core-/ }, ({ path }) =>
        path === target.nativePackage ? { path: join(directory, "index.bun.js") } : { path, external: true },
      );
    },
  };
}

/** Returns the binary's path, and why it is without its kernel programs where it is. */
async function compile(
  target: Target,
  web: BunPlugin,
): Promise<{ binary: string; withoutEbpf: string | undefined }> {
  const ebpf = await ebpfPlugin(target.os, target.cpu);
  const outfile = join(DIST, `wb-${target.name}${target.suffix}`);
  // Written aside and renamed, so that a running or half-built binary is never what a test or a person starts.
  const working = join(DIST, `.building-${target.name}${target.suffix}`);
  const result = await Bun.build({
    entrypoints: [join(ROOT, "src/main.ts"), join(ROOT, "src/store/fleet/checkpoint-thread.ts")],
    compile: { target: target.compile, outfile: working, autoloadDotenv: false, autoloadBunfig: false },
    format: "esm",
    minify: true,
    bytecode: true,
    splitting: true,
    // Side by side in the binary, so that a thread is found by its name relative to whatever chunk begins it.
    naming: { entry: "[name].[ext]" },
    sourcemap: "none",
    plugins: [nativePackagePlugin(target, await nativePackageDirectory(target)), ebpf.plugin, web],
  });
  if (!result.success) throw new Error(result.logs.map(String).join("\n"));
  await rename(working, outfile);
  return { binary: outfile, withoutEbpf: ebpf.missing };
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** SHA256SUMS over every target's binary that is in dist/, in the form that `sha256sum -c` reads. */
async function writeChecksums(): Promise<void> {
  const names = (await readdir(DIST)).filter((name) => name.startsWith("wb-")).sort();
  const lines: string[] = [];
  for (const name of names) lines.push(`${await sha256(join(DIST, name))}  ${name}\n`);
  await writeFile(join(DIST, "SHA256SUMS"), lines.join(""));
}

/** What the binary can be run with here: nothing where it is this machine's own, an emulator, or not at all. */
function runnerOf(target: Target): readonly string[] | undefined {
  if (isHost(target)) return [];
  const [program, ...args] = target.emulator ?? [];
  if (program === undefined || Bun.which(program) === null) return undefined;
  return args.every((argument) => !argument.startsWith("/") || existsSync(argument))
    ? target.emulator
    : undefined;
}

/** Runs the binary once where it can run, and says how: it must tell its own version. */
function smokeRun(target: Target, binary: string): string {
  const runner = runnerOf(target);
  if (runner === undefined) return "not run: nothing here can run it";
  const run = Bun.spawnSync([...runner, binary, "--version"], { stdout: "pipe", stderr: "pipe" });
  const answer = run.stdout.toString().trim();
  if (run.exitCode !== 0 || answer !== `wb ${VERSION}`) {
    throw new Error(`smoke run of ${binary} failed: exit ${run.exitCode}, ${answer}${run.stderr.toString()}`);
  }
  return runner.length === 0 ? "smoke run passed" : `smoke run passed under ${runner[0]}`;
}

interface Choice {
  readonly targets: readonly Target[];
  readonly quiet: boolean;
  readonly ebpfOnly: boolean;
}

function chosenTargets(): Choice {
  const { values } = parseArgs({
    options: {
      target: { type: "string", multiple: true },
      all: { type: "boolean" },
      quiet: { type: "boolean" },
      "ebpf-only": { type: "boolean" },
    },
  });
  const quiet = values.quiet ?? false;
  const ebpfOnly = values["ebpf-only"] ?? false;
  if (values.all || ebpfOnly) return { targets: TARGETS, quiet, ebpfOnly };
  const targets = TARGETS.filter((target) => values.target?.includes(target.name) ?? isHost(target));
  const unknown = values.target?.find((name) => !TARGETS.some((target) => target.name === name));
  if (unknown !== undefined || targets.length === 0) {
    throw new Error(
      `no such target: ${unknown ?? `${process.platform}-${process.arch}`}; there are ${TARGETS.map((target) => target.name).join(", ")}`,
    );
  }
  return { targets, quiet, ebpfOnly };
}

/** Compiles the kernel programs for this machine. That they can't be compiled here is told, and is no error. */
async function compileEbpf(quiet: boolean): Promise<void> {
  const host = TARGETS.find(isHost);
  if (host?.os !== "linux") return;
  const programs = await compilePrograms(host.cpu);
  if ("missing" in programs && !quiet) console.log(`without the eBPF programs: ${programs.missing}`);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

async function main(): Promise<void> {
  const { targets, quiet, ebpfOnly } = chosenTargets();
  if (ebpfOnly) return compileEbpf(quiet);
  await mkdir(DIST, { recursive: true });
  const web = await webPlugin(join(ROOT, ".toolchain", "web"));
  if (!quiet)
    console.log(`page           ${kilobytes(web.scriptBytes)} of script, ${kilobytes(web.totalBytes)}`);
  for (const target of targets) {
    const started = performance.now();
    const { binary, withoutEbpf } = await compile(target, web.plugin);
    const smoke = smokeRun(target, binary);
    if (isHost(target)) {
      const link = join(DIST, `.wb-new${target.suffix}`);
      await copyFile(binary, link);
      await rename(link, join(DIST, `wb${target.suffix}`));
    }
    const megabytes = (Bun.file(binary).size / 1e6).toFixed(0);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (!quiet) console.log(`${target.name.padEnd(14)} ${megabytes} MB in ${seconds} s, ${smoke}`);
    if (!quiet && withoutEbpf !== undefined) console.log(`  built without its eBPF programs: ${withoutEbpf}`);
  }
  await writeChecksums();
}

try {
  await main();
} catch (error) {
  console.error(`build.ts: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof AggregateError) for (const each of error.errors) console.error(String(each));
  process.exitCode = 1;
} finally {
  for (const name of await readdir(DIST).catch(() => []))
    if (name.startsWith(".building-")) await rm(join(DIST, name));
}
