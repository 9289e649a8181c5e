/**
 * How long `wb --version` takes, against a hello-world compiled by the same Bun with the same flags: paired runs, one of
 * each in turn, medians. Budget: at most twice the hello-world, and at most 10 ms.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const RUNS = 60;
const RATIO_MAX = 2;
const MILLISECONDS_MAX = 10;
const BINARY = new URL("../dist/wb", import.meta.url).pathname;

/** Milliseconds from before the start of the program until it is gone. */
function timed(command: readonly string[]): number {
  const started = performance.now();
  const run = Bun.spawnSync([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const elapsedMs = performance.now() - started;
  if (run.exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${run.exitCode}`);
  return elapsedMs;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function compileHello(directory: string): Promise<string> {
  const source = join(directory, "hello.ts");
  const outfile = join(directory, "hello");
  await writeFile(source, 'console.log("hello");\n');
  const built = await Bun.build({
    entrypoints: [source],
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
    format: "esm",
    minify: true,
    bytecode: true,
    splitting: true,
  });
  if (!built.success) throw new Error(built.logs.map(String).join("\n"));
  return outfile;
}

async function main(): Promise<void> {
  if (!(await Bun.file(BINARY).exists())) throw new Error("dist/wb is not built: npm run build");
  const directory = await mkdtemp(join(tmpdir(), "wb-bench-"));
  try {
    const hello = await compileHello(directory);
    const version: number[] = [];
    const baseline: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      baseline.push(timed([hello]));
      version.push(timed([BINARY, "--version"]));
    }
    const ratio = median(version) / median(baseline);
    const good = ratio <= RATIO_MAX && median(version) <= MILLISECONDS_MAX;
    console.log(
      `hello-world ${median(baseline).toFixed(2)} ms, wb --version ${median(version).toFixed(2)} ms, medians of ${RUNS} paired runs`,
    );
    console.log(
      `start: ratio ${ratio.toFixed(2)} budget ${RATIO_MAX.toFixed(2)} (and ${MILLISECONDS_MAX} ms) ${good ? "ok" : "over"}`,
    );
    if (!good) process.exitCode = 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
