/**
 * libbpf and what it depends on, as files to embed: from this machine where it is built for its own processor, else from
 * Debian's packages of the other one. Fetching those leaves the system's own package lists and architectures alone.
 */
import { existsSync, realpathSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ebpfDirectory, run, type Cpu } from "./compile.ts";

export interface LibraryFile {
  readonly soname: string;
  readonly path: string;
}

const LIBBPF = "libbpf.so.1";
const LIBBPF_PACKAGE = "libbpf1";
/** The C library is the target system's own, never carried. */
const GIVEN_LIBRARY = /^(?:libc|libm|libdl|libpthread|librt|ld-linux[\w-]*)\.so/;
const GIVEN_PACKAGES: readonly string[] = ["libc6", "libgcc-s1"];
const TRIPLETS: Readonly<Record<Cpu, string>> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };
const DEBIAN_NAMES: Readonly<Record<Cpu, string>> = { x64: "amd64", arm64: "arm64" };
/** In the order of Debian's own preference. */
const SOURCE_LISTS = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];

/** The libraries, dependencies first and libbpf last, or why they can't be had. */
export async function findLibraries(
  cpu: Cpu,
): Promise<{ readonly libraries: readonly LibraryFile[] } | { readonly missing: string }> {
  try {
    const root = process.platform === "linux" && process.arch === cpu ? "/" : await packageRoot(cpu);
    const libraries: LibraryFile[] = [];
    await collect(LIBBPF, libraryDirectories(root, cpu), libraries);
    return { libraries };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { missing: error.message };
  }
}

function libraryDirectories(root: string, cpu: Cpu): string[] {
  const triplet = TRIPLETS[cpu];
  const names = [join("usr/lib", triplet), join("lib", triplet), "usr/lib64", "lib64", "usr/lib", "lib"];
  return names.map((name) => join(root, name));
}

/** Adds a library after everything that it needs. */
async function collect(soname: string, directories: readonly string[], found: LibraryFile[]): Promise<void> {
  if (found.some((library) => library.soname === soname)) return;
  const link = directories.map((directory) => join(directory, soname)).find((path) => existsSync(path));
  if (link === undefined) throw new Error(`${soname} is not there`);
  const path = realpathSync(link);
  const listing = await run(["llvm-readelf", "--needed-libs", path], "/");
  const needed = listing.match(/^\s+(\S+\.so\S*)$/gm)?.map((line) => line.trim()) ?? [];
  for (const other of needed) if (!GIVEN_LIBRARY.test(other)) await collect(other, directories, found);
  found.push({ soname, path });
}

/** A directory with the unpacked packages of another processor; fetches them once. */
async function packageRoot(cpu: Cpu): Promise<string> {
  const root = join(ebpfDirectory(cpu), "packages");
  if (existsSync(root)) return root;
  if (Bun.which("apt-get") === null || Bun.which("dpkg-deb") === null)
    throw new Error(`no apt-get here to fetch ${LIBBPF_PACKAGE} for ${cpu} with`);
  const list = SOURCE_LISTS.find((path) => existsSync(path));
  if (list === undefined) throw new Error(`no list of Debian mirrors: ${SOURCE_LISTS.join(", ")}`);
  const working = join(ebpfDirectory(cpu), `apt-${process.pid}`);
  try {
    const options = await aptOptions(working, list, cpu);
    await run(["apt-get", ...options, "update"], working);
    const unpacked = join(working, "root");
    await mkdir(unpacked);
    await fetchPackages(options, working, unpacked);
    await rename(unpacked, root);
  } finally {
    await rm(working, { recursive: true, force: true });
  }
  return root;
}

/** Options that give apt directories of its own, with this machine's mirrors. */
async function aptOptions(working: string, list: string, cpu: Cpu): Promise<string[]> {
  for (const name of ["sources.d", "state/lists/partial", "cache/archives/partial"])
    await mkdir(join(working, name), { recursive: true });
  const text = await readFile(list, "utf8");
  // The mirrors' lists may be restricted to this machine's processor.
  const open = text.replace(/^Architectures:.*\n/gim, "").replace(/\barch=[\w,-]+\s*/g, "");
  await writeFile(join(working, "sources.d", list.endsWith(".sources") ? "own.sources" : "own.list"), open);
  await writeFile(join(working, "status"), "");
  const settings = {
    "Dir::Etc::sourcelist": "/dev/null",
    "Dir::Etc::sourceparts": join(working, "sources.d"),
    "Dir::State": join(working, "state"),
    "Dir::State::status": join(working, "status"),
    "Dir::Cache": join(working, "cache"),
    "APT::Architecture": DEBIAN_NAMES[cpu],
    "APT::Architectures": DEBIAN_NAMES[cpu],
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** Downloads and unpacks libbpf's package and, one after the other, those that it depends on. */
async function fetchPackages(options: readonly string[], working: string, unpacked: string): Promise<void> {
  const wanted = [LIBBPF_PACKAGE];
  for (const name of wanted) {
    const directory = join(working, name);
    await mkdir(directory);
    await run(["apt-get", ...options, "download", name], directory);
    for (const file of await readdir(directory)) {
      await run(["dpkg-deb", "-x", file, unpacked], directory);
      const depends = await run(["dpkg-deb", "-f", file, "Depends"], directory);
      for (const clause of depends.split(",")) {
        const other = /^\s*([a-z0-9.+-]+)/.exec(clause)?.[1];
        if (other !== undefined && !GIVEN_PACKAGES.includes(other) && !wanted.includes(other))
          wanted.push(other);
      }
    }
  }
}
