/**
 * The books of flows that have left the table: their bytes stay in the sums, and their last counters are remembered for
 * as long as more can be told of them. Living sockets for which the table had no room are followed here, without a row.
 */
import type { ClosedSocket, SocketSample } from "../model/flow.ts";
import type { CounterTrack } from "./counter-track.ts";
import type { FlowRecord, RecordTracks } from "./flow-record.ts";

/** Where bytes belong in the reconciliation: `local` ones are on no counted interface. */
export type Side = "attributed" | "unattributed" | "local";

/** Observed bytes per side and direction. */
export class TrafficSums {
  readonly sent: Record<Side, number> = { attributed: 0, unattributed: 0, local: 0 };
  readonly received: Record<Side, number> = { attributed: 0, unattributed: 0, local: 0 };

  add(side: Side, sent: number, received: number): void {
    this.sent[side] += sent;
    this.received[side] += received;
  }

  addAll(other: TrafficSums): void {
    for (const side of ["attributed", "unattributed", "local"] as const) {
      this.add(side, other.sent[side], other.received[side]);
    }
  }

  get totalSent(): number {
    return this.sent.attributed + this.sent.unattributed + this.sent.local;
  }

  get totalReceived(): number {
    return this.received.attributed + this.received.unattributed + this.received.local;
  }
}

export function sideOf(record: FlowRecord): Side {
  if (record.isLocalTraffic) return "local";
  return record.isAttributed ? "attributed" : "unattributed";
}

interface Remembered extends RecordTracks {
  readonly id: string;
  readonly side: Side;
  readonly firstSeenMs: number;
  /** 0 for a row that is a part of a socket. */
  readonly socketCount: 0 | 1;
  /** Whether it is worth a loss if it vanishes: a TCP connection with counters. */
  readonly isCounted: boolean;
  seenSequence: number;
  /** Bytes that no row has shown; a row shows them if it gets one again. */
  untoldSent: number;
  untoldReceived: number;
  /** Whether it is among the untold flows. */
  isUntold: boolean;
}

/** A living socket that gets a row again. */
export interface Readmitted {
  readonly id: string;
  readonly tracks: RecordTracks;
  readonly firstSeenMs: number;
  readonly untoldSent: number;
  readonly untoldReceived: number;
}

/** What ended without a row: it is in the sums, and nobody who reads rows has met it. */
export interface Untold {
  readonly flows: number;
  readonly bytes: number;
}

/** What a socket without a row did in one sample. */
export interface Growth {
  readonly sent: number;
  readonly received: number;
}

/** A closing told again comes within seconds of the first; so many of them are waited for. */
const CLOSED_MAX = 16_384;

export class RetiredFlows {
  readonly sums = new TrafficSums();
  readonly #closedMax: number;
  readonly #closed = new Map<string, Remembered>();
  /** Bounded by the living sockets of a batch, because what two batches don't mention is dropped. */
  readonly #living = new Map<string, Remembered>();
  #livingSockets = 0;
  #untoldFlows = 0;
  #untoldBytes = 0;

  /** `closedMax`: how many that are closed are remembered. */
  constructor(closedMax = CLOSED_MAX) {
    this.#closedMax = closedMax;
  }

