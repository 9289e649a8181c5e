/**
 * The door for a fresh clone: needs Node and npm and nothing else. It sets up what is missing (the pinned Bun,
 * the dependencies of bun.lock, Debian packages where it may install them) and then does one thing:
 * `start`, `test`, `check`, `build`, `bench` or `format`. What it does, it says on stderr.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(fileURLToPath(import.meta.url));
const TOOLCHAIN = join(ROOT, ".toolchain");
const PINNED_BUN = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).engines.bun;

/** What compiles and loads the kernel programs; wanted by every task that builds the binary. */
const EBPF_PACKAGES = [
  { program: "clang", package: "clang", without: "the binary is built without its eBPF programs" },
  { program: "llvm-strip", package: "llvm", without: "the binary is built without its eBPF programs" },
  {
    file: "/usr/include/bpf/bpf_helpers.h",
    package: "libbpf-dev libbpf1 libelf1 zlib1g",
    without: "the binary is built without its eBPF programs",
  },
];

/** Debian packages by the task that wants them: the program or file looked for, the package that has it, and what is lost without. */
const DEBIAN_PACKAGES = {
  start: EBPF_PACKAGES,
  build: EBPF_PACKAGES,
  test: [
    ...EBPF_PACKAGES,
    { program: "bpftool", package: "bpftool", without: "what is left in the kernel is not looked at" },
    { program: "tmux", package: "tmux", without: "the terminal UI is not driven in a real terminal" },
    {
      program: "ss",
      package: "iproute2",
      without: "connections are not compared with ss, and no network namespaces",
    },
    { program: "setpriv", package: "util-linux", without: "nothing runs as another user" },
    { program: "strace", package: "strace", without: "some failures of the kernel can't be injected" },
    { program: "man", package: "man-db", without: "the man page is not checked" },
    { program: "rpmbuild", package: "rpm", without: "no packages of rpm are looked up" },
    { program: "groff", package: "groff", without: "the man page is not checked" },
    { program: "zsh", package: "zsh", without: "zsh completions are not checked" },
    { program: "fish", package: "fish", without: "fish completions are not checked" },
    {
      program: "qemu-aarch64",
      package: "qemu-user libc6-arm64-cross libgcc-s1-arm64-cross",
      without: "the arm64 build is made and not run",
    },
    { program: "tc", package: "iproute2", without: "no delay and loss on test networks" },
    {
      program: "qemu-system-x86_64",
      package: "qemu-system-x86",
      without: "nothing runs on other kernels than this machine's",
    },
    { program: "busybox", package: "busybox-static", without: "nothing runs on other kernels" },
    { program: "cpio", package: "cpio", without: "nothing runs on other kernels" },
    { program: "xz", package: "xz-utils", without: "nothing runs on other kernels" },
    { program: "cc", package: "gcc libc6-dev", without: "the traffic program of the tests can't be made" },
    { program: "chromium", package: "chromium", without: "the web page is not opened in a browser" },
    {
      file: "/usr/share/keyrings/debian-archive-keyring.gpg",
      package: "debian-archive-keyring",
      without: "other kernels can't be verified, and nothing runs on them",
    },
  ],
  bench: [
    ...EBPF_PACKAGES,
    { program: "ss", package: "iproute2", without: "nothing is compared with ss" },
    { program: "tmux", package: "tmux", without: "the terminal UI is not measured" },
    { program: "cc", package: "gcc libc6-dev", without: "there is no traffic to measure the helper with" },
    { program: "unshare", package: "util-linux", without: "the helper is not measured" },
    { program: "bpftool", package: "bpftool", without: "nobody says that other helpers disturb" },
    { program: "iperf3", package: "iperf3", without: "line rate is measured by a program of our own" },
    { program: "nethogs", package: "nethogs", without: "the helper is not compared with nethogs" },
    { program: "bpftrace", package: "bpftrace", without: "the helper is not compared with bpftrace" },
    { program: "tcptop-bpfcc", package: "bpfcc-tools", without: "the helper is not compared with tcptop" },
  ],
};

function say(text) {
  process.stderr.write(`wirebound: ${text}\n`);
}

function fail(text, hint) {
  process.stderr.write(`wirebound: ${text}\n${hint ? `  hint: ${hint}\n` : ""}`);
  process.exit(1);
}

/** Whether a program can be run from PATH or the administrator's directories. */
function hasProgram(name) {
  const directories = (process.env.PATH ?? "").split(":").concat("/usr/sbin", "/sbin");
  return directories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false; // not there, or not to be run: both mean no
    }
  });
}

function runQuietly(command, args, options, hint) {
  const result = spawnSync(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    ...options,
  });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
  fail(`${command} ${args.join(" ")} failed (${result.error?.message ?? `exit ${result.status}`})`, hint);
}

/** The first of the installed Bun builds (glibc, musl, without AVX2) that runs here; undefined if none does. */
function workingBun() {
  const builds = join(TOOLCHAIN, "node_modules", "@oven");
  if (!existsSync(builds)) return undefined;
  for (const build of readdirSync(builds).sort()) {
    const candidate = join(builds, build, "bin", process.platform === "win32" ? "bun.exe" : "bun");
    const answer = spawnSync(candidate, ["--version"], { encoding: "utf8" });
    if (answer.status === 0 && answer.stdout.trim() === PINNED_BUN) return candidate;
  }
  return undefined;
}

