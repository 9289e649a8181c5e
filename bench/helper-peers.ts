/**
 * What the helper costs at 100,000 socket calls per second, next to other programs that count the bytes of processes:
 * nethogs, a program for bpftrace on the same two tracepoints, and bcc's tcptop, as far as they are installed and work on
 * this kernel. Cost is the tool's own processor time, and what each call takes longer in the traffic itself while the tool
 * is there. All take turns, round by round, in changing order; a figure is the median over the rounds. The ratio is to the
 * cheapest of them that sees every call. Takes three minutes; needs root.
 */
import { othersCounting, runInside, startHelper } from "./support/helper.ts";
import { cpuOf, mebibytes, median, memoryOf, percentText, shareOf } from "./support/measures.ts";
import { PEERS, startPeer, type RunningPeer } from "./support/peers.ts";
import { generate } from "./support/programs.ts";

const CALLS_PER_SECOND = 100_000;
const ROUNDS = 5;
/** Until most of a helper that was just started is compiled to machine code. */
const WARM_UP_MS = 4000;
const WINDOW_MS = 3000;
const BUDGET_RATIO = 1;
const OURS = "wb helper";
/** No other one sees each call of each protocol, or it sees packets. */
const RIVAL = "bpftrace";

interface Cost {
  readonly user: number;
  readonly system: number;
  readonly nsPerCall: number;
  readonly residentBytes: number;
}

interface Tool {
  readonly name: string;
  readonly counts: string;
  readonly start: () => Promise<RunningPeer | string | undefined>;
}

const TOOLS: readonly Tool[] = [
  {
    name: OURS,
    counts: "every byte, by process and connection",
    start: async () => {
      const helper = await startHelper();
      helper.watch();
      return helper;
    },
  },
  ...PEERS.map((peer) => ({ name: peer.name, counts: peer.counts, start: () => startPeer(peer) })),
];

/** The traffic alone: what a call takes without any of them. */
async function measureNothing(): Promise<number> {
  return (await generate(1, CALLS_PER_SECOND, WINDOW_MS)).nsPerCall;
}

async function measure(running: RunningPeer): Promise<Cost> {
  await generate(1, CALLS_PER_SECOND, WARM_UP_MS);
  const began = performance.now();
  const before = cpuOf(running.pid);
  const { nsPerCall } = await generate(1, CALLS_PER_SECOND, WINDOW_MS);
  const share = shareOf(before, cpuOf(running.pid), (performance.now() - began) / 1000);
  return { ...share, nsPerCall, residentBytes: memoryOf(running.pid).residentBytes };
}

interface Outcome {
  readonly added: number[];
  readonly costs: Cost[];
}

/** By name, of those that work here; why the others don't is told on the way. */
async function measureAll(): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const refused = new Set<string>();
  await measureNothing(); // the first one finds files and code not loaded yet
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let turn = 0; turn < TOOLS.length; turn += 1) {
      const tool = TOOLS[(turn + round) % TOOLS.length];
      if (tool === undefined || refused.has(tool.name)) continue;
      const without = await measureNothing();
      const running = await tool.start();
      if (running === undefined || typeof running === "string") {
        refused.add(tool.name);
        console.log(`${tool.name}: ${running ?? "not installed"}`);
        continue;
      }
      await using _running = running;
      const cost = await measure(running);
      const outcome = outcomes.get(tool.name) ?? { added: [], costs: [] };
      outcome.added.push(cost.nsPerCall - without);
      outcome.costs.push(cost);
      outcomes.set(tool.name, outcome);
    }
  }
  return outcomes;
}

/** The whole cost as a part of one core. */
function wholeOf({ added, costs }: Outcome): number {
  const own = median(costs.map(({ user, system }) => user + system));
  return own + (median(added) * CALLS_PER_SECOND) / 1e9;
}

async function main(): Promise<number> {
  const others = othersCounting();
  if (others > 0) console.log(`note: ${others} other helpers count on this machine, and cost something`);
  const outcomes = await measureAll();
  for (const { name, counts } of TOOLS) {
    const outcome = outcomes.get(name);
    if (outcome === undefined) continue;
    const of = (value: (cost: Cost) => number): number => median(outcome.costs.map(value));
    console.log(
      `${name}: ${percentText(wholeOf(outcome))} of a core: ${percentText(of(({ user }) => user))} in user space and ${percentText(of(({ system }) => system))} in the kernel of its own, ${median(outcome.added).toFixed(0)} ns more for each call; ${mebibytes(of(({ residentBytes }) => residentBytes))} resident; counts ${counts}`,
    );
  }
  const [ours, rival] = [outcomes.get(OURS), outcomes.get(RIVAL)];
  if (ours === undefined || rival === undefined) {
    console.log(`helper-peers: nothing to compare with, without ${RIVAL}: ok`);
    return 0;
  }
  const ratio = wholeOf(ours) / wholeOf(rival);
  const isOk = ratio <= BUDGET_RATIO;
  console.log(
    `helper-peers: ratio ${ratio.toFixed(2)} of ${RIVAL} on the same tracepoints, budget ${BUDGET_RATIO} ${isOk ? "ok" : "over"}`,
  );
  return isOk ? 0 : 1;
}

await runInside("helper-peers", import.meta.path, main);
