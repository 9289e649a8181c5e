/** The answers to the requests of a session: what the kernel's maps, /proc and the helper itself say. */
import { BYTES_ROWS, RowFilter, SOCKET_ROWS } from "../capture/linux/kernel-rows.ts";
import type { Clock } from "../lib/clock.ts";
import { VERSION } from "../model/version.ts";
import type {
  AuthenticateRequest,
  ConnectionStatsRequest,
  ConnectionStatsResponse,
  HelperRequest,
  HelperResponse,
  ProcessEventsRequest,
} from "../protocol/helper/messages.ts";
import type { ClosedLog } from "./closed-log.ts";
import type { Collector } from "./collector.ts";
import { EventStream } from "./event-stream.ts";
import type { PeerFacts } from "./peers.ts";
import type { Session } from "./session.ts";
import type { HelperSource } from "./source.ts";

/**
 * A row carries the time at which its event began, and is read while events go on: one that began before a reading may
 * have been added after it. So rows of a second before the time that the client names are told again.
 */
const SINCE_MARGIN_NS = 1e9;

export type AskedRequest = Exclude<HelperRequest, AuthenticateRequest>;

export interface AnswersOptions {
  readonly source: HelperSource;
  readonly collector: Collector;
  readonly closed: ClosedLog;
  readonly facts: PeerFacts;
  readonly clock: Clock;
  /** How many there are now. */
  readonly sessions: () => number;
}

export class Answers {
  readonly #options: AnswersOptions;
  readonly #startedAtMs: number;
  readonly #sockets = new RowFilter(SOCKET_ROWS);
  readonly #bytes = new RowFilter(BYTES_ROWS);

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.nowMs();
  }

  /**
   * Undefined where there is nothing to say yet: events come when there are some. What is returned is valid until the next
   * call.
   */
  answer(request: AskedRequest, session: Session): HelperResponse | undefined {
    const { id } = request;
    switch (request.type) {
      case "connectionStats":
        return this.#connectionStats(request, session);
      case "processStats":
        return { type: "processStats", id, processes: this.#options.facts.rows(request.pids) };
      case "processEvents":
        return this.#processEvents(request, session);
      case "heartbeat":
        return { type: "heartbeat", id, timeNs: this.#options.collector.timeNs() };
      case "status":
      default:
        return this.#status(id);
    }
  }

  #connectionStats({ id, sinceNs }: ConnectionStatsRequest, session: Session): ConnectionStatsResponse {
    const { timeNs, sockets, bytes, loss } = this.#options.collector.latest();
    const closed = this.#options.closed.read(session.cursor);
    session.cursor = closed.cursor;
    session.missedRows += closed.missedRows;
    session.missedBytes += closed.missedBytes;
    const fromNs = Math.max(0, sinceNs - SINCE_MARGIN_NS);
    return {
      type: "connectionStats",
      id,
      timeNs,
      sockets: this.#sockets.changedSince(sockets, fromNs),
      bytes: this.#bytes.changedSince(bytes, fromNs),
      closedSockets: closed.sockets,
      closedBytes: closed.bytes,
      loss,
      missedRows: session.missedRows,
      missedBytes: session.missedBytes,
    };
  }

  #processEvents({ id, credits }: ProcessEventsRequest, session: Session): HelperResponse | undefined {
    session.stream ??= new EventStream(id);
    session.stream.give(credits);
    return session.stream.take();
  }

  #status(id: number): HelperResponse {
    const { source, sessions } = this.#options;
    return {
      type: "status",
      id,
      helperVersion: VERSION,
      method: source.method,
      degradations: source.degradations,
      programs: source.programs,
      startedAtMs: this.#startedAtMs,
      attachedNs: source.attachedNs,
      sessions: sessions(),
      socketsMax: source.socketsMax,
      bytesMax: source.bytesMax,
      residentBytes: process.memoryUsage.rss(),
    };
  }
}
