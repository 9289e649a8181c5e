/** An HTTPS server with only what a test puts on it: the app, its limits, its socket; no store, no routes. */
import { createApp } from "../../../src/server/http/app.ts";
import { listen, type ListenOptions } from "../../../src/server/http/listen.ts";
import type { App, ServerContext, ServerLimits } from "../../../src/server/context.ts";
import { createMetrics, type MetricsRegistry } from "../../../src/server/metrics.ts";
import { openServerKeys } from "../../../src/server/tls.ts";
import { DEFAULT_LIMITS } from "../../../src/server/limits.ts";
import { tmpdir } from "../tmpdir.ts";
import { TestClock } from "./parent.ts";

export interface BareServer extends AsyncDisposable {
  readonly port: number;
  /** Requests that are open now. */
  readonly pending: number;
  readonly context: ServerContext;
  readonly metrics: MetricsRegistry;
  readonly clock: TestClock;
  /** What the log was told. */
  readonly lines: string[];
  fetch(path: string, init?: RequestInit): Promise<Response>;
  stop(withinMs: number): Promise<void>;
}

export async function bareServer(
  register: (app: App, context: ServerContext) => void,
  given: { limits?: Partial<ServerLimits>; listen?: Partial<ListenOptions> } = {},
): Promise<BareServer> {
  const directory = await tmpdir();
  const keys = await openServerKeys(directory.path, { needed: [], welcome: [] }, Date.now(), () => undefined);
  const metrics = createMetrics();
  const clock = new TestClock();
  const lines: string[] = [];
  const say = (message: string, fields: Record<string, unknown> = {}): void => {
    lines.push([message, ...Object.values(fields).map(String)].join(" "));
  };
  const context = {
    clock,
    log: { info: say, warn: say, error: say },
    metrics,
    limits: { ...DEFAULT_LIMITS, ...given.limits },
    stopping: new AbortController().signal,
  } as unknown as ServerContext;
  const app = createApp(context);
  register(app, context);
  const listener = listen({
    host: "127.0.0.1",
    port: 0,
    keyPem: keys.keyPem,
    certificatePem: keys.certificatePem,
    bodyBytesMax: 1024 * 1024,
    requestsMax: 1000,
    log: context.log,
    fetch: (request, environment) => app.fetch(request, environment),
    ...given.listen,
  });
  const tls = { ca: keys.certificatePem };
  return {
    port: listener.port,
    get pending() {
      return listener.pending;
    },
    context,
    metrics,
    clock,
    lines,
    fetch: (path, init) => fetch(`https://127.0.0.1:${listener.port}${path}`, { ...init, tls }),
    stop: (withinMs) => listener.stop(withinMs),
    [Symbol.asyncDispose]: async () => {
      await listener.stop(0);
      await directory[Symbol.asyncDispose]();
    },
  };
}
