/**
 * A fleet of one parent and two agents, as programs of their own from the binary, on disks, clocks and a network that the oracle
 * makes go wrong. Needs root. All of it is gone when its scope ends; the directory stays with its owner.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { ParentApi } from "../../../../src/cli/fleet/client.ts";
import { formatJoinToken, parseJoinToken } from "../../../../src/protocol/fleet/join-token.ts";
import type { AgentStatus } from "../../../../src/agent/status.ts";
import { BINARY_PATH } from "../../needs.ts";
import { wbEnvironment } from "../../run-wb.ts";
import { waitFor } from "../../wait-for.ts";
import { WrongClock } from "./clock.ts";
import { Daemon } from "./daemon.ts";
import { SmallDisk } from "./disk.ts";
import { Nursery } from "./nursery.ts";
import { compilePrograms, type OraclePrograms } from "./programs.ts";
import type { Random } from "./random.ts";
import { Relay } from "./relay.ts";

export interface OracleAgent {
  readonly name: string;
  readonly id: string;
  readonly disk: SmallDisk;
  readonly clock: WrongClock;
  readonly nursery: Nursery;
  readonly daemon: Daemon;
  /** Files that were damaged, in order. */
  readonly damages: string[];
}

export interface OracleParent {
  readonly disk: SmallDisk;
  readonly daemon: Daemon;
  readonly port: number;
}

export interface World extends AsyncDisposable {
  readonly directory: string;
  readonly binary: string;
  readonly parent: OracleParent;
  readonly agents: readonly OracleAgent[];
  readonly relay: Relay;
  /** How long an agent needed from its start until it was connected: what this machine can do at the moment. */
  readonly startupMs: number;
}

/** Mebibytes. Without the reserve an agent's quotas would not fit into its disk, which is meant. */
const AGENT_DISK = 40;
const PARENT_DISK = 128;
const AGENT_SETTINGS = {
  WB_AGENT_RETRY_MAX: "2s",
  WB_AGENT_FLOW_INTERVAL: "1s",
} as const;

/**
 * Below the ports that the kernel gives to whoever asks for any: while the parent is dead nobody else is to get its port.
 * See ip(7), ip_local_port_range.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return port;
  }
}

export function parentApi(stateDirectory: string): ParentApi {
  const { url, pin, key } = JSON.parse(readFileSync(join(stateDirectory, "local.json"), "utf8")) as {
    url: string;
    pin: string;
    key: string;
  };
  return new ParentApi({ url, pin, key });
}

/** Standard output of the binary. Throws what it says where it fails. */
export async function askWb(
  binary: string,
  args: readonly string[],
  options: { entry?: readonly string[]; env?: Record<string, string> } = {},
): Promise<string> {
  const child = Bun.spawn([...(options.entry ?? []), binary, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...wbEnvironment(), ...options.env },
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`wb ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

/** As `wb agent status --json` tells it. */
export async function statusOf({ binary }: World, agent: OracleAgent): Promise<AgentStatus> {
  const args = ["agent", "status", "--json", "--state-dir", agent.disk.path];
  return JSON.parse(await askWb(binary, args)) as AgentStatus;
}

async function startParent(directory: string, binary: string): Promise<OracleParent> {
  const disk = new SmallDisk(join(directory, "parent"), PARENT_DISK);
  const port = await freePort();
  const place = ["--state-dir", disk.path, "--listen", `127.0.0.1:${port}`, "--no-mdns", "--json-log"];
  const daemon = new Daemon({
    name: "parent",
    command: [binary, "serve", ...place],
    entry: [],
    environment: {},
    log: join(directory, "parent.log"),
    isDiskFull: () => disk.isFull,
  });
  const parent = { disk, daemon, port };
  daemon.start();
  await waitForParent(parent);
  return parent;
}

export async function waitForParent({ disk, port }: OracleParent, deadlineMs = 30_000): Promise<ParentApi> {
  return await waitFor(
    "the parent to answer",
    async () => {
      try {
        const api = parentApi(disk.path);
        await api.get("/api/v1/me");
        return api;
      } catch {
        await Bun.sleep(200); // it begins yet, and is not to be asked too often
        return undefined;
      }
    },
    deadlineMs,
  ).catch((error: unknown) => {
    throw new Error(`the parent at ${port} does not come: ${String(error)}`, { cause: error });
  });
}

interface Shared {
  readonly directory: string;
  readonly binary: string;
  readonly programs: OraclePrograms;
  readonly token: string;
}

async function startAgent(
  name: string,
  { directory, binary, programs, token }: Shared,
): Promise<OracleAgent> {
  // Before its namespaces are made, so that the disk is in both.
  const disk = new SmallDisk(join(directory, `${name}.state`), AGENT_DISK);
  const clock = new WrongClock(join(directory, `${name}.clock`));
  const nursery = await Nursery.begin(directory, name, programs);
  const environment = { ...AGENT_SETTINGS, ...clock.environment(programs.clock) };
  const state = ["--state-dir", disk.path];
  const id = await askWb(binary, ["agent", "join", token, ...state], {
    entry: nursery.entry,
    env: environment,
  });
  const daemon = new Daemon({
    name,
    command: [binary, "agent", "--no-helper", ...state],
    entry: nursery.entry,
    environment,
    log: join(directory, `${name}.log`),
    isDiskFull: () => disk.isFull,
  });
  daemon.start();
  return { name, id: id.trim(), disk, clock, nursery, daemon, damages: [] };
}

/** Milliseconds that the slowest of them needed. */
async function allConnected(parent: OracleParent, agents: readonly OracleAgent[]): Promise<number> {
  const api = await waitForParent(parent);
  let slowestMs = 0;
  for (const { id, name, daemon } of agents) {
    await waitFor(
      `${name} to be connected`,
      async () => {
        await Bun.sleep(200); // the parent is not to be asked too often
        return (await api.get<{ online: boolean }>(`/api/v1/agents/${id}`)).online;
      },
      60_000,
    );
    slowestMs = Math.max(slowestMs, Date.now() - (daemon.runs[0]?.startedAtMs ?? 0));
  }
  return slowestMs;
}

/** `directory` is empty. */
export async function startWorld(directory: string, random: Random, binary = BINARY_PATH): Promise<World> {
  await using ends = new AsyncDisposableStack();
  mkdirSync(directory, { recursive: true });
  const programs = await compilePrograms(directory);
  const parent = await startParent(directory, binary);
  ends.use(parent.disk);
  ends.defer(async () => {
    await parent.daemon.kill();
  });
  const relay = ends.use(await Relay.start(parent.disk.path, parent.port, random.fork()));
  const { token } = await parentApi(parent.disk.path).post<{ token: string }>("/api/v1/tokens", {
    uses: 10,
    expiresInMs: 3_600_000,
    requiresApproval: false,
  });
  const byRelay = formatJoinToken({ ...parseJoinToken(token), addresses: [`127.0.0.1:${relay.port}`] });
  const agents: OracleAgent[] = [];
  for (const name of ["oracle-a", "oracle-b"]) {
    const agent = await startAgent(name, { directory, binary, programs, token: byRelay });
    ends.use(agent.disk);
    ends.use(agent.nursery);
    ends.defer(async () => {
      await agent.daemon.kill();
    });
    agents.push(agent);
  }
  const startupMs = await allConnected(parent, agents);
  const kept = ends.move();
  return {
    directory,
    binary,
    parent,
    agents,
    relay,
    startupMs,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
