/**
 * The C programs beside this file: each compiled by the system's compiler when its source has changed, kept in
 * .toolchain/bench/, and run.
 */
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";

const BUILDS = join(import.meta.dir, "../../.toolchain/bench");
const FLAGS = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-pthread"];

/**
 * The path of a program, compiled if no build of its source is there.
 * @throws Error with the compiler's words
 */
export async function benchProgram(name: "generator" | "holder"): Promise<string> {
  const source = join(import.meta.dir, `${name}.c`);
  const hash = new Bun.CryptoHasher("sha256").update(FLAGS.join(" ")).update(readFileSync(source));
  const path = join(BUILDS, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(path)) return path;
  mkdirSync(BUILDS, { recursive: true });
  const unfinished = `${path}.${process.pid}.tmp`;
  await run(["cc", ...FLAGS, "-o", unfinished, source]);
  renameSync(unfinished, path);
  return path;
}

/**
 * What a program printed.
 * @throws Error with its words on standard error where it failed
 */
export async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")} failed (${code}): ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

/** What one run of the generator did. */
export interface Traffic {
  readonly callsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Processor time that a call took, the kernel's part included. */
  readonly nsPerCall: number;
}

/** Socket calls by so many threads; a rate of 0 is as fast as it goes. "stream": one connection's bytes at full speed. */
export async function generate(
  threads: number | "stream",
  callsPerSecond: number,
  milliseconds: number,
): Promise<Traffic> {
  const words = [threads, callsPerSecond, milliseconds].map(String);
  const { calls, bytes, wallNs, cpuNs } = JSON.parse(
    await run([await benchProgram("generator"), ...words]),
  ) as Record<"calls" | "bytes" | "wallNs" | "cpuNs", number>;
  const seconds = wallNs / 1e9;
  return { callsPerSecond: calls / seconds, bytesPerSecond: bytes / seconds, nsPerCall: cpuNs / calls };
}
