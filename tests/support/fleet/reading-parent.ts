/**
 * A parent in this process with the rooms that people and the classification API use: the real store in a directory of its own,
 * real guards and routes, over HTTP on a free port. Keys of all roles are at hand; agents join with a key of their own.
 */
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import type { Role } from "../../../src/model/fleet.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { joinSecretHash } from "../../../src/protocol/fleet/join-token.ts";
import { createCommandDesk } from "../../../src/server/agents/command-desk.ts";
import { registerAgentRoutes } from "../../../src/server/agents/routes.ts";
import {
  createClassificationDesk,
  type ClassificationDeskOptions,
  type RunningDesk,
} from "../../../src/server/classification/desk.ts";
import { registerClassificationRoutes } from "../../../src/server/classification/routes.ts";
import type { ServerContext } from "../../../src/server/context.ts";
import { createApp } from "../../../src/server/http/app.ts";
import { registerSystemRoutes } from "../../../src/server/http/system-routes.ts";
import { RequestLimit } from "../../../src/server/http/limits.ts";
import { createLiveBus, type LiveBusLimits } from "../../../src/server/live/bus.ts";
import { registerLiveRoutes, type LiveRouteOptions } from "../../../src/server/live/routes.ts";
import { createMetrics, type MetricsRegistry } from "../../../src/server/metrics.ts";
import { registerKeyRoutes } from "../../../src/server/people/key-routes.ts";
import { registerUserRoutes } from "../../../src/server/people/user-routes.ts";
import { newApiKey } from "../../../src/server/people/keys.ts";
import { openServerKeys, type ServerKeys } from "../../../src/server/tls.ts";
import { registerReadingRoutes } from "../../../src/server/reading/routes.ts";
import type { FleetStore } from "../../../src/store/fleet/contract.ts";
import { openFleetStore } from "../../../src/store/fleet/open.ts";
import { tmpdir } from "../tmpdir.ts";
import { TestAgent } from "./test-agent.ts";

export interface ReadingParent extends AsyncDisposable {
  readonly url: string;
  readonly context: ServerContext;
  readonly store: FleetStore;
  readonly desk: RunningDesk;
  readonly metrics: MetricsRegistry;
  readonly complaints: readonly string[];
  /** `Bearer wbk_…` of a key with this role. */
  readonly bearer: Readonly<Record<Role, string>>;
  /** Ids of those keys. */
  readonly keyIds: Readonly<Record<Role, string>>;
  get(path: string, role?: Role): Promise<Answer>;
  send(method: string, path: string, body: unknown, role?: Role): Promise<Answer>;
  /** One that has joined. */
  agent(): Promise<TestAgent>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface ReadingParentOptions {
  readonly upstream?: ClassificationDeskOptions["upstream"];
  readonly live?: Partial<LiveRouteOptions>;
  readonly bus?: Partial<LiveBusLimits>;
  /** With a certificate of its own, as `wb serve` has it. */
  readonly tls?: boolean;
}

const ACTOR = { name: "anna", address: "192.0.2.1" } as const;

export async function startReadingParent(options: ReadingParentOptions = {}): Promise<ReadingParent> {
  const directory = await tmpdir();
  const store = await openFleetStore(join(directory.path, "fleet.db"));
  const stopping = new AbortController();
  const clock = { now: () => Date.now(), monotonicMs: () => performance.now() };
  const identity = Identity.generate();
  const metrics = createMetrics();
  const complaints: string[] = [];
  const log: ServerContext["log"] = {
    info: () => undefined,
    warn: (message, fields) => complaints.push(`${message} ${Bun.inspect(fields ?? {})}`),
    error: (message, fields) => complaints.push(`${message} ${Bun.inspect(fields ?? {})}`),
  };
  const bus = createLiveBus(clock, options.bus);
  const commands = createCommandDesk({ store, identity, clock, metrics, stopping: stopping.signal });
  const shared = { store, clock, log, metrics, bus, commands, stopping: stopping.signal };
  const desk = createClassificationDesk({ ...shared, upstream: options.upstream });
  const context: ServerContext = {
    ...shared,
    classifications: desk,
    identity,
    name: "test parent",
    pin: randomBytes(32).toString("base64url"),
    addresses: () => ["localhost:1"],
    limits: {
      bodyBytesMax: 1024 * 1024,
      bodyMs: 10_000,
      requestsPerAgentPerMinute: 60_000,
      requestsPerCallerPerMinute: 60_000,
      heartbeatIntervalMs: 30_000,
      longPollMs: 30_000,
      ingestQueueBytesMax: 64 * 1024 * 1024,
    },
  };
  await store.setSetting("parent_id", identity.id);
  const app = createApp(context);
  const rooms = registerAgentRoutes(app, context);
  registerClassificationRoutes(app, context);
  registerReadingRoutes(app, context);
  registerLiveRoutes(app, context, options.live);
  registerUserRoutes(app, context);
  registerKeyRoutes(app, context);
  registerSystemRoutes(app, context, metrics, new RequestLimit(60_000));
  const keys = options.tls === true ? await makeCertificate(directory.path) : undefined;
  const server = Bun.serve({
    ...(keys === undefined ? {} : { tls: { key: keys.keyPem, cert: keys.certificatePem } }),
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => app.fetch(request, { address: "127.0.0.1" }),
  });
  const url = `${keys === undefined ? "http" : "https"}://127.0.0.1:${server.port}`;
  const people = await makeKeys(store);
  const ask = async (method: string, path: string, body: unknown, role: Role): Promise<Answer> => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: people.bearer[role], "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as unknown };
  };
  return {
    url,
    context,
    store,
    desk,
    metrics,
    complaints,
    ...people,
    get: (path, role = "viewer") => ask("GET", path, undefined, role),
    send: (method, path, body, role = "operator") => ask(method, path, body, role),
    agent: async () => {
      const parent = { url, parentId: identity.id, pin: context.pin };
      return new TestAgent(parent).joined(await makeToken(store));
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await server.stop(true);
      await rooms.stop();
      await desk.settled();
      await store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function makeCertificate(directory: string): Promise<ServerKeys> {
  const names = { needed: ["localhost"], welcome: ["127.0.0.1"] };
  return openServerKeys(directory, names, Date.now(), () => undefined);
}

async function makeKeys(store: FleetStore): Promise<Pick<ReadingParent, "bearer" | "keyIds">> {
  const bearer: Record<Role, string> = { viewer: "", operator: "", admin: "" };
  const keyIds: Record<Role, string> = { viewer: "", operator: "", admin: "" };
  for (const role of ["viewer", "operator", "admin"] as const) {
    const { id, text, secretHash } = await newApiKey();
    await store.people.createKey(
      { id, name: `${role}-key`, role, secretHash, expiresAtMs: null },
      ACTOR,
      Date.now(),
    );
    bearer[role] = `Bearer ${text}`;
    keyIds[role] = id;
  }
  return { bearer, keyIds };
}

async function makeToken(store: FleetStore): Promise<string> {
  const id = randomBytes(6).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  const nowMs = Date.now();
  await store.tokens.create({
    id,
    secretHash: joinSecretHash(secret),
    uses: 1,
    expiresAtMs: nowMs + 60_000,
    requiresApproval: false,
    actor: ACTOR,
    nowMs,
  });
  return `${id}.${secret}`;
}
