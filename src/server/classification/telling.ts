/**
 * What changed is told: to who looks at the parent now, and to every agent that has seen the program. Agents that are away find
 * it in their commands when they come back, and in the sync after that.
 */
import type { ClassificationEntry } from "../../model/fleet.ts";
import type { ClassificationUpdate } from "../../protocol/fleet/classification.ts";
import type { ServerContext } from "../context.ts";

export type Teller = Pick<ServerContext, "store" | "bus" | "commands" | "log" | "metrics" | "stopping">;

/** A command waits so long for an agent that is away; beyond, it learns by the sync. */
const LIFETIME_MS = 7 * 24 * 3_600_000;
/** A command's payload is at most 256 KiB; an update takes some 170 bytes. */
const UPDATES_MAX = 500;
/** Commands that are stored at once. */
const SENDING_MAX = 32;

export function publishEntries(context: Teller, entries: readonly ClassificationEntry[]): void {
  for (const entry of entries) context.bus.publish({ type: "classification", entry });
}

export function updateOf(entry: ClassificationEntry): ClassificationUpdate {
  return {
    fingerprintHash: entry.fingerprintHash,
    classification: entry.category,
    source: entry.source,
    updatedAt: new Date(entry.updatedAtMs).toISOString(),
  };
}

/** Resolves when all commands are stored. Never rejects: an agent that can't be told is logged, and learns by the sync. */
export async function tellAgents(context: Teller, entries: readonly ClassificationEntry[]): Promise<void> {
  try {
    const jobs = jobsOf(await updatesByAgent(context, entries));
    const next = jobs.values();
    const worker = async (): Promise<void> => {
      for (const job of next) {
        if (context.stopping.aborted) return;
        await send(context, job);
      }
    };
    await Promise.all(Array.from({ length: Math.min(SENDING_MAX, jobs.length) }, worker));
  } catch (error) {
    if (!context.stopping.aborted)
      context.log.warn("agents could not be told of a classification", { error });
  }
}

interface Job {
  readonly agentId: string;
  readonly updates: readonly ClassificationUpdate[];
}

async function updatesByAgent(
  context: Teller,
  entries: readonly ClassificationEntry[],
): Promise<Map<string, ClassificationUpdate[]>> {
  const byAgent = new Map<string, ClassificationUpdate[]>();
  for (const entry of entries) {
    const update = updateOf(entry);
    for (const agentId of await context.store.classifications.agentsWith(entry.fingerprintHash)) {
      const updates = byAgent.get(agentId);
      if (updates === undefined) byAgent.set(agentId, [update]);
      else updates.push(update);
    }
  }
  return byAgent;
}

function jobsOf(byAgent: ReadonlyMap<string, readonly ClassificationUpdate[]>): Job[] {
  return [...byAgent].flatMap(([agentId, updates]) =>
    Array.from({ length: Math.ceil(updates.length / UPDATES_MAX) }, (_, part) => ({
      agentId,
      updates: updates.slice(part * UPDATES_MAX, (part + 1) * UPDATES_MAX),
    })),
  );
}

async function send(context: Teller, { agentId, updates }: Job): Promise<void> {
  const [only] = updates;
  // A second word about the same program replaces the first, as long as that one still waits.
  const coalesce =
    only !== undefined && updates.length === 1
      ? { coalesceKey: `classification:${only.fingerprintHash}` }
      : {};
  try {
    await context.commands.send(
      agentId,
      "classifications",
      { updates },
      { lifetimeMs: LIFETIME_MS, ...coalesce },
    );
  } catch (error) {
    context.metrics.add("wb_classifications_untold_total", {});
    if (!context.stopping.aborted) {
      context.log.warn("an agent could not be told of a classification", { agentId, error });
    }
  }
}
