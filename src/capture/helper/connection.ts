/**
 * One connection to the elevated helper: who is at the other end is verified both ways, each request gets its own answer
 * or an error within its time, and events come unasked as far as credits were given. A connection that breaks a rule,
 * doesn't answer in time or is closed is over for good; whoever wants another one connects anew.
 */
import { WbError, type ErrorCode } from "../../model/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { effectiveUserId } from "../../platform/privileges.ts";
import { decodeResponse, encodeRequest } from "../../protocol/helper/codec.ts";
import {
  clientMac,
  equalInConstantTime,
  helperMac,
  makeRandomBytes,
  type HandshakeFacts,
} from "../../protocol/helper/handshake.ts";
import {
  NONCE_BYTES,
  PROTOCOL_VERSION,
  REQUEST_BYTES_MAX,
  RESPONSE_BYTES_MAX,
  type Challenge,
  type ErrorResponse,
  type HelperErrorCode,
  type HelperRequest,
  type HelperResponse,
  type ProcessEventsFrame,
} from "../../protocol/helper/messages.ts";
import type { FrameConnection, Transport } from "../../protocol/helper/transport.ts";

export interface HelperAddress {
  readonly socketPath: string;
  readonly secret: Uint8Array;
}

export interface ConnectionOptions {
  readonly transport: Transport;
  readonly address: HelperAddress;
  readonly clock: Clock;
  /** From its beginning until both ends have proved themselves. */
  readonly handshakeMsMax: number;
  readonly onEvents: (frame: ProcessEventsFrame) => void;
  /** Called once when the connection is over, with why. */
  readonly onClosed: (reason: WbError) => void;
}

type Answer = Exclude<HelperResponse, Challenge | ErrorResponse | ProcessEventsFrame>;
/** What a caller asks; id and token are added. */
export type Question =
  | { readonly type: "connectionStats"; readonly sinceNs: number }
  | { readonly type: "processStats"; readonly pids: readonly number[] }
  | { readonly type: "heartbeat" }
  | { readonly type: "status" };
export type AnswerTo<Q extends Question> = Extract<Answer, { readonly type: Q["type"] }>;

/** An error that the helper answered with, beside what the code means to a person. */
export class HelperRefusal extends WbError {
  readonly reason: HelperErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(response: ErrorResponse) {
    super(ERROR_CODES[response.code], `the elevated helper: ${response.message}`, {
      hint: HINTS[response.code],
    });
    this.reason = response.code;
    this.retryAfterMs = response.retryAfterMs;
  }
}

const ERROR_CODES: Readonly<Record<HelperErrorCode, ErrorCode>> = {
  version: "unsupported",
  refused: "permission",
  too_many_sessions: "unavailable",
  unauthenticated: "permission",
  expired: "permission",
  rate_limited: "unavailable",
  bad_request: "protocol",
  too_large: "protocol",
  unavailable: "unavailable",
};

const HINTS: Readonly<Record<HelperErrorCode, string>> = {
  version: "Monitor and helper are of different versions: restart the helper with this one.",
  refused: "Which check failed is in the helper's log: journalctl -u wirebound-helper",
  too_many_sessions: "End another monitor that uses it.",
  unauthenticated: "The monitor connects anew by itself.",
  expired: "The monitor connects anew by itself.",
  rate_limited: "Sample less often: --interval 1s",
  bad_request: "Monitor and helper are of different versions: restart the helper with this one.",
  too_large: "Monitor and helper are of different versions: restart the helper with this one.",
  unavailable: "See the helper's log: journalctl -u wirebound-helper",
};

const ROOT = 0;
const ID_MAX = 2 ** 32 - 1;
/** Requests are small: more than this waits only where the helper doesn't read. */
const WAITING_BYTES_MAX = 8 * REQUEST_BYTES_MAX;

/** Enough for one look at what the socket has. */
const UNREAD_MS = 20;

interface Pending {
  readonly type: Answer["type"] | "challenge";
  readonly resolve: (answer: HelperResponse) => void;
  readonly reject: (reason: WbError) => void;
  timer: Timer;
}

