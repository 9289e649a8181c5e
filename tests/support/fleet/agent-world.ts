/**
 * A parent, a door before it with the parent's own TLS key that can be shut, slowed or made to answer otherwise, and agents in
 * this process whose loops, state and outbox are real; only what watches the machine is the test's.
 */
import { readFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import type { AgentLog, AgentState } from "../../../src/agent/contract.ts";
import { join, targetOfToken } from "../../../src/agent/join.ts";
import { machineFacts } from "../../../src/agent/machine.ts";
import { openAgentOutbox } from "../../../src/agent/outbox.ts";
import { runAgent, type AgentParts } from "../../../src/agent/run.ts";
import { openState } from "../../../src/agent/state.ts";
import { parseJoinToken, formatJoinToken } from "../../../src/protocol/fleet/join-token.ts";
import type { StreamName } from "../../../src/protocol/fleet/envelope.ts";
import type { ClassificationUpdate } from "../../../src/protocol/fleet/classification.ts";
import type { Outbox } from "../../../src/telemetry/contract.ts";
import { pinnedServer, type PinnedServer, type ServerKey } from "./pinned-server.ts";
import { tmpdir, type TemporaryDirectory } from "../tmpdir.ts";
import { waitFor } from "../wait-for.ts";
import { TestParent, type ParentOptions } from "./parent.ts";

/** What the door does with a request: undefined lets it through. */
export type Intervention = (
  request: Request,
  path: string,
) => Promise<Response | undefined> | Response | undefined;

export class ParentWithDoor implements AsyncDisposable {
  readonly parent: TestParent;
  readonly key: ServerKey;
  /** Paths that came through or were answered at the door. */
  readonly requests: string[] = [];
  intervene: Intervention | undefined;
  #door: PinnedServer | undefined;
  readonly port: number;

  private constructor(parent: TestParent, key: ServerKey, door: PinnedServer) {
    this.parent = parent;
    this.key = key;
    this.#door = door;
    this.port = door.port;
  }

  static async start(options: ParentOptions = {}): Promise<ParentWithDoor> {
    const parent = await TestParent.start(options);
    const key = {
      keyPem: await readFile(joinPath(parent.directory, "tls-key.pem"), "utf8"),
      pin: parent.server.pin,
      certificate: () => Promise.resolve(parent.ca),
    };
    let made: ParentWithDoor | undefined;
    const door = await pinnedServer(
      (request) => made?.handle(request) ?? new Response(null, { status: 503 }),
      { key },
    );
    made = new ParentWithDoor(parent, key, door);
    return made;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async handle(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    this.requests.push(pathname);
    const instead = await this.intervene?.(request, pathname);
    if (instead !== undefined) return instead;
    const body = request.method === "GET" ? null : await request.arrayBuffer();
    return await this.pass(pathname + search, {
      method: request.method,
      headers: request.headers,
      body,
      signal: request.signal,
    });
  }

  /** To the parent, past the door. */
  async pass(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.delete("host");
    return await this.parent.fetch(path, { ...init, headers });
  }

  /** Nobody is there any more. */
  async shut(): Promise<void> {
    await this.#door?.[Symbol.asyncDispose]();
    this.#door = undefined;
  }

  async open(): Promise<void> {
    this.#door ??= await pinnedServer((request) => this.handle(request), { key: this.key, port: this.port });
  }

  /** A token as `wb serve token create` prints it. */
  async token(options: { requiresApproval?: boolean } = {}): Promise<string> {
    const { text } = await this.parent.token(options);
    return formatJoinToken({ ...parseJoinToken(text), addresses: [this.address], pin: this.key.pin });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shut();
    await this.parent[Symbol.asyncDispose]();
  }
}

export class AgentUnderTest implements AsyncDisposable {
  readonly directory: TemporaryDirectory;
  readonly lines: string[] = [];
  readonly log: AgentLog;
  readonly watched = {
    snapshots: 0,
    classifications: [] as ClassificationUpdate[],
    watches: [] as [number, number][],
  };
  outbox: Outbox | undefined;
  bootId = "b".repeat(32);
  #stop: AbortController | undefined;
  #running: Promise<void> | undefined;

  private constructor(directory: TemporaryDirectory) {
    this.directory = directory;
    const line = (level: string) => (message: string) => void this.lines.push(`${level} ${message}`);
    this.log = { info: line("info"), warn: line("warn"), error: line("error") };
  }

  static async make(): Promise<AgentUnderTest> {
    return new AgentUnderTest(await tmpdir());
  }

  get path(): string {
    return joinPath(this.directory.path, "agent");
  }

  openState(): AgentState {
    return openState(this.path, this.log);
  }

  /** By a token. */
  async join(token: string): Promise<string> {
    const state = this.openState();
    try {
      const target = targetOfToken(parseJoinToken(token), undefined);
      const signal = new AbortController().signal;
      await join(target, {
        state,
        machine: machineFacts(),
        proxy: undefined,
        env: {},
        signal,
        say: () => undefined,
      });
      return state.identity.id;
    } finally {
      state.close();
    }
  }

  start(options: { retryMaxMs?: number; parts?: Partial<AgentParts> } = {}): void {
    const state = this.openState();
    const clock = { now: () => Date.now(), monotonicMs: () => performance.now() };
    const outbox = openAgentOutbox({ state, bootId: this.bootId, clock, log: this.log });
    this.outbox = outbox;
    this.#stop = new AbortController();
    this.#running = runAgent({
      state,
      outbox,
      clock,
      log: this.log,
      bootId: this.bootId,
      machine: machineFacts,
      configHash: "test",
      proxy: undefined,
      env: {},
      retryMaxMs: options.retryMaxMs ?? 200,
      createParts: () => ({ ...this.#parts(), ...options.parts }),
      stop: this.#stop.signal,
    });
  }

  #parts(): AgentParts {
    const untilEnd = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    return {
      auditor: {
        run: untilEnd,
        running: () => [],
        isRunning: () => false,
        runningCount: 3,
        requestSnapshot: () => (this.watched.snapshots += 1),
        applyClassifications: (updates) => this.watched.classifications.push(...updates),
      },
      flows: {
        run: untilEnd,
        watch: (intervalMs, forMs) => this.watched.watches.push([intervalMs, forMs]),
        captureMethod: "test",
        notices: ["a notice"],
      },
      health: {
        health: () => ({
          cpuPercent: null,
          memoryTotalBytes: 2,
          memoryAvailableBytes: 1,
          diskTotalBytes: 2,
          diskFreeBytes: 1,
          uptimeSeconds: 1,
          load: [0, 0, 0],
        }),
        sessions: () => Promise.resolve([]),
      },
    };
  }

  /** Numbers are events of no meaning to the parent but their order. */
  append(stream: StreamName, ...numbers: readonly number[]): void {
    for (const number of numbers) {
      const payload = JSON.stringify({ number });
      this.outbox?.append(stream, {
        type: "test_event",
        timestampMs: Date.now(),
        provider: "test",
        eventId: number,
        payload,
      });
    }
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
    this.#running = undefined;
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.directory[Symbol.asyncDispose]();
  }
}

/** What is stored of a stream at the parent, as the numbers that were appended. */
export async function storedNumbers(
  parent: TestParent,
  agentId: string,
  stream: StreamName,
): Promise<number[]> {
  const numbers: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await parent.store.events.events({
      agentId,
      stream,
      limit: 1000,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { eventId, type } of page.items) if (type === "test_event") numbers.push(eventId);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return numbers.reverse(); // the newest come first
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** The numbers that the parent has stored, once there are so many. */
export async function arrived(
  at: ParentWithDoor,
  id: string,
  stream: "process" | "flow",
  count: number,
): Promise<number[]> {
  return await waitFor(`${count} events of ${stream}`, async () => {
    const stored = await storedNumbers(at.parent, id, stream);
    return stored.length >= count && stored;
  });
}

/** A parent, and an agent that has joined it and does not run yet. */
export async function world(): Promise<
  { at: ParentWithDoor; agent: AgentUnderTest; id: string } & AsyncDisposable
> {
  const at = await ParentWithDoor.start();
  const agent = await AgentUnderTest.make();
  const id = await agent.join(await at.token());
  return {
    at,
    agent,
    id,
    [Symbol.asyncDispose]: async () => {
      await agent[Symbol.asyncDispose]();
      await at[Symbol.asyncDispose]();
    },
  };
}
