/**
 * An agent without a machine: real identity, signatures, chains and batches over real TLS, made-up processes and flows. It does
 * what it is told by the parent (waits, credits, cursors), as the real one does.
 */
import { createHash, randomBytes } from "node:crypto";
import { backoffMs } from "../../../src/agent/backoff.ts";
import { canonicalBytes, sha256, toBase64Url } from "../../../src/protocol/fleet/canonical.ts";
import {
  eventHash,
  headerBytes,
  type BatchHeader,
  type EventItem,
  type StreamName,
} from "../../../src/protocol/fleet/envelope.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { merkleRoot } from "../../../src/protocol/fleet/merkle.ts";
import type { BatchAnswer } from "../../../src/protocol/fleet/envelope.ts";
import type { HeartbeatAnswer, JoinAnswer, MachineFacts } from "../../../src/protocol/fleet/messages.ts";
import { commitmentOf, joinBytes } from "../../../src/protocol/fleet/proofs.ts";
import { signRequest } from "../../../src/protocol/fleet/request-proof.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { Connection, type Answer } from "./connection.ts";
import { payloadOf } from "./payloads.ts";

export interface Parent {
  readonly hostname: string;
  readonly port: number;
  readonly pin: string;
}

interface StreamState {
  readonly epoch: string;
  /** The seq that the next event gets. */
  next: number;
  chain: string | null;
}

/** Why requests were made again, over all agents: status, or `no answer`. */
export const retries = new Map<string, number>();

function noteRetry(answer: Answer | undefined): void {
  const reason = answer === undefined ? "no answer" : String(answer.status);
  retries.set(reason, (retries.get(reason) ?? 0) + 1);
}

/** A refusal that an agent can't get over by waiting. */
export class RefusedError extends Error {}

/** It was closed in the meantime. */
export class ClosedError extends Error {}

const BOOT_ID = "7f1a6bb4-0c3e-4a39-9a3e-2f2a5a3a8f10";

export class SimulatedAgent {
  readonly identity = Identity.generate();
  readonly #instance = randomBytes(8).toString("hex");
  readonly #poll: Connection;
  /** As the real agent's: kept, used again, and a second one only while the first one is busy. */
  readonly #others: readonly [Connection, Connection];
  readonly #parent: Parent;
  readonly #machine: MachineFacts;
  readonly #streams = new Map<StreamName, StreamState>();
  #counter = 0;
  #parentId = "";
  #lease: string | null = null;
  #commandCursor = 0;
  #isClosed = false;
  creditBytes = 1_000_000;

