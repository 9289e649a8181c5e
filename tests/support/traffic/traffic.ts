/**
 * Real traffic between two processes that count every byte: what tests hold the capture against.
 * `await using traffic = await Traffic.start();`
 */
import { join } from "node:path";
import { tmpdir, type TemporaryDirectory } from "../tmpdir.ts";
import { waitFor } from "../wait-for.ts";
import type { ClosingScenario, Family, Scenario } from "./scenarios.ts";
import type { Counted } from "./sockets.ts";

/** Where the two programs run: commands to put in front of theirs, and where the client finds the server. */
export interface Places {
  readonly client: readonly string[];
  readonly server: readonly string[];
  readonly addresses: Readonly<Record<Family, string>>;
}

/** Both on this machine, over loopback. */
export const LOOPBACK: Places = {
  client: [],
  server: [],
  addresses: { ipv4: "127.0.0.1", ipv6: "::1", "v4-mapped": "::ffff:127.0.0.1" },
};

interface Report {
  readonly connections: readonly Counted[];
  readonly live?: number;
}

export class Traffic implements AsyncDisposable {
  readonly port: number;
  readonly #server: LineProcess;
  readonly #client: LineProcess;
  readonly #directory: TemporaryDirectory;
  readonly #taken: Counted[] = [];

  private constructor(port: number, server: LineProcess, client: LineProcess, directory: TemporaryDirectory) {
    this.port = port;
    this.#server = server;
    this.#client = client;
    this.#directory = directory;
  }

  static async start(places: Places = LOOPBACK): Promise<Traffic> {
    const directory = await tmpdir();
    const file = join(directory.path, "payload");
    await Bun.write(file, new Uint8Array(300_000).fill(0x61));
    const server = new LineProcess([
      ...places.server,
      process.execPath,
      join(import.meta.dir, "server.ts"),
      file,
    ]);
    const { port } = await server.next<{ port: number }>();
    const client = new LineProcess([
      ...places.client,
      process.execPath,
      join(import.meta.dir, "client.ts"),
      String(port),
      file,
      JSON.stringify(places.addresses),
    ]);
    await client.next();
    return new Traffic(port, server, client, directory);
  }

  get serverPid(): number {
    return this.#server.pid;
  }

  get clientPid(): number {
    return this.#client.pid;
  }

  /** Runs a scenario to its end; returns the client's counts. */
  async run(
    scenario: Scenario | ClosingScenario | `long-lived:${string}`,
    family: Family,
  ): Promise<readonly Counted[]> {
    this.#client.write(`${scenario} ${family}`);
    return (await this.#client.next<Report>()).connections;
  }

  /** The server's counts of all its connections, once no more than `live` of them are open. */
  serverCounts(live: number): Promise<readonly Counted[]> {
    return waitFor(`the server to have ${live} open connections`, async () => {
      this.#server.write("report");
      const report = await this.#server.next<Report>();
      return report.live === live && report.connections;
    });
  }

  /** The server's counts of the connections with these ends there, once it has closed all of them. */
  serverCountsOf(client: readonly Counted[]): Promise<readonly Counted[]> {
    const wanted = new Set(client.map((row) => `${row.remote} ${row.local}`));
    return waitFor(`the server to have closed ${wanted.size} connections`, async () => {
      this.#server.write("take");
      const report = await this.#server.next<Report>();
      this.#taken.push(...report.connections);
      const found = this.#taken.filter((row) => wanted.has(`${row.local} ${row.remote}`));
      if (found.length < wanted.size) return undefined;
      this.#taken.length = 0;
      return found;
    });
  }

  /** The server's counts as they are now. */
  async serverReport(): Promise<readonly Counted[]> {
    this.#server.write("report");
    return (await this.#server.next<Report>()).connections;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#client.end(), this.#server.end()]);
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** A program that answers lines with lines of JSON. */
export class LineProcess {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string[]) {
    this.#process = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#lines = linesOf(this.#process.stdout);
  }

  get pid(): number {
    return this.#process.pid;
  }

  write(line: string): void {
    void this.#process.stdin.write(`${line}\n`);
    void this.#process.stdin.flush();
  }

  async next<T>(): Promise<T> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`process ${this.pid} ended before it answered`);
    return JSON.parse(line.value) as T;
  }

  async end(): Promise<void> {
    await this.#process.stdin.end();
    const timer = setTimeout(() => {
      this.#process.kill(9);
    }, 5000);
    await this.#process.exited;
    clearTimeout(timer);
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  return undefined;
}
