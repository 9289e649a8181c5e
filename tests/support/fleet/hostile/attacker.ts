/** Attacks on a parent over its real TLS: requests that were changed after they were signed, raw bytes on a socket, and what was stored of it. */
import { connect, type TLSSocket } from "node:tls";
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { join } from "node:path";
import type { TestParent } from "../parent.ts";
import { send, type PreparedRequest, type TestAnswer } from "../agent.ts";

/** Sends a request as it was prepared, with whatever of it is to be another. */
export function deliver(
  request: PreparedRequest,
  change: { method?: string; path?: string; headers?: Record<string, string>; body?: Uint8Array } = {},
): Promise<TestAnswer> {
  const { path = "", ...others } = change;
  const url = path === "" ? request.url : new URL(path, request.url).href;
  return send({ ...request, ...others, url, headers: { ...request.headers, ...change.headers } });
}

/** Rows of every table, but for what the parent counts of its own work. */
export function rowCounts(directory: string): Record<string, number> {
  const database = new Database(join(directory, "fleet.db"), { readonly: true });
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
  fleet: TestParent,
  before: Readonly<Record<string, number>>,
): Promise<void> {
  await Bun.sleep(WRITTEN_MS);
  expect(rowCounts(fleet.directory)).toEqual({ ...before });
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
