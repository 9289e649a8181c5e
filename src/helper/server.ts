/**
 * Serves clients on one socket: takes them through the handshake, gives each a session, answers what it asks, and cuts off
 * whoever breaks a rule. One client can't hold up another, nor make memory grow: everything is bounded, and what exceeds
 * its bound is refused and logged.
 */
import type { Clock } from "../lib/clock.ts";
import { decodeRequest, encodeResponse } from "../protocol/helper/codec.ts";
import { helperMac, makeRandomBytes } from "../protocol/helper/handshake.ts";
import {
  INSTANCE_BYTES,
  NONCE_BYTES,
  PROTOCOL_VERSION,
  RESPONSE_BYTES_MAX,
  type AuthenticateRequest,
  type Challenge,
  type HelperErrorCode,
  type HelperResponse,
} from "../protocol/helper/messages.ts";
import type { FrameConnection, FrameHandlers } from "../protocol/helper/transport.ts";
import { Answers, type AskedRequest } from "./answers.ts";
import { Authenticator, handshakeFacts, type Access, type KnownPeer } from "./authentication.ts";
import { ClosedLog } from "./closed-log.ts";
import { Collector } from "./collector.ts";
import type { HelperLog } from "./log.ts";
import type { PeerFacts } from "./peers.ts";
import { isCrowded, Quotas, REQUESTS_PER_SECOND, SESSIONS_MAX, whoGivesWay } from "./quotas.ts";
import { Session } from "./session.ts";
import type { HelperSource, KernelRecords } from "./source.ts";

const HANDSHAKE_MS_MAX = 5000;
/** So much beside the largest answer may wait to be written when a further one is sent. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** And so much of all clients together: one answer of the largest size, and some of the usual ones. */
const WAITING_BYTES_OF_ALL_MAX = RESPONSE_BYTES_MAX + 32 * 1024 * 1024;
/** Closed rows that wait for sessions. */
const CLOSED_BYTES_MAX = 8 * 1024 * 1024;
/** Events are taken out of the kernel as often while there are sessions; without, as often as the maps are read. */
const DRAIN_MS = 100;
/** Where the kernel gave an error it is asked again after this time. */
const RETRY_MS = 1000;
const NOTHING = new Uint8Array(0);

export interface HelperServerOptions {
  readonly source: HelperSource;
  readonly secret: Uint8Array;
  readonly access: Access;
  readonly facts: PeerFacts;
  readonly clock: Clock;
  readonly log: HelperLog;
  readonly sessionLifetimeMs: number;
}

interface Peer {
  readonly connection: FrameConnection;
  readonly known: KnownPeer;
  readonly challenge: Challenge;
  readonly deadline: ReturnType<typeof setTimeout>;
  session: Session | undefined;
  /** Of its frames so far. */
  largestBytes: number;
}

/** Why somebody is cut off: `reason` for the log, the rest for the client. */
interface Breach {
  readonly reason: string;
  readonly code: HelperErrorCode;
  readonly message: string;
  readonly id?: number;
  readonly detail?: string | undefined;
  readonly retryAfterMs?: number;
}

