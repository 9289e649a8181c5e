/**
 * One destroyed socket: what its notice said, what was known of it before, and the counters that follow from both.
 */
import { IPPROTO_TCP, type Cookie, type DiagRecord } from "../../decode/sock-diag.ts";
import { TCP_LISTEN, TCP_TIME_WAIT } from "../../decode/tcp-info.ts";
import {
  finalFinAcked,
  finalReceivedPayload,
  finSentIn,
  sentPayload,
  type MirrorEvidence,
  type Opener,
  type SentPayload,
} from "../../decode/tcp-payload.ts";
import type { AttributionQuality, ClosedSocket, SocketCounters, SocketIdentity } from "../../model/flow.ts";
import type { ProcessKey } from "../../model/process.ts";
import { NO_COUNTERS, reverseTupleOf, TrackedSocket, tupleOf } from "./tracked-socket.ts";

/** The TIME_WAIT minisocket that a connection left behind. */
export interface Minisocket {
  readonly state: number;
  /** Monotonic milliseconds at which it entered TIME_WAIT. */
  readonly beganMs: number;
}

/** Between these two moments (monotonic milliseconds) a notice came. */
export interface NoticeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A notice can lag behind the socket's end by this: the kernel tells it from a work queue. */
const NOTICE_LAG_MS = 250;
/** Jiffies and the time between reading the clock and the dump. */
const CLOCK_SLACK_MS = 20;

export class Closing {
  readonly cookie: Cookie;
  readonly isConnection: boolean;
  /** The kernel zeroed the counters: a close with linger 0 (tcp_disconnect). */
  readonly erased: boolean;
  readonly closedAtMs: number;
  readonly sentBytes: number;
  readonly sentUncertaintyBytes: number;
  readonly rawReceivedBytes: number;
  /** Payload that was sent and not acknowledged: the peer may not have got it. */
  readonly unackedBytes: number;
  identity: SocketIdentity;
  tuple: string;
  reverseTuple: string;
  owners: readonly ProcessKey[];
  attribution: AttributionQuality;
  counters: SocketCounters = NO_COUNTERS;
  /** The other end's closing, where it is on this machine. */
  mirror: Closing | undefined;
  minisocket: Minisocket | undefined;
  /** No evidence can change the counters any more. */
  settled = false;
  /** Whether it is to be settled at the next sample. */
  queued = false;
  /** How many samples it has waited for evidence. */
  waited = 0;
  readonly #window: NoticeWindow;
  readonly #receiveQueue: number;
  readonly #finAcked: boolean | undefined;
  readonly #lastState: number | undefined;
  readonly #halfClosed: boolean;
  readonly #before: SocketCounters | undefined;
  readonly #beforeSent: number;
  readonly #payload: boolean;

  constructor(
    record: DiagRecord,
    tracked: TrackedSocket,
    known: boolean,
    guess: Opener,
    closedAtMs: number,
    window: NoticeWindow,
  ) {
    this.cookie = tracked.cookie;
    this.identity = tracked.identity;
    this.tuple = tupleOf(this.identity);
    this.reverseTuple = reverseTupleOf(this.identity);
    this.owners = tracked.owners;
    this.attribution = tracked.attribution;
    this.closedAtMs = closedAtMs;
    this.erased = isErased(record);
    this.isConnection = tracked.protocol === IPPROTO_TCP && tracked.state !== TCP_LISTEN;
    const opener = tracked.opener === "unknown" ? guess : tracked.opener;
    this.unackedBytes = this.erased ? 0 : Math.max(0, record.sendQueue - record.notSentBytes);
    const sent = finalSent(record, this.unackedBytes, opener, known ? tracked.state : undefined);
    this.sentBytes = sent.bytes;
    this.sentUncertaintyBytes = this.erased ? 0 : sent.uncertaintyBytes;
    this.#finAcked = sent.overcount === 0 ? finalFinAcked(record, opener) : undefined;
    this.rawReceivedBytes = record.bytesReceived;
    this.#receiveQueue = record.receiveQueue;
    this.#lastState = known ? tracked.state : undefined;
    this.#halfClosed = tracked.halfClosed;
    this.#before = known && tracked.counters !== NO_COUNTERS ? tracked.counters : undefined;
    this.#beforeSent = tracked.sentBytes;
    this.#payload = record.hasBytesSent;
    this.#window = window;
  }

  /** Gives the ends of the connection to a closing whose notice had lost them. */
  assumeEnds(identity: SocketIdentity): void {
    this.identity = identity;
    this.tuple = tupleOf(identity);
    this.reverseTuple = reverseTupleOf(identity);
  }

