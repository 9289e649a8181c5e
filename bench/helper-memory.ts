/**
 * What the helper has resident with 10,000 and with 60,000 real TCP sockets, all of which carry bytes, and one session
 * that asks each second for what has changed, like a monitor: after a while of that, and at most. Each count with a
 * helper of its own, because memory that was needed once may stay. Takes a minute; needs root.
 */
import { BYTES_ROW_BYTES } from "../src/decode/ebpf-records.ts";
import { Connections } from "./support/connections.ts";
import { runInside, startHelper } from "./support/helper.ts";
import { cpuOf, mebibytes, memoryOf, percentText, shareOf } from "./support/measures.ts";

/** Each connection of this machine to itself is two of them: both ends are rows. */
const SIZES = [10_000, 60_000] as const;
const SAMPLES = 20;
const BUDGET_BYTES = 40 * 1024 * 1024;

/** The most that was resident at the end of any second. */
async function measure(size: number): Promise<number> {
  await using helper = await startHelper();
  await using connections = await Connections.open(size);
  const rows = (await helper.session.collect(0)).bytes.length / BYTES_ROW_BYTES;
  if (rows < size) throw new Error(`${rows} rows, not ${size}`);
  helper.watch();
  const began = performance.now();
  const before = cpuOf(helper.pid);
  let most = 0;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    await connections.move();
    await helper.samples(1);
    most = Math.max(most, memoryOf(helper.pid).residentBytes);
  }
  const cpu = shareOf(before, cpuOf(helper.pid), (performance.now() - began) / 1000);
  const { residentBytes, peakBytes, anonymousBytes } = memoryOf(helper.pid);
  console.log(
    `${size} connections: ${mebibytes(residentBytes)} resident at the end (${mebibytes(anonymousBytes)} of it its own data), at most ${mebibytes(most)} after a sample, ${mebibytes(peakBytes)} ever, starting included`,
  );
  console.log(
    `  meanwhile, all rows changing each second: ${percentText(cpu.user)} of a core in user space, ${percentText(cpu.system)} in the kernel`,
  );
  return most;
}

async function main(): Promise<number> {
  let decided = Number.NaN;
  for (const size of SIZES) {
    const most = await measure(size);
    if (size === SIZES[0]) decided = most;
  }
  const isOk = decided <= BUDGET_BYTES;
  console.log(
    `helper-memory: ratio ${(decided / BUDGET_BYTES).toFixed(2)} of the budget, ${mebibytes(decided)} with ${SIZES[0]} connections, budget ${mebibytes(BUDGET_BYTES)} ${isOk ? "ok" : "over"}`,
  );
  return isOk ? 0 : 1;
}

await runInside("helper-memory", import.meta.path, main);
