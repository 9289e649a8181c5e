/** An agent without anything behind it: an identity that signs requests and batches as a real one does, or as a liar would. */
import { randomBytes } from "node:crypto";
import { toBase64Url } from "../../../src/protocol/fleet/canonical.ts";
import { eventHash, lastSeqOf } from "../../../src/protocol/fleet/envelope.ts";
import type { BatchItem, EventItem, SignedBatch, StreamName } from "../../../src/protocol/fleet/envelope.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import {
  ErrorAnswer,
  JoinAnswer,
  type Heartbeat,
  type JoinRequest,
} from "../../../src/protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { commitmentOf, joinBytes } from "../../../src/protocol/fleet/proofs.ts";
import { signRequest } from "../../../src/protocol/fleet/request-proof.ts";
import { hashItems } from "../../../src/protocol/fleet/verify-batch.ts";
import { signItems } from "./batches.ts";
import { heartbeat } from "./stored.ts";

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
  /** Of an error, undefined where it is none. */
  readonly error: ErrorAnswer["error"] | undefined;
}

/** What an agent knows of its parent. */
export interface ParentFacts {
  readonly url: string;
  readonly parentId: string;
  readonly pin: string;
  /** Its certificate as PEM, where it speaks TLS. */
  readonly ca?: string;
}

export const MACHINE = {
  hostname: "test-host",
  platform: "linux-x64",
  kernel: "6.1",
  version: "0.1.0",
  machineId: null,
} as const;

export class TestAgent {
  readonly identity: Identity;
  readonly parent: ParentFacts;
  instance: string;
  counter = 0;

  constructor(parent: ParentFacts, identity: Identity = Identity.generate()) {
    this.parent = parent;
    this.identity = identity;
    this.instance = newInstance();
  }

  /** The same key in a second place, as a copied machine has it. */
  clone(): TestAgent {
    const other = new TestAgent(this.parent, this.identity);
    other.counter = this.counter;
    return other;
  }

  /** A request as the agent would send it, not sent yet: to be sent late, or twice. */
  prepare(method: "GET" | "POST", path: string, body?: unknown): PreparedRequest {
    this.counter += 1;
    const bytes =
      body instanceof Uint8Array ? body : Buffer.from(body === undefined ? "" : JSON.stringify(body));
    const { instance, counter } = this;
    const facts = { parentId: this.parent.parentId, instance, counter, method, path, body: bytes };
    return { ...this.unsigned(method, path, bytes), headers: signRequest(this.identity, facts) };
  }

  /** As a stranger sends it. */
  unsigned(method: string, path: string, body: Uint8Array): PreparedRequest {
    const { url, ca } = this.parent;
    return { url: url + path, method, body, headers: {}, ...(ca === undefined ? {} : { ca }) };
  }

  request(method: "GET" | "POST", path: string, body?: unknown): Promise<TestAnswer> {
    return send(this.prepare(method, path, body));
  }

  /** As a real agent does: above the floor, once more. */
  async persistently(method: "GET" | "POST", path: string, body?: unknown): Promise<TestAnswer> {
    const answer = await this.request(method, path, body);
    if (answer.error?.code !== "replayed") return answer;
    this.counter = answer.error.floor ?? this.counter;
    return this.request(method, path, body);
  }

  joinRequest(token: string | null, nonce = newNonce(), pin = this.parent.pin): JoinRequest {
    const unsigned = {
      publicKey: this.identity.publicKey,
      machine: MACHINE,
      token,
      commitment: commitmentOf(nonce),
    };
    return { ...unsigned, signature: toBase64Url(this.identity.sign(joinBytes(unsigned, pin))) };
  }

  join(token: string | null, nonce?: string): Promise<TestAnswer> {
    const body = Buffer.from(JSON.stringify(this.joinRequest(token, nonce)));
    return send(this.unsigned("POST", AGENT_PATHS.join, body));
  }

