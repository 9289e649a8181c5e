/**
 * What the helper costs: its own processor time in user space, and what is left of the traffic's throughput, at 100,000
 * and 500,000 socket calls per second and at the line rate of loopback. The traffic runs with the helper and without it
 * by turns, in windows of a second, in changing order; a figure is the median over the rounds. With it means: programs
 * attached, and a session that asks each second for what has changed, as a monitor does. What a call costs more in the
 * kernel is told by the generator's own processor time. The helper's own time is taken from one that has been running for
 * a while, not from its start. Takes a minute and a half; needs root.
 */
import { lineRate, LINE_RATE_PROGRAM } from "./support/line-rate.ts";
import { cpuOf, median, memoryOf, mebibytes, percentText, shareOf } from "./support/measures.ts";
import { othersCounting, runInside, startHelper } from "./support/helper.ts";
import { generate, type Traffic } from "./support/programs.ts";

const ROUNDS = 7;
const WINDOW_MS = 1000;
/** The higher rate is more than one core can do: it shows what is left where the processor is the limit. */
const RATES = [
  { callsPerSecond: 100_000, threads: 1 },
  { callsPerSecond: 500_000, threads: 2 },
] as const;
/** Until most of the helper is compiled to machine code. */
const WARM_UP_SECONDS = 5;
const CPU_SECONDS = 10;
const USER_SHARE_MAX = 0.03;
const THROUGHPUT_MIN = 0.98;

/** One turn: each rate, and the line rate in bytes per second. */
interface Turn {
  readonly rates: readonly Traffic[];
  readonly lineRate: number;
}

async function turn(): Promise<Turn> {
  const rates: Traffic[] = [];
  for (const { callsPerSecond, threads } of RATES)
    rates.push(await generate(threads, callsPerSecond, WINDOW_MS));
  return { rates, lineRate: await lineRate(WINDOW_MS / 1000) };
}

async function turnWithHelper(): Promise<Turn> {
  await using helper = await startHelper();
  helper.watch();
  return await turn();
}

/** Rounds of one turn without and one with the helper. */
async function measureTurns(): Promise<{ without: Turn; with: Turn }[]> {
  await turn(); // the first one finds files and code not loaded yet
  const rounds: { without: Turn; with: Turn }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round % 2 === 0) rounds.push({ without: await turn(), with: await turnWithHelper() });
    else {
      const withHelper = await turnWithHelper();
      rounds.push({ without: await turn(), with: withHelper });
    }
  }
  return rounds;
}

/** Of a running helper, while the traffic goes on. */
async function measureHelper(
  threads: number,
  callsPerSecond: number,
): Promise<{ user: number; text: string }> {
  await using helper = await startHelper();
  helper.watch();
  const traffic = generate(threads, callsPerSecond, (WARM_UP_SECONDS + CPU_SECONDS + 1) * 1000);
  await helper.samples(WARM_UP_SECONDS);
  const began = performance.now();
  const before = cpuOf(helper.pid);
  await helper.samples(CPU_SECONDS);
  const share = shareOf(before, cpuOf(helper.pid), (performance.now() - began) / 1000);
  const { residentBytes } = memoryOf(helper.pid);
  const { callsPerSecond: achieved } = await traffic;
  const text = `at ${rateText(achieved)} calls/s: ${percentText(share.user)} of a core in user space, ${percentText(share.system)} in the kernel; ${mebibytes(residentBytes)} resident; method ${helper.method}`;
  return { user: share.user, text };
}

function rateText(callsPerSecond: number): string {
  return `${(callsPerSecond / 1000).toFixed(1)}k`;
}

async function main(): Promise<number> {
  const others = othersCounting();
  if (others > 0)
    console.log(`note: ${others} other helpers count on this machine, and cost something both ways`);
  const rounds = await measureTurns();
  const of = (value: (round: (typeof rounds)[number]) => number): number => median(rounds.map(value));
  const kept = RATES.map(({ callsPerSecond }, index) => {
    const rate = (turned: Turn): number => turned.rates[index]?.callsPerSecond ?? Number.NaN;
    const cost = (turned: Turn): number => turned.rates[index]?.nsPerCall ?? Number.NaN;
    const ratio = of((round) => rate(round.with) / rate(round.without));
    const added = of((round) => cost(round.with) - cost(round.without));
    console.log(
      `traffic of ${rateText(callsPerSecond)} calls/s: ${rateText(of((round) => rate(round.without)))} without, ${rateText(of((round) => rate(round.with)))} with: ${percentText(ratio)} (${rounds.map((round) => percentText(rate(round.with) / rate(round.without))).join(", ")})`,
    );
    console.log(
      `  a call: ${of((round) => cost(round.without)).toFixed(0)} ns without, ${added.toFixed(0)} ns more with: ${percentText((added * callsPerSecond) / 1e9)} of a core at this rate`,
    );
    return ratio;
  });
  const gigabits = (bytesPerSecond: number): string => `${((bytesPerSecond * 8) / 1e9).toFixed(1)} Gbit/s`;
  const line = of((round) => round.with.lineRate / round.without.lineRate);
  console.log(
    `line rate by ${LINE_RATE_PROGRAM}: ${gigabits(of((round) => round.without.lineRate))} without, ${gigabits(of((round) => round.with.lineRate))} with: ${percentText(line)}`,
  );
  let user = Number.NaN;
  for (const { callsPerSecond, threads } of RATES) {
    const measured = await measureHelper(threads, callsPerSecond);
    console.log(`the helper ${measured.text}`);
    if (callsPerSecond === RATES[0].callsPerSecond) user = measured.user;
  }
  const throughput = kept[0] ?? Number.NaN;
  const ratio = Math.max(user / USER_SHARE_MAX, THROUGHPUT_MIN / throughput);
  const isOk = ratio <= 1;
  console.log(
    `helper-traffic: ratio ${ratio.toFixed(2)} of the budget at 100k calls/s: ${percentText(user)} of a core in user space, ${percentText(throughput)} of the throughput; budget ${percentText(USER_SHARE_MAX)} and ${percentText(THROUGHPUT_MIN)} ${isOk ? "ok" : "over"}`,
  );
  return isOk ? 0 : 1;
}

await runInside("helper-traffic", import.meta.path, main);
