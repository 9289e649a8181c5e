/**
 * How many agents and events one parent takes on this machine, with its embedded database: simulated agents (bench/support/fleet),
 * with real keys, signatures, TLS and batches, against `wb serve` as it is built.
 *
 * Three parts: all agents join; all hold their long-poll and send heartbeats on time while they send events as fast as asked; the
 * parent is killed and started again, and all come back as agents do. Budgets: 10,000 agents at 30 s, ≥ 20,000 events stored per
 * second, heartbeats p99 ≤ 100 ms, the herd back within 60 s, no refusal that waiting does not mend.
 * AGENTS, EVENTS (per second), SECONDS, CROWDS (processes of agents) and WB (the binary) may be set; HERD=0 leaves the third part
 * out. Takes three minutes.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ParentApi } from "../src/cli/fleet/client.ts";
import { parseJoinToken } from "../src/protocol/fleet/join-token.ts";
import { CrowdProcess } from "./support/fleet/crowd-process.ts";
import type { Report } from "./support/fleet/crowd.ts";
import type { Parent } from "./support/fleet/simulated-agent.ts";
import { cpuOf, mebibytes, memoryOf, percentile, shareOf } from "./support/measures.ts";

const WB = process.env["WB"] ?? join(import.meta.dir, "..", "dist", "wb");
const AGENTS = Number(process.env["AGENTS"] ?? "10000");
const EVENTS_PER_SECOND = Number(process.env["EVENTS"] ?? "22000");
const SECONDS = Number(process.env["SECONDS"] ?? "40");
/** One for each 5000 agents: each agent has two connections, and one process often not more than 20,000 files. */
const CROWDS = Number(process.env["CROWDS"] ?? Math.ceil(AGENTS / 5000));
const HEARTBEAT_MS = 30_000;
const BATCH = 100;
const SENDERS = 64;
const JOINERS = Number(process.env["JOINERS"] ?? "64");
const BUDGET = { eventsPerSecond: 20_000, heartbeatMs: 100, herdSeconds: 60 };

interface RunningParent {
  readonly process: Bun.Subprocess;
  readonly target: Parent;
  readonly api: ParentApi;
}

async function startParent(stateDir: string, port: number): Promise<RunningParent> {
  const listen = `127.0.0.1:${port}`;
  const child = Bun.spawn(
    [WB, "serve", "--state-dir", stateDir, "--listen", listen, "--no-mdns", "--log-level", "warning"],
    { stdin: "ignore", stdout: "ignore", stderr: "inherit" },
  );
  const startedMs = Date.now();
  for (;;) {
    const local = localOf(stateDir);
    if (local !== undefined) {
      const api = new ParentApi(local);
      const ready = await api.get("/api/v1/me").then(
        () => true,
        () => false,
      );
      const { hostname, port: taken } = new URL(local.url);
      if (ready) return { process: child, target: { hostname, port: Number(taken), pin: local.pin }, api };
    }
    if (Date.now() - startedMs > 30_000) throw new Error("the parent does not start");
    await Bun.sleep(50);
  }
}

function localOf(stateDir: string): { url: string; pin: string; key: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(stateDir, "local.json"), "utf8")) as {
      url: string;
      pin: string;
      key: string;
    };
  } catch {
    return undefined; // not yet written
  }
}

const refusals: string[] = [];

/** What all crowds tell of one part, together. */
function together(reports: readonly Report[], what: string): Report {
  const retries = new Map<string, number>();
  for (const [reason, count] of reports.flatMap((report) => report.retries))
    retries.set(reason, (retries.get(reason) ?? 0) + count);
  refusals.push(...reports.flatMap((report) => report.refusals));
  if (retries.size > 0)
    console.log(
      `  ${what}: tried again ${[...retries].map(([why, count]) => `${count} × ${why}`).join(", ")}`,
    );
  return {
    stored: reports.reduce((sum, { stored }) => sum + stored, 0),
    heartbeats: reports.flatMap(({ heartbeats }) => heartbeats),
    refusals: [],
    retries: [...retries],
    cpuSeconds: reports.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
  };
}

let failed = false;
function judge(name: string, value: number, budget: number, isGood: boolean, unit: string): void {
  if (!isGood) failed = true;
  console.log(`${name}: ${value.toFixed(1)} ${unit} (budget ${budget}) ${isGood ? "ok" : "over"}`);
}

