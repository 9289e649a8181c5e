/**
 * Signed requests to the parent. Every request has a counter that never comes twice; every connection is pinned (pin.ts); addresses
 * are tried in order, the one that worked last first. Nothing that the network or the parent does makes it throw, and no answer
 * is larger than its bound.
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { linkedSignal } from "../lib/linked-signal.ts";
import { WbError } from "../model/errors.ts";
import { ErrorAnswer, type FleetErrorCode } from "../protocol/fleet/messages.ts";
import { signRequest } from "../protocol/fleet/request-proof.ts";
import { VERSION } from "../model/version.ts";
import { parseAddress } from "./address.ts";
import type { AgentState, ParentAnswer, ParentClient } from "./contract.ts";
import { Connections, exchange, StaleConnectionError, type HttpAnswer } from "./exchange.ts";
import { connectPinned, WrongPinError } from "./pin.ts";
import { proxyFor } from "./proxy.ts";

const REQUEST_MS = 30_000;
/** Of one address; with several, each has its time. */
const CONNECT_MS = 10_000;
/** Twice what a parent puts into one answer: an agent has to live in little memory, whatever a parent sends. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const ATTEMPTS_MAX = 4;
const NOTHING = new Uint8Array(0);

export interface TransportOptions {
  /** `host:port`, the best first. */
  readonly addresses: readonly string[];
  readonly pin: string;
  /** `--proxy`; undefined leaves it to the environment. */
  readonly proxy: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The addresses in their new order, after one has worked that was not the first. */
  readonly onWorked?: (addresses: readonly string[]) => void;
  readonly connectMs?: number;
}

export interface SendOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Unsigned requests to whoever has the pinned key: what joining needs, and what the signed ones go over. */
export class ParentTransport {
  readonly #options: TransportOptions;
  readonly #connections: Connections;
  #addresses: readonly string[];

  /** @throws WbError("usage") or WbError("config") where an address or the proxy is none. */
  constructor(options: TransportOptions) {
    this.#options = options;
    this.#addresses = options.addresses;
    for (const address of options.addresses) proxyFor(parseAddress(address), options.proxy, options.env);
    const each = options.connectMs ?? CONNECT_MS;
    this.#connections = new Connections((signal) => this.#open(signal), each * options.addresses.length);
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  async #open(signal: AbortSignal): Promise<Duplex> {
    let worst: unknown;
    for (const given of this.#addresses) {
      if (signal.aborted) break;
      const address = parseAddress(given);
      const { pin, proxy, env, connectMs = CONNECT_MS } = this.#options;
      try {
        const target = { address, pin, proxy: proxyFor(address, proxy, env) };
        using linked = linkedSignal([signal], connectMs);
        const socket = await connectPinned(target, linked.signal);
        this.#remember(given);
        return socket;
      } catch (error) {
        // A wrong key is what a person must hear of; that other addresses don't answer is nothing new.
        if (!(worst instanceof WrongPinError)) worst = error;
      }
    }
    throw worst ?? new WbError("unavailable", "the parent did not answer in time");
  }

  #remember(worked: string): void {
    if (this.#addresses[0] === worked) return;
    this.#addresses = [worked, ...this.#addresses.filter((each) => each !== worked)];
    this.#options.onWorked?.(this.#addresses);
  }

  /** @throws WbError where no whole answer came. */
  async send(
    method: "GET" | "POST",
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    options: SendOptions = {},
  ): Promise<HttpAnswer> {
    return await exchange(this.#connections, {
      method,
      path,
      host: this.#addresses[0] ?? "parent",
      headers: {
        ...headers,
        accept: "application/json",
        "user-agent": `wb/${VERSION}`,
        ...(body.byteLength === 0 ? {} : { "content-type": "application/json" }),
      },
      body,
      timeoutMs: options.timeoutMs ?? REQUEST_MS,
      answerBytesMax: ANSWER_BYTES_MAX,
      signal: options.signal,
    });
  }

  close(): void {
    this.#connections.destroy();
  }
}

