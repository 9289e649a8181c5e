/** What the helper looks at before it works, and what it gives up: pure parts here, the rest in a process of its own. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dangerousVariables, startingVariables } from "../../../src/platform/dangerous-environment.ts";
import { bundleMapping, cleanFileMappings } from "../../../src/platform/resident-memory.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";

describe("the environment", () => {
  test("is dangerous by names, never by values", () => {
    const names = [
      "PATH",
      "LD_PRELOAD",
      "HOME",
      "BUN_BE_BUN",
      "NODE_OPTIONS",
      "NODE_ENV",
      "TMPDIR",
      "GCONV_PATH",
      "MALLOC_CHECK_",
      "MIMALLOC_VERBOSE",
      "GLIBC_TUNABLES",
      "JSC_useJIT",
      "OLD_LD_PRELOAD",
      "ld_preload",
    ];
    expect(dangerousVariables(names)).toEqual([
      "LD_PRELOAD",
      "BUN_BE_BUN",
      "NODE_OPTIONS",
      "GCONV_PATH",
      "MALLOC_CHECK_",
      "MIMALLOC_VERBOSE",
      "GLIBC_TUNABLES",
      "JSC_useJIT",
    ]);
  });

  test("is what the kernel says it was", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "environ");
    writeFileSync(path, "LD_PRELOAD=/x=y\0EMPTY=\0no-equals\0");
    const names = startingVariables(path);
    expect(names.slice(0, 3)).toEqual(["LD_PRELOAD", "EMPTY", "no-equals"]);
  });
});

test("only untouched read-only mappings of files are given back", () => {
  const mapping = (head: string, anonymousKb: number): string =>
    `${head}\nSize: 8 kB\nRss:  8 kB\nAnonymous:         ${anonymousKb} kB\nVmFlags: rd ex mr mw me\n`;
  const smaps =
    mapping("00200000-01a38000 r--p 00000000 fe:00 10248857                           /usr/bin/wb", 0) +
    mapping(
      "01a40000-06836000 r-xp 01838000 fe:00 10248857                           /usr/bin/wb (deleted)",
      0,
    ) +
    mapping("06836000-06852000 r--p 0662e000 fe:00 10248857                           /usr/bin/wb", 112) +
    mapping("06852000-081d2000 rw-p 06649000 fe:00 10248857                           /usr/bin/wb", 0) +
    mapping(
      "7fb0f8069000-7fb0f826a000 r--s 00001000 00:10 1038                       anon_inode:bpf-map",
      0,
    ) +
    mapping("7fb13942f000-7fb139585000 r-xp 00000000 00:00 0                          [vdso]", 0) +
    mapping("7fb13942f000-7fb139585000 r--p 00000000 00:00 0 ", 0);
  const code = [
    { start: 0x200000, length: 0x1838000 },
    { start: 0x1a40000, length: 0x4df6000 },
  ];
  expect(cleanFileMappings(smaps)).toEqual(code);
  // The bundle can be written, and is not: it is the one that lies within its place in the file.
  const bundle = { start: 0x6852000, length: 0x1980000 };
  expect(cleanFileMappings(smaps, bundle)).toEqual([...code, bundle]);
  expect(cleanFileMappings(smaps, { ...bundle, start: bundle.start + 4096 })).toEqual(code);
  expect(cleanFileMappings("")).toEqual([]);
});

test("the bundle of a compiled program is found, and of nothing else", async () => {
  await using directory = await tmpdir();
  const compiled = join(directory.path, "compiled");
  writeFileSync(join(directory.path, "main.ts"), `console.log("${"x".repeat(20_000)}")`);
  const build = await Bun.build({
    entrypoints: [join(directory.path, "main.ts")],
    compile: { outfile: compiled },
  });
  expect(build.success).toBe(true);
  const found = bundleMapping(compiled);
  expect([found?.start, found?.length].map((value) => (value ?? 1) % 4096)).toEqual([0, 0]);
  expect(found?.start).toBeGreaterThan(0x200000);
  expect(bundleMapping("/bin/sh")).toBeUndefined();
  const whole = await Bun.file(compiled).bytes();
  const cut = join(directory.path, "cut");
  for (const length of [0, 10, 64, 5000]) {
    writeFileSync(cut, whole.subarray(0, length));
    expect(bundleMapping(cut)).toBeUndefined();
  }
});

/** Gives up everything but CAP_SYS_PTRACE, then tries what must fail; what is printed is what did not. */
const CONFINED = `
import { readFileSync, writeFileSync, mkdirSync, openSync, linkSync, utimesSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { capabilities, keepOnly, mapsNeedPrivilege, withCapability } from "./src/platform/capabilities.ts";
import { filterSystemCalls } from "./src/platform/system-call-filter.ts";
import { releaseCleanPages } from "./src/platform/resident-memory.ts";
import { errno, libc } from "./ffi/linux/libc.ts";
await readFile("/etc/passwd"); // another thread, which must lose its privileges too
const directory = process.argv[1];
const TGKILL = process.arch === "arm64" ? 131 : 234;
const needs = mapsNeedPrivilege();
const before = capabilities();
keepOnly([], ["sysPtrace"]);
const after = capabilities();
const raised = withCapability("sysPtrace", () => capabilities().effective);
const notRaised = withCapability("netAdmin", () => capabilities().effective);
const filtered = filterSystemCalls();
releaseCleanPages();
const attempt = (name, what) => { try { what(); return [name, "done"]; } catch (error) { return [name, error.code ?? String(error)]; } };
console.log(JSON.stringify({
  needs, lost: after.permitted !== before.permitted, permitted: String(after.permitted), effective: String(after.effective),
  raised: String(raised), notRaised: String(notRaised), lowered: String(capabilities().effective), filtered,
  attempts: [
    attempt("read", () => readFileSync("/etc/passwd")),
    attempt("write", () => writeFileSync(directory + "/file", "x")),
    attempt("append", () => openSync("/etc/passwd", "a")),
    attempt("mkdir", () => mkdirSync(directory + "/made")),
    attempt("link", () => linkSync("/etc/passwd", directory + "/link")),
    attempt("set times", () => utimesSync(directory, 0, 0)),
    attempt("signal another", () => process.kill(process.ppid, 0)),
    attempt("signal a thread of another", () => {
      if (libc().syscall(TGKILL, BigInt(process.ppid), BigInt(process.ppid), 0n, 0n) < 0) throw new Error("error " + errno());
    }),
    attempt("signal itself", () => {
      if (libc().syscall(TGKILL, BigInt(process.pid), BigInt(process.pid), 0n, 0n) < 0) throw new Error("error " + errno());
    }),
    attempt("spawn", () => Bun.spawnSync(["/bin/true"])),
  ],
  socket: [libc().socket(2, 1, 0), errno()],
  asynchronous: (await readFile("/etc/passwd")).length > 0,
}));
`;

testWith(["root"], "what is given up is gone, and what is kept works", async () => {
  await using directory = await tmpdir();
  const root = join(import.meta.dir, "../../..");
  const child = Bun.spawn([process.execPath, "-e", CONFINED, directory.path], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([stderr, await child.exited]).toEqual(["", 0]);
  const { needs, ...told } = JSON.parse(stdout) as Record<string, unknown>;
  expect(typeof needs).toBe("boolean");
  expect(told).toEqual({
    lost: true,
    permitted: "524288",
    effective: "0",
    raised: "524288",
    notRaised: "0",
    lowered: "0",
    filtered: true,
    attempts: [
      ["read", "done"],
      ["write", "EPERM"],
      ["append", "EPERM"],
      ["mkdir", "EPERM"],
      ["link", "EPERM"],
      ["set times", "EPERM"],
      ["signal another", "EPERM"],
      ["signal a thread of another", "Error: error 1"],
      ["signal itself", "done"],
      ["spawn", "EPERM"],
    ],
    socket: [-1, 1],
    asynchronous: true,
  });
});
