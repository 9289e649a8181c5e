/**
 * The oracle: a seeded run on the binary in which everything goes wrong that can, and the judgement of what is left: every event that
 * was produced is stored exactly once or declared lost, signatures and chains verify, nothing crashed, no file needed a hand.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { EventRecord, Records } from "./records.ts";
import { Chaos, type ChaosCounts } from "./chaos.ts";
import type { Daemon } from "./daemon.ts";
import { judgeAccounts, type AccountFacts } from "./judge-accounts.ts";
import { judgeProcesses, type ProcessFacts } from "./judge-processes.ts";
import { Random } from "./random.ts";
import { waitFor } from "../../wait-for.ts";
import { readRecords } from "./records.ts";
import type { RelayCounts } from "./relay.ts";
import { settle } from "./settle.ts";
import { askWb, parentApi, startWorld, type OracleAgent, type World } from "./world.ts";

export interface OracleOptions {
  readonly seed: number;
  readonly kills: number;
  /** Of the chaos alone. */
  readonly deadlineMs: number;
  /** How long what has piled up may take at the end. */
  readonly drainMs: number;
  /** Empty; holds the logs afterwards. */
  readonly directory: string;
  readonly binary?: string;
  readonly tell?: (line: string) => void;
}

export interface OracleReport {
  readonly seed: number;
  readonly seconds: number;
  readonly problems: readonly string[];
  readonly chaos: ChaosCounts;
  readonly relay: RelayCounts;
  readonly accounts: AccountFacts;
  readonly processes: ProcessFacts;
  readonly proofs: number;
  /** Times a program refused to start, or ended, because its disk was full. */
  readonly refusedStarts: number;
  readonly parentBytesMax: number;
  readonly agentBytesMax: number;
}

const MEBIBYTE = 1024 * 1024;
/** Far above what they need, and far below what a leak reaches. */
const PARENT_BYTES_MAX = 500 * MEBIBYTE;
const AGENT_BYTES_MAX = 350 * MEBIBYTE;
const PROOFS = 40;

export async function runOracle(options: OracleOptions): Promise<OracleReport> {
  const startedMs = performance.now();
  const random = new Random(options.seed);
  const lines: string[] = [];
  const tell = (line: string): void => {
    lines.push(`${new Date().toISOString()} ${line}`);
    options.tell?.(line);
  };
  try {
    await using world = await startWorld(options.directory, random.fork(), options.binary);
    const { kills, deadlineMs } = options;
    const chaos = new Chaos(world, random.fork(), { kills, deadlineMs, tell });
    await chaos.run();
    tell("all is whole again");
    try {
      const report = await judge(world, chaos, { ...options, tell }, startedMs);
      if (report.problems.length > 0) keepEvidence(world);
      return report;
    } catch (error) {
      keepEvidence(world);
      throw error;
    }
  } finally {
    writeFileSync(join(options.directory, "chaos.log"), `${lines.join("\n")}\n`);
  }
}

/** The disks go away with the world; what is on them is what a problem is found by. */
function keepEvidence({ directory, parent, agents }: World): void {
  for (const { path } of [parent.disk, ...agents.map(({ disk }) => disk)]) {
    const target = join(directory, "evidence", basename(path));
    mkdirSync(target, { recursive: true });
    for (const name of readdirSync(path))
      if (statSync(join(path, name)).isFile()) copyFileSync(join(path, name), join(target, name));
  }
}

async function judge(
  world: World,
  chaos: Chaos,
  { seed, directory, drainMs, tell }: OracleOptions & { readonly tell: (line: string) => void },
  startedMs: number,
): Promise<OracleReport> {
  const settled = await settle(world, drainMs, tell);
  const { parent, agents, helper, relay } = world;
  const problems = settled.exitCodes
    .filter(({ code }) => code !== 0)
    .map(({ name, code }) => `${name} was asked to end, and ended with ${code}`);
  const proofs = await checkProofs(world, seed, problems);
  const code = await parent.daemon.stop();
  if (code !== 0) problems.push(`the parent was asked to end, and ended with ${code}`);
  const records = readRecords(parent.disk.path);
  const accounts: AccountFacts = { events: 0, lost: 0, epochs: 0, holes: 0, batches: 0 };
  const processes: ProcessFacts = {
    processes: 0,
    told: 0,
    inGaps: 0,
    inLosses: 0,
    unseen: 0,
    exactTimes: 0,
    gaps: 0,
  };
  for (const agent of agents) {
    const status = settled.statuses.get(agent.id);
    if (status === undefined) throw new Error(`${agent.name} has no status`);
    const account = judgeAccounts(agent.id, status, records, {
      wasDamaged: agent.damages.some(({ kept }) => kept === "outbox"),
      wasFull: agent.disk.wasFull,
    });
    const told = judgeProcesses(agent, records);
    problems.push(...account.problems, ...told.problems);
    addUp(accounts, account.facts);
    addUp(processes, told.facts);
  }
  const helperCode = await helper.stop();
  if (helperCode !== 0) problems.push(`the helper was asked to end, and ended with ${helperCode}`);
  const daemons = [parent.daemon, helper, ...agents.map(({ daemon }) => daemon)];
  let refusedStarts = 0;
  for (const daemon of daemons) refusedStarts += judgeRuns(daemon, problems);
  for (const daemon of daemons) problems.push(...crashesIn(daemon));
  const agentBytesMax = Math.max(...agents.map(({ daemon }) => daemon.residentBytesMax));
  const parentBytesMax = parent.daemon.residentBytesMax;
  if (agentBytesMax > AGENT_BYTES_MAX) problems.push(`an agent had ${agentBytesMax} bytes of memory`);
  if (parentBytesMax > PARENT_BYTES_MAX) problems.push(`the parent had ${parentBytesMax} bytes of memory`);
  const report: OracleReport = {
    seed,
    seconds: Math.round((performance.now() - startedMs) / 1000),
    problems,
    chaos: chaos.counts,
    relay: relay.counts,
    accounts,
    processes,
    proofs,
    refusedStarts,
    parentBytesMax,
    agentBytesMax,
  };
  writeFileSync(join(directory, "report.json"), JSON.stringify(report, null, 2));
  return report;
}

