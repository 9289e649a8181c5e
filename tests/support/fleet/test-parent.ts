/**
 * A parent in this process: the real store in a directory of its own, the real routes for agents, over HTTP on a port that is
 * free. Only what other rooms do (classifying, logging, metrics) is written down instead of done.
 */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import type { LiveEvent } from "../../../src/model/fleet.ts";
import type { ClassificationRequest } from "../../../src/protocol/fleet/classification.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { formatJoinToken, joinSecretHash } from "../../../src/protocol/fleet/join-token.ts";
import { createCommandDesk } from "../../../src/server/agents/command-desk.ts";
import { registerAgentRoutes } from "../../../src/server/agents/routes.ts";
import type { ServerClock, ServerContext, ServerLimits } from "../../../src/server/context.ts";
import { createApp } from "../../../src/server/http/app.ts";
import { createLiveBus } from "../../../src/server/live/bus.ts";
import type { FleetStore } from "../../../src/store/fleet/contract.ts";
import { openFleetStore } from "../../../src/store/fleet/open.ts";
import { tmpdir } from "../tmpdir.ts";

export interface TestParent extends AsyncDisposable {
  readonly url: string;
  readonly context: ServerContext;
  readonly store: FleetStore;
  readonly pin: string;
  readonly events: readonly LiveEvent[];
  /** Programs that were handed on to be classified. */
  readonly seen: readonly ClassificationRequest[];
  /** What was logged as a warning or an error. */
  readonly complaints: readonly string[];
  /** Of a counter or gauge, over all labels. */
  metric(name: string): number;
  /** As a database that was put back from a copy has it. */
  rewindCommands(agentId: string, to: number): Promise<void>;
  /** Makes a token; what an agent sends of it. */
  token(options?: { uses?: number; forMs?: number; requiresApproval?: boolean }): Promise<TestToken>;
}

export interface TestToken {
  readonly id: string;
  /** `<id>.<secret>`. */
  readonly credential: string;
  readonly text: string;
}

export interface TestParentOptions {
  readonly limits?: Partial<ServerLimits>;
  readonly clock?: ServerClock;
  /** Puts something between the routes and the store. */
  readonly wrapStore?: (store: FleetStore) => FleetStore;
}

export const PERSON = { name: "anna", address: "192.0.2.1" } as const;

const LIMITS: ServerLimits = {
  bodyBytesMax: 1024 * 1024,
  bodyMs: 10_000,
  requestsPerAgentPerMinute: 60_000,
  requestsPerCallerPerMinute: 60_000,
  heartbeatIntervalMs: 30_000,
  longPollMs: 30_000,
  ingestQueueBytesMax: 64 * 1024 * 1024,
};

const systemTime: ServerClock = { now: () => Date.now(), monotonicMs: () => performance.now() };

export async function startTestParent(options: TestParentOptions = {}): Promise<TestParent> {
  const directory = await tmpdir();
  const stored = await openFleetStore(join(directory.path, "fleet.db"));
  const store = options.wrapStore?.(stored) ?? stored;
  const stopping = new AbortController();
  const clock = options.clock ?? systemTime;
  const identity = Identity.generate();
  const metrics = new MetricSums();
  const events: LiveEvent[] = [];
  const seen: ClassificationRequest[] = [];
  const complaints: string[] = [];
  const bus = createLiveBus(clock);
  const context: ServerContext = {
    store,
    clock,
    bus,
    metrics,
    identity,
    log: {
      info: () => undefined,
      warn: (message, fields) => complaints.push(`${message} ${JSON.stringify(fields ?? {})}`),
      error: (message, fields) => complaints.push(`${message} ${Bun.inspect(fields ?? {})}`),
    },
    commands: createCommandDesk({ store, identity, clock, metrics, stopping: stopping.signal }),
    classifications: {
      override: () => Promise.resolve(undefined),
      seen: (requests) => seen.push(...requests),
    },
    name: "test parent",
    pin: randomBytes(32).toString("base64url"),
    addresses: () => ["localhost:1"],
    limits: { ...LIMITS, ...options.limits },
    stopping: stopping.signal,
  };
  const collecting = collect(context, events);
  const app = createApp(context);
  const rooms = registerAgentRoutes(app, context);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => app.fetch(request, { address: "127.0.0.1" }),
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    context,
    store,
    pin: context.pin,
    events,
    seen,
    complaints,
    metric: (name) => metrics.sum(name),
    rewindCommands: async (agentId, to) => {
      using database = new Database(join(directory.path, "fleet.db"));
      database.run("PRAGMA busy_timeout = 5000");
      const one = "(SELECT agent_key FROM agents WHERE id = ?1)";
      database.run(`DELETE FROM agent_commands WHERE agent_key = ${one}`, [agentId]);
      database.run("UPDATE agents SET command_seq = ?2 WHERE id = ?1", [agentId, to]);
    },
    token: (wanted) => makeToken(context, wanted),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await server.stop(true);
      await rooms.stop();
      await collecting;
      await stored.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function collect(context: ServerContext, events: LiveEvent[]): Promise<void> {
  const all = context.bus.subscribe({ filter: () => true, queueMax: 100_000 }, context.stopping);
  for await (const { event } of all) events.push(event);
}

async function makeToken(
  context: ServerContext,
  wanted: { uses?: number; forMs?: number; requiresApproval?: boolean } = {},
): Promise<TestToken> {
  const id = randomBytes(6).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  const nowMs = context.clock.now();
  await context.store.tokens.create({
    id,
    secretHash: joinSecretHash(secret),
    uses: wanted.uses ?? 1,
    expiresAtMs: nowMs + (wanted.forMs ?? 60_000),
    requiresApproval: wanted.requiresApproval ?? false,
    actor: PERSON,
    nowMs,
  });
  const text = formatJoinToken({ addresses: ["localhost:1"], pin: context.pin, id, secret });
  return { id, credential: `${id}.${secret}`, text };
}

class MetricSums {
  readonly #values = new Map<string, Map<string, number>>();

  add(name: string, labels: Readonly<Record<string, string>>, by = 1): void {
    const key = JSON.stringify(labels);
    this.#of(name).set(key, (this.#of(name).get(key) ?? 0) + by);
  }

  set(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    this.#of(name).set(JSON.stringify(labels), value);
  }

  observe(name: string): void {
    this.add(`${name}_count`, {});
  }

  sum(name: string): number {
    return [...this.#of(name).values()].reduce((sum, value) => sum + value, 0);
  }

  #of(name: string): Map<string, number> {
    const known = this.#values.get(name) ?? new Map<string, number>();
    this.#values.set(name, known);
    return known;
  }
}
