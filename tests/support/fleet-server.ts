/** A whole parent in this process, over real TLS on a free port, with a clock that a test may put forward. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Role } from "../../src/model/fleet.ts";
import type { ServerLimits } from "../../src/server/context.ts";
import type { Assets } from "../../src/server/http/assets.ts";
import { createFirstAdmin } from "../../src/server/people/first-admin.ts";
import { startServer, type RunningServer } from "../../src/server/run.ts";
import type { FleetStore } from "../../src/store/fleet/contract.ts";
import { openFleetStore } from "../../src/store/fleet/open.ts";
import { tmpdir } from "./tmpdir.ts";

export const ADMIN = { name: "admin", password: "a sentence that nobody guesses" } as const;

export interface FleetServer extends AsyncDisposable {
  readonly server: RunningServer;
  readonly store: FleetStore;
  readonly directory: string;
  /** What the log was told. */
  readonly lines: readonly string[];
  readonly clock: { now(): number; monotonicMs(): number; advance(milliseconds: number): void };
  /** The key of local.json: an admin's. */
  readonly adminKey: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A request with this API key; a body becomes JSON. */
  ask(key: string, method: string, path: string, body?: unknown): Promise<Response>;
  /** A fresh API key. */
  newKey(role: Role, expiresInMs?: number | null): Promise<{ id: string; key: string }>;
}

export interface FleetServerOptions {
  readonly limits?: Partial<ServerLimits>;
  readonly assets?: Assets;
  readonly retentionMs?: number;
}

export async function fleetServer(options: FleetServerOptions = {}): Promise<FleetServer> {
  const directory = await tmpdir();
  const store = await openFleetStore(join(directory.path, "fleet.db"));
  await createFirstAdmin(store, ADMIN, Date.now());
  let aheadMs = 0;
  const clock = {
    now: () => Date.now() + aheadMs,
    monotonicMs: () => performance.now() + aheadMs,
    advance: (milliseconds: number) => {
      aheadMs += milliseconds;
    },
  };
  const lines: string[] = [];
  const say = (message: string, fields: Record<string, unknown> = {}): void => {
    lines.push(
      [message, ...Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`)].join(" "),
    );
  };
  const server = await startServer({
    store,
    stateDirectory: directory.path,
    name: "test parent",
    listen: { host: "127.0.0.1", port: 0 },
    publicAddresses: [],
    retentionMs: options.retentionMs ?? 30 * 86_400_000,
    mdns: false,
    assets: options.assets ?? new Map(),
    clock,
    log: { info: say, warn: say, error: say },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const ca = await readFile(join(directory.path, "tls-certificate.pem"), "utf8");
  const local = JSON.parse(await readFile(join(directory.path, "local.json"), "utf8")) as { key: string };
  const ask: FleetServer["ask"] = (key, method, path, body) =>
    fetch(`${server.url}${path}`, {
      method,
      tls: { ca },
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    server,
    store,
    directory: directory.path,
    lines,
    clock,
    adminKey: local.key,
    fetch: (path, init) => fetch(`${server.url}${path}`, { ...init, tls: { ca } }),
    ask,
    newKey: async (role, expiresInMs = null) => {
      const answer = await ask(local.key, "POST", "/api/v1/keys", {
        name: `test-${role}`,
        role,
        expiresInMs,
      });
      const { key, summary } = (await answer.json()) as { key: string; summary: { id: string } };
      return { id: summary.id, key };
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}