/** Milliseconds of Retry-After: seconds, or a date, which is held against the answer's own Date and not against our clock. */
export function retryAfterOf(headers: HttpAnswer["headers"], nowMs: number): number | undefined {
  const text = headers["retry-after"]?.trim();
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  const sent = Date.parse(headers.date ?? "");
  return Number.isNaN(at) ? undefined : Math.max(0, at - (Number.isNaN(sent) ? nowMs : sent));
}

/** A refusal by something on the way that is no parent (a proxy, a gateway) has no body of ours. */
function codeOfStatus(status: number): FleetErrorCode | undefined {
  if (status === 413) return "too_large";
  if (status === 408) return "too_slow";
  if (status === 429) return "rate_limited";
  if (status === 502 || status === 503 || status === 504) return "overloaded";
  return status >= 500 ? "internal" : undefined;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined; // no JSON, so nothing that any schema takes
  }
}

function unreachable(error: unknown): { kind: "unreachable"; error: WbError } {
  const told =
    error instanceof WbError
      ? error
      : new WbError("unavailable", error instanceof Error ? error.message : String(error), { cause: error });
  return { kind: "unreachable", error: told };
}

/** What the parent's answer means. `read` checks its shape. */
export function answerOf<T>(answer: HttpAnswer, read: (value: unknown) => T): ParentAnswer<T> {
  const { status, headers, body } = answer;
  const value = parseJson(body);
  if (status >= 200 && status < 300) {
    try {
      return { kind: "ok", value: read(value) };
    } catch (cause) {
      return unreachable(
        new WbError("protocol", "the parent answered something that this agent does not understand", {
          cause,
          hint: "see that agent and parent are of one version",
        }),
      );
    }
  }
  const retryAfterMs = retryAfterOf(headers, Date.now());
  const refused = ErrorAnswer.safeParse(value);
  if (refused.success) return { kind: "refused", status, error: refused.data.error, retryAfterMs };
  const code = codeOfStatus(status);
  if (code !== undefined) {
    return {
      kind: "refused",
      status,
      error: { code, message: `it answered with status ${status}` },
      retryAfterMs,
    };
  }
  return unreachable(
    new WbError("protocol", `it answered with status ${status}, as no parent does`, {
      hint: "see that the address is that of `wb serve`",
    }),
  );
}

export interface ClosableParentClient extends ParentClient {
  close(): void;
}

export interface ParentClientOptions {
  readonly state: AgentState;
  readonly transport: ParentTransport;
  /** Whose requests they are: part of what is signed. */
  readonly parentId: string;
}

class Client implements ClosableParentClient {
  readonly instance = randomBytes(16).toString("hex");
  readonly #options: ParentClientOptions;

  constructor(options: ParentClientOptions) {
    this.#options = options;
  }

  async request<T>(
    method: "GET" | "POST",
    path: string,
    body: unknown,
    read: (value: unknown) => T,
    options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<ParentAnswer<T>> {
    const { state } = this.#options;
    const bytes = body === undefined || body === null ? NOTHING : Buffer.from(JSON.stringify(body), "utf8");
    let hasRaised = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = answerOf(await this.#sendSigned(method, path, bytes, options), read);
        const floor =
          answer.kind === "refused" && answer.error.code === "replayed" ? answer.error.floor : undefined;
        if (floor === undefined || hasRaised) return answer;
        hasRaised = true;
        state.raiseCounter(floor);
      } catch (error) {
        const isStale = error instanceof StaleConnectionError && attempt < ATTEMPTS_MAX;
        if (!isStale || options.signal?.aborted === true) return unreachable(error);
      }
    }
  }

  #sendSigned(
    method: "GET" | "POST",
    path: string,
    body: Uint8Array,
    options: SendOptions,
  ): Promise<HttpAnswer> {
    const { state, transport, parentId } = this.#options;
    const counter = state.nextCounter();
    const facts = { parentId, instance: this.instance, counter, method, path, body };
    return transport.send(method, path, signRequest(state.identity, facts), body, options);
  }

  close(): void {
    this.#options.transport.close();
  }
}

/** Each client is one instance of the agent: two that live at once with one key are taken for a clone. */
export function createParentClient(options: ParentClientOptions): ClosableParentClient {
  return new Client(options);
}
