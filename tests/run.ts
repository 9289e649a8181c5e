/**
 * The whole truth in one command: format, lint, types, build of every target, and all tests.
 *
 * `--fast` is the gate of a few seconds (no build, unit and golden tests and layout rules only). Further arguments
 * choose stages by name. The last line reads `N passed, N failed, N skipped`; the exit code is 1 if anything failed.
 */
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Stage {
  readonly name: string;
  readonly fast: boolean;
  run(): Promise<Counts>;
}

const ROOT = join(import.meta.dir, "..");
const BIN = join(ROOT, "node_modules", ".bin");
/** For tests and hooks that name no limit: Bun's own five seconds are too few on a busy machine, and who hangs does so longer. */
const UNHURRIED_MS = 120_000;
const totals: Counts = { passed: 0, failed: 0, skipped: 0 };

/** A stage that is one command: it passes or it fails. Its output is shown only when it fails. */
function gate(name: string, fast: boolean, command: readonly string[]): Stage {
  return {
    name,
    fast,
    run: async () => {
      const child = Bun.spawn([...command], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      const failed = (await child.exited) !== 0;
      if (failed) process.stdout.write(`${stdout}${stderr}`);
      return { passed: failed ? 0 : 1, failed: failed ? 1 : 0, skipped: 0 };
    },
  };
}

/** Test files below a folder (or one file), relative to the root. */
function testFiles(path: string): string[] {
  if (path.endsWith(".test.ts")) return [path];
  const directory = join(ROOT, path);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .sort()
    .map((name) => `./${path}/${name}`);
}

function attribute(xml: string, name: string): number {
  const match = new RegExp(`<testsuites[^>]* ${name}="(\\d+)"`).exec(xml);
  if (!match?.[1]) throw new Error(`the test report has no ${name}`);
  return Number(match[1]);
}

/** A stage of `bun test` over some folders; its counts come from the JUnit report, not from reading the screen. */
function suite(name: string, fast: boolean, ...paths: readonly string[]): Stage {
  return {
    name,
    fast,
    run: async () => {
      const files = paths.flatMap(testFiles);
      if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
      const directory = await mkdtemp(join(tmpdir(), "wb-report-"));
      const report = join(directory, "junit.xml");
      const command = [
        process.execPath,
        "test",
        `--timeout=${UNHURRIED_MS}`,
        "--reporter=junit",
        `--reporter-outfile=${report}`,
        ...files,
      ];
      try {
        const child = Bun.spawn(command, { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
        const [stdout, stderr] = await Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
        ]);
        const exitCode = await child.exited;
        for (const line of stderr.split("\n")) if (line.startsWith("SKIP ")) console.log(line);
        if (exitCode !== 0) process.stdout.write(`${stdout}${stderr}`);
        if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
        const xml = await readFile(report, "utf8");
        const skipped = attribute(xml, "skipped");
        const failed = attribute(xml, "failures");
        const passed = attribute(xml, "tests") - failed - skipped;
        // A file that dies before its tests run leaves no failure in the report, only the exit code.
        return { passed, failed: exitCode !== 0 && failed === 0 ? 1 : failed, skipped };
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}

const STAGES: readonly Stage[] = [
  gate("format", true, [join(BIN, "oxfmt"), "--check"]),
  gate("lint", true, [join(BIN, "oxlint"), "--deny-warnings"]),
  gate("types", true, [join(BIN, "tsc"), "-p", "."]),
  gate("page types", true, [join(BIN, "tsc"), "-p", "src/web"]),
  suite("layout", true, "tests/tidy.test.ts"),
  gate("ebpf", true, [process.execPath, "build.ts", "--ebpf-only"]),
  suite("unit", true, "tests/unit"),
  suite("golden", true, "tests/golden"),
  gate("build", false, [process.execPath, "build.ts", "--all"]),
  suite("integration", false, "tests/integration"),
  suite("binary", false, "tests/binary"),
  suite("kernels", false, "tests/kernels"),
];

const args = process.argv.slice(2);
const fast = args.includes("--fast");
const chosen = args.filter((argument) => !argument.startsWith("--"));
const unknown = chosen.find((name) => !STAGES.some((stage) => stage.name === name));
if (unknown !== undefined) {
  console.error(`no such stage: ${unknown}; there are ${STAGES.map((stage) => stage.name).join(", ")}`);
  process.exit(2);
}
for (const stage of STAGES) {
  if (fast ? !stage.fast : chosen.length > 0 && !chosen.includes(stage.name)) continue;
  const started = performance.now();
  const counts = await stage.run();
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  totals.skipped += counts.skipped;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  console.log(
    `${stage.name.padEnd(12)} ${counts.passed} passed, ${counts.failed} failed${skipped} (${seconds} s)`,
  );
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