  constructor(index: number, parent: Parent) {
    this.#parent = parent;
    const open = (): Connection => new Connection(parent.hostname, parent.port);
    this.#poll = open();
    this.#others = [open(), open()];
    this.#machine = {
      hostname: `simulated-${index}`,
      platform: "linux-x64 Debian GNU/Linux 12",
      kernel: "6.1.0",
      version: "0.1.0",
      machineId: createHash("sha256").update(String(index)).digest("hex"),
    };
  }

  async join(token: { readonly id: string; readonly secret: string }): Promise<void> {
    const nonce = toBase64Url(randomBytes(32));
    const request = {
      publicKey: this.identity.publicKey,
      machine: this.#machine,
      token: `${token.id}.${token.secret}`,
      commitment: commitmentOf(nonce),
    };
    const signature = toBase64Url(this.identity.sign(joinBytes(request, this.#parent.pin)));
    const body = JSON.stringify({ ...request, signature });
    const answer = await this.#persist(() => this.#free().request("POST", AGENT_PATHS.join, {}, body));
    this.#parentId = (JSON.parse(answer.body) as JoinAnswer).parentId;
  }

  /** Until it is answered, waiting as it is told. Returns the answer and how long the last attempt took. */
  async heartbeat(): Promise<number> {
    let tookMs = 0;
    const answer = await this.#persist(async () => {
      const startedMs = performance.now();
      const told = await this.#signed(
        this.#free(),
        "POST",
        AGENT_PATHS.heartbeat,
        JSON.stringify(this.#beat()),
      );
      tookMs = performance.now() - startedMs;
      return told;
    });
    this.#lease = (JSON.parse(answer.body) as HeartbeatAnswer).lease;
    return tookMs;
  }

  /** One long-poll, tried again where it breaks; resolves when the parent answers it. */
  async poll(waitSeconds: number): Promise<void> {
    const answer = await this.#persist(() => {
      const path = `${AGENT_PATHS.commands}?after=${this.#commandCursor}&wait=${waitSeconds}`;
      return this.#signed(this.#poll, "GET", path, "");
    });
    this.#commandCursor = (JSON.parse(answer.body) as { cursor: number }).cursor;
  }

  /** Sends so many new events as one batch, until they are stored. */
  async send(stream: StreamName, count: number): Promise<number> {
    const state = this.#streamOf(stream);
    const origin = { agentId: this.identity.id, stream, epoch: state.epoch };
    const previousChain = state.chain;
    const firstSeq = state.next;
    const items: EventItem[] = [];
    const leaves: Uint8Array[] = [];
    for (let index = 0; index < count; index += 1) {
      const event = payloadOf(stream, state.next);
      state.chain = eventHash(origin, event, state.chain);
      leaves.push(Buffer.from(state.chain, "base64url"));
      items.push(event);
      state.next += 1;
    }
    const header: BatchHeader = {
      parentId: this.#parentId,
      agentId: this.identity.id,
      stream,
      epoch: state.epoch,
      firstSeq,
      lastSeq: state.next - 1,
      count,
      previousChain,
      root: toBase64Url(merkleRoot(leaves)),
      follows: null,
    };
    const signature = toBase64Url(this.identity.sign(headerBytes(header)));
    const clock = { wallMs: Date.now(), monotonicMs: performance.now(), bootId: BOOT_ID };
    const body = JSON.stringify({ header, signature, clock, items });
    const path = stream === "process" ? AGENT_PATHS.processEvents : AGENT_PATHS.telemetry;
    const answer = await this.#persist(() => this.#signed(this.#free(), "POST", path, body));
    const { cursor, creditBytes, waitMs } = JSON.parse(answer.body) as BatchAnswer;
    if (cursor !== header.lastSeq)
      throw new RefusedError(`stored up to ${cursor}, sent up to ${header.lastSeq}`);
    this.creditBytes = creditBytes;
    return waitMs;
  }

  /** For good: what waits for an answer waits no more, and nothing is tried again. */
  close(): void {
    this.#isClosed = true;
    for (const connection of [this.#poll, ...this.#others]) connection.close();
  }

  #free(): Connection {
    const [first, second] = this.#others;
    return first.isBusy ? second : first;
  }

  #streamOf(stream: StreamName): StreamState {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const made = { epoch: randomBytes(8).toString("hex"), next: 1, chain: null };
    this.#streams.set(stream, made);
    return made;
  }

  async #signed(connection: Connection, method: string, path: string, body: string): Promise<Answer> {
    this.#counter += 1;
    const headers = signRequest(this.identity, {
      parentId: this.#parentId,
      instance: this.#instance,
      counter: this.#counter,
      method,
      path,
      body: Buffer.from(body),
    });
    return await connection.request(method, path, headers, body);
  }

  /** As an agent does: waits where it is told to, backs off where nobody answers, and gives up at nothing else. */
  async #persist(attempt: () => Promise<Answer>): Promise<Answer> {
    for (let failures = 0; ; failures += 1) {
      const answer = await attempt().catch(() => undefined);
      if (answer?.status === 200) return answer;
      if (this.#isClosed) throw new ClosedError("closed");
      const isTemporary = answer === undefined || answer.status === 429 || answer.status === 503;
      if (!isTemporary) throw new RefusedError(`${answer.status}: ${answer.body.slice(0, 300)}`);
      noteRetry(answer);
      await Bun.sleep(
        answer?.retryAfterMs === undefined
          ? backoffMs(failures)
          : answer.retryAfterMs * (1 + Math.random() * 0.2),
      );
    }
  }

  #beat(): object {
    const streams = Array.from(this.#streams, ([stream, { epoch, next }]) => ({
      stream,
      epoch,
      produced: next - 1,
      acked: next - 1,
      pending: 0,
      lost: 0,
      unknownTails: 0,
      pendingBytes: 0,
    }));
    return {
      agentId: this.identity.id,
      clock: { wallMs: Date.now(), monotonicMs: performance.now(), bootId: BOOT_ID },
      machine: this.#machine,
      captureMethod: "ebpf_tracepoint",
      notices: [],
      health: {
        cpuPercent: 12.5,
        memoryTotalBytes: 16 * 2 ** 30,
        memoryAvailableBytes: 9 * 2 ** 30,
        diskTotalBytes: 512 * 2 ** 30,
        diskFreeBytes: 200 * 2 ** 30,
        uptimeSeconds: performance.now() / 1000,
        load: [0.5, 0.4, 0.3],
      },
      sessions: [{ user: "anna", terminal: "tty2", host: null, startedAtMs: 1_760_000_000_000 }],
      streams,
      runningProcesses: 180,
      residentBytes: 48 * 2 ** 20,
      configHash: toBase64Url(sha256(canonicalBytes("configuration", []))),
      commandCursor: this.#commandCursor,
      lease: this.#lease,
      challenge: null,
    };
  }
}
