/**
 * One destroyed socket: what its notice said, what was known of it before, and the counters that follow from both.
 */
import { IPPROTO_TCP, type Cookie, type DiagRecord, type Traces } from "../../decode/sock-diag.ts";
import { TCP_FIN_WAIT2, TCP_LISTEN, TCP_TIME_WAIT } from "../../decode/tcp-info.ts";
import {
  finalFinAcked,
  finalReceivedPayload,
  finReceivedIn,
  finSentIn,
  sentPayload,
  type MirrorEvidence,
  type Opener,
  type SentPayload,
} from "../../decode/tcp-payload.ts";
import type { AttributionQuality, ClosedSocket, SocketCounters, SocketIdentity } from "../../model/flow.ts";
import type { ProcessKey } from "../../model/process.ts";
import { NO_COUNTERS, reverseTupleOf, TrackedSocket, tupleOf, type Minisocket } from "./tracked-socket.ts";

/** Between these two moments (monotonic milliseconds) a notice came. */
export interface NoticeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A notice can lag behind the socket's end by this: the kernel tells it from a work queue, most often within 1 ms. */
export const NOTICE_LAG_MS = 1000;
/** An acknowledgement that old was not what ended the socket: its process closed it later. */
const OUTLIVED_MS = 8;
/** So many of the first segments are acknowledged one by one (TCP_MAX_QUICKACKS, net/tcp.h). */
const AT_ONCE_MAX = 16;
/** SYN, the handshake's acknowledgement and FIN; of the side that was connected to, only the FIN. */
const BARE_SEGMENTS = { local: 3, remote: 1, unknown: 2 } as const;
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
  owners: readonly ProcessKey[];
  attribution: AttributionQuality;
  counters: SocketCounters = NO_COUNTERS;
  /** The other end's closing, where it is on this machine. */
  mirror: Closing | undefined;
  minisocket: Minisocket | undefined;
  /** Whether the minisocket was ever seen in FIN_WAIT2. */
  #leftWaiting = false;
  /** No evidence can change the counters any more. */
  settled = false;
  /** Whether it is to be settled at the next sample. */
  queued = false;
  /** How many samples it has waited for evidence. */
  waited = 0;
  readonly noticed: NoticeWindow;
  readonly #receiveQueue: number;
  readonly #finAcked: boolean | undefined;
  readonly #traces: Traces | undefined;
  readonly #seemsToHaveFin: boolean;
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
    this.#traces = record.traces();
    this.#seemsToHaveFin = this.#traces !== undefined && seemsToHaveFin(this.#traces, opener);
    this.#lastState = known ? tracked.fullState : undefined;
    if (known && tracked.minisocket !== undefined) this.leave(tracked.minisocket);
    this.#halfClosed = tracked.halfClosed;
    this.#before = known && tracked.counters !== NO_COUNTERS ? tracked.counters : undefined;
    this.#beforeSent = tracked.sentBytes;
    this.#payload = record.hasBytesSent;
    this.noticed = window;
  }

  /** Gives the ends of the connection to a closing whose notice had lost them. */
  assumeEnds(identity: SocketIdentity): void {
    this.identity = identity;
    this.tuple = tupleOf(identity);
  }

  /** The tuple of its other end. */
  get reverseTuple(): string {
    return reverseTupleOf(this.identity);
  }

  /** Takes what is seen of the minisocket; false where it is nothing new. */
  leave(minisocket: Minisocket): boolean {
    // Nothing goes from TIME_WAIT back to FIN_WAIT2: that is another connection with the same ends.
    if (this.minisocket?.state === TCP_TIME_WAIT || this.minisocket?.state === minisocket.state) return false;
    this.minisocket = minisocket;
    if (minisocket.state === TCP_FIN_WAIT2) this.#leftWaiting = true;
    return true;
  }

  /** Whether a look at its minisocket, soon, can prove that the peer's FIN was not counted. */
  get mayBeWaiting(): boolean {
    if (!this.isConnection || this.erased || this.rawReceivedBytes === 0 || this.minisocket !== undefined)
      return false;
    if (this.#receiveQueue > 0 || this.#finAcked === false) return false;
    return this.#lastState === undefined || !finReceivedIn(this.#lastState);
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
      minisocket: this.#leftWaiting
        ? "waiting"
        : this.minisocket?.state === TCP_TIME_WAIT
          ? "timed"
          : undefined,
      timerBegan: this.#timerBegan(),
      mirror: this.#mirrorEvidence() ?? live,
      unackedBytes: this.unackedBytes,
      dataSegmentsIn: this.#traces?.dataSegmentsIn,
      seemsToHaveFin: this.#seemsToHaveFin,
    });
    return {
      bytesSent: this.sentBytes,
      bytesReceived: received.bytesReceived,
      meaning: this.#payload ? "payload" : "acked",
      uncertaintyBytes: received.uncertaintyBytes + this.sentUncertaintyBytes,
    };
  }

  #mirrorEvidence(): MirrorEvidence | undefined {
    if (this.mirror === undefined) return undefined;
    const { sentUncertaintyBytes } = this.mirror;
    // Of a doubtful count only the least is sure.
    if (sentUncertaintyBytes > 0)
      return { bytesSent: this.mirror.sentBytes - sentUncertaintyBytes, final: false };
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

  #timerBegan(): "before" | "after" | "unknown" {
    if (this.minisocket?.state !== TCP_TIME_WAIT) return "unknown";
    const sinceAckMs = this.#traces?.sinceAckMs ?? 0;
    if (this.minisocket.beganMs > this.noticed.toMs - sinceAckMs + CLOCK_SLACK_MS) return "after";
    if (this.minisocket.beganMs < this.noticed.fromMs - NOTICE_LAG_MS) return "before";
    return "unknown";
  }
}

/**
 * A hint, no proof: a socket that got the peer's FIN while its process held it has acknowledged it by itself, which is
 * one more bare segment than its data asked for; and its process may have taken time to close it.
 */
function seemsToHaveFin(traces: Traces, opener: Opener): boolean {
  const acknowledgements = traces.bareSegmentsOut - BARE_SEGMENTS[opener];
  const asked = Math.min(traces.dataSegmentsIn, AT_ONCE_MAX);
  return acknowledgements > asked || traces.sinceAckMs >= OUTLIVED_MS;
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
  // What was dropped was sent once more, so there would be two at least.
  const mayHaveDropped = (record.traces()?.dataSegmentsOut ?? 2) > 1;
  return sentPayload(record, inFlight, opener, sent ? "counted" : "unknown", 0, mayHaveDropped);
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
