/**
 * For tests of what runs as root for somebody else: a private sudo, which processes a program has started, and what of the
 * kernel's eBPF a process holds.
 */
import { chmod, chown, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NOBODY_ID } from "./as-nobody.ts";
import { waitFor } from "./wait-for.ts";

/**
 * A stand-in for sudo where the machine's own must not be configured by a test: it is set-user-ID root, lies in a directory
 * that only root and nobody may enter, and runs what follows its options as root, with the environment as it is. So what
 * reaches the program is what the caller gave.
 */
const SUDO_SOURCE = `#include <unistd.h>
#include <string.h>
int main(int argc, char **argv)
{
	int at = 1;
	while (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--")) at++;
	if (at < argc && !strcmp(argv[at], "--")) at++;
	if (at >= argc || setgid(0) || setuid(0)) return 1;
	execv(argv[at], argv + at);
	return 1;
}
`;

/** Makes it as `<directory>/sudo`; the directory becomes root's and the group nobody's alone. Needs root and cc. */
export async function makeSudo(directory: string): Promise<string> {
  const source = join(directory, "sudo.c");
  const program = join(directory, "sudo");
  await writeFile(source, SUDO_SOURCE);
  const compiled = Bun.spawnSync(["cc", "-O1", "-o", program, source], { stderr: "pipe" });
  if (compiled.exitCode !== 0) throw new Error(compiled.stderr.toString());
  await chown(directory, 0, NOBODY_ID);
  await chmod(directory, 0o750);
  await chmod(program, 0o4755);
  return program;
}

/** What a monitor said on standard error, but for its word that the helper takes longer to start, as on a busy machine it does. */
export function wordsOf(stderr: string): string {
  return stderr.replaceAll("wb: waiting for the elevated helper\n", "");
}

/** The process that `wb helper` runs in among the descendants of a process. */
export async function helperBelow(pid: number): Promise<number> {
  return await waitFor("a helper to be started", async () => {
    for (const below of await descendants(pid)) {
      const words = (await textOf(`/proc/${below}/cmdline`)).split("\0");
      // sudo has the same words after its own.
      const at = words.indexOf("--launched");
      if (at >= 0 && !words.some((word) => word.endsWith("sudo"))) return below;
    }
    return undefined;
  });
}

async function descendants(pid: number): Promise<number[]> {
  const children = (await textOf(`/proc/${pid}/task/${pid}/children`))
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
  const below = await Promise.all(children.map(descendants));
  return [...children, ...below.flat()];
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return ""; // it ended meanwhile
  }
}

export interface KernelObjects {
  readonly programs: readonly number[];
  readonly maps: readonly number[];
}

/** The ids of what a process holds of eBPF, by its descriptors (proc(5), fdinfo). */
export async function kernelObjectsOf(pid: number): Promise<KernelObjects> {
  const programs = new Set<number>();
  const maps = new Set<number>();
  for (const descriptor of await readdir(`/proc/${pid}/fdinfo`)) {
    const text = await textOf(`/proc/${pid}/fdinfo/${descriptor}`);
    const program = /^prog_id:\t(\d+)$/m.exec(text)?.[1];
    const map = /^map_id:\t(\d+)$/m.exec(text)?.[1];
    if (program !== undefined) programs.add(Number(program));
    if (map !== undefined) maps.add(Number(map));
  }
  return { programs: [...programs], maps: [...maps] };
}

function exists(kind: "prog" | "map", id: number): boolean {
  return (
    Bun.spawnSync(["bpftool", kind, "show", "id", String(id)], { stdout: "ignore", stderr: "ignore" })
      .exitCode === 0
  );
}

/** Waits until the kernel has none of them any more: it frees them a moment after the last descriptor is closed. */
export async function waitUntilFreed({ programs, maps }: KernelObjects): Promise<void> {
  await waitFor(
    "the kernel to free the programs and maps",
    () => !programs.some((id) => exists("prog", id)) && !maps.some((id) => exists("map", id)),
  );
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH
  }
}

/** Launched helpers' directories in /run/wirebound of the given pid. */
export async function placesOf(pid: number): Promise<string[]> {
  try {
    return (await readdir("/run/wirebound")).filter((name) => name.startsWith(`launched-${pid}-`));
  } catch {
    return []; // the last helper has removed the directory
  }
}