export class HelperServer implements Disposable {
  readonly handlers: FrameHandlers & { opened(connection: FrameConnection): void };
  readonly #options: HelperServerOptions;
  readonly #authenticator: Authenticator;
  readonly #closed = new ClosedLog(CLOSED_BYTES_MAX);
  readonly #collector: Collector;
  readonly #answers: Answers;
  readonly #instance = makeRandomBytes(INSTANCE_BYTES);
  readonly #peers = new Map<FrameConnection, Peer>();
  readonly #quotas = new Quotas();
  #sessionsBegun = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: HelperServerOptions) {
    this.#options = options;
    const { source, secret, access, facts, clock } = options;
    this.#authenticator = new Authenticator(secret, access, facts, clock);
    this.#collector = new Collector(source, this.#closed, clock);
    this.#answers = new Answers({
      source,
      collector: this.#collector,
      closed: this.#closed,
      facts,
      clock,
      sessions: () => this.#sessions().length,
    });
    this.handlers = {
      opened: (connection) => this.#opened(connection),
      frame: (connection, frame) => this.#frame(connection, frame),
      closed: (connection, reason) => this.#lost(connection, reason),
    };
    this.#tick();
  }

  /** Closes every connection and reads no more; the source is its owner's to close. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const peer of this.#peers.values()) this.#end(peer, "the helper ends");
  }

  #sessions(): Session[] {
    return [...this.#peers.values()].map(({ session }) => session).filter((session) => session !== undefined);
  }

  /** Empties the kernel's buffers and maps in time, hands events on, and ends sessions that are over. */
  #tick(): void {
    let waitMs = RETRY_MS;
    try {
      waitMs = this.#collector.keepUp(this.#sessions().length > 0);
      this.#handOn(this.#options.source.drain());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.sayBounded("error", "can't read what the kernel counted", { reason });
    }
    const sessions = this.#sessions();
    this.#closed.trim(sessions.map(({ cursor }) => cursor));
    if (sessions.length > 0) waitMs = Math.min(waitMs, DRAIN_MS);
    this.#timer = setTimeout(() => this.#tick(), waitMs);
  }

  #handOn(records: KernelRecords): void {
    for (const peer of this.#peers.values()) this.#serveUnasked(peer, records);
  }

  #handOnNames(): Uint8Array {
    const { events, names } = this.#options.source.drain();
    this.#handOn({ events: NOTHING, names });
    return events;
  }

  #serveUnasked(peer: Peer, records: KernelRecords): void {
    const { session } = peer;
    if (session === undefined) return;
    if (session.isIdle) {
      this.#end(peer, "idle");
    } else if (!session.isExpired && session.stream !== undefined) {
      session.stream.add(records);
      // To be slow is no offence: what nobody asked for waits in the stream, which is bounded, until the rest is read.
      const frame = peer.connection.waitingBytes > 0 ? undefined : session.stream.take();
      if (frame !== undefined) this.#send(peer, frame);
    }
  }

  #opened(connection: FrameConnection): void {
    const { clock, log } = this.#options;
    const known = this.#authenticator.admit(connection.peer);
    if (typeof known === "string") {
      const { pid, userId: uid } = connection.peer ?? {};
      log.sayBounded("warning", "refused", { reason: known, pid, uid });
      connection.close();
      return;
    }
    const challenge: Challenge = {
      type: "challenge",
      version: PROTOCOL_VERSION,
      nonce: makeRandomBytes(NONCE_BYTES),
      instance: this.#instance,
      pid: process.pid,
    };
    const deadline = setTimeout(() => this.#late(connection), HANDSHAKE_MS_MAX);
    const peer: Peer = { connection, known, challenge, deadline, session: undefined, largestBytes: 0 };
    this.#peers.set(connection, peer);
    // Each connection costs one; a handshake that succeeds gives it back.
    const retryAfterMs = this.#quotas.attempt(known.credentials.userId, clock.monotonicMs());
    if (retryAfterMs > 0) {
      const message = "too many attempts of this user";
      this.#refuse(peer, { reason: "too_many_attempts", code: "rate_limited", message, retryAfterMs });
    } else if (this.#isCrowded(known)) {
      const message = "too many connections that have not proved who they are";
      this.#refuse(peer, { reason: "too_many_strangers", code: "unavailable", message });
    } else {
      this.#send(peer, challenge);
    }
  }

  /** Whether there are more strangers than may be, this one included. */
  #isCrowded({ credentials }: KnownPeer): boolean {
    const strangers = [...this.#peers.values()].filter(({ session }) => session === undefined);
    const userIds = strangers.map(({ known: each }) => each.credentials.userId);
    return isCrowded(userIds, credentials.userId);
  }

  #late(connection: FrameConnection): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined || peer.session !== undefined) return;
    this.#refuse(peer, { reason: "handshake_timeout", code: "refused", message: "too slow" });
  }

  #frame(connection: FrameConnection, frame: Uint8Array): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined) return; // cut off, while its frames were being read
    const decoded = decodeRequest(frame);
    if (!decoded.ok) {
      const { reason: detail } = decoded;
      this.#refuse(peer, { reason: "malformed", code: "bad_request", message: "not a request", detail });
      return;
    }
    const { message: request } = decoded;
    const { session } = peer;
    if (request.type === "authenticate") {
      if (session === undefined) this.#authenticate(peer, request);
      else {
        const message = "this connection has its session";
        this.#refuse(peer, { reason: "authenticated_twice", code: "bad_request", message, id: request.id });
      }
    } else if (session === undefined) {
      const message = "authenticate first";
      this.#refuse(peer, { reason: "unauthenticated", code: "unauthenticated", message, id: request.id });
    } else {
      this.#serve(peer, session, request);
    }
  }

  #authenticate(peer: Peer, request: AuthenticateRequest): void {
    const { id } = request;
    const { userId } = peer.known.credentials;
    const nowMs = this.#options.clock.monotonicMs();
    const reason = this.#authenticator.check(request, peer.known, peer.challenge);
    if (reason === "executable") this.#quotas.foreignExecutable(userId, nowMs);
    const retryAfterMs = reason === undefined ? this.#quotas.begin(userId, nowMs) : 0;
    if (reason === "version") {
      const message = `this helper speaks version ${PROTOCOL_VERSION}`;
      this.#refuse(peer, { reason, code: "version", message, id });
    } else if (reason !== undefined) {
      this.#refuse(peer, { reason, code: "refused", message: "the helper's log says why", id });
    } else if (retryAfterMs > 0) {
      const message = "too many sessions were begun by this user";
      this.#refuse(peer, { reason: "too_many_attempts", code: "rate_limited", message, id, retryAfterMs });
    } else if (this.#sessions().length < SESSIONS_MAX || this.#makeRoomFor(userId)) {
      this.#begin(peer, request);
    } else {
      const message = `there are ${SESSIONS_MAX} sessions`;
      this.#refuse(peer, { reason: "too_many_sessions", code: "too_many_sessions", message, id });
    }
  }

  /** Ends a session of a user that has many, where there is one. */
  #makeRoomFor(userId: number): boolean {
    const holders = [...this.#peers.values()]
      .filter(({ session }) => session !== undefined)
      .map((peer) => ({ peer, userId: peer.known.credentials.userId }));
    const holder = whoGivesWay(holders, userId);
    if (holder === undefined) return false;
    const message = "another user needs one of your sessions";
    this.#refuse(holder.peer, { reason: "gave_way", code: "too_many_sessions", message });
    return true;
  }

  #begin(peer: Peer, request: AuthenticateRequest): void {
    const { clock, log, secret, sessionLifetimeMs } = this.#options;
    clearTimeout(peer.deadline);
    this.#quotas.succeeded(peer.known.credentials.userId, clock.monotonicMs());
    this.#sessionsBegun += 1;
    const wasAlone = this.#sessions().length === 0;
    // What closed while nobody was there is nobody's news.
    this.#collector.latest();
    const session = new Session(this.#sessionsBegun, clock, {
      lifetimeMs: sessionLifetimeMs,
      cursor: this.#closed.end,
    });
    peer.session = session;
    const { token, expiresAtMs } = session;
    const mac = helperMac(secret, handshakeFacts(request, peer.challenge), { token, expiresAtMs });
    const { pid, userId: uid } = peer.known.credentials;
    const opened = { session: session.number, pid, uid, sessions: this.#sessions().length };
    log.say("info", "session opened", opened);
    this.#send(peer, { type: "authenticated", id: request.id, token, expiresAtMs, mac });
    if (!wasAlone) return;
    clearTimeout(this.#timer); // it was set for a time without anybody
    this.#tick();
  }

  #serve(peer: Peer, session: Session, request: AskedRequest): void {
    const { id } = request;
    const { clock, log } = this.#options;
    const who = this.#who(peer);
    if (!session.accepts(request.token)) {
      const message = "not the token of this connection";
      this.#refuse(peer, { reason: "token", code: "unauthenticated", message, id });
      return;
    }
    if (session.isExpired) {
      this.#refuse(peer, { reason: "expired", code: "expired", message: "authenticate again", id });
      return;
    }
    const nowMs = clock.monotonicMs();
    const key = `${peer.known.credentials.pid}:${peer.known.startTicks}`;
    const requestMs = this.#quotas.request(key, nowMs);
    const looks = request.type === "processStats" && requestMs === 0 ? request.pids.length : 0;
    const retryAfterMs = requestMs || this.#quotas.look(peer.known.credentials.userId, looks, nowMs);
    if (retryAfterMs === 0) {
      session.asked();
      this.#answer(peer, session, request);
    } else if (requestMs > 0 && this.#quotas.isFlood(key, nowMs)) {
      const message = "too many requests, in spite of all answers";
      this.#refuse(peer, { reason: "flood", code: "rate_limited", message, id, retryAfterMs });
    } else {
      log.sayBounded("warning", "refused", { reason: "rate_limited", ...who });
      const message =
        requestMs > 0
          ? `more than ${REQUESTS_PER_SECOND} requests in a second`
          : "too many processes asked for by this user";
      this.#send(peer, { type: "error", id, code: "rate_limited", message, retryAfterMs });
    }
  }

  #answer(peer: Peer, session: Session, request: AskedRequest): void {
    let frame: Uint8Array | undefined;
    let events: Uint8Array = NOTHING;
    try {
      const answer = this.#answers.answer(request, session);
      // What passed a connection is told before its end is, for whoever tells that end on. The ends of processes are told
      // after it: of those that have ended only some are remembered until their rows come.
      if (request.type === "connectionStats") events = this.#handOnNames();
      if (answer !== undefined) frame = encodeResponse(answer);
    } catch (error) {
      // What one client asks must not end the helper for all; it is told, and the log has the reason.
      const reason = error instanceof Error ? error.message : String(error);
      const facts = { reason, request: request.type, ...this.#who(peer) };
      this.#options.log.sayBounded("error", "can't answer", facts);
      const said = { code: "unavailable", message: "the helper's log says why" } as const;
      this.#send(peer, { type: "error", id: request.id, ...said, retryAfterMs: undefined });
    }
    if (frame !== undefined) this.#sendFrame(peer, frame);
    if (events.length > 0) this.#handOn({ events, names: NOTHING });
  }

  #send(peer: Peer, response: HelperResponse): void {
    this.#sendFrame(peer, encodeResponse(response));
  }

  /** Who asks on and on without reading is not waited for; one answer of any size may be under way. */
  #sendFrame(peer: Peer, frame: Uint8Array): void {
    const { connection } = peer;
    peer.largestBytes = Math.max(peer.largestBytes, frame.length);
    const isReading = connection.waitingBytes <= WAITING_BYTES_MAX + peer.largestBytes;
    if (!isReading || !connection.send(frame)) this.#cutOff(peer);
    const all = [...this.#peers.values()].map((each) => ({ each, bytes: each.connection.waitingBytes }));
    const waitingBytes = all.reduce((sum, { bytes }) => sum + bytes, 0);
    if (waitingBytes <= WAITING_BYTES_OF_ALL_MAX) return;
    const most = Math.max(...all.map(({ bytes }) => bytes));
    const slowest = all.find(({ bytes }) => bytes === most);
    if (slowest !== undefined) this.#cutOff(slowest.each);
  }

  #cutOff(peer: Peer): void {
    this.#options.log.sayBounded("warning", "refused", { reason: "does_not_read", ...this.#who(peer) });
    this.#end(peer, "the client does not read");
  }

  /** Logs it, says so as far as the client is to know, and cuts it off. */
  #refuse(peer: Peer, { reason, code, message, detail, id = 0, retryAfterMs }: Breach): void {
    this.#options.log.sayBounded("warning", "refused", { reason, ...this.#who(peer), detail });
    peer.connection.send(encodeResponse({ type: "error", id, code, message, retryAfterMs }));
    this.#end(peer, reason);
  }

  #end(peer: Peer, reason: string): void {
    this.#forget(peer, reason);
    peer.connection.close();
  }

  /** The connection is gone without our doing. */
  #lost(connection: FrameConnection, problem: string | undefined): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined) return;
    // A client that ends while something is under way to it resets the connection, and has done nothing wrong.
    const isBreach = problem !== undefined && !problem.startsWith("ECONNRESET");
    if (isBreach) {
      const facts = { reason: "frame", ...this.#who(peer), detail: problem };
      this.#options.log.sayBounded("warning", "refused", facts);
    }
    this.#forget(peer, isBreach ? "frame" : "the client closed it");
  }

  #forget(peer: Peer, reason: string): void {
    clearTimeout(peer.deadline);
    this.#peers.delete(peer.connection);
    if (peer.session === undefined) return;
    const sessions = this.#sessions().length;
    this.#options.log.say("info", "session closed", { ...this.#who(peer), reason, sessions });
  }

  #who({ known, session }: Peer): { session: number | undefined; pid: number; uid: number } {
    const { pid, userId: uid } = known.credentials;
    return { session: session?.number, pid, uid };
  }
}
