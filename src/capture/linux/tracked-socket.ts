/**
 * One live socket from look to look: its identity is made once, and its sample is made anew only when something
 * changed, so that thousands of idle sockets cost nothing but the comparison.
 */
import {
  IPPROTO_TCP,
  tcpStateName,
  udpStateName,
  type Cookie,
  type DiagRecord,
} from "../../decode/sock-diag.ts";
import { TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_LISTEN } from "../../decode/tcp-info.ts";
import {
  finAckedIn,
  finReceivedIn,
  sentPayload,
  type InFlight,
  type Opener,
} from "../../decode/tcp-payload.ts";
import type {
  AttributionQuality,
  SocketCounters,
  SocketIdentity,
  SocketSample,
  SocketState,
} from "../../model/flow.ts";
import type { ProcessKey } from "../../model/process.ts";
import type { SocketInode } from "./socket-owners.ts";

export const NO_COUNTERS: SocketCounters = {
  bytesSent: undefined,
  bytesReceived: undefined,
  meaning: "none",
  uncertaintyBytes: undefined,
};

/** What a connection leaves behind: in FIN_WAIT2 until the peer's FIN comes, then in TIME_WAIT. */
export interface Minisocket {
  readonly state: number;
  /** Of one in TIME_WAIT: monotonic milliseconds at which its timer began, or, by the peer's repeated FIN, began anew. */
  readonly beganMs: number;
}

const NO_OWNERS: readonly ProcessKey[] = [];

/** `full`: a socket with counters. `minisocket`: TIME_WAIT and the like. `request`: a connection still being made. */
export type SocketKind = "full" | "minisocket" | "request";

export class TrackedSocket {
  readonly cookie: Cookie;
  readonly protocol: number;
  identity: SocketIdentity;
  kind: SocketKind;
  /** tcpi_state where it is known, else the record's state. */
  state: number;
  /** tcpi_state in the last dump that had the socket itself; undefined where dumps only had its minisocket. */
  fullState: number | undefined;
  /** What a dump saw of its minisocket, before any notice came. */
  minisocket: Minisocket | undefined;
  /** The dump that last had this socket. */
  generation = 0;
  /** The dump that first had only its minisocket. */
  minisocketSince = -1;
  /** 0: no process holds it (any more, or not accepted yet). */
  inode = 0;
  /** Who holds that inode, as of the last sample. */
  holders: SocketInode | undefined;
  opener: Opener = "unknown";
  halfClosed = false;
  sentBytes = 0;
  receivedBytes = 0;
  counters: SocketCounters = NO_COUNTERS;
  owners: readonly ProcessKey[] = NO_OWNERS;
  attribution: AttributionQuality = "unknown";
  #mayHaveDropped = false;
  /** By how much the kernel's count of sent bytes is too high. */
  #overcount = 0;
  /** Made at the second look: a program that looks once has no use for it. */
  #quiet: QuietCounts | undefined;
  readonly #addressSum: number;
  readonly #revision: number;
  #sample: SocketSample | undefined;

  constructor(record: DiagRecord, protocol: number, kind: SocketKind, revision = 0) {
    this.cookie = record.cookie();
    this.protocol = protocol;
    this.kind = kind;
    this.state = record.state;
    this.#revision = revision;
    this.#addressSum = record.addressSum();
    this.identity = makeIdentity(record, this.cookie, protocol, revision);
  }

  /** Whether the record is of another connection on the same socket: the same cookie with other ends. */
  isAnotherConnection(record: DiagRecord): boolean {
    return (
      record.localPort !== this.identity.localPort ||
      record.remotePort !== this.identity.remotePort ||
      record.addressSum() !== this.#addressSum
    );
  }

  /** The number that the next connection on the same socket gets. */
  get nextRevision(): number {
    return this.#revision + 1;
  }

  get isListener(): boolean {
    return this.protocol === IPPROTO_TCP && this.state === TCP_LISTEN;
  }

  get isConnection(): boolean {
    return this.protocol === IPPROTO_TCP && this.kind === "full" && this.state !== TCP_LISTEN;
  }

  /** Takes what a dump says; `guess` tells who opened the connection, by its ports. */
  update(record: DiagRecord, guess: (identity: SocketIdentity) => Opener): void {
    const state = record.hasInfo ? record.infoState : record.state;
    if (state !== this.state) {
      this.state = state;
      this.#sample = undefined;
    }
    this.inode = record.inode;
    if (record.inode !== 0 && this.identity.userId === undefined) {
      this.identity = { ...this.identity, userId: record.userId };
      this.#sample = undefined;
    }
    if (record.hasInfo && state !== TCP_LISTEN) this.#count(record, state, guess);
    else if (this.protocol === IPPROTO_TCP && this.kind === "full") this.kind = kindOf(record);
  }

  /** The connection lives on as a minisocket while its process still holds the closed socket: the counters are old. */
  becomeMinisocket(state: number, beganMs: number): void {
    // The first word is the best: FIN_WAIT2 proves most, and a timer of TIME_WAIT can only be begun anew.
    this.minisocket ??= { state, beganMs };
    if (state === this.state && this.kind === "minisocket") return;
    if (this.kind === "full") this.minisocketSince = this.generation;
    this.state = state;
    this.kind = "minisocket";
    this.#quiet = undefined;
    this.#sample = undefined;
    if (this.counters.meaning !== "none") this.counters = { ...this.counters, uncertaintyBytes: undefined };
  }

  attribute(owners: readonly ProcessKey[], attribution: AttributionQuality): void {
    if (owners === this.owners && attribution === this.attribution) return;
    this.owners = owners;
    this.attribution = attribution;
    this.#sample = undefined;
  }

