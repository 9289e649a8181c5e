/** One HTTP request over connections that are already trusted, and its whole answer, of bounded size and within its time. */
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { linkedSignal } from "../lib/linked-signal.ts";
import { WbError } from "../model/errors.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for none. */
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  readonly signal: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/** The connection had been used before, and was closed by the other end when this request came: it may be sent again. */
export class StaleConnectionError extends WbError {}

const CONNECTIONS_MAX = 6;

/** Keeps connections that `open` made for the next request. */
export class Connections extends Agent {
  readonly #open: (signal: AbortSignal) => Promise<Duplex>;
  readonly #openMs: number;
  /** Sockets that a request has been sent on. */
  readonly used = new WeakSet<object>();
  readonly #closing = new AbortController();

  constructor(open: (signal: AbortSignal) => Promise<Duplex>, openMs: number) {
    super({ keepAlive: true, maxSockets: CONNECTIONS_MAX, maxFreeSockets: CONNECTIONS_MAX });
    this.#open = open;
    this.#openMs = openMs;
  }

  override createConnection(
    _options: object,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // The callback's stream is undefined where there is an error, as in Node; the types have it otherwise.
    const tell = callback as ((error: Error | null, stream?: Duplex) => void) | undefined;
    const linked = linkedSignal([this.#closing.signal], this.#openMs);
    this.#open(linked.signal)
      .finally(() => linked[Symbol.dispose]())
      .then(
        (socket) => tell?.(null, socket),
        (error: unknown) => tell?.(error instanceof Error ? error : new Error(String(error))),
      );
    return undefined;
  }

  /** Where one connection is silent the others may be dead too (the machine slept, a router forgot them): the next are new. */
  closeIdle(): void {
    for (const socket of Object.values(this.freeSockets).flat()) socket?.destroy();
  }

  /** Also those that are only being made. */
  override destroy(): void {
    this.#closing.abort();
    super.destroy();
  }
}

function readBody(message: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    message.on("data", (part: Buffer) => {
      size += part.length;
      if (size <= bytesMax) parts.push(part);
      else message.destroy(new WbError("protocol", `the parent's answer is larger than ${bytesMax} bytes`));
    });
    message.on("end", () => resolve(Buffer.concat(parts)));
    message.on("error", reject);
    message.on("close", () => reject(new WbError("unavailable", "the parent's answer ended in the middle")));
  });
}

function asWbError(error: Error): WbError {
  if (error instanceof WbError) return error;
  return new WbError("unavailable", `the parent can't be reached: ${error.message}`, { cause: error });
}

/** @throws WbError("unavailable") where no whole answer came, WbError("protocol") for one that is too large. */
export function exchange(connections: Connections, asked: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body, signal } = asked;
    let wasUsed = false;
    let answered = false;
    const length =
      method === "GET" && body.byteLength === 0 ? {} : { "content-length": String(body.byteLength) };
    const outgoing = httpRequest({
      method,
      path,
      // A name for the pool: where it leads is the connections' to know.
      host: "parent",
      headers: { host: asked.host, ...length, ...headers },
      agent: connections,
    });
    const giveUp = (message: string): void => {
      const error = new WbError("unavailable", message);
      outgoing.destroy(error);
      failed(error); // it tells so itself only once its connection is made
    };
    const timer = setTimeout(() => {
      giveUp("the parent did not answer in time");
      connections.closeIdle();
    }, asked.timeoutMs);
    const aborted = (): void => giveUp("it was given up");
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    };
    const failed = (error: Error): void => {
      settle();
      const told = asWbError(error);
      const isStale = wasUsed && !answered && !(error instanceof WbError);
      reject(isStale ? new StaleConnectionError(told.code, told.message, { cause: error }) : told);
    };
    outgoing.on("socket", (socket: Duplex) => {
      wasUsed = connections.used.has(socket);
      connections.used.add(socket);
    });
    outgoing.on("error", failed);
    const finish = async (message: IncomingMessage): Promise<void> => {
      answered = true;
      try {
        const bytes = await readBody(message, asked.answerBytesMax);
        settle();
        resolve({ status: message.statusCode ?? 0, headers: message.headers, body: bytes });
      } catch (error) {
        failed(error instanceof Error ? error : new Error(String(error)));
      }
    };
    outgoing.on("response", (message: IncomingMessage) => void finish(message));
    signal?.addEventListener("abort", aborted, { once: true });
    if (signal?.aborted === true) aborted();
    else outgoing.end(body.byteLength === 0 ? undefined : body);
  });
}
