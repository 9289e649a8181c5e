/**
 * One session with the elevated helper: what it says of itself, its rows, its processes, and its stream of events, which is
 * kept flowing. A heartbeat keeps a quiet session alive and notices a helper that has stopped.
 */
import type { Clock } from "../../lib/clock.ts";
import type { WbError } from "../../model/errors.ts";
import type {
  ConnectionStatsResponse,
  ProcessEventsFrame,
  ProcessRow,
  StatusResponse,
} from "../../protocol/helper/messages.ts";
import type { Transport } from "../../protocol/helper/transport.ts";
import { HelperConnection, type HelperAddress } from "./connection.ts";

/** So long may a helper take to answer: then it is as good as gone. */
export const ANSWER_MS_MAX = 1500;
/** Frames of events that may be under way; given anew by halves. */
const CREDITS = 64;
/** The helper ends sessions that ask nothing for a minute. */
const HEARTBEAT_MS = 15_000;
/** A session is renewed so long before its end, or in the last quarter of its life. */
const RENEWAL_MS_MAX = 300_000;

export interface SessionOptions {
  readonly transport: Transport;
  readonly address: HelperAddress;
  readonly clock: Clock;
  readonly answerMsMax: number;
  readonly onEvents: (frame: ProcessEventsFrame) => void;
  readonly onClosed: (reason: WbError) => void;
}

export class HelperSession implements Disposable {
  readonly status: StatusResponse;
  readonly #connection: HelperConnection;
  readonly #clock: Clock;
  readonly #answerMsMax: number;
  readonly #heartbeat: Timer;
  #askedMs: number;

  private constructor(connection: HelperConnection, status: StatusResponse, options: SessionOptions) {
    this.#connection = connection;
    this.status = status;
    this.#clock = options.clock;
    this.#answerMsMax = options.answerMsMax;
    this.#askedMs = options.clock.monotonicMs();
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** @throws WbError where there is no helper, or none that can be trusted. */
  static async open(options: SessionOptions): Promise<HelperSession> {
    let consumed = 0;
    const connection = await HelperConnection.open({
      transport: options.transport,
      address: options.address,
      clock: options.clock,
      handshakeMsMax: options.answerMsMax,
      onClosed: options.onClosed,
      onEvents: (frame) => {
        options.onEvents(frame);
        consumed += 1;
        if (consumed < CREDITS / 2) return;
        consumed = 0;
        connection.giveCredits(CREDITS / 2);
      },
    });
    try {
      const status = await connection.ask({ type: "status" }, options.answerMsMax);
      connection.giveCredits(CREDITS);
      return new HelperSession(connection, status, options);
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  /** Equal for sessions with the same run of the helper. */
  get instance(): string {
    return Buffer.from(this.#connection.instance).toString("hex");
  }

  /** Whether it is time to begin the session that comes after this one. */
  get isAging(): boolean {
    const { expiresAtMs, beganAtMs } = this.#connection;
    const marginMs = Math.min(RENEWAL_MS_MAX, (expiresAtMs - beganAtMs) / 4);
    return this.#clock.nowMs() >= expiresAtMs - marginMs;
  }

  /** Rows that changed since then (the `timeNs` of an answer), and those that closed since the last call; 0: all rows. */
  collect(sinceNs: number): Promise<ConnectionStatsResponse> {
    this.#askedMs = this.#clock.monotonicMs();
    return this.#connection.ask({ type: "connectionStats", sinceNs }, this.#answerMsMax);
  }

  async processes(pids: readonly number[]): Promise<readonly ProcessRow[]> {
    const { processes } = await this.#connection.ask({ type: "processStats", pids }, this.#answerMsMax);
    return processes;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
    this.#connection[Symbol.dispose]();
  }

  #beat(): void {
    if (!this.isOpen || this.#clock.monotonicMs() - this.#askedMs < HEARTBEAT_MS / 2) return;
    // A heartbeat that is not answered closes the connection, of which `onClosed` tells.
    this.#connection.ask({ type: "heartbeat" }, this.#answerMsMax).catch(() => undefined);
  }
}
