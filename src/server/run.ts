/**
 * The parent put together: keys, store, bus, desks and all routes behind one listening socket. What starts here is ended by
 * `stop()`, in the order in which nothing is lost: no new requests, answers to what runs, what was taken is stored, the
 * store is closed.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { isUnspecified } from "../lib/ip.ts";
import { WbError } from "../model/errors.ts";
import { VERSION } from "../model/version.ts";
import type { FleetStore } from "../store/fleet/contract.ts";
import { ownAddresses, reachableAt, splitAddress, withPort } from "./addresses.ts";
import { createCommandDesk } from "./agents/command-desk.ts";
import { registerAgentRoutes, type AgentRooms } from "./agents/routes.ts";
import { createClassificationDesk, type RunningDesk } from "./classification/desk.ts";
import { registerClassificationRoutes } from "./classification/routes.ts";
import type { App, ServerClock, ServerContext, ServerLimits, ServerLog } from "./context.ts";
import { createApp } from "./http/app.ts";
import { registerAssetRoutes, type Assets } from "./http/assets.ts";
import { RequestLimit } from "./http/limits.ts";
import { listen, type Listener, type ListenOptions } from "./http/listen.ts";
import type { OpenFiles } from "./http/open-files.ts";
import { registerSystemRoutes } from "./http/system-routes.ts";
import { createLiveBus, type LiveBusLimits } from "./live/bus.ts";
import { registerLiveRoutes, type LiveRouteOptions } from "./live/routes.ts";
import { advertise } from "./mdns.ts";
import {
  BODY_BYTES_CEILING,
  DEFAULT_LIMITS,
  REQUESTS_OPEN_MAX,
  STRANGER_REQUESTS_PER_MINUTE,
} from "./limits.ts";
import { createMetrics, type MetricsRegistry } from "./metrics.ts";
import { registerKeyRoutes } from "./people/key-routes.ts";
import { provideLocalAccess } from "./people/local-access.ts";
import { registerLoginRoutes } from "./people/login-routes.ts";
import { registerUserRoutes } from "./people/user-routes.ts";
import { onlineSinceMs } from "./reading/asking.ts";
import { registerReadingRoutes } from "./reading/routes.ts";
import { keepPruning } from "./retention.ts";
import { openServerKeys, type ServerKeys } from "./tls.ts";

export interface ServerOptions {
  /** Closed by `stop()`. Where starting fails it is the caller's to close. */
  readonly store: FleetStore;
  /** Of this user alone: keys, and the file for the local command line. */
  readonly stateDirectory: string;
  readonly name: string;
  /** Without a host: every address, IPv6 and IPv4. Port 0: any that is free. */
  readonly listen: { readonly host?: string | undefined; readonly port: number };
  /** `host` or `host:port`, the best first; empty: those of this machine. */
  readonly publicAddresses: readonly string[];
  readonly retentionMs: number;
  readonly mdns: boolean;
  readonly upstream?: { readonly url: string; readonly key: string | null } | undefined;
  readonly assets: Assets;
  readonly clock: ServerClock;
  readonly log: ServerLog;
  readonly limits?: Partial<ServerLimits>;
  readonly bus?: Partial<LiveBusLimits>;
  readonly live?: Partial<LiveRouteOptions>;
}

export interface RunningServer {
  /** For this machine: `https://127.0.0.1:7443`. */
  readonly url: string;
  readonly port: number;
  readonly pin: string;
  readonly parentId: string;
  readonly name: string;
  /** `host:port` for agents, the best first. */
  readonly addresses: readonly string[];
  /** What its parts were handed, for whoever runs it in the same process. */
  readonly context: ServerContext;
  /** Resolves when all is stored and closed; within some 4 seconds. */
  stop(): Promise<void>;
}

const GAUGES_MS = 10_000;
/** A parent that has room for fewer agents says so at its start. */
const AGENTS_EXPECTED_MIN = 1000;
const ANSWERS_MS = 3000;
const ROOMS_MS = 1500;
const PARENT_ID_SETTING = "parent_id";

