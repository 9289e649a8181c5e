/**
 * What the helper has resident with 10,000 and with 60,000 real TCP sockets and one session that asks each second for what
 * has changed, like a monitor: while nothing changes, and while every socket carries bytes each second, which is the most
 * that it can have to do. Medians over some seconds decide, because what the kernel leaves of a program's file in memory
 * changes from second to second; what is its own data is told beside it. Each count with a helper of its own, because
 * memory that was needed once may stay. Takes a minute and a half; needs root.
 */
import { BYTES_ROW_BYTES } from "../src/decode/ebpf-records.ts";
import { waitFor } from "../tests/support/wait-for.ts";
import { Connections } from "./support/connections.ts";
import { runInside, startHelper, type BenchHelper } from "./support/helper.ts";
import { cpuOf, mebibytes, median, memoryOf, percentText, shareOf } from "./support/measures.ts";

/** Each connection of this machine to itself is two of them: both ends are rows. */
const SIZES = [10_000, 60_000] as const;
const SAMPLES = 15;
const BUDGET_BYTES = 40 * 1024 * 1024;

/** The median of what was resident after each sample. */
async function measure(helper: BenchHelper, what: string, prepare?: () => Promise<void>): Promise<number> {
  const resident: number[] = [];
  const own: number[] = [];
  const began = performance.now();
  const before = cpuOf(helper.pid);
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    await prepare?.();
    await helper.samples(1);
    const { residentBytes, anonymousBytes } = memoryOf(helper.pid);
    resident.push(residentBytes);
    own.push(anonymousBytes);
  }
  const cpu = shareOf(before, cpuOf(helper.pid), (performance.now() - began) / 1000);
  console.log(
    `  ${what}: ${mebibytes(median(resident))} resident (${mebibytes(median(own))} of it its own data), at most ${mebibytes(Math.max(...resident))}; ${percentText(cpu.user)} of a core in user space, ${percentText(cpu.system)} in the kernel`,
  );
  return median(resident);
}

async function measureSize(size: number): Promise<number> {
  await using helper = await startHelper();
  const idle = memoryOf(helper.pid);
  await using connections = await Connections.open(size);
  await waitFor(`${size} rows`, async () => {
    const { bytes } = await helper.session.collect(0);
    return bytes.length / BYTES_ROW_BYTES >= size;
  });
  console.log(
    `${size} connections, after ${mebibytes(idle.residentBytes)} at the start (${mebibytes(idle.anonymousBytes)} of it its own data)`,
  );
  helper.watch();
  await helper.samples(2); // what changed a moment ago is told once more
  const still = await measure(helper, "nothing changes");
  const moving = await measure(helper, "everything changes each second", () => connections.move());
  console.log(`  at any time, starting included: ${mebibytes(memoryOf(helper.pid).peakBytes)}`);
  return Math.max(still, moving);
}

async function main(): Promise<number> {
  const sizes = new Map<number, number>();
  for (const size of SIZES) sizes.set(size, await measureSize(size));
  const decided = sizes.get(SIZES[0]) ?? Number.NaN;
  const isOk = decided <= BUDGET_BYTES;
  console.log(
    `helper-memory: ratio ${(decided / BUDGET_BYTES).toFixed(2)} of the budget, ${mebibytes(decided)} with ${SIZES[0]} connections, budget ${mebibytes(BUDGET_BYTES)} ${isOk ? "ok" : "over"}`,
  );
  return isOk ? 0 : 1;
}

await runInside("helper-memory", import.meta.path, main);
