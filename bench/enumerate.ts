/**
 * Enumerating 20,000 sockets with their bytes against `ss -tin`, and with their processes against `ss -tinp`: paired runs
 * on the same sockets at the same time, in a network namespace of its own where that is allowed. Both tools take their
 * first look: ss is a new process each time, and so is `wb monitor --once --json`, whose own timings are taken; the start
 * of the process is taken off on both sides. Without a built dist/wb, captures opened anew in this process stand for it.
 * A ratio is the median of the ratios of the pairs, so that a machine that is slow for a while is slow for both. What the
 * whole of `wb monitor --once --json` takes, with 15 MB of JSON made, is printed beside it.
 *
 * The budget in milliseconds is for a machine whose kernel dumps fast enough: what a bare receive loop over the same dump
 * takes is printed beside it, because nobody can be faster than that.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { NetlinkSocket, NETLINK_SOCK_DIAG } from "../src/capture/linux/netlink-socket.ts";
import { openCapture } from "../src/capture/open.ts";
import { tcpDumpRequest } from "../src/decode/sock-diag.ts";
import { LineProcess } from "../tests/support/traffic/traffic.ts";

const SOCKETS = 20_000;
const HOLDERS = 8;
const RUNS = 15;
const HEAD_BYTES = 64 * 1024;
const BUDGET_MS = 10;
const BUDGET_RATIO = 0.5;
const BINARY = join(import.meta.dir, "../dist/wb");
const NAMESPACE_MARK = "WB_BENCH_NAMESPACE";

interface Timings {
  readonly enumerateMs: number;
  readonly processesMs: number;
}

interface Run extends Timings {
  /** From the start of the process to its end. */
  readonly wholeMs: number;
  readonly ssMs: number;
  readonly ssProcessesMs: number;
  /** `ss -V`: what starting ss takes. */
  readonly ssStartMs: number;
  readonly bareMs: number;
}

function measureBinary(): Timings & { readonly wholeMs: number } {
  const began = performance.now();
  const { stdout, exitCode } = Bun.spawnSync([
    BINARY,
    "monitor",
    "--once",
    "--json",
    "--no-history",
    "--no-dns",
  ]);
  const wholeMs = performance.now() - began;
  if (exitCode !== 0) throw new Error(`wb monitor ended with ${exitCode}`);
  // Only the head is parsed: collecting 15 MB of garbage here would disturb what is measured next.
  const timings = /"timings":(\{[^}]*\})/.exec(stdout.subarray(0, HEAD_BYTES).toString())?.[1];
  if (timings === undefined) throw new Error("wb monitor told no timings");
  return { ...(JSON.parse(timings) as Timings), wholeMs };
}

async function measureCapture(): Promise<Timings & { readonly wholeMs: number }> {
  const began = performance.now();
  await using capture = await openCapture({ method: "sock_diag" });
  const { timings } = await capture.sample();
  return { ...timings, wholeMs: performance.now() - began };
}

function measureProgram(command: string[]): number {
  const began = performance.now();
  const { exitCode } = Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}`);
  return performance.now() - began;
}

/** What the kernel alone takes for the same dump. */
function measureBareDump(): number {
  using socket = NetlinkSocket.open(NETLINK_SOCK_DIAG);
  const buffer = new Uint8Array(64 * 1024);
  const view = new DataView(buffer.buffer);
  const began = performance.now();
  socket.send(tcpDumpRequest(1));
  do socket.receive(buffer);
  while (view.getUint16(4, true) > 3);
  return performance.now() - began;
}

/** The later samples of one capture: what a running monitor does each second. */
async function measureSteady(): Promise<number> {
  await using capture = await openCapture({ method: "sock_diag" });
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const { timings } = await capture.sample();
    if (run > 0) times.push(timings.enumerateMs + timings.processesMs);
  }
  return median(times);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** In a namespace of its own, this program again: no socket but its own is there. */
async function inNamespace(): Promise<number | undefined> {
  if (process.env[NAMESPACE_MARK] !== undefined || process.getuid?.() !== 0) return undefined;
  const script = `ip link set lo up && exec "$0" "$1"`;
  const child = Bun.spawn(["unshare", "--net", "sh", "-c", script, process.execPath, import.meta.path], {
    env: { ...process.env, [NAMESPACE_MARK]: "1" },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  return child.exited;
}

async function main(): Promise<number> {
  const holder = join(import.meta.dir, "../tests/support/traffic/holder.ts");
  const perHolder = String(SOCKETS / HOLDERS / 2);
  const holders = Array.from(
    { length: HOLDERS },
    () => new LineProcess([process.execPath, holder, perHolder]),
  );
  await Promise.all(holders.map((one) => one.next()));
  const binary = existsSync(BINARY);
  const runs: Run[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const timings = binary ? measureBinary() : await measureCapture();
    runs.push({
      ...timings,
      ssStartMs: measureProgram(["ss", "-V"]),
      ssMs: measureProgram(["ss", "-tin"]),
      ssProcessesMs: measureProgram(["ss", "-tinp"]),
      bareMs: measureBareDump(),
    });
  }
  runs.shift(); // the first one finds files and code not loaded yet
  const steadyMs = await measureSteady();
  await Promise.all(holders.map((one) => one.end()));
  const of = (value: (run: Run) => number): number => median(runs.map(value));
  const milliseconds = (value: (run: Run) => number): string => `${of(value).toFixed(1)} ms`;
  const ss = (run: Run): number => run.ssMs - run.ssStartMs;
  const ssProcesses = (run: Run): number => run.ssProcessesMs - run.ssStartMs;
  const both = (run: Run): number => run.enumerateMs + run.processesMs;
  console.log(`${SOCKETS} sockets, medians of ${RUNS} paired runs of ${binary ? "dist/wb" : "the capture"}`);
  console.log(`with bytes      ${milliseconds((run) => run.enumerateMs)}   ss -tin  ${milliseconds(ss)}`);
  console.log(`with processes  ${milliseconds(both)}   ss -tinp ${milliseconds(ssProcesses)}`);
  console.log(
    `whole process   ${milliseconds((run) => run.wholeMs)}   ss -tinp ${milliseconds((run) => run.ssProcessesMs)}`,
  );
  console.log(
    `the kernel's part of the dump alone: ${milliseconds((run) => run.bareMs)} (budget for all: ${BUDGET_MS} ms)`,
  );
  console.log(`steady state, with processes: ${steadyMs.toFixed(1)} ms a sample`);
  const withBytes = of((run) => run.enumerateMs / ss(run));
  const withProcesses = of((run) => both(run) / ssProcesses(run));
  const worst = Math.max(withBytes, withProcesses);
  console.log(`ratio with bytes ${withBytes.toFixed(2)}, with processes ${withProcesses.toFixed(2)}`);
  console.log(
    `enumerate: ratio ${worst.toFixed(2)} budget ${BUDGET_RATIO} ${worst > BUDGET_RATIO ? "over" : "ok"}`,
  );
  return worst > BUDGET_RATIO ? 1 : 0;
}

process.exitCode = (await inNamespace()) ?? (await main());