function openKeys(options: ServerOptions): Promise<ServerKeys> {
  const { listen, publicAddresses, log, clock } = options;
  const given = publicAddresses.flatMap((each) => splitAddress(each)?.host ?? []);
  const host = listen.host === undefined || isUnspecified(listen.host) ? [] : [listen.host];
  const names = { needed: [hostname(), ...host, ...given], welcome: ownAddresses() };
  return openServerKeys(options.stateDirectory, names, clock.now(), (reason) =>
    log.info(`the certificate is renewed, with the same key: ${reason}`),
  );
}

/** The agents of this store know its parent by one identity: another one beside the same store would be believed by nobody. */
async function checkIdentity({ store, stateDirectory }: ServerOptions, id: string): Promise<void> {
  const known = await store.setting(PARENT_ID_SETTING);
  if (known === undefined) await store.setSetting(PARENT_ID_SETTING, id);
  else if (known !== id) {
    throw new WbError(
      "storage",
      `the database is of the parent ${known}, but the key in ${stateDirectory} is that of ${id}`,
      { hint: "put back identity.pem and the database from the same copy" },
    );
  }
}

interface Assembly {
  readonly app: App;
  readonly context: ServerContext;
  readonly metrics: MetricsRegistry;
  readonly rooms: AgentRooms;
  readonly desk: RunningDesk;
}

/** Everything but the socket. `port` is known once it listens. */
function assemble(
  options: ServerOptions,
  keys: ServerKeys,
  stopping: AbortSignal,
  port: () => number,
): Assembly {
  const { store, clock, log, name } = options;
  const metrics = createMetrics();
  const bus = createLiveBus(clock, options.bus);
  const commands = createCommandDesk({ store, identity: keys.identity, clock, metrics, stopping });
  const shared = { store, clock, log, metrics, bus, commands, stopping };
  const desk = createClassificationDesk({ ...shared, upstream: options.upstream });
  const context: ServerContext = {
    ...shared,
    classifications: desk,
    identity: keys.identity,
    name,
    pin: keys.pin,
    addresses: () => reachableAt(options.publicAddresses, options.listen.host ?? "::", port()),
    limits: { ...DEFAULT_LIMITS, ...options.limits },
  };
  const app = createApp(context);
  const rooms = registerAgentRoutes(app, context);
  registerClassificationRoutes(app, context);
  registerReadingRoutes(app, context);
  registerLiveRoutes(app, context, options.live);
  registerLoginRoutes(app, context);
  registerUserRoutes(app, context);
  registerKeyRoutes(app, context);
  const strangers = new RequestLimit(STRANGER_REQUESTS_PER_MINUTE);
  registerSystemRoutes(app, context, metrics, strangers);
  registerAssetRoutes(app, context, options.assets, strangers);
  return { app, context, metrics, rooms, desk };
}

/** Without a host: IPv6 with IPv4 in it, or IPv4 alone where the system has no IPv6. */
function listenAnywhere(host: string | undefined, options: Omit<ListenOptions, "host">): Listener {
  if (host !== undefined) return listen({ ...options, host });
  try {
    return listen({ ...options, host: "::" });
  } catch (error) {
    if (error instanceof WbError && /EADDRINUSE|EACCES/.test(error.message)) throw error;
    return listen({ ...options, host: "0.0.0.0" });
  }
}

/** Numbers that are looked up and not counted. */
async function tellGauges(context: ServerContext, listener: Listener): Promise<void> {
  const { metrics, store, bus } = context;
  const counts = await store.agents.counts(onlineSinceMs(context));
  for (const [state, count] of Object.entries(counts)) metrics.set("wb_agents", { state }, count);
  metrics.set("wb_live_subscribers", {}, bus.subscribers);
  metrics.set("wb_http_requests_running", {}, listener.pending);
  if (listener.files.limit !== undefined) {
    metrics.set("wb_open_files", {}, listener.files.used);
    metrics.set("wb_open_files_limit", {}, listener.files.limit);
  }
  metrics.set("wb_resident_bytes", {}, process.memoryUsage.rss());
}

