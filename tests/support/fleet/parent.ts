/**
 * A whole parent in this process: the real store in a directory of its own, over real TLS on a free port, with a clock that a test
 * may put forward or hold. An admin is there, keys of all roles are had for the asking, and nobody is held up by limits of
 * requests unless a test says so.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LiveEvent, Role } from "../../../src/model/fleet.ts";
import { formatJoinToken, joinSecretHash } from "../../../src/protocol/fleet/join-token.ts";
import type { ClassificationDeskOptions, RunningDesk } from "../../../src/server/classification/desk.ts";
import type { ServerClock, ServerContext, ServerLog } from "../../../src/server/context.ts";
import type { MetricsRegistry } from "../../../src/server/metrics.ts";
import { hashSecret } from "../../../src/server/people/passwords.ts";
import { startServer, type RunningServer, type ServerOptions } from "../../../src/server/run.ts";
import type { FleetStore } from "../../../src/store/fleet/contract.ts";
import { openFleetStore } from "../../../src/store/fleet/open.ts";
import { tmpdir } from "../tmpdir.ts";
import { TestAgent, type ParentFacts } from "./agent.ts";

/** Who a test acts as where it goes past the routes. */
export const PERSON = { name: "anna", address: "192.0.2.1" } as const;
/** Of all users that a parent is started with. */
export const PASSWORD = "correct horse battery";
export const ADMIN = { name: "admin", password: PASSWORD } as const;
const UNLIMITED = { requestsPerAgentPerMinute: 100_000, requestsPerCallerPerMinute: 100_000 } as const;

/** Made once: it costs more than a test. */
const passwordHash = hashSecret(PASSWORD);

/** The system's time, until a test says otherwise. */
export class TestClock implements ServerClock {
  #aheadMs = 0;
  #held: { wallMs: number; monotonicMs: number } | undefined;