function addUp<Facts extends { [name in keyof Facts]: number }>(sums: Facts, facts: Facts): void {
  for (const name of Object.keys(sums) as (keyof Facts)[]) (sums[name] as number) += facts[name];
}

/** None ends by itself; but a program may refuse to run on a disk that is full. How often it did. */
function judgeRuns(daemon: Daemon, problems: string[]): number {
  const byItself = daemon.runs.filter(({ end }) => end === "itself");
  const refusals = byItself.filter(({ wasFull, code }) => wasFull && code === 1);
  for (const run of byItself) {
    if (refusals.includes(run)) continue;
    problems.push(
      `${daemon.name} ended by itself with ${run.code} (${new Date(run.endedAtMs ?? 0).toISOString()})`,
    );
  }
  return refusals.length;
}

const CRASH =
  /^\s+at .+:\d+:\d+|panic|Segmentation fault|Bun has crashed|error: Uncaught|Unhandled|TypeError|RangeError|ReferenceError| ended by itself|internal error/;

function crashesIn(daemon: Daemon): string[] {
  const found = readFileSync(daemon.log, "utf8")
    .split("\n")
    .filter((line) => CRASH.test(line));
  return found.slice(0, 5).map((line) => `${daemon.name} wrote: ${line.slice(0, 300)}`);
}

/** `wb verify` of some events, chosen by the seed, with the key that the agent has. */
async function checkProofs(world: World, seed: number, problems: string[]): Promise<number> {
  const random = new Random(seed ^ 0x5eed);
  const api = parentApi(world.parent.disk.path);
  let checked = 0;
  for (const agent of world.agents) {
    const records = readRecords(world.parent.disk.path);
    const proofs: unknown[] = [];
    for (const { epoch, stream, event } of sampleOf(agent, records, random))
      proofs.push(
        await patiently(() => api.get(`/api/v1/events/${agent.id}/${stream}/${epoch}/${event.seq}/proof`)),
      );
    const file = join(world.directory, `${agent.name}.proofs`);
    writeFileSync(file, proofs.map((proof) => JSON.stringify(proof)).join("\n"));
    const key = records.agents.get(agent.id)?.publicKey ?? "";
    try {
      await askWb(world.binary, ["verify", file, "--key", key]);
      checked += proofs.length;
    } catch (error) {
      problems.push(String(error));
    }
  }
  return checked;
}

/** The parent lets nobody ask too often. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  return await waitFor("an answer", async () => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Error && error.message.includes("too many"))) throw error;
      await Bun.sleep(500);
      return undefined;
    }
  });
}

function sampleOf(
  { id }: OracleAgent,
  records: Records,
  random: Random,
): { epoch: string; stream: string; event: EventRecord }[] {
  const epochs = records.epochs.filter(({ agentId, stored }) => agentId === id && stored > 0);
  return Array.from({ length: epochs.length === 0 ? 0 : PROOFS }, () => {
    const { key, epoch, stream } = random.pick(epochs);
    return { epoch, stream, event: random.pick(records.events.get(key) ?? []) };
  });
}

export function summaryOf(report: OracleReport): string {
  const { seed, seconds, chaos, relay, accounts, processes, proofs, refusedStarts } = report;
  const mib = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MiB`;
  return [
    `seed ${seed}, ${seconds} s: ${chaos.kills} kills and ${chaos.helperKills} of the helper, ${relay.cuts} cuts, ${chaos.fulls} full disks, ${chaos.damages} damaged files, ${chaos.jumps} jumps of clocks`,
    `network: ${relay.requests} requests, ${relay.duplicates} twice, ${relay.replays} again later, ${relay.lostRequests} lost, ${relay.lostAnswers} answers lost`,
    `events: ${accounts.events} stored, ${accounts.lost} declared lost, in ${accounts.epochs} epochs (${accounts.holes} with an end that nobody knows); ${accounts.batches} batches and ${proofs} proofs verified`,
    `processes: ${processes.processes} real, ${processes.told} told from start to end (${processes.exactTimes} times by the kernel), ${processes.inGaps} in observation gaps, ${processes.inLosses} in losses, ${processes.unseen} not met by an agent; ${processes.gaps} gaps`,
    `memory: parent ${mib(report.parentBytesMax)}, agents ${mib(report.agentBytesMax)}; ${refusedStarts} starts refused on a full disk`,
    ...report.problems.map((problem) => `PROBLEM ${problem}`),
  ].join("\n");
}
