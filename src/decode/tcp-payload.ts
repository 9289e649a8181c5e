/**
 * From TCP_INFO's counters to payload: the bytes that the two applications exchanged. Pure.
 *
 * Sent is bytes_sent − bytes_retrans, in which neither SYN nor FIN is, checked by the sequence numbers. Received is
 * bytes_received, which counts the peer's FIN as one byte, so it has to be known whether the FIN came. Of a live socket
 * the state tells. The notice of a destroyed socket only says CLOSE, so there it is reasoned out, and where nothing
 * proves it the likelier value is told with an uncertainty of one byte. Every rule was seen to hold on Linux 6.18 with
 * each way of closing.
 */
import {
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_TIME_WAIT,
} from "./tcp-info.ts";

export interface TcpCounts {
  readonly hasBytesSent: boolean;
  readonly bytesAcked: number;
  readonly bytesSent: number;
  readonly bytesRetransmitted: number;
}

/** Who began the connection: the one whose SYN is counted in its bytes_acked. */
export type Opener = "local" | "remote" | "unknown";

/** Bytes between what the peer has acknowledged and what was sent: their number, or only a bound of it. */
export type InFlight =
  | { readonly exact: true; readonly bytes: number }
  | { readonly exact: false; readonly max: number };

export interface SentPayload {
  readonly bytes: number;
  /** By how much bytes_sent − bytes_retrans is too high: to be given with the next look at the same socket. */
  readonly overcount: number;
  readonly uncertaintyBytes: number;
}

/** The SYN and the FIN, in bytes_acked. */
const CONTROL_BYTES_MAX = 2;

/**
 * Payload sent. bytes_sent − bytes_retrans is exact but for one case, seen on Linux 6.18: a segment that the local queue
 * drops at once (a full qdisc) is counted, stays unsent, and is counted again when it is sent, and not as retransmitted.
 * The sequence numbers know better: bytes_acked and what is in flight are the payload with the SYN and the FIN, so where
 * the two differ by more than these, they are believed; `mayHaveDropped` says that this must be thought of where they differ
 * by less, too. While only a bound of what is in flight is known, so is the error.
 *
 * Before Linux 4.19 there is only bytes_acked: what the peer has acknowledged, less SYN and FIN; the meaning is `acked`.
 */
export function sentPayload(
  counts: TcpCounts,
  inFlight: InFlight,
  opener: Opener,
  fin: "counted" | "not counted" | "unknown",
  overcountBefore: number,
  mayHaveDropped = false,
): SentPayload {
  const control = (opener === "local" ? 1 : 0) + (fin === "not counted" ? 0 : 1);
  const doubt = (opener === "unknown" ? 1 : 0) + (fin === "unknown" ? 1 : 0);
  if (!counts.hasBytesSent) {
    const bytes = Math.max(0, counts.bytesAcked - control);
    return { bytes, overcount: 0, uncertaintyBytes: Math.max(1, doubt) };
  }
  const counted = counts.bytesSent - counts.bytesRetransmitted;
  if (inFlight.exact) {
    const sequence = counts.bytesAcked + inFlight.bytes;
    const excess = sequence - counted;
    if (excess >= 0 && excess <= CONTROL_BYTES_MAX) {
      // A dropped segment of a byte or two hides behind a FIN or a SYN that may not be there.
      const most = (opener === "remote" ? 0 : 1) + (fin === "not counted" ? 0 : 1);
      const hidden = mayHaveDropped ? Math.max(0, most - excess) : 0;
      return { bytes: counted, overcount: 0, uncertaintyBytes: hidden };
    }
    const bytes = Math.max(0, sequence - control);
    return { bytes, overcount: counted - bytes, uncertaintyBytes: doubt };
  }
  const likely = counted - overcountBefore;
  const least = Math.max(0, counts.bytesAcked - CONTROL_BYTES_MAX);
  const bytes = Math.min(Math.max(likely, least), counts.bytesAcked + inFlight.max);
  const isDoubtful = bytes !== likely || overcountBefore !== 0;
  return { bytes, overcount: counted - bytes, uncertaintyBytes: isDoubtful ? inFlight.max : 0 };
}

/** Whether a live socket in this state (tcpi_state) has received the peer's FIN. */
export function finReceivedIn(state: number): boolean {
  return (
    state === TCP_CLOSE_WAIT || state === TCP_LAST_ACK || state === TCP_CLOSING || state === TCP_TIME_WAIT
  );
}

/** Whether a live socket in this state (tcpi_state) has sent its FIN, so that what it sent is final. */
export function finSentIn(state: number): boolean {
  return (
    state === TCP_FIN_WAIT1 ||
    state === TCP_FIN_WAIT2 ||
    state === TCP_CLOSING ||
    state === TCP_LAST_ACK ||
    state === TCP_TIME_WAIT
  );
}

/** Whether the peer has acknowledged the FIN of a live socket in this state. */
export function finAckedIn(state: number): boolean {
  return state === TCP_FIN_WAIT2 || state === TCP_TIME_WAIT;
}

