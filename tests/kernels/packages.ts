/**
 * Debian's cloud kernels, fetched by apt-get into directories of its own below .toolchain/kernels: nothing of the machine's
 * apt is changed. The mirrors are the machine's own; Debian's keyring verifies what they send. What was once unpacked
 * stays; delete the directory to get a newer one.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { orderedModules } from "./modules.ts";

export const KERNELS = ["5.10", "6.1", "6.12"] as const;

export type KernelSeries = (typeof KERNELS)[number];

/** An unpacked kernel. */
export interface Kernel {
  readonly series: KernelSeries;
  /** The package's, such as `6.1.176-1`. */
  readonly version: string;
  readonly image: string;
  /** Decompressed modules, in the order in which they can be loaded. */
  readonly modules: readonly string[];
}

const SUITES: Readonly<Record<KernelSeries, string>> = {
  "5.10": "bullseye-security",
  "6.1": "bookworm",
  "6.12": "trixie",
};
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const STORE = join(import.meta.dir, "../../.toolchain/kernels");

/** What the kernel itself would load by modprobe: sock_diag's parts, protocols, and what test networks are made of. */
const WANTED_MODULES = [
  "inet_diag",
  "tcp_diag",
  "udp_diag",
  "raw_diag",
  "mptcp_diag",
  "unix_diag",
  "tls",
  "sctp",
  "veth",
  "dummy",
  "ctr",
  "gcm",
  "ghash_generic",
  "nf_tables",
  "nft_chain_nat",
  "nft_masq",
] as const;

/** Fetches the kernel, or takes the one that was fetched before. Throws an Error that says what went wrong. */
export async function kernelOf(series: KernelSeries): Promise<Kernel> {
  const directory = join(STORE, series);
  const present = unpacked(series, directory);
  if (present !== undefined) return present;
  await mkdir(directory, { recursive: true });
  const working = await mkdtemp(join(directory, ".fetching-"));
  try {
    const version = await fetchInto(working, series);
    await rm(join(directory, version), { recursive: true, force: true });
    await rename(join(working, "kernel"), join(directory, version));
  } finally {
    await rm(working, { recursive: true, force: true });
  }
  const fetched = unpacked(series, directory);
  if (fetched === undefined) throw new Error(`the kernel ${series} was unpacked and is not in ${directory}`);
  return fetched;
}

function unpacked(series: KernelSeries, directory: string): Kernel | undefined {
  if (!existsSync(directory)) return undefined;
  const version = readdirSync(directory).find((name) => isComplete(join(directory, name)));
  if (version === undefined) return undefined;
  const image = join(directory, version, "vmlinuz");
  const modules = readdirSync(join(directory, version, "modules")).sort();
  return {
    series,
    version,
    image,
    modules: modules.map((name) => join(directory, version, "modules", name)),
  };
}

/** Written last: the modules that were looked for when the kernel was unpacked. */
const WANTED_FILE = "wanted";

function isComplete(directory: string): boolean {
  const wanted = join(directory, WANTED_FILE);
  return existsSync(wanted) && readFileSync(wanted, "utf8") === WANTED_MODULES.join("\n");
}

/** Leaves `kernel/vmlinuz` and `kernel/modules/NN-name.ko` in the directory and returns the package's version. */
async function fetchInto(working: string, series: KernelSeries): Promise<string> {
  const options = await aptOptions(working, SUITES[series]);
  await run(["apt-get", ...options, "--quiet", "update"], working);
  const depends = await run(["apt-cache", ...options, "depends", "linux-image-cloud-amd64"], working);
  const name = /^\s*Depends: (\S+)$/m.exec(depends)?.[1];
  if (name === undefined) throw new Error(`${SUITES[series]} has no linux-image-cloud-amd64`);
  await run(["apt-get", ...options, "--quiet", "download", name], working);
  const archive = readdirSync(working).find((file) => file.endsWith(".deb"));
  if (archive === undefined) throw new Error(`apt-get left no package of ${name}`);
  const version = (await run(["dpkg-deb", "--field", archive, "Version"], working)).trim();
  await run(["dpkg-deb", "--extract", archive, "root"], working);
  const boot = join(working, "root", "boot");
  const image = readdirSync(boot).find((file) => file.startsWith("vmlinuz-"));
  if (image === undefined) throw new Error(`${name} has no vmlinuz`);
  await mkdir(join(working, "kernel", "modules"), { recursive: true });
  await copyFile(join(boot, image), join(working, "kernel", "vmlinuz"));
  const modules = await orderedModules(join(working, "root"), WANTED_MODULES);
  for (const [index, module] of modules.entries()) {
    const file = `${String(index).padStart(2, "0")}-${module.name}.ko`;
    await writeFile(join(working, "kernel", "modules", file), module.bytes);
  }
  await writeFile(join(working, "kernel", WANTED_FILE), WANTED_MODULES.join("\n"));
  return version;
}