function ensureBun() {
  const present = workingBun();
  if (present) return present;
  say(`installing Bun ${PINNED_BUN} into .toolchain/ …`);
  mkdirSync(TOOLCHAIN, { recursive: true });
  writeFileSync(join(TOOLCHAIN, "package.json"), '{ "private": true }\n');
  const args = [
    "install",
    "--ignore-scripts",
    "--no-save",
    "--no-package-lock",
    "--no-audit",
    "--no-fund",
    `bun@${PINNED_BUN}`,
  ];
  runQuietly(
    "npm",
    args,
    { cwd: TOOLCHAIN, shell: process.platform === "win32" },
    "is the npm registry reachable? try `npm ping`",
  );
  const installed = workingBun();
  if (!installed)
    fail(
      `Bun ${PINNED_BUN} was installed but does not run on this machine`,
      "it needs x86-64 or arm64 with glibc 2.17 or musl",
    );
  return installed;
}

/** Installs the dependencies when bun.lock or package.json changed since the last time. */
function ensureDependencies(bun) {
  const hash = createHash("sha256").update(PINNED_BUN);
  for (const file of ["bun.lock", "package.json"]) hash.update(readFileSync(join(ROOT, file)));
  const wanted = hash.digest("hex");
  const stamp = join(TOOLCHAIN, "dependencies.sha256");
  if (existsSync(stamp) && existsSync(join(ROOT, "node_modules")) && readFileSync(stamp, "utf8") === wanted)
    return;
  say("installing the dependencies of bun.lock …");
  runQuietly(
    bun,
    ["install", "--frozen-lockfile"],
    { cwd: ROOT },
    "is the npm registry reachable? try `npm ping`",
  );
  writeFileSync(stamp, wanted);
}

/** Installs missing Debian packages when this user may; otherwise names them and what is lost without. */
function ensureDebianPackages(task) {
  const missing = (DEBIAN_PACKAGES[task] ?? []).filter((entry) =>
    entry.file === undefined ? !hasProgram(entry.program) : !existsSync(entry.file),
  );
  if (missing.length === 0) return;
  const packages = [...new Set(missing.flatMap((entry) => entry.package.split(" ")))];
  const isRoot = process.getuid?.() === 0;
  if (isRoot && hasProgram("apt-get")) {
    say(`installing Debian packages: ${packages.join(" ")} …`);
    const options = {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    };
    const install = ["install", "-y", "--no-install-recommends", ...packages];
    if (spawnSync("apt-get", install, options).status === 0) return;
    spawnSync("apt-get", ["update"], options);
    if (spawnSync("apt-get", install, options).status === 0) return;
    say("apt-get could not install them; going on without:");
  } else {
    say(`going on without these Debian packages (as root: apt-get install ${packages.join(" ")}):`);
  }
  for (const entry of missing) say(`  ${entry.package}: ${entry.without}`);
}

/** The newest modification time below the given files and folders, in milliseconds. */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const stat = statSync(path);
    latest = Math.max(latest, stat.mtimeMs);
    if (stat.isDirectory())
      latest = Math.max(latest, newest(readdirSync(path).map((name) => join(path, name))));
  }
  return latest;
}

function ensureBinary(bun) {
  const binary = join(ROOT, "dist", process.platform === "win32" ? "wb.exe" : "wb");
  const inputs = ["src", "ffi", "ebpf", "build.ts", "bun.lock", "package.json"].map((name) =>
    join(ROOT, name),
  );
  if (!existsSync(binary) || statSync(binary).mtimeMs < newest(inputs)) {
    say("building dist/wb …");
    runQuietly(bun, ["build.ts", "--quiet"], { cwd: ROOT }, "npm run check shows errors in the sources");
  }
  return binary;
}

/** Runs a command in the foreground; it gets our terminal and its signals, we get its exit code. */
function foreground(command, args) {
  const child = spawn(command, args, { cwd: ROOT, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`${command} can't be run: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

const TASKS = {
  start: (bun, args) => foreground(ensureBinary(bun), ["monitor", ...args]),
  build: (bun, args) => foreground(bun, ["build.ts", ...args]),
  check: (bun) => foreground(bun, ["tests/run.ts", "--fast"]),
  test: (bun, args) => foreground(bun, ["tests/run.ts", ...args]),
  bench: (bun, args) => {
    ensureBinary(bun);
    foreground(bun, ["bench/run.ts", ...args]);
  },
  format: (bun) => foreground(bun, ["node_modules/.bin/oxfmt"]),
};

const [task = "", ...rest] = process.argv.slice(2);
if (!Object.hasOwn(TASKS, task)) {
  process.stderr.write(`usage: node setup.mjs ${Object.keys(TASKS).join("|")}\n`);
  process.exit(2);
}
const bun = ensureBun();
ensureDependencies(bun);
ensureDebianPackages(task);
TASKS[task](bun, rest);
