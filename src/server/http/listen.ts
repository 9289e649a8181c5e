/**
 * The listening socket: TLS, limits of the runtime (size of heads and bodies, time of a request), and an end in order. All
 * requests go to one function.
 */
import { parseIp } from "../../lib/ip.ts";
import { WbError } from "../../model/errors.ts";
import { AGENT_PATHS } from "../../protocol/fleet/paths.ts";
import type { ServerLog } from "../context.ts";
import { FleetError } from "./errors.ts";
import type { RequestEnvironment } from "./app.ts";
import { OpenFiles } from "./open-files.ts";

/** A request must be whole, and answered, in this time; long-polls are taken out of it. Seconds. */
const REQUEST_SECONDS = 60;
/** A long-poll is answered within `longPollMs` (limits.ts); the most that the runtime knows. */
const LONG_POLL_SECONDS = 255;
const BUSY_RETRY_MS = 5000;
/** An agent without a long-poll hears of its commands at its next heartbeat. */
const WAITING_RETRY_MS = 30_000;
/** Under the pressure of too many open files: how often kept connections are closed, and how often a person is told. */
const RELIEVE_MS = 1000;
const TOLD_AGAIN_MS = 600_000;

export interface ListenOptions {
  /** "::" listens for IPv4 too, where the system does. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly keyPem: string;
  readonly certificatePem: string;
  /** Of any body: what has more is refused without being read. */
  readonly bodyBytesMax: number;
  /** Requests that may be open at once, long-polls included: those beyond are told to come again. */
  readonly requestsMax: number;
  /** In which a request must be whole and answered, and after which a silent connection ends; 60. */
  readonly requestSeconds?: number;
  readonly log: ServerLog;
  /** Where nothing is said: this program's. */
  readonly files?: OpenFiles;
  readonly fetch: (request: Request, environment: RequestEnvironment) => Response | Promise<Response>;
}

export interface Listener {
  readonly port: number;
  readonly host: string;
  readonly files: OpenFiles;
  /** Requests that are open now. */
  readonly pending: number;
  /** Takes no more connections; resolves when what runs is answered, or after this time, when the rest is cut off. */
  stop(withinMs: number): Promise<void>;
}

function refuse(error: FleetError): Response {
  return Response.json(error.toJSON(), { status: error.status, headers: error.headers });
}

function listenError(options: ListenOptions, cause: unknown): WbError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const place = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${options.port}`;
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: "another program listens there: choose another port with --listen HOST:PORT",
    EADDRNOTAVAIL: "that is no address of this machine: choose another with --listen HOST:PORT",
    EACCES: "ports below 1024 are root's: choose another with --listen HOST:PORT",
  };
  // A name that can't be resolved fails with the same code (seen with Bun 1.4.4).
  const isName = parseIp(options.host) === undefined && options.host !== "localhost";
  const unknownName = `another program listens there, or ${options.host} is no name of this machine: choose another with --listen HOST:PORT`;
  const hint =
    (isName && code === "EADDRINUSE" ? unknownName : hints[code]) ??
    "choose another address with --listen HOST:PORT";
  return new WbError("unavailable", `cannot listen on ${place}: ${code}`, { cause, hint });
}

/** @throws WbError("unavailable") where the address is taken, not of this machine, or not allowed. */
export function listen(options: ListenOptions): Listener {
  const { log, files = new OpenFiles(() => performance.now()) } = options;
  let server: Bun.Server<undefined>;
  try {
    server = Bun.serve({
      hostname: options.host,
      port: options.port,
      development: false,
      reusePort: false, // outside of development Bun shares the port with whoever asks for it
      idleTimeout: options.requestSeconds ?? REQUEST_SECONDS,
      maxRequestBodySize: options.bodyBytesMax,
      tls: { key: options.keyPem, cert: options.certificatePem, lowMemoryMode: true },
      fetch: (request, server) => {
        if (server.pendingRequests > options.requestsMax) {
          return refuse(
            new FleetError("overloaded", "too many requests at once", { retryAfterMs: BUSY_RETRY_MS }),
          );
        }
        const waits = pathOf(request.url) === AGENT_PATHS.commands;
        if (waits) server.timeout(request, LONG_POLL_SECONDS);
        const isTight = files.pressure !== "none";
        if (isTight && waits && server.pendingRequests > files.waitingMax) return refuseToWait();
        return answer(request, server, options, files);
      },
      error: (error) => {
        log.error("a request failed by a defect", { error });
        return refuse(new FleetError("internal", "the parent failed to answer: its log says more"));
      },
    });
  } catch (cause) {
    throw listenError(options, cause);
  }
  const relief = keepRoom(server, files, log);
  return {
    port: server.port ?? options.port,
    host: server.hostname ?? options.host,
    files,
    get pending() {
      return server.pendingRequests;
    },
    stop: async (withinMs) => {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => late.resolve(), withinMs);
      await Promise.race([server.stop(), late.promise]);
      clearTimeout(timer);
      clearInterval(relief);
      await server.stop(true);
    },
  };
}

/**
 * A stream of live events goes on for as long as its reader may read it, and bounds itself. Only where one was granted: who
 * merely asks must not get a connection that nothing ends.
 */
async function answer(
  request: Request,
  server: Bun.Server<undefined>,
  options: ListenOptions,
  files: OpenFiles,
): Promise<Response> {
  const address = server.requestIP(request)?.address ?? "unknown";
  const response = await options.fetch(request, { address });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (isStream && request.method === "GET") server.timeout(request, 0);
  else if (files.pressure !== "none") response.headers.set("connection", "close");
  return response;
}

function refuseToWait(): Response {
  const refusal = refuse(
    new FleetError("overloaded", "too many connections wait here", { retryAfterMs: WAITING_RETRY_MS }),
  );
  refusal.headers.set("connection", "close");
  return refusal;
}

/** Also where nobody asks for anything: who only holds connections must not keep the others out. */
function keepRoom(server: Bun.Server<undefined>, files: OpenFiles, log: ServerLog): NodeJS.Timeout {
  let toldAt = Number.NEGATIVE_INFINITY;
  return setInterval(() => {
    const { pressure } = files;
    if (pressure === "full") server.closeIdleConnections();
    if (pressure === "none" || performance.now() - toldAt < TOLD_AGAIN_MS) return;
    toldAt = performance.now();
    log.warn(
      "nearly as many files are open as may be: connections are not kept. Raise the limit (ulimit -n)",
      {
        open: files.used,
        limit: files.limit,
        agents: files.agentsMax,
      },
    );
  }, RELIEVE_MS);
}

/** The path of a whole URL, without making an object of it. */
function pathOf(url: string): string | undefined {
  return /^https?:\/\/[^/?#]*([^?#]*)/.exec(url)?.[1];
}