  now(): number {
    return (this.#held?.wallMs ?? Date.now()) + this.#aheadMs;
  }

  monotonicMs(): number {
    return (this.#held?.monotonicMs ?? performance.now()) + this.#aheadMs;
  }

  advance(milliseconds: number): void {
    this.#aheadMs += milliseconds;
  }

  /** From now on time goes by only as the test says: how busy the machine is decides nothing. */
  hold(): void {
    this.#held = { wallMs: Date.now(), monotonicMs: performance.now() };
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface TestToken {
  readonly id: string;
  /** What an agent sends of it: `<id>.<secret>`. */
  readonly credential: string;
  /** As a person pastes it. */
  readonly text: string;
}

export interface TokenOptions {
  readonly uses?: number;
  readonly forMs?: number;
  readonly requiresApproval?: boolean;
}

export interface ParentOptions extends Partial<
  Pick<ServerOptions, "assets" | "bus" | "limits" | "live" | "retentionMs">
> {
  readonly upstream?: ClassificationDeskOptions["upstream"];
  /** Beside the admin, by name. */
  readonly people?: Readonly<Record<string, Role>>;
  /** Puts something between the routes and the store. */
  readonly wrapStore?: (store: FleetStore) => FleetStore;
}

export class TestParent implements AsyncDisposable {
  readonly server: RunningServer;
  readonly store: FleetStore;
  readonly clock: TestClock;
  readonly directory: string;
  /** Its certificate, as PEM. */
  readonly ca: string;
  /** Of the file that it leaves for its own user: an admin's. */
  readonly adminKey: string;
  readonly #log: TestLog;
  readonly #watching: Promise<void>[] = [];
  readonly #keys = new Map<Role, Promise<{ id: string; key: string }>>();
  readonly #end: () => Promise<void>;

  private constructor(
    server: RunningServer,
    parts: { store: FleetStore; clock: TestClock; log: TestLog; ca: string; adminKey: string },
    directory: { path: string } & AsyncDisposable,
  ) {
    this.server = server;
    this.store = parts.store;
    this.clock = parts.clock;
    this.directory = directory.path;
    this.ca = parts.ca;
    this.adminKey = parts.adminKey;
    this.#log = parts.log;
    this.#end = async () => {
      await server.stop();
      await Promise.all(this.#watching);
      await directory[Symbol.asyncDispose]();
    };
  }

  static async start(options: ParentOptions = {}): Promise<TestParent> {
    const { people = {}, wrapStore, limits, ...given } = options;
    const directory = await tmpdir();
    const opened = await openFleetStore(join(directory.path, "fleet.db"));
    const store = wrapStore?.(opened) ?? opened;
    const clock = new TestClock();
    const log = new TestLog();
    for (const [name, role] of Object.entries({ [ADMIN.name]: "admin" as const, ...people })) {
      const user = { id: randomUUID(), name, role, passwordHash: await passwordHash };
      await opened.people.createUser(user, { name: "system", address: null }, clock.now());
    }
    const server = await startServer({
      store,
      stateDirectory: directory.path,
      name: "test parent",
      listen: { host: "127.0.0.1", port: 0 },
      publicAddresses: [],
      retentionMs: 30 * 86_400_000,
      mdns: false,
      assets: new Map(),
      clock,
      log,
      limits: { ...UNLIMITED, ...limits },
      ...given,
    });
    const ca = await readFile(join(directory.path, "tls-certificate.pem"), "utf8");
    const local = JSON.parse(await readFile(join(directory.path, "local.json"), "utf8")) as { key: string };
    return new TestParent(server, { store, clock, log, ca, adminKey: local.key }, directory);
  }

  get url(): string {
    return this.server.url;
  }

  get context(): ServerContext {
    return this.server.context;
  }

  get desk(): RunningDesk {
    return this.context.classifications as RunningDesk;
  }

  /** What an agent knows of it. */
  get facts(): ParentFacts {
    const { url, parentId, pin } = this.server;
    return { url, parentId, pin, ca: this.ca };
  }

  /** Every line of the log: the message, then `name=value` for each field. */
  get lines(): readonly string[] {
    return this.#log.lines;
  }

  /** Those of them that are warnings or errors. */
  get complaints(): readonly string[] {
    return this.#log.complaints;
  }

  /** Of a counter or gauge, over all labels; 0 where there is none. */
  metric(name: string): number {
    const text = (this.context.metrics as MetricsRegistry).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, tls: { ca: this.ca } });
  }

  /** A request with this API key; a body becomes JSON. */
  ask(key: string, method: string, path: string, body?: unknown): Promise<Response> {
    return this.fetch(path, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  get(path: string, role: Role = "viewer"): Promise<Answer> {
    return this.send("GET", path, undefined, role);
  }

  /** By the key of a role, which is called `<role>-key`. */
  async send(method: string, path: string, body: unknown, role: Role = "operator"): Promise<Answer> {
    const response = await this.ask((await this.key(role)).key, method, path, body);
    const answer: unknown = await response.json();
    return { status: response.status, headers: response.headers, body: answer };
  }

  /** The same key at every time. */
  key(role: Role): Promise<{ id: string; key: string }> {
    const key = this.#keys.get(role) ?? this.newKey(role);
    this.#keys.set(role, key);
    return key;
  }

  async newKey(role: Role, expiresInMs: number | null = null): Promise<{ id: string; key: string }> {
    const wanted = { name: `${role}-key`, role, expiresInMs };
    const answer = await this.ask(this.adminKey, "POST", "/api/v1/keys", wanted);
    const { key, summary } = (await answer.json()) as { key: string; summary: { id: string } };
    return { id: summary.id, key };
  }

  async token({ uses = 1, forMs = 60_000, requiresApproval = false }: TokenOptions = {}): Promise<TestToken> {
    const id = randomBytes(6).toString("hex");
    const secret = randomBytes(32).toString("base64url");
    const nowMs = this.clock.now();
    const times = { expiresAtMs: nowMs + forMs, nowMs };
    const secretHash = joinSecretHash(secret);
    await this.store.tokens.create({ id, secretHash, uses, requiresApproval, actor: PERSON, ...times });
    const text = formatJoinToken({ addresses: this.server.addresses, pin: this.server.pin, id, secret });
    return { id, credential: `${id}.${secret}`, text };
  }

  /** One that has not joined. */
  stranger(): TestAgent {
    return new TestAgent(this.facts);
  }

  /** One that has joined by a token. */
  async agent(): Promise<TestAgent> {
    return await this.stranger().joined((await this.token()).credential);
  }

  /** What is told live from now on, in order; each a moment after it was. */
  watch(): readonly LiveEvent[] {
    const events: LiveEvent[] = [];
    const { bus, stopping } = this.context;
    const all = bus.subscribe({ filter: () => true, queueMax: 100_000 }, stopping);
    const collect = async (): Promise<void> => {
      for await (const { event } of all) events.push(event);
    };
    this.#watching.push(collect());
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

class TestLog implements ServerLog {
  readonly lines: string[] = [];
  readonly complaints: string[] = [];

  info(message: string, fields: Record<string, unknown> = {}): void {
    this.lines.push(
      [message, ...Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)].join(" "),
    );
  }

  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.info(message, fields);
    this.complaints.push(`${message} ${Bun.inspect(fields)}`);
  }

  error(message: string, fields: Record<string, unknown> = {}): void {
    this.warn(message, fields);
  }
}