export class HelperConnection implements Disposable {
  /** Names the helper's run; set when the connection is made. */
  instance: Uint8Array = new Uint8Array(0);
  /** Unix milliseconds. */
  expiresAtMs = 0;
  /** When the session began, by this machine's clock. */
  readonly beganAtMs: number;
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<number, Pending>();
  #connection: FrameConnection | undefined;
  #token: Uint8Array = new Uint8Array(0);
  #nextId = 1;
  /** The last request for events: its credits are given again where the helper had been asked too often. */
  #credits: { readonly id: number; readonly count: number } | undefined;
  #failure: WbError | undefined;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.beganAtMs = options.clock.nowMs();
  }

  /**
   * @throws WbError: `unavailable` where nobody answers, `permission` where one end doesn't believe the other, `protocol`
   * and `unsupported` where they don't understand each other.
   */
  static async open(options: ConnectionOptions): Promise<HelperConnection> {
    const connection = new HelperConnection(options);
    try {
      await connection.#open();
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#connection !== undefined && this.#failure === undefined;
  }

  /**
   * Asks, and waits for the answer as long as `timeoutMs`; where the helper has been asked too often, it waits as long as
   * it is told to, within that time.
   * @throws WbError; all but a refusal have closed the connection.
   */
  async ask<Q extends Question>(question: Q, timeoutMs: number): Promise<AnswerTo<Q>> {
    const untilMs = this.#options.clock.monotonicMs() + timeoutMs;
    for (;;) {
      const leftMs = untilMs - this.#options.clock.monotonicMs();
      try {
        const id = this.#takeId();
        const answer = this.#expect(id, question.type, leftMs);
        this.#send({ ...question, id, token: this.#token });
        // eslint-disable-next-line no-await-in-loop -- the next attempt depends on this one
        return (await answer) as AnswerTo<Q>;
      } catch (error) {
        if (!(error instanceof HelperRefusal) || error.retryAfterMs === undefined) throw error;
        const pauseMs = Math.max(1, error.retryAfterMs);
        if (this.#options.clock.monotonicMs() + pauseMs >= untilMs) throw error;
        await Bun.sleep(pauseMs); // eslint-disable-line no-await-in-loop
      }
    }
  }

  /** Begins the stream of events, or gives it more credits. */
  giveCredits(count: number): void {
    if (this.#failure !== undefined) return;
    const id = this.#takeId();
    this.#credits = { id, count };
    this.#send({ type: "processEvents", id, token: this.#token, credits: count });
  }

  /** What is asked is not answered any more. */
  [Symbol.dispose](): void {
    this.#fail(new WbError("unavailable", "the connection to the elevated helper was closed"), false);
  }

  async #open(): Promise<void> {
    const { transport, address, handshakeMsMax, clock } = this.#options;
    const untilMs = clock.monotonicMs() + handshakeMsMax;
    const challenge = this.#expect(0, "challenge", handshakeMsMax);
    challenge.catch(() => undefined); // it can come, and go wrong, before `connect` has returned
    const limits = { receivedBytesMax: RESPONSE_BYTES_MAX, waitingBytesMax: WAITING_BYTES_MAX };
    const connecting = transport.connect(address.socketPath, limits, {
      frame: (_, frame) => this.#receive(frame),
      closed: (_, reason) => this.#fail(goneError(reason), true),
    });
    // Whichever comes first: a helper that is stopped lets nobody wait for longer than this.
    const connection = await Promise.race([connecting, challenge.then(() => connecting)]).catch(
      (error: unknown) => {
        void connecting.then((late) => late.close()).catch(() => undefined);
        throw error;
      },
    );
    this.#connection = connection;
    if (this.#failure !== undefined) {
      connection.close();
      throw this.#failure;
    }
    checkPeer(connection);
    await this.#authenticate((await challenge) as Challenge, untilMs);
  }

  async #authenticate(challenge: Challenge, untilMs: number): Promise<void> {
    const { clock, address } = this.#options;
    if (challenge.version !== PROTOCOL_VERSION) {
      throw new WbError(
        "unsupported",
        `the elevated helper speaks version ${challenge.version} of the protocol`,
        {
          hint: HINTS.version,
        },
      );
    }
    const peer = this.#connection?.peer;
    if (peer !== undefined && peer.pid !== 0 && peer.pid !== challenge.pid)
      throw impostor("it is another process than it says");
    const facts: HandshakeFacts = {
      version: PROTOCOL_VERSION,
      helperNonce: challenge.nonce,
      instance: challenge.instance,
      helperPid: challenge.pid,
      clientNonce: makeRandomBytes(NONCE_BYTES),
      clientPid: process.pid,
      timestampMs: clock.nowMs(),
      executable: process.execPath,
    };
    const id = this.#takeId();
    const answer = this.#expect(id, "authenticated", untilMs - clock.monotonicMs());
    this.#send({
      type: "authenticate",
      id,
      version: PROTOCOL_VERSION,
      pid: facts.clientPid,
      timestampMs: facts.timestampMs,
      nonce: facts.clientNonce,
      executable: facts.executable,
      mac: clientMac(address.secret, facts),
    });
    const granted = await answer;
    if (granted.type !== "authenticated") throw new WbError("internal", "another answer than was waited for");
    const { token, expiresAtMs } = granted;
    if (!equalInConstantTime(granted.mac, helperMac(address.secret, facts, { token, expiresAtMs })))
      throw impostor("it doesn't know the secret");
    this.#token = token;
    this.expiresAtMs = expiresAtMs;
    this.instance = challenge.instance;
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId = id >= ID_MAX ? 1 : id + 1;
    return id;
  }

  #expect(id: number, type: Pending["type"], timeoutMs: number): Promise<HelperResponse> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#fail(timeoutError(type), true);
      // The time may be over because this program was held up: what came meanwhile is read before the second timer's turn.
      const due = (): void => void (pending.timer = setTimeout(giveUp, UNREAD_MS));
      const pending: Pending = { type, resolve, reject, timer: setTimeout(due, Math.max(0, timeoutMs)) };
      this.#pending.set(id, pending);
    });
  }

  #send(request: HelperRequest): void {
    if (this.#connection?.send(encodeRequest(request)) === true) return;
    this.#fail(
      new WbError("unavailable", "the elevated helper reads no more", { hint: HINTS.unavailable }),
      true,
    );
  }

  #receive(frame: Uint8Array): void {
    if (this.#failure !== undefined) return;
    const decoded = decodeResponse(frame);
    if (!decoded.ok) {
      this.#fail(malformedError(decoded.reason), true);
      return;
    }
    const { message } = decoded;
    if (message.type === "processEvents") {
      // Frames of a stream that nobody began break the protocol.
      if (this.#credits === undefined) this.#fail(malformedError("events that were not asked for"), true);
      else this.#options.onEvents(message);
      return;
    }
    const id = message.type === "challenge" ? 0 : message.id;
    if (message.type === "error" && message.id === this.#credits?.id) {
      this.#refuseCredits(message, this.#credits.count);
      return;
    }
    // An error that is about no request is about the handshake, or the session as a whole.
    const pending =
      this.#pending.get(id) ?? (message.type === "error" && id === 0 ? this.#anyPending() : undefined);
    if (pending === undefined && message.type === "error" && id === 0) {
      this.#fail(new HelperRefusal(message), true);
      return;
    }
    if (pending === undefined || (message.type !== "error" && message.type !== pending.type)) {
      this.#fail(malformedError(`an answer that was not asked for (${message.type})`), true);
      return;
    }
    this.#forget(pending);
    if (message.type === "error") pending.reject(new HelperRefusal(message));
    else pending.resolve(message);
  }

  #refuseCredits(error: ErrorResponse, count: number): void {
    if (error.retryAfterMs === undefined) this.#fail(new HelperRefusal(error), true);
    else setTimeout(() => this.giveCredits(count), Math.max(1, error.retryAfterMs)).unref();
  }

  #anyPending(): Pending | undefined {
    for (const pending of this.#pending.values()) return pending;
    return undefined;
  }

  #forget(pending: Pending): void {
    clearTimeout(pending.timer);
    for (const [id, each] of this.#pending) if (each === pending) this.#pending.delete(id);
  }

  #fail(reason: WbError, tell: boolean): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#connection?.close();
    for (const each of pending) {
      clearTimeout(each.timer);
      each.reject(reason);
    }
    if (tell) this.#options.onClosed(reason);
  }
}

/** Only root, or whoever runs this, can be its helper: anyone else could have put a socket there. */
function checkPeer({ peer }: FrameConnection): void {
  if (peer === undefined) throw impostor("the kernel doesn't say who it is");
  if (peer.userId !== ROOT && peer.userId !== effectiveUserId())
    throw impostor(`it runs as user ${peer.userId}, not as root`);
}

function impostor(why: string): WbError {
  return new WbError("permission", `what listens there is not the elevated helper: ${why}`, {
    hint: "Restart it, so that both have the same secret: sudo systemctl restart wirebound-helper",
  });
}

function goneError(reason: string | undefined): WbError {
  const why = reason === undefined ? "" : `: ${reason}`;
  return new WbError("unavailable", `the elevated helper has closed the connection${why}`, {
    hint: HINTS.unavailable,
  });
}

function timeoutError(type: string): WbError {
  return new WbError("unavailable", `the elevated helper doesn't answer (${type})`, {
    hint: HINTS.unavailable,
  });
}

function malformedError(reason: string): WbError {
  return new WbError("protocol", `the elevated helper can't be understood: ${reason}`, {
    hint: HINTS.bad_request,
  });
}