async function aptOptions(directory: string, suite: string): Promise<string[]> {
  if (!existsSync(KEYRING)) throw new Error(`${KEYRING} is missing (package debian-archive-keyring)`);
  const mirror = mirrorOf(suite);
  if (mirror === undefined) throw new Error(`the sources of apt name no mirror that has ${suite}`);
  const list = join(directory, "sources.list");
  await writeFile(list, `deb [target=Packages signed-by=${KEYRING}] ${mirror} ${suite} main\n`);
  await writeFile(join(directory, "status"), "");
  await mkdir(join(directory, "lists", "partial"), { recursive: true });
  await mkdir(join(directory, "cache", "archives", "partial"), { recursive: true });
  const settings: Readonly<Record<string, string>> = {
    "Dir::Etc::SourceList": list,
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": join(directory, "lists"),
    "Dir::State::Status": join(directory, "status"),
    "Dir::Cache": join(directory, "cache"),
    "APT::Architecture": "amd64",
    "APT::Architectures": "amd64",
    "APT::Sandbox::User": "root", // apt's own user may not write here
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    "APT::Update::Error-Mode": "any", // else an unreachable mirror is a warning
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
}

/** Suites of Debian itself: other archives (of a cloud, of a language) are no mirror of it. */
const DEBIAN_SUITES =
  /^(?:stable|testing|unstable|sid|oldstable|oldoldstable|bullseye|bookworm|trixie|forky|duke)$/;

/** The machine's mirror that has the suite: Debian keeps all its releases in one archive, and security in another. */
function mirrorOf(suite: string): string | undefined {
  const isSecurity = suite.endsWith("-security");
  const matches = (name: string): boolean =>
    isSecurity ? name.endsWith("-security") : DEBIAN_SUITES.test(name);
  return aptSources().find(({ suites }) => suites.some(matches))?.uris[0];
}

/** What sources.list(5) describes, in both of its forms. */
function aptSources(): AptSource[] {
  const parts = "/etc/apt/sources.list.d";
  const files = existsSync(parts)
    ? readdirSync(parts)
        .sort()
        .map((name) => join(parts, name))
    : [];
  return ["/etc/apt/sources.list", ...files].filter(existsSync).flatMap((path) => {
    const text = readFileSync(path, "utf8").replaceAll(/^\s*#.*\n?/gm, "");
    if (path.endsWith(".sources")) return text.split(/\n\s*\n/).map(stanza);
    return path.endsWith(".list") ? text.split("\n").flatMap(line) : [];
  });
}

function stanza(text: string): AptSource {
  const field = (name: string): string[] =>
    new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, "mi").exec(text)?.[1]?.trim().split(/\s+/) ?? [];
  return { uris: field("URIs"), suites: field("Suites") };
}

function line(text: string): AptSource[] {
  const [, uri, suite] = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(text) ?? [];
  return uri === undefined || suite === undefined ? [] : [{ uris: [uri], suites: [suite] }];
}

async function run(command: readonly string[], directory: string): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd: directory,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, LC_ALL: "C" },
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new Error(`${command[0]} failed with exit code ${exitCode}: ${stderr.trim()}`);
  return stdout;
}