  stateName(): SocketState {
    return this.protocol === IPPROTO_TCP ? tcpStateName(this.state) : udpStateName(this.state);
  }

  /** The same object as last time where nothing changed. */
  sample(): SocketSample {
    this.#sample ??= {
      identity: this.identity,
      state: this.stateName(),
      counters: this.counters,
      owners: this.owners,
      attribution: this.attribution,
    };
    return this.#sample;
  }

  #count(record: DiagRecord, state: number, guess: (identity: SocketIdentity) => Opener): void {
    this.fullState = state;
    const isQuiet = record.unackedSegments === 0;
    if (state === TCP_ESTABLISHED && record.hasBytesSent && this.opener === "unknown" && isQuiet) {
      const excess = record.bytesAcked - (record.bytesSent - record.bytesRetransmitted);
      // Before any FIN, only the SYN of the side that opened the connection can exceed the payload.
      if (excess === 1) this.opener = "local";
      // Where the ports say otherwise, a byte that the local queue dropped may hide the SYN.
      else if (excess === 0) this.#mayHaveDropped = guess(this.identity) === "local";
      if (excess === 0) this.opener = this.#mayHaveDropped ? "local" : "remote";
    }
    this.halfClosed = (state === TCP_FIN_WAIT1 || state === TCP_FIN_WAIT2) && record.inode !== 0;
    this.kind = "full";
    if (this.counters !== NO_COUNTERS) {
      this.#quiet ??= new QuietCounts();
      if (this.#quiet.isUnchanged(record, state)) return;
    }
    // The queue's length is read apart from the counters, so of a living socket only its being empty is certain.
    const inFlight = isQuiet ? NOTHING_IN_FLIGHT : ({ exact: false, max: inFlightMax(record) } as const);
    const fin = finAckedIn(state) ? "counted" : "not counted";
    const computed = sentPayload(record, inFlight, this.opener, fin, this.#overcount, this.#mayHaveDropped);
    this.#overcount = computed.overcount;
    // A count never goes back: what was told too high stays, as uncertain, until the sequence numbers catch up.
    const sent = Math.max(this.sentBytes, computed.bytes);
    const received = Math.max(0, record.bytesReceived - (finReceivedIn(state) ? 1 : 0));
    const uncertaintyBytes = computed.uncertaintyBytes + sent - computed.bytes;
    const same = sent === this.sentBytes && received === this.receivedBytes && this.counters !== NO_COUNTERS;
    if (same && uncertaintyBytes === this.counters.uncertaintyBytes) return;
    this.sentBytes = sent;
    this.receivedBytes = received;
    this.counters = {
      bytesSent: sent,
      bytesReceived: received,
      meaning: record.hasBytesSent ? "payload" : "acked",
      uncertaintyBytes,
    };
    this.#sample = undefined;
  }
}

/** What a record with nothing in flight said: from the same again follows the same again, so nothing need be computed. */
class QuietCounts {
  #state = -1;
  #sent = 0;
  #acked = 0;
  #retransmitted = 0;
  #received = 0;

  /** Compares with the record of the last call, and remembers this one. */
  isUnchanged(record: DiagRecord, state: number): boolean {
    const isQuiet = record.unackedSegments === 0;
    const isSame =
      isQuiet &&
      state === this.#state &&
      record.bytesSent === this.#sent &&
      record.bytesAcked === this.#acked &&
      record.bytesRetransmitted === this.#retransmitted &&
      record.bytesReceived === this.#received;
    if (isSame) return true;
    this.#state = isQuiet ? state : -1;
    this.#sent = record.bytesSent;
    this.#acked = record.bytesAcked;
    this.#retransmitted = record.bytesRetransmitted;
    this.#received = record.bytesReceived;
    return false;
  }
}

const NOTHING_IN_FLIGHT: InFlight = { exact: true, bytes: 0 };

/** Segments in flight are at most as long as the sender's segment size; one more for what the size was before. */
function inFlightMax(record: DiagRecord): number {
  return (record.unackedSegments + 1) * record.sendMss;
}

/** What a record without TCP_INFO is; a listener has TCP_INFO too. */
export function kindOf(record: DiagRecord): SocketKind {
  if (record.hasInfo || record.shutdown >= 0) return "full";
  const state = tcpStateName(record.state);
  if (state === "time_wait" || state === "fin_wait2") return "minisocket";
  return state === "syn_received" ? "request" : "full";
}

function makeIdentity(
  record: DiagRecord,
  cookie: Cookie,
  protocol: number,
  revision: number,
): SocketIdentity {
  const name = protocol === IPPROTO_TCP ? "tcp" : "udp";
  const remoteAddress = record.remoteAddress();
  return {
    id: revision === 0 ? `${name}:${cookie}` : `${name}:${cookie}#${revision}`,
    protocol: name,
    localAddress: record.localAddress(),
    localPort: record.localPort,
    remoteAddress,
    remotePort: record.remotePort,
    userId: record.inode === 0 ? undefined : record.userId,
  };
}

/** The two ends as one text; equal texts are the same connection in one network namespace. */
export function tupleOf(identity: SocketIdentity): string {
  return `${identity.localAddress}|${identity.localPort}|${identity.remoteAddress}|${identity.remotePort}`;
}

/** The other end's tuple. */
export function reverseTupleOf(identity: SocketIdentity): string {
  return `${identity.remoteAddress}|${identity.remotePort}|${identity.localAddress}|${identity.localPort}`;
}
