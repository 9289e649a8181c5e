/**
 * Who attacks a parent over its real TLS: agents with real keys that lie as they like, raw bytes on a socket, and what is counted
 * before and after to see that nothing was stored.
 */
import { connect, type TLSSocket } from "node:tls";
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { join } from "node:path";
import { ErrorAnswer } from "../../../../src/protocol/fleet/messages.ts";
import type { FleetServer } from "../../fleet-server.ts";
import { TestAgent, type PreparedRequest } from "../test-agent.ts";

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of the error, where it is one in the one form of all errors. */
  readonly code: string | undefined;
}

export async function told(answer: Response): Promise<Told> {
  const { status, headers } = answer;
  const text = await answer.text();
  return { status, headers, text, code: codeIn(text) };
}

function codeIn(text: string): string | undefined {
  try {
    const parsed = ErrorAnswer.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data.error.code : undefined;
  } catch {
    return undefined; // no JSON: then it is no error of ours, which the test sees
  }
}

/** Sends a request as it was prepared, with whatever of it is to be another. */
export async function deliver(
  fleet: FleetServer,
  request: PreparedRequest,
  change: { method?: string; path?: string; headers?: Record<string, string>; body?: Uint8Array } = {},
): Promise<Told> {
  const path = change.path ?? request.url.slice(fleet.server.url.length);
  const method = change.method ?? request.method;
  const body = change.body ?? request.body;
  const headers = { ...request.headers, ...change.headers };
  const isReading = method === "GET" || method === "HEAD";
  return await told(
    await fleet.fetch(path, { method, headers, ...(isReading ? {} : { body: new Uint8Array(body) }) }),
  );
}

export function agentOf(fleet: FleetServer): TestAgent {
  const { url, parentId, pin } = fleet.server;
  return new TestAgent({ url, parentId, pin });
}

/** One that has joined by a token. */
export async function joinedAgent(fleet: FleetServer): Promise<TestAgent> {
  const agent = agentOf(fleet);
  const made = await fleet.ask(fleet.adminKey, "POST", "/api/v1/tokens", { uses: 1 });
  const { token } = (await made.json()) as { token: string };
  const { i, s } = JSON.parse(Buffer.from(token.slice(5), "base64url").toString()) as {
    i: string;
    s: string;
  };
  const answer = await joinWith(fleet, agent, `${i}.${s}`);
  if (answer.status !== 200) throw new Error(`it was not let in: ${answer.text}`);
  return agent;
}

export async function joinWith(fleet: FleetServer, agent: TestAgent, token: string | null): Promise<Told> {
  return await told(
    await fleet.fetch("/api/agent/join", { method: "POST", body: JSON.stringify(agent.joinRequest(token)) }),
  );
}

/** Signed as it should be. */
export function ask(
  fleet: FleetServer,
  agent: TestAgent,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<Told> {
  return deliver(fleet, agent.prepare(method, path, body));
}

/** Rows of every table, but for what the parent counts of its own work. */
export function rowCounts(fleet: FleetServer): Record<string, number> {
  const database = new Database(join(fleet.directory, "fleet.db"), { readonly: true });
  try {
    const tables = database
      .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .all();
    return Object.fromEntries(
      tables.map(({ name }) => [
        name,
        database.query<{ count: number }, []>(`SELECT COUNT(*) AS count FROM "${name}"`).get()?.count ?? 0,
      ]),
    );
  } finally {
    database.close();
  }
}

/** What is written behind the answers (heartbeats) is written in this time. */
const WRITTEN_MS = 400;

/** No table has more rows, nor fewer, than it had. */
export async function expectNothingStored(
  fleet: FleetServer,
  before: Readonly<Record<string, number>>,
): Promise<void> {
  await Bun.sleep(WRITTEN_MS);
  expect(rowCounts(fleet)).toEqual({ ...before });
}

/** `409 replayed` */
export function outcome({ status, code }: Told): string {
  return `${status} ${code ?? ""}`.trim();
}

/** A TLS connection on which bytes are written as they are. */
export class RawClient implements AsyncDisposable {
  readonly socket: TLSSocket;
  #received = "";
  #isClosed = false;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => (this.#received += chunk.toString("latin1")));
    socket.on("error", () => undefined); // being cut off is one of the answers
    socket.on("close", () => (this.#isClosed = true));
  }

  static async open(port: number): Promise<RawClient> {
    // An attacker does not care whom it attacks.
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", () => resolve());
      socket.once("close", () => reject(new Error("closed before it was open")));
    });
    return client;
  }

  get received(): string {
    return this.#received;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves once the kernel has it, or the connection is closed. */
  write(bytes: string | Uint8Array): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.socket.once("close", () => resolve());
      this.socket.write(bytes, () => resolve());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      this.socket.once("close", () => resolve());
      this.socket.destroy();
    });
  }
}

/**
 * How long /healthz took while `work` went on, in milliseconds, but for the slowest one in twenty, which may have waited for another
 * program of the machine: whether others are served meanwhile.
 */
export async function healthWhile(fleet: FleetServer, work: () => Promise<void>): Promise<number> {
  const over = new AbortController();
  const times: number[] = [];
  const watching = (async () => {
    while (!over.signal.aborted) {
      const beganMs = performance.now();
      const answer = await fleet.fetch("/healthz");
      await answer.body?.cancel();
      times.push(performance.now() - beganMs);
      await Bun.sleep(20); // the pause between two looks
    }
  })();
  try {
    await work();
  } finally {
    over.abort();
    await watching;
  }
  return percentile(times, 0.95);
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
}