/**
 * Whether a destroyed socket's own FIN had been acknowledged: bytes_acked exceeds the payload by the SYN (if it opened
 * the connection) and the FIN. One byte of excess means either, unless it is known who opened.
 */
export function finalFinAcked(counts: TcpCounts, opener: Opener): boolean | undefined {
  if (!counts.hasBytesSent) return undefined;
  const excess = counts.bytesAcked - (counts.bytesSent - counts.bytesRetransmitted);
  if (excess >= 2) return true;
  if (excess <= 0) return false;
  if (opener === "unknown") return undefined;
  return opener === "remote";
}

/** The other end of the same connection, where it is on this machine. */
export interface MirrorEvidence {
  /** Payload that it has sent, or the least of it where that is in doubt. */
  readonly bytesSent: number;
  /** Whether that can't grow any more, or was read after the notice. */
  readonly final: boolean;
}

/** What is known of a destroyed socket. */
export interface ClosingEvidence {
  readonly bytesReceived: number;
  /** rcv_nxt − copied_seq: what the application hadn't read; an unread FIN is one byte of it. */
  readonly receiveQueue: number;
  readonly finAcked: boolean | undefined;
  /** tcpi_state in the last dump that had the socket itself, not its minisocket. */
  readonly lastState: number | undefined;
  /** Whether that dump showed it as closed by its process on the sending side only. */
  readonly halfClosed: boolean;
  /**
   * The minisocket that the connection left behind: `waiting` where it was ever seen in FIN_WAIT2, `timed` where it was
   * only seen in TIME_WAIT, undefined where none was seen.
   */
  readonly minisocket: "waiting" | "timed" | undefined;
  /**
   * When the minisocket's timer began, against the socket's end. A FIN that the peer sends again, because its
   * acknowledgement was lost, begins it anew, so only `before` proves anything.
   */
  readonly timerBegan: "before" | "after" | "unknown";
  readonly mirror: MirrorEvidence | undefined;
  /** Payload that was sent and not acknowledged. */
  readonly unackedBytes: number;
  /** Segments received with payload; undefined before Linux 4.6. */
  readonly dataSegmentsIn: number | undefined;
  /** Hints for the guess: whether the socket answered the FIN itself, or outlived the last acknowledgement. */
  readonly seemsToHaveFin: boolean;
}

export interface ReceivedPayload {
  readonly bytesReceived: number;
  /** 0: proven. 1: the likelier of two values. */
  readonly uncertaintyBytes: 0 | 1;
}

/** Payload received by a destroyed socket. */
export function finalReceivedPayload(evidence: ClosingEvidence): ReceivedPayload {
  const { bytesReceived, mirror } = evidence;
  const all = { bytesReceived, uncertaintyBytes: 0 } as const;
  if (bytesReceived === 0) return all;
  const less = { bytesReceived: bytesReceived - 1, uncertaintyBytes: 0 } as const;
  if (mirror !== undefined) {
    // A FIN is received only after everything before it: then the count is one more than the peer sent, never else.
    if (bytesReceived <= mirror.bytesSent) return all;
    if (mirror.final && bytesReceived === mirror.bytesSent + 1) return less;
  }
  if (evidence.lastState !== undefined && finReceivedIn(evidence.lastState)) return less;
  // One byte, and no segment brought any: a FIN.
  if (bytesReceived === 1 && evidence.dataSegmentsIn === 0) return less;
  // The minisocket was left to wait for the peer's FIN, which it does not count.
  if (evidence.minisocket === "waiting") return all;
  if (evidence.minisocket === "timed") {
    // Unread data would have made the close a reset, which leaves no minisocket: what is unread is the FIN.
    if (evidence.receiveQueue > 0 || evidence.timerBegan === "before") return less;
    return { ...(likelyBeforeTheEnd(evidence) ? less : all), uncertaintyBytes: 1 };
  }
  return { ...(likelyWithoutMinisocket(evidence) ? less : all), uncertaintyBytes: 1 };
}

/**
 * We closed first, and the peer's FIN has come since: to the socket, which counts it, or to the minisocket, which
 * doesn't. A guess whether to the socket.
 */
function likelyBeforeTheEnd(evidence: ClosingEvidence): boolean {
  if (evidence.timerBegan === "after") return false;
  return evidence.halfClosed || evidence.seemsToHaveFin;
}

/**
 * No minisocket was seen: the peer closed first, or the connection was aborted. Nothing proves which: an acknowledged
 * FIN of ours comes with the passive close, but also with a half-close that a reset ended, and with a minisocket that
 * was gone before it was seen. A guess whether the FIN was counted.
 */
function likelyWithoutMinisocket(evidence: ClosingEvidence): boolean {
  const { finAcked, receiveQueue, lastState } = evidence;
  if (lastState === TCP_FIN_WAIT1 || lastState === TCP_FIN_WAIT2) return false;
  if (receiveQueue === 1) return true;
  if (receiveQueue > 1) return false;
  // What was sent to a peer that had closed is answered by a reset.
  return finAcked !== false || evidence.unackedBytes > 0;
}