  /** With a token; throws where it is refused. */
  async joined(token: string): Promise<this> {
    JoinAnswer.parse((await this.join(token)).body);
    return this;
  }

  heartbeat(change: Partial<Heartbeat> = {}): Heartbeat {
    const clock = { wallMs: Date.now(), monotonicMs: performance.now(), bootId: "boot" };
    const told = { clock, machine: MACHINE, notices: [], sessions: [], ...change };
    return heartbeat(this.identity.id, told);
  }

  beat(change: Partial<Heartbeat> = {}): Promise<TestAnswer> {
    return this.persistently("POST", AGENT_PATHS.heartbeat, this.heartbeat(change));
  }

  send(batch: SignedBatch): Promise<TestAnswer> {
    const path = batch.header.stream === "process" ? AGENT_PATHS.processEvents : AGENT_PATHS.telemetry;
    return this.persistently("POST", path, batch);
  }
}

/** One epoch of a stream: makes batches of what is appended, chained from one to the next. */
export class TestStream {
  readonly agent: TestAgent;
  readonly stream: StreamName;
  readonly epoch = randomBytes(8).toString("hex");
  next = 1;
  #chain: string | null = null;

  constructor(agent: TestAgent, stream: StreamName = "health") {
    this.agent = agent;
    this.stream = stream;
  }

  event(payload: unknown, type: string): EventItem {
    const seq = this.next;
    this.next += 1;
    const text = JSON.stringify(payload);
    return { seq, type, timestampMs: 1.7e12 + seq, provider: "test", eventId: 1, payload: text };
  }

  /** So many events of a provider's health. */
  healthEvents(count: number, detail = ""): EventItem[] {
    return Array.from({ length: count }, () => {
      const state = { provider: "scan", state: "live", eventsTotal: this.next, eventsPerSecond: 1 };
      return this.event({ ...state, restarts: 0, lost: null, detail }, "provider_health");
    });
  }

  /** Signs what comes next in the stream; each call goes on where the one before ended. */
  batch(items: readonly BatchItem[], change: Partial<SignedBatch["header"]> = {}): SignedBatch {
    const batch = this.batchAfter(this.#chain, items, change);
    const last = items.at(-1);
    const origin = { agentId: this.agent.identity.id, stream: this.stream, epoch: this.epoch };
    this.#chain = hashItems(origin, items, this.#chain).chains.at(-1) ?? null;
    if (last !== undefined) this.next = lastSeqOf(last) + 1;
    return batch;
  }

  /** The same with a given chain: to send something again, or something else in its place. */
  batchAfter(
    previousChain: string | null,
    items: readonly BatchItem[],
    change: Partial<SignedBatch["header"]> = {},
  ): SignedBatch {
    const { identity, parent } = this.agent;
    const { parentId } = parent;
    const { stream, epoch } = this;
    return signItems(items, { parentId, stream, epoch, previousChain, ...change }, identity);
  }

  chainOf(event: EventItem, previousChain: string | null): string {
    const { stream, epoch } = this;
    return eventHash({ agentId: this.agent.identity.id, stream, epoch }, event, previousChain);
  }
}

export interface PreparedRequest {
  readonly url: string;
  readonly method: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string;
}

export async function send(request: PreparedRequest, signal?: AbortSignal): Promise<TestAnswer> {
  const { url, method, headers, ca } = request;
  const body = method === "GET" ? null : new Uint8Array(request.body);
  const response = await fetch(url, {
    method,
    headers,
    body,
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const answer: unknown = JSON.parse(text);
  const error = response.ok ? undefined : ErrorAnswer.parse(answer).error;
  return { status: response.status, headers: response.headers, text, body: answer, error };
}

/** `200`, `409 replayed` */
export function outcomeOf({ status, error }: TestAnswer): string {
  return error === undefined ? String(status) : `${status} ${error.code}`;
}

export function newInstance(): string {
  return randomBytes(12).toString("base64url");
}

export function newNonce(): string {
  return randomBytes(32).toString("base64url");
}
