/**
 * Kernel modules out of an unpacked package, each after those that it needs: insmod then takes them one by one, and no
 * depmod is needed. What a kernel has built in, or not at all, is left out.
 */
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

export interface Module {
  readonly name: string;
  /** The ELF object, decompressed. */
  readonly bytes: Uint8Array;
}

/** Modules are named with - and _ alike. */
function plainName(path: string): string {
  return basename(path)
    .replace(/\.ko(?:\.\w+)?$/, "")
    .replaceAll("-", "_");
}

export async function orderedModules(root: string, wanted: readonly string[]): Promise<Module[]> {
  const paths = new Map(
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.ko(?:\.\w+)?$/.test(path))
      .map((path) => [plainName(path), join(root, path)]),
  );
  const ordered = new Map<string, Module>();
  const add = async (name: string): Promise<void> => {
    const path = paths.get(name);
    if (path === undefined || ordered.has(name)) return;
    const bytes = await objectBytes(path);
    for (const needed of dependencies(bytes)) await add(needed);
    ordered.set(name, { name, bytes });
  };
  for (const name of wanted) await add(name);
  return [...ordered.values()];
}

/** The names after `depends=` in .modinfo, a section of strings ended by NUL (include/linux/module.h). */
function dependencies(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString("latin1");
  const names = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? "";
  return names
    .split(",")
    .filter((name) => name !== "")
    .map(plainName);
}

const DECOMPRESSORS: Readonly<Record<string, readonly string[]>> = {
  xz: ["xz", "--decompress", "--stdout"],
  zst: ["zstd", "--decompress", "--stdout"],
  gz: ["gzip", "--decompress", "--stdout"],
};

async function objectBytes(path: string): Promise<Uint8Array> {
  const suffix = /\.ko\.(\w+)$/.exec(path)?.[1];
  if (suffix === undefined) return readFileSync(path);
  const command = DECOMPRESSORS[suffix];
  if (command === undefined) throw new Error(`${path} is compressed in an unknown way`);
  const child = Bun.spawn([...command, path], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [bytes, words] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${command[0]} ${path}: ${words.trim()}`);
  return bytes;
}
