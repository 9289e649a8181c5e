/**
 * The guest's file system: one uncompressed cpio archive (the kernel unpacks that fastest) with busybox, the programs under
 * test with the shared libraries that they need, and the kernel's modules.
 */
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Kernel } from "./packages.ts";

const BUSYBOX = "busybox";
const INIT = join(import.meta.dir, "guest/init.sh");

export interface ImageContents {
  readonly kernel: Kernel;
  /** Absolute paths of programs of this machine; they are in the guest's /bin by their names. */
  readonly programs: readonly string[];
  /** What init.sh runs: a script of busybox' shell. */
  readonly steps: string;
}

/** Writes the archive to `directory`/initramfs.cpio and returns its path. */
export async function makeImage(directory: string, contents: ImageContents): Promise<string> {
  const root = join(directory, "root");
  const busybox = Bun.which(BUSYBOX);
  if (busybox === null) throw new Error(`${BUSYBOX} is not installed`);
  for (const program of [busybox, ...contents.programs]) {
    await install(program, join(root, "bin", basename(program)), 0o755);
    for (const library of await sharedLibraries(program)) await install(library, join(root, library), 0o755);
  }
  for (const module of contents.kernel.modules) {
    await install(module, join(root, "modules", basename(module)), 0o644);
  }
  await install(INIT, join(root, "init"), 0o755);
  await writeFile(join(root, "steps"), contents.steps);
  const archive = join(directory, "initramfs.cpio");
  const pack = `find . | cpio --create --format=newc --owner=0:0 --quiet > "$1"`;
  const child = Bun.spawn(["sh", "-c", pack, "sh", archive], { cwd: root, stdin: "ignore", stderr: "pipe" });
  const [words, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`cpio: ${words.trim()}`);
  return archive;
}

async function install(from: string, to: string, mode: number): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, mode);
}

/** What the dynamic linker would map, the linker itself included; nothing for a static program. */
async function sharedLibraries(program: string): Promise<string[]> {
  const child = Bun.spawn(["ldd", program], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const text = await child.stdout.text();
  if ((await child.exited) !== 0) return []; // "not a dynamic executable"
  return [...text.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].flatMap(([, path]) => path ?? []);
}
