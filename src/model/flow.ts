/** A flow: one socket with its two ends, its counters, and what is known of who uses it. */
import type { ProcessKey } from "./process.ts";

/** `mptcp` is a connection of several TCP subflows; `icmp` is a ping socket of either family; `raw` is all else. */
export const PROTOCOLS = ["tcp", "udp", "mptcp", "udplite", "sctp", "dccp", "icmp", "raw"] as const;

export type Protocol = (typeof PROTOCOLS)[number];

/** RFC 9293 states; `unconnected` and `connected` are a UDP socket's two. */
export const SOCKET_STATES = [
  "established",
  "syn_sent",
  "syn_received",
  "fin_wait1",
  "fin_wait2",
  "time_wait",
  "closed",
  "close_wait",
  "last_ack",
  "listen",
  "closing",
  "unconnected",
  "connected",
  "unknown",
] as const;

export type SocketState = (typeof SOCKET_STATES)[number];

/**
 * What a byte count means. `payload`: what the application passed. `acked`: what the peer's TCP has acknowledged.
 * `wire`: with headers and retransmissions. `none`: this method can't count it; both counters are undefined.
 */
export type BytesMeaning = "payload" | "acked" | "wire" | "none";

/**
 * How a flow's process is known. `exact`: the process was seen holding the socket. `inferred`: by reasoning that can
 * be wrong (an accepted connection of a known listener); `not_visible`: it belongs to another user and this one may not
 * look. `unknown`: the socket lived and died between two looks, or no process holds it (the kernel's own, TIME_WAIT).
 */
export type AttributionQuality = "exact" | "inferred" | "not_visible" | "unknown";

/** The parts of a socket that never change during its life. One object per socket, shared by all samples of it. */
export interface SocketIdentity {
  /** Unique among all sockets of this boot: from the kernel's cookie where there is one, else tuple and netns. */
  readonly id: string;
  readonly protocol: Protocol;
  /** Canonical text (RFC 5952), v4-mapped addresses as IPv4. An unspecified address is `0.0.0.0` or `::`. */
  readonly localAddress: string;
  readonly localPort: number;
  /** As localAddress; unspecified with port 0 where there is no peer. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Owner of the socket by the kernel's record; undefined where it is not told (a destroyed socket, TIME_WAIT). */
  readonly userId: number | undefined;
  /**
   * The process that created, connected or accepted the socket, where it is known to be another than the one that the
   * bytes are of: a passed or an inherited socket.
   */
  readonly opener?: ProcessKey | undefined;
  /** Inode of its network namespace, where that is not this program's own. */
  readonly networkNamespace?: number | undefined;
}

/** Cumulative counters since the socket began. All are exact integers below 2^53. */
export interface SocketCounters {
  /** Undefined where the method can't count them; then meaning is `none`. */
  readonly bytesSent: number | undefined;
  readonly bytesReceived: number | undefined;
  readonly meaning: BytesMeaning;
  /**
   * By how many bytes the counts may be off (both directions together): 0 is exact. Undefined: by an unknown amount,
   * the counts being a lower bound (a connection whose last counters were not seen).
   */
  readonly uncertaintyBytes: number | undefined;
}

/** The counts at one moment of a socket's life. */
export interface ObservedCounts {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** One look at one live socket. */
export interface SocketSample {
  readonly identity: SocketIdentity;
  readonly state: SocketState;
  readonly counters: SocketCounters;
  /** Every process that holds the socket, the opener first where it can be known. */
  readonly owners: readonly ProcessKey[];
  readonly attribution: AttributionQuality;
  /**
   * Its counts where the observation of it begins, for when this is the first that is told of it. Undefined: it begins
   * with the socket, or, where the socket may be older than the observation, with this look at it.
   */
  readonly observedFrom?: ObservedCounts | undefined;
}

/**
 * Whether the row of this id is only a part of its socket's traffic: that of a further process (`<id>@<process>`) or with
 * one remote end of an unconnected socket (`<id>><address>:<port>`). The socket's own row has the id alone.
 */
export function isPartOfSocket(id: string): boolean {
  return id.includes("@") || id.includes(">");
}

/** The id of the socket that the row of this id is of. */
export function socketIdOf(id: string): string {
  const end = id.search(/[@>]/);
  return end < 0 ? id : id.slice(0, end);
}

/**
 * A socket that is gone, with its final counters. The same id can be told again in a later batch where a count became
 * better known; the later one replaces the earlier.
 */
export interface ClosedSocket extends SocketSample {
  /** Unix milliseconds; the moment of notice where the kernel doesn't tell the moment of death. */
  readonly closedAtMs: number;
}
