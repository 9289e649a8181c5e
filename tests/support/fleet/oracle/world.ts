/**
 * A fleet of one parent and two agents, one of them with an elevated helper, as programs of their own from the binary, on disks, clocks
 * and a network that the oracle makes go wrong. Needs root. All of it is gone when its scope ends; the directory stays with its owner.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { ParentApi } from "../../../../src/cli/fleet/client.ts";
import { formatJoinToken, parseJoinToken } from "../../../../src/protocol/fleet/join-token.ts";
import type { AgentStatus } from "../../../../src/agent/status.ts";
import { BINARY_PATH } from "../../needs.ts";
import { wbEnvironment } from "../../run-wb.ts";
import { waitFor } from "../../wait-for.ts";
import { WrongClock } from "./clock.ts";
import { Daemon } from "./daemon.ts";
import type { Damage } from "./damage.ts";
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
  /** It has a helper: where it does not say otherwise it sees every process. */
  readonly seesAll: boolean;
  /** In order. */
  readonly damages: Damage[];
}

export interface OracleParent {
  readonly disk: SmallDisk;
  readonly clock: WrongClock;
  readonly daemon: Daemon;
  readonly port: number;
}

export interface World extends AsyncDisposable {
  readonly directory: string;
  readonly binary: string;
  readonly parent: OracleParent;
  readonly agents: readonly OracleAgent[];
  readonly helper: Daemon;
  readonly relay: Relay;
  /** How long an agent needed from its start until it was connected: what this machine can do at the moment. */
  readonly startupMs: number;
}

/** Mebibytes. An agent's quotas would not fit into its disk, which is meant; damaged files that are kept do. */
const AGENT_DISK = 64;
const PARENT_DISK = 128;
const AGENT_SETTINGS = {
  WB_AGENT_RETRY_MAX: "2s",
  WB_AGENT_FLOW_INTERVAL: "1s",
} as const;

/** Of one program; on a machine that has much else to do. */
const START_MS_MAX = 180_000;

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

async function startParent(
  directory: string,
  binary: string,
  { clock: library }: OraclePrograms,
): Promise<OracleParent> {
  const disk = new SmallDisk(join(directory, "parent"), PARENT_DISK);
  const clock = new WrongClock(join(directory, "parent.clock"));
  const port = await freePort();
  const place = ["--state-dir", disk.path, "--listen", `127.0.0.1:${port}`, "--no-mdns", "--json-log"];
  const daemon = new Daemon({
    name: "parent",
    // However wrong its clock is, nothing is too old to be kept.
    command: [binary, "serve", ...place, "--retention", "36500d"],
    entry: [],
    environment: clock.environment(library),
    log: join(directory, "parent.log"),
    isDiskFull: () => disk.isFull,
  });
  const parent = { disk, clock, daemon, port };
  daemon.start();
  await waitForParent(parent);
  return parent;
}

export async function waitForParent(
  { disk, port }: OracleParent,
  deadlineMs = START_MS_MAX,
): Promise<ParentApi> {
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

interface HelperPlaces {
  readonly socket: string;
  readonly secret: string;
}

function helperPlaces(directory: string): HelperPlaces {
  return { socket: join(directory, "helper", "helper.sock"), secret: join(directory, "helper", "secret") };
}

/** As a service; it is there when it resolves. */
async function startHelper(directory: string, binary: string): Promise<Daemon> {
  const { socket, secret } = helperPlaces(directory);
  mkdirSync(dirname(socket), { mode: 0o700 });
  const daemon = new Daemon({
    name: "helper",
    command: [binary, "helper", "--elevated", "--socket", socket, "--secret-file", secret],
    entry: [],
    environment: {},
    log: join(directory, "helper.log"),
    isDiskFull: () => false,
  });
  daemon.start();
  await waitFor("the helper to listen", () => existsSync(socket));
  return daemon;
}

interface Shared {
  readonly directory: string;
  readonly binary: string;
  readonly programs: OraclePrograms;
  readonly token: string;
}

/** `helper`: undefined for one without, in namespaces of its own. */
async function startAgent(
  name: string,
  { directory, binary, programs, token }: Shared,
  helper: HelperPlaces | undefined,
): Promise<OracleAgent> {
  // Before its namespaces are made, so that the disk is in both.
  const disk = new SmallDisk(join(directory, `${name}.state`), AGENT_DISK);
  const clock = new WrongClock(join(directory, `${name}.clock`));
  const nursery =
    helper === undefined
      ? await Nursery.beginApart(directory, name, programs)
      : await Nursery.beginHere(directory, name, programs);
  const environment: Record<string, string> = {
    ...AGENT_SETTINGS,
    ...clock.environment(programs.clock),
    ...(helper === undefined
      ? { WB_NO_HELPER: "1" }
      : { WB_HELPER_SOCKET: helper.socket, WB_HELPER_SECRET_FILE: helper.secret }),
  };
  const state = ["--state-dir", disk.path];
  const id = await askWb(binary, ["agent", "join", token, ...state], {
    entry: nursery.entry,
    env: environment,
  });
  const daemon = new Daemon({
    name,
    command: [binary, "agent", ...state],
    entry: nursery.entry,
    environment,
    log: join(directory, `${name}.log`),
    isDiskFull: () => disk.isFull,
  });
  daemon.start();
  return { name, id: id.trim(), disk, clock, nursery, daemon, seesAll: helper !== undefined, damages: [] };
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
      START_MS_MAX,
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
  const parent = await startParent(directory, binary, programs);
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
  const helper = await startHelper(directory, binary);
  ends.defer(async () => {
    await helper.kill();
  });
  const agents: OracleAgent[] = [];
  for (const [name, places] of [
    ["oracle-a", helperPlaces(directory)],
    ["oracle-b", undefined],
  ] as const) {
    const agent = await startAgent(name, { directory, binary, programs, token: byRelay }, places);
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
    helper,
    relay,
    startupMs,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