async function joinAll(crowds: readonly CrowdProcess[], parent: RunningParent): Promise<void> {
  const made = await parent.api.post<{ token: string }>("/api/v1/tokens", {
    uses: AGENTS,
    expiresInMs: 3_600_000,
    requiresApproval: false,
  });
  const token = parseJoinToken(made.token);
  const before = cpuOf(parent.process.pid);
  const idle = memoryOf(parent.process.pid).residentBytes;
  const startedMs = performance.now();
  const shares = crowds.map((_, index) => Math.floor((AGENTS * index) / crowds.length));
  const reports = crowds.map(async (crowd, index) => {
    const first = shares[index] ?? 0;
    const count = (shares[index + 1] ?? AGENTS) - first;
    const joiners = Math.ceil(JOINERS / crowds.length);
    return crowd.order({ kind: "join", first, count, parent: parent.target, token, joiners });
  });
  together(await Promise.all(reports), "joining");
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = shareOf(before, cpuOf(parent.process.pid), 1);
  const rate = `${(AGENTS / seconds).toFixed(0)}/s, ${(AGENTS / (user + system)).toFixed(0)}/s per core`;
  console.log(`${AGENTS} agents joined in ${seconds.toFixed(1)} s (${rate})`);
  const live = crowds.map((crowd) => crowd.order({ kind: "live", heartbeatMs: HEARTBEAT_MS }));
  together(await Promise.all(live), "first heartbeats");
  const perAgent = (memoryOf(parent.process.pid).residentBytes - idle) / AGENTS / 1024;
  console.log(`  each holds its long-poll: ${perAgent.toFixed(0)} KiB of the parent per agent`);
}

async function feedAll(crowds: readonly CrowdProcess[], parent: RunningParent): Promise<number> {
  const { pid } = parent.process;
  const idleBefore = cpuOf(pid);
  await Bun.sleep(5000);
  const idle = shareOf(idleBefore, cpuOf(pid), 5);
  const before = cpuOf(pid);
  const startedMs = performance.now();
  const order = {
    kind: "feed",
    eventsPerSecond: EVENTS_PER_SECOND / crowds.length,
    seconds: SECONDS,
    batch: BATCH,
    senders: Math.ceil(SENDERS / crowds.length),
  } as const;
  const told = together(await Promise.all(crowds.map((crowd) => crowd.order(order))), "events");
  const seconds = (performance.now() - startedMs) / 1000;
  const share = shareOf(before, cpuOf(pid), seconds);
  const cores = share.user + share.system;
  const rate = told.stored / seconds;
  const resident = mebibytes(memoryOf(pid).residentBytes);
  console.log(
    `parent: ${cores.toFixed(2)} cores, ${resident}; simulator: ${(told.cpuSeconds / seconds).toFixed(2)} cores`,
  );
  const idleCores = idle.user + idle.system;
  console.log(
    `${(AGENTS / idleCores).toFixed(0)} idle agents per core; ${(rate / (cores - idleCores)).toFixed(0)} events/s per core above that; both at once ${(rate / cores).toFixed(0)} events/s per core`,
  );
  judge("events stored", rate, BUDGET.eventsPerSecond, rate >= BUDGET.eventsPerSecond, "per second");
  const p = (percent: number): string => percentile(told.heartbeats, percent).toFixed(1);
  console.log(`${told.heartbeats.length} heartbeats: p50 ${p(50)} ms, p90 ${p(90)} ms, max ${p(100)} ms`);
  const p99 = percentile(told.heartbeats, 99);
  judge("heartbeats p99", p99, BUDGET.heartbeatMs, p99 <= BUDGET.heartbeatMs, "ms");
  return rate;
}

async function herd(crowds: readonly CrowdProcess[], parent: RunningParent): Promise<RunningParent> {
  const { port } = parent.target;
  parent.process.kill("SIGKILL");
  await parent.process.exited;
  const startedMs = performance.now();
  const back = Promise.all(crowds.map((crowd) => crowd.order({ kind: "return" })));
  const again = await startParent(directory, port);
  together(await back, "coming back");
  const seconds = (performance.now() - startedMs) / 1000; // its start included
  judge("herd of all agents back", seconds, BUDGET.herdSeconds, seconds <= BUDGET.herdSeconds, "s");
  return again;
}

const directory = await mkdtemp(join(tmpdir(), "wb-fleet-"));
const crowds = Array.from({ length: CROWDS }, () => new CrowdProcess());
let parent = await startParent(directory, 0);
try {
  await joinAll(crowds, parent);
  const rate = await feedAll(crowds, parent);
  if (process.env["HERD"] !== "0") parent = await herd(crowds, parent);
  judge("refusals that waiting does not mend", refusals.length, 0, refusals.length === 0, "");
  for (const refusal of new Set(refusals)) console.log(`  ${refusal}`);
  console.log(
    `fleet: ratio ${(rate / BUDGET.eventsPerSecond).toFixed(2)} of the wished events per second, budget 1 ${failed ? "over" : "ok"}`,
  );
} finally {
  for (const crowd of crowds) await crowd.end();
  parent.process.kill("SIGTERM");
  await parent.process.exited;
  await rm(directory, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
