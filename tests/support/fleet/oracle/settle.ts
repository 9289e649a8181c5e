/**
 * After the chaos: all is whole again, the last processes end, and everything that was produced reaches the parent. Then agents and
 * parent are asked to end, as a service manager does, and what they have left is there to be judged.
 */
import type { AgentStatus } from "../../../../src/agent/status.ts";
import { waitFor } from "../../wait-for.ts";
import { statusOf, waitForParent, type OracleAgent, type World } from "./world.ts";

export interface Settled {
  /** By agent's id: after it has ended. */
  readonly statuses: ReadonlyMap<string, AgentStatus>;
  readonly exitCodes: readonly { readonly name: string; readonly code: number }[];
}

const STOPS_MAX = 10;
const LOOK_MS = 500;

export function isDrained({ streams }: AgentStatus): boolean {
  return streams !== null && streams.every(({ pending }) => pending === 0);
}

/** How much each stream has produced; where much happens on a machine there is always something pending. */
function producedBy({ streams }: AgentStatus): Map<string, number> {
  return new Map((streams ?? []).map(({ stream, produced }) => [stream, produced]));
}

function hasTold({ streams }: AgentStatus, produced: ReadonlyMap<string, number>): boolean {
  return (
    streams?.every(({ stream, acked, lost }) => acked + lost >= (produced.get(stream) ?? Infinity)) === true
  );
}

async function statusNow(world: World, agent: OracleAgent): Promise<AgentStatus | undefined> {
  try {
    return await statusOf(world, agent);
  } catch {
    return undefined; // it is just starting
  }
}

/** Whether its last look at the processes shows those of the nursery as they are: none. */
async function hasSeenTheEnd(world: World, agent: OracleAgent): Promise<boolean> {
  await Bun.sleep(LOOK_MS); // the parent is not to be asked more often
  const { items } = await (
    await waitForParent(world.parent)
  ).get<{ items: { name: string }[] }>("/api/v1/processes", {
    agent: agent.id,
    running: true,
    search: agent.name,
    limit: 100,
  });
  return !items.some(({ name }) => name.startsWith(agent.name));
}

/** Throws where something does not come to its end within this time, with what it was. */
export async function settle(world: World, drainMs: number, tell: (line: string) => void): Promise<Settled> {
  const { parent, agents } = world;
  for (const { nursery } of agents) await nursery.endAll();
  await waitForParent(parent);
  const statuses = new Map<string, AgentStatus>();
  const exitCodes: { name: string; code: number }[] = [];
  for (const agent of agents) {
    const first = await waitFor(`the status of ${agent.name}`, () => statusNow(world, agent), drainMs);
    const produced = producedBy(first);
    await waitFor(
      `${agent.name} to be connected and to have told all until now`,
      async () => {
        const status = await statusNow(world, agent);
        return status?.link?.state === "online" && hasTold(status, produced);
      },
      drainMs,
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(await statusNow(world, agent))}`, { cause: error });
    });
    tell(`${agent.name} has told all until now`);
    await waitFor(`${agent.name} to have told the ends`, () => hasSeenTheEnd(world, agent), drainMs).catch(
      (error: unknown) => tell(String(error)), // the judge says which
    );
  }
  for (const agent of agents) {
    for (let attempt = 0; attempt < STOPS_MAX; attempt += 1) {
      if (!agent.daemon.isRunning) {
        agent.daemon.start();
        await waitFor(
          "the agent to be connected",
          async () => (await statusNow(world, agent))?.link?.state === "online",
        );
      }
      exitCodes.push({ name: agent.name, code: await agent.daemon.stop() });
      const status = await statusOf(world, agent);
      statuses.set(agent.id, status);
      tell(`${agent.name} has ended${isDrained(status) ? " and has told all" : ""}`);
      if (isDrained(status)) break;
    }
  }
  return { statuses, exitCodes };
}