  /**
   * Decides the counters from all that is known now; `live` is the other end where it still lives. True where they
   * differ from what they were.
   */
  settle(live: MirrorEvidence | undefined): boolean {
    if (!this.isConnection) {
      this.settled = true;
      return false;
    }
    const counters = this.erased ? this.#fromMirror() : this.#fromNotice(live);
    const same =
      counters.bytesSent === this.counters.bytesSent &&
      counters.bytesReceived === this.counters.bytesReceived &&
      counters.uncertaintyBytes === this.counters.uncertaintyBytes;
    this.counters = counters;
    this.settled = counters.uncertaintyBytes === 0;
    return !same;
  }

  /** Whether the two can be the ends of one connection: neither got more than the other sent, and the FIN. */
  canMirror(other: Closing): boolean {
    if (this.erased || other.erased) return !(this.erased && other.erased);
    return (
      this.rawReceivedBytes <= other.sentBytes + other.sentUncertaintyBytes + 1 &&
      other.rawReceivedBytes <= this.sentBytes + this.sentUncertaintyBytes + 1
    );
  }

  toClosedSocket(): ClosedSocket {
    return {
      identity: this.identity,
      state: this.minisocket?.state === TCP_TIME_WAIT ? "time_wait" : "closed",
      counters: this.counters,
      owners: this.owners,
      attribution: this.attribution,
      closedAtMs: this.closedAtMs,
    };
  }

  #fromNotice(live: MirrorEvidence | undefined): SocketCounters {
    const received = finalReceivedPayload({
      bytesReceived: this.rawReceivedBytes,
      receiveQueue: this.#receiveQueue,
      // A peer that reset the connection by linger 0 most likely sent no FIN before.
      finAcked: this.mirror?.erased === true ? false : this.#finAcked,
      lastState: this.#lastState,
      halfClosed: this.#halfClosed,
      minisocketState: this.minisocket?.state,
      finTime: this.#finTime(),
      mirror: this.#mirrorEvidence() ?? live,
    });
    return {
      bytesSent: this.sentBytes,
      bytesReceived: received.bytesReceived,
      meaning: this.#payload ? "payload" : "acked",
      uncertaintyBytes: received.uncertaintyBytes + this.sentUncertaintyBytes,
    };
  }

  #mirrorEvidence(): MirrorEvidence | undefined {
    // A doubtful count proves nothing.
    if (this.mirror === undefined || this.mirror.sentUncertaintyBytes > 0) return undefined;
    if (this.mirror.erased) return { bytesSent: this.mirror.#beforeSent, final: false };
    return { bytesSent: this.mirror.sentBytes, final: true };
  }

  /**
   * Of a connection whose counters were erased: what the other end sent is what was received here, what it received is
   * what was sent here and arrived. What it sent without an acknowledgement may not have arrived before the reset:
   * that much is uncertain. Without the other end, what the last dump said is a lower bound.
   */
  #fromMirror(): SocketCounters {
    const mirror = this.mirror;
    if (mirror?.counters.bytesReceived !== undefined && mirror.counters.uncertaintyBytes !== undefined) {
      return {
        bytesSent: mirror.counters.bytesReceived,
        bytesReceived: mirror.sentBytes,
        meaning: mirror.counters.meaning,
        // The mirror's own doubt about what it sent and received is doubt about the same bytes here.
        uncertaintyBytes: mirror.counters.uncertaintyBytes + mirror.unackedBytes,
      };
    }
    const known = this.#before ?? { bytesSent: 0, bytesReceived: 0, meaning: "payload" as const };
    return { ...known, uncertaintyBytes: undefined };
  }

  #finTime(): "before" | "after" | "unknown" {
    if (this.minisocket?.state !== TCP_TIME_WAIT) return "unknown";
    if (this.minisocket.beganMs > this.#window.toMs + CLOCK_SLACK_MS) return "after";
    if (this.minisocket.beganMs < this.#window.fromMs - NOTICE_LAG_MS) return "before";
    return "unknown";
  }
}

/**
 * Sent payload by a notice: nothing moves any more, so what is in flight is known. Whether the FIN was sent is not told;
 * where everything was acknowledged the connection most likely ended in order, with one.
 */
function finalSent(
  record: DiagRecord,
  unackedBytes: number,
  opener: Opener,
  lastState: number | undefined,
): SentPayload {
  const sent = lastState !== undefined && finSentIn(lastState) && record.notSentBytes === 0;
  const inFlight = { exact: true, bytes: unackedBytes } as const;
  return sentPayload(record, inFlight, opener, sent ? "counted" : "unknown", 0);
}

/**
 * Whether a notice is of a connection whose counters tcp_disconnect erased. It leaves no remote port and moves the
 * send sequence on by the peer's window, so that the send queue seems to hold that much; a socket that was never
 * connected has no advertised segment size, and one whose connection was refused has seen no window.
 */
export function isErased(record: DiagRecord): boolean {
  return (
    record.hasInfo &&
    record.remotePort === 0 &&
    record.advertisedMss !== 0 &&
    record.sendQueue > REFUSED_QUEUE
  );
}

/** write_seq − snd_una after a refused connection: the SYN and the two that tcp_disconnect adds. */
const REFUSED_QUEUE = 3;