function keepGauges(context: ServerContext, listener: Listener): () => void {
  const tell = (): void => {
    tellGauges(context, listener).catch((error: unknown) =>
      context.log.warn("the numbers of agents could not be looked up", { error }),
    );
  };
  const { metrics, clock } = context;
  metrics.set("wb_build_info", { version: VERSION }, 1);
  metrics.set("wb_start_time_seconds", {}, clock.now() / 1000);
  tell();
  const timer = setInterval(tell, GAUGES_MS);
  return () => clearInterval(timer);
}

/** Whether as many connections are allowed as the agents have that may come. */
async function checkRoom({ store, clock, log }: ServerContext, files: OpenFiles): Promise<void> {
  const { active } = await store.agents.counts(clock.now());
  if (files.agentsMax >= Math.max(active, AGENTS_EXPECTED_MIN)) return;
  log.warn(
    `the limit of open files allows for ${files.agentsMax} agents. Raise it (ulimit -Hn, LimitNOFILE)`,
    {
      limit: files.limit,
      agents: active,
    },
  );
}

/** What runs behind the routes, told to end: after the last answer, before the store is closed. */
async function endRooms({ rooms, desk, context }: Assembly): Promise<void> {
  const ended = (async () => {
    await rooms.stop();
    await desk.settled();
  })();
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), ROOMS_MS);
  const outcome = await Promise.race([ended, late.promise]);
  clearTimeout(timer);
  // What agents were told to be stored is stored; what was not yet, they send again.
  if (outcome === "late") context.log.warn("not all that came in could be stored before the end");
}

function open(options: ServerOptions, keys: ServerKeys, { app }: Assembly): Listener {
  return listenAnywhere(options.listen.host, {
    port: options.listen.port,
    keyPem: keys.keyPem,
    certificatePem: keys.certificatePem,
    bodyBytesMax: BODY_BYTES_CEILING,
    requestsMax: REQUESTS_OPEN_MAX,
    log: options.log,
    fetch: (request, environment) => app.fetch(request, environment),
  });
}

/**
 * Starts, and resolves once it listens.
 * @throws WbError("storage") for damaged or missing keys; WbError("unavailable") where it can't listen.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { store, log, name } = options;
  const keys = await openKeys(options);
  await checkIdentity(options, keys.identity.id);
  const stopping = new AbortController();
  let port = options.listen.port;
  const assembly = assemble(options, keys, stopping.signal, () => port);
  const ends: (() => void | Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.all(ends.map(async (end) => await end()));
    await endRooms(assembly);
  };
  const { host } = options.listen;
  const localHost = host === undefined || isUnspecified(host) ? "127.0.0.1" : host;
  let url: string;
  let files: OpenFiles;
  try {
    const listener = open(options, keys, assembly);
    files = listener.files;
    ends.push(() => listener.stop(ANSWERS_MS));
    port = listener.port;
    url = `https://${withPort(localHost, port)}`;
    ends.push(keepGauges(assembly.context, listener));
    await provideLocalAccess(assembly.context, join(options.stateDirectory, "local.json"), url);
  } catch (error) {
    await stop();
    throw error;
  }
  const pruning = keepPruning(assembly.context, options.retentionMs);
  ends.push(() => pruning);
  if (options.mdns) ends.push(await advertise({ id: keys.identity.id, name, pin: keys.pin, port }, log));
  const addresses = assembly.context.addresses();
  await checkRoom(assembly.context, files);
  log.info("listening", { url, agents: addresses.join(" ") });
  const end = async (): Promise<void> => {
    try {
      await stop();
    } finally {
      await store.close();
    }
  };
  let stopped: Promise<void> | undefined;
  return {
    url,
    port,
    pin: keys.pin,
    parentId: keys.identity.id,
    name,
    addresses,
    context: assembly.context,
    stop: () => {
      stopped ??= end();
      return stopped;
    },
  };
}