  /** Since the start. */
  get untold(): Untold {
    return { flows: this.#untoldFlows, bytes: this.#untoldBytes };
  }

  get livingCount(): number {
    return this.#living.size;
  }

  /** Of the living ones, without those that are parts of a socket. */
  get livingSockets(): number {
    return this.#livingSockets;
  }

  get closedCount(): number {
    return this.#closed.size;
  }

  /**
   * Takes over a record that leaves the table. `key` is the socket's id, or undefined if another socket has that now.
   * Returns the growth that no rate has taken yet.
   */
  retire(record: FlowRecord, key: string | undefined): Growth {
    const side = sideOf(record);
    this.sums.add(side, record.sent.observed, record.received.observed);
    const growth = { sent: record.sent.takeDelta(), received: record.received.takeDelta() };
    const remembered: Remembered = {
      id: record.id,
      sent: record.sent,
      received: record.received,
      side,
      firstSeenMs: record.firstSeenMs,
      socketCount: record.socketCount,
      isCounted: record.isLossWhenGone,
      seenSequence: record.seenSequence,
      untoldSent: growth.sent + record.untoldSent,
      untoldReceived: growth.received + record.untoldReceived,
      isUntold: false,
    };
    if (key === undefined || record.closed) this.#countUntold(remembered);
    if (key === undefined) return growth;
    if (record.closed) this.#rememberClosed(key, remembered);
    else this.#rememberLiving(key, remembered);
    return growth;
  }

  /** Follows a living socket that has no row. Undefined if it is not one of these. */
  update(sample: SocketSample, sequence: number): Growth | undefined {
    const remembered = this.#living.get(sample.identity.id);
    if (remembered === undefined) return undefined;
    remembered.seenSequence = sequence;
    const { bytesSent, bytesReceived, uncertaintyBytes } = sample.counters;
    remembered.sent.update(bytesSent, uncertaintyBytes);
    remembered.received.update(bytesReceived, uncertaintyBytes);
    return this.#book(remembered);
  }

  /** Books the final counters of a socket that has no row. Undefined if it is not remembered: then it is a new one. */
  finish(closed: ClosedSocket): Growth | undefined {
    const key = closed.identity.id;
    const remembered = this.#living.get(key) ?? this.#closed.get(key);
    if (remembered === undefined) return undefined;
    remembered.sent.finish(closed.counters.bytesSent);
    remembered.received.finish(closed.counters.bytesReceived);
    if (this.#forgetLiving(key, remembered)) this.#rememberClosed(key, remembered);
    const growth = this.#book(remembered);
    this.#countUntold(remembered);
    return growth;
  }

  /** Gives a living socket back to the table, because there is room or because it woke up. */
  readmit(key: string): Readmitted | undefined {
    const remembered = this.#living.get(key);
    if (remembered === undefined) return undefined;
    this.#forgetLiving(key, remembered);
    // Its row shows what none has shown, so that is in the sums no more.
    const untoldSent = Math.max(0, remembered.untoldSent);
    const untoldReceived = Math.max(0, remembered.untoldReceived);
    this.sums.add(remembered.side, -untoldSent, -untoldReceived);
    remembered.sent.rebase(untoldSent);
    remembered.received.rebase(untoldReceived);
    const { id, firstSeenMs } = remembered;
    return { id, tracks: remembered, firstSeenMs, untoldSent, untoldReceived };
  }

  /** Forgets living sockets that the last two batches didn't mention. Returns how many of them had counters. */
  sweep(sequence: number): number {
    let vanished = 0;
    for (const [key, remembered] of this.#living) {
      if (sequence - remembered.seenSequence < 2) continue;
      this.#forgetLiving(key, remembered);
      this.#rememberClosed(key, remembered);
      this.#countUntold(remembered);
      if (remembered.isCounted) vanished += 1;
    }
    return vanished;
  }

  #rememberLiving(key: string, remembered: Remembered): void {
    const before = this.#living.get(key);
    if (before !== undefined) this.#forgetLiving(key, before);
    this.#living.set(key, remembered);
    this.#livingSockets += remembered.socketCount;
  }

  #forgetLiving(key: string, remembered: Remembered): boolean {
    if (!this.#living.delete(key)) return false;
    this.#livingSockets -= remembered.socketCount;
    return true;
  }

  #rememberClosed(key: string, remembered: Remembered): void {
    this.#closed.delete(key);
    this.#closed.set(key, remembered);
    if (this.#closed.size <= this.#closedMax) return;
    for (const oldest of this.#closed.keys()) {
      this.#closed.delete(oldest);
      return;
    }
  }

  /** Puts what changed since the last booking into the sums. */
  #book(remembered: Remembered): Growth {
    const sent = bookTrack(remembered.sent);
    const received = bookTrack(remembered.received);
    this.sums.add(remembered.side, sent, received);
    remembered.untoldSent += sent;
    remembered.untoldReceived += received;
    return { sent, received };
  }

  /** It has no row, and gets none any more. */
  #countUntold(remembered: Remembered): void {
    const bytes = Math.max(0, remembered.untoldSent) + Math.max(0, remembered.untoldReceived);
    remembered.untoldSent = 0;
    remembered.untoldReceived = 0;
    if (bytes === 0) return;
    this.#untoldBytes += bytes;
    if (!remembered.isUntold) this.#untoldFlows += 1;
    remembered.isUntold = true;
  }
}

function bookTrack(track: CounterTrack): number {
  const delta = track.takeDelta();
  track.rebase();
  return delta;
}
