/**
 * The real parent in this process, with its store, its TLS and its page, three people of the three roles, and an agent that
 * signs as a real one does: what the page meets in the world.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import type { Role } from "../../../src/model/fleet.ts";
import { fingerprintHashOf } from "../../../src/protocol/fleet/fingerprint.ts";
import { parseJoinToken } from "../../../src/protocol/fleet/join-token.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { EMPTY_SET_HASH, type RunningProcess } from "../../../src/protocol/fleet/payloads.ts";
import { hashSecret } from "../../../src/server/people/passwords.ts";
import { startServer, type RunningServer } from "../../../src/server/run.ts";
import { openFleetStore } from "../../../src/store/fleet/open.ts";
import { webAssets } from "../../../src/web/embedded.ts";
import { tmpdir } from "../tmpdir.ts";
import { newNonce, TestAgent, TestStream, type PreparedRequest } from "./test-agent.ts";

export const PEOPLE: Readonly<Record<string, Role>> = { ada: "admin", olga: "operator", vera: "viewer" };
export const PASSWORD = "correct horse battery";

export interface PageParent extends AsyncDisposable {
  readonly server: RunningServer;
  /** What was logged as a warning or an error. */
  readonly complaints: readonly string[];
  /** One that has not joined yet. */
  agent(): PageAgent;
}

export async function startPageParent(): Promise<PageParent> {
  const directory = await tmpdir();
  const store = await openFleetStore(join(directory.path, "fleet.db"));
  const passwordHash = await hashSecret(PASSWORD);
  for (const [name, role] of Object.entries(PEOPLE)) {
    const user = { id: randomUUID(), name, role, passwordHash };
    await store.people.createUser(user, { name: "system", address: null }, Date.now());
  }
  const complaints: string[] = [];
  const complain = (message: string, fields?: Record<string, unknown>): void => {
    complaints.push(`${message} ${Bun.inspect(fields ?? {})}`);
  };
  const server = await startServer({
    store,
    stateDirectory: directory.path,
    name: "hq",
    listen: { host: "127.0.0.1", port: 0 },
    publicAddresses: [],
    retentionMs: 86_400_000,
    mdns: false,
    assets: await webAssets(),
    clock: { now: () => Date.now(), monotonicMs: () => performance.now() },
    log: { info: () => undefined, warn: complain, error: complain },
  });
  const ca = await readFile(join(directory.path, "tls-certificate.pem"), "utf8");
  return {
    server,
    complaints,
    agent: () => new PageAgent(server, ca),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** An agent over TLS that tells of processes as a person in a test wants them. */
export class PageAgent {
  readonly #agent: TestAgent;
  readonly #events: TestStream;
  readonly #ca: string;
  readonly #running = new Map<string, RunningProcess>();

  constructor(server: RunningServer, ca: string) {
    const { url, parentId, pin } = server;
    this.#agent = new TestAgent({ url, parentId, pin });
    this.#events = new TestStream(this.#agent, "process");
    this.#ca = ca;
  }

  get id(): string {
    return this.#agent.identity.id;
  }

  /** By a token as the page shows it; null asks for a person's approval. */
  async join(token: string | null): Promise<void> {
    const parsed = token === null ? undefined : parseJoinToken(token);
    const credential = parsed === undefined ? null : `${parsed.id}.${parsed.secret}`;
    const nonce = newNonce();
    const body = Buffer.from(JSON.stringify(this.#agent.joinRequest(credential, nonce)));
    await this.#send({ url: this.#agent.parent.url + AGENT_PATHS.join, method: "POST", body, headers: {} });
    if (token === null) await this.#send(this.#agent.prepare("POST", AGENT_PATHS.joinReveal, { nonce }));
    else await this.beat();
  }

  async beat(): Promise<void> {
    const runningProcesses = this.#running.size;
    const produced = this.#events.next - 1;
    const process = { stream: "process", epoch: this.#events.epoch, produced, acked: produced };
    const streams = [{ ...process, pending: 0, lost: 0, unknownTails: 0, pendingBytes: 0 }];
    const heartbeat = this.#agent.heartbeat({ runningProcesses, streams });
    await this.#send(this.#agent.prepare("POST", AGENT_PATHS.heartbeat, heartbeat));
  }

  async start(name: string, pid: number): Promise<void> {
    const parts = { name, path: `/opt/${name}`, fileHash: null, publisher: null };
    const fingerprintHash = fingerprintHashOf(parts);
    const startedAtMs = Date.now();
    const running: RunningProcess = {
      processId: `${pid}_${startedAtMs}`,
      pid,
      parentPid: 1,
      parentProcessId: null,
      userId: 1000,
      userName: "anna",
      startedAtMs,
      isStartExact: true,
      memoryBytes: null,
      cpuTimeMs: null,
      fingerprintHash,
      fingerprint: {
        ...parts,
        signature: null,
        version: null,
        commandLinePattern: name,
      },
      category: "unknown",
    };
    this.#running.set(running.processId, running);
    const told = { eventType: "started", processId: running.processId, fingerprintHash, eventData: running };
    await this.#tell(
      { ...told, timestamp: new Date().toISOString(), baseHash: EMPTY_SET_HASH },
      "process_started",
    );
  }

  async #tell(payload: unknown, type: string): Promise<void> {
    const batch = this.#events.batch([this.#events.event(payload, type)]);
    await this.#send(this.#agent.prepare("POST", AGENT_PATHS.processEvents, batch));
  }

  async #send(request: PreparedRequest): Promise<void> {
    const { url, method, headers } = request;
    const tls = { ca: this.#ca, checkServerIdentity: () => undefined };
    const answer = await fetch(url, { method, headers, body: new Uint8Array(request.body), tls });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
  }
}
