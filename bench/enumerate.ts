/**
 * Enumerating 20,000 sockets with their bytes: against `ss -tin`, and with their processes against `ss -tinp`, in paired
 * runs on the same sockets at the same time. Prints both ratios of medians and fails where a budget of DESIGN.md is
 * missed. Both tools do their first look each time: ss is a new process, and the capture is opened anew. The first line
 * compares what a person waits for; the second what the tool itself does, the start of the process taken off on each side.
 */
import { openCapture } from "../src/capture/open.ts";
import { LineProcess } from "../tests/support/traffic/traffic.ts";

const SOCKETS = 20_000;
const HOLDERS = 8;
const RUNS = 15;
const BUDGETS = { enumerateMs: 10, ratio: 0.5 };

interface Measured {
  readonly enumerateMs: number;
  readonly totalMs: number;
  readonly sockets: number;
}

async function measureCapture(): Promise<Measured> {
  const capture = await openCapture({ method: "sock_diag" });
  const { timings, sockets } = await capture.sample();
  await capture[Symbol.asyncDispose]();
  return {
    enumerateMs: timings.enumerateMs,
    totalMs: timings.enumerateMs + timings.processesMs,
    sockets: sockets.length,
  };
}

function measureProgram(command: string[]): number {
  const began = performance.now();
  const { exitCode } = Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}`);
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function main(): Promise<number> {
  const perHolder = SOCKETS / HOLDERS / 2;
  const holders = Array.from(
    { length: HOLDERS },
    () =>
      new LineProcess([
        process.execPath,
        `${import.meta.dir}/../tests/support/traffic/holder.ts`,
        String(perHolder),
      ]),
  );
  await Promise.all(holders.map((holder) => holder.next()));
  const enumerate: number[] = [];
  const withProcesses: number[] = [];
  const ssStart: number[] = [];
  const ss: number[] = [];
  const ssProcesses: number[] = [];
  let sockets = 0;
  await measureCapture(); // the code is compiled in the first run
  for (let run = 0; run < RUNS; run += 1) {
    const measured = await measureCapture();
    enumerate.push(measured.enumerateMs);
    withProcesses.push(measured.totalMs);
    sockets = measured.sockets;
    ssStart.push(measureProgram(["ss", "-V"]));
    ss.push(measureProgram(["ss", "-tin"]));
    ssProcesses.push(measureProgram(["ss", "-tinp"]));
  }
  const steady = await measureSteady();
  await Promise.all(holders.map((holder) => holder.end()));
  return report({ sockets, enumerate, withProcesses, ssStart, ss, ssProcesses, steady });
}

/** The second and later samples of one capture: what a running monitor does each second. */
async function measureSteady(): Promise<number> {
  await using capture = await openCapture({ method: "sock_diag" });
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const { timings } = await capture.sample();
    if (run > 0) times.push(timings.enumerateMs + timings.processesMs);
  }
  return median(times);
}

function report(times: {
  readonly sockets: number;
  readonly enumerate: readonly number[];
  readonly withProcesses: readonly number[];
  readonly ssStart: readonly number[];
  readonly ss: readonly number[];
  readonly ssProcesses: readonly number[];
  readonly steady: number;
}): number {
  const enumerateMs = median(times.enumerate);
  const withProcessesMs = median(times.withProcesses);
  const startMs = median(times.ssStart);
  const ssMs = median(times.ss) - startMs;
  const ssProcessesMs = median(times.ssProcesses) - startMs;
  const ratio = enumerateMs / ssMs;
  const ratioProcesses = withProcessesMs / ssProcessesMs;
  const round = (value: number): string => value.toFixed(2);
  console.log(`enumerate ${times.sockets} sockets, medians of ${RUNS} paired runs, start of ss taken off`);
  console.log(
    `  with bytes      ${round(enumerateMs)} ms   ss -tin  ${round(ssMs)} ms   ratio ${round(ratio)}`,
  );
  console.log(
    `  with processes  ${round(withProcessesMs)} ms   ss -tinp ${round(ssProcessesMs)} ms   ratio ${round(ratioProcesses)}`,
  );
  console.log(`  steady state, with processes: ${round(times.steady)} ms`);
  const good =
    enumerateMs <= BUDGETS.enumerateMs && ratio <= BUDGETS.ratio && ratioProcesses <= BUDGETS.ratio;
  console.log(good ? "within budget" : "BUDGET MISSED: ≤ 10 ms, ≤ 0.5 of ss -tin, ≤ 0.5 of ss -tinp");
  return good ? 0 : 1;
}

process.exitCode = await main();
