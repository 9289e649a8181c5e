/** What the flow table keeps of one socket from sample to sample; flow-row.ts makes what screens are shown of it. */
import {
  isPartOfSocket,
  type AttributionQuality,
  type BytesMeaning,
  type ClosedSocket,
  type Protocol,
  type SocketCounters,
  type SocketIdentity,
  type SocketSample,
  type SocketState,
} from "../model/flow.ts";
import type { AskedHost, ObservedAddress } from "../model/names.ts";
import type { ProcessInfo, ProcessKey } from "../model/process.ts";
import type { Flow, HostName } from "../model/snapshot.ts";
import { CounterTrack } from "./counter-track.ts";
import type { ProcessEntry, ProcessMemory } from "./process-memory.ts";
import { betterAsked, socketOf, type RemoteName, type RemoteNames } from "./remote-names.ts";
import { isServedHere } from "./service-port.ts";

/** What a record asks of the table around it. */
export interface RecordContext {
  readonly processes: ProcessMemory;
  readonly names: RemoteNames;
  isLocalTraffic(localAddress: string, remoteAddress: string): boolean;
  serviceOf(identity: SocketIdentity, isServedHere: boolean): string | undefined;
  userNameOf(userId: number): string | undefined;
  hostOf(remote: RemoteName): HostName | undefined;
  /** Whether something listens at this port key now. */
  readonly isListening: (key: number) => boolean;
}

/** The better an answer is, the higher; one is only replaced by another at least as good. */
const RANK: Readonly<Record<AttributionQuality, number>> = {
  unknown: 0,
  not_visible: 1,
  inferred: 2,
  exact: 3,
};

/** How a flow ended: by a record of the kernel, or by not being there any more. */
export type Ending = "told" | "vanished";

export interface RecordTracks {
  readonly sent: CounterTrack;
  readonly received: CounterTrack;
}

export class FlowRecord {
  /** What screens and history know the flow by: the socket's id, or another where that id had been used before. */
  readonly id: string;
  identity: SocketIdentity;
  readonly sent: CounterTrack;
  readonly received: CounterTrack;
  readonly firstSeenMs: number;
  /** 1 where it is a socket's own row, 0 where it is a part of one. */
  readonly socketCount: 0 | 1;
  lastActivityMs: number;
  /** Bytes from when it had no row, which the next snapshot is the first to show. */
  untoldSent = 0;
  untoldReceived = 0;
  /** The batch in which it was last alive or told. */
  seenSequence: number;
  /** Unix milliseconds: when it was first missing. */
  missedAtMs: number | undefined;
  ending: Ending | undefined;
  closedAtMs: number | undefined;
  closedMonotonicMs = 0;
  isLocalTraffic: boolean;
  /** As of the last `learnHost` and `learnService`. */
  remoteHost: HostName | undefined;
  service: string | undefined;
  /** The row that was shown of it last. */
  row: Flow | undefined;
  #state: SocketState;
  #meaning: BytesMeaning;
  #uncertaintyBytes: number | undefined;
  /** A counter of the living socket went back: from then on the counts are a lower bound. */
  #wasErased = false;
  #attribution: AttributionQuality = "unknown";
  #owners: readonly ProcessKey[] = [];
  #entries: readonly ProcessEntry[] = [];
  #opener: ProcessEntry | undefined;
  #userId: number | undefined;
  #remote: RemoteName | undefined;
  /** Under what name somebody was seen to ask for the remote address, and what had been observed of it by then. */
  #asked: AskedHost | undefined;
  #askedHost: HostName | undefined;
  #askedRevision = -1;
  #isServedHere: boolean | undefined;

  constructor(
    id: string,
    sample: SocketSample,
    tracks: RecordTracks,
    firstSeenMs: number,
    sequence: number,
    context: RecordContext,
  ) {
    this.id = id;
    this.identity = sample.identity;
    this.sent = tracks.sent;
    this.received = tracks.received;
    this.firstSeenMs = firstSeenMs;
    this.socketCount = isPartOfSocket(sample.identity.id) ? 0 : 1;
    this.lastActivityMs = firstSeenMs;
    this.seenSequence = sequence;
    this.#state = sample.state;
    this.#meaning = sample.counters.meaning;
    this.#uncertaintyBytes = sample.counters.uncertaintyBytes;
    this.isLocalTraffic = false;
    this.#adopt(sample.identity, context);
    this.#attribute(sample, context);
  }

  get closed(): boolean {
    return this.ending !== undefined;
  }

  get state(): SocketState {
    return this.#state;
  }

  get protocol(): Protocol {
    return this.identity.protocol;
  }

  get localPort(): number {
    return this.identity.localPort;
  }

  get remoteAddress(): string {
    return this.identity.remoteAddress;
  }

  get remotePort(): number {
    return this.identity.remotePort;
  }

  get bytesSent(): number | undefined {
    return this.sent.value;
  }

  get bytesReceived(): number | undefined {
    return this.received.value;
  }

  get observedBytesSent(): number {
    return this.sent.observed;
  }

  get observedBytesReceived(): number {
    return this.received.observed;
  }

  get bytesMeaning(): BytesMeaning {
    return this.#meaning;
  }

  get uncertaintyBytes(): number | undefined {
    return this.#uncertaintyBytes;
  }

  get attribution(): AttributionQuality {
    return this.#attribution;
  }

  /** The first of its processes that is known. */
  get process(): ProcessInfo | undefined {
    for (const entry of this.#entries) if (entry.info !== undefined) return entry.info;
    return undefined;
  }

  get opener(): ProcessInfo | undefined {
    return this.#opener?.info;
  }

  /** The owner of the socket; its process's user is another matter. */
  get userId(): number | undefined {
    return this.#userId;
  }

  get ownerKeys(): readonly ProcessKey[] {
    return this.#owners;
  }

  /** Whether somebody could count it at least once. */
  get isCounted(): boolean {
    return this.sent.value !== undefined || this.received.value !== undefined;
  }

  /** Whether final counters are missing if it vanishes now: a TCP connection that could be counted. */
  get isLossWhenGone(): boolean {
    return this.identity.protocol === "tcp" && this.isCounted && this.#state !== "listen";
  }

  /** Whether its bytes belong to a process that is known. */
  get isAttributed(): boolean {
    return this.process !== undefined;
  }

  get owners(): readonly ProcessEntry[] {
    return this.#entries;
  }

  /**
   * Whether a sample of this id is of another socket than this record's. A TCP socket's ends never change during its
   * life; a UDP socket's do (connect), and one that was told to be gone does not come back.
   */
  isOther(sample: SocketSample): boolean {
    const before = this.identity;
    const now = sample.identity;
    if (before !== now && before.protocol !== now.protocol) return true;
    if (now.protocol === "tcp" && before !== now && !hasSameEnds(before, now)) return true;
    if (this.ending === undefined) return false;
    if (this.ending === "told") return true;
    return (
      !this.sent.continuesWith(sample.counters.bytesSent) ||
      !this.received.continuesWith(sample.counters.bytesReceived)
    );
  }

  /** Takes a look at the living socket. Returns whether its counters went back although they claim to be exact. */
  update(sample: SocketSample, sequence: number, sampledAtMs: number, context: RecordContext): boolean {
    this.seenSequence = sequence;
    this.missedAtMs = undefined;
    this.ending = undefined;
    this.closedAtMs = undefined;
    this.#state = sample.state;
    if (sample.identity !== this.identity) this.#adopt(sample.identity, context);
    const grownFrom = (this.sent.value ?? 0) + (this.received.value ?? 0);
    const { bytesSent, bytesReceived, uncertaintyBytes } = sample.counters;
    const sent = this.sent.update(bytesSent, uncertaintyBytes);
    const received = this.received.update(bytesReceived, uncertaintyBytes);
    if ((this.sent.value ?? 0) + (this.received.value ?? 0) > grownFrom) this.lastActivityMs = sampledAtMs;
    this.#attribute(sample, context);
    const isErased = sent === "erased" || received === "erased";
    this.#wasErased ||= isErased;
    return this.#judge(sample.counters, isErased);
  }

  /** Takes the final counters. Returns whether they went back although they claim to be exact. */
  finish(closed: ClosedSocket, sequence: number, monotonicMs: number, context: RecordContext): boolean {
    if (this.ending === undefined) this.closedMonotonicMs = monotonicMs;
    this.seenSequence = sequence;
    this.ending = "told";
    this.closedAtMs = closed.closedAtMs;
    this.#state = closed.state;
    // A datagram socket may have been connected after the last look.
    if (!hasSameEnds(closed.identity, this.identity)) this.#adopt(closed.identity, context);
    const grownFrom = (this.sent.value ?? 0) + (this.received.value ?? 0);
    const sent = this.sent.finish(closed.counters.bytesSent);
    const received = this.received.finish(closed.counters.bytesReceived);
    const isGrown = (this.sent.value ?? 0) + (this.received.value ?? 0) > grownFrom;
    if (isGrown) this.lastActivityMs = Math.max(this.lastActivityMs, closed.closedAtMs);
    this.#attribute(closed, context);
    return this.#judge(closed.counters, sent === "erased" || received === "erased");
  }

  /** The socket is gone and nobody told its final counters. */
  vanish(closedAtMs: number, monotonicMs: number): void {
    this.ending = "vanished";
    this.closedAtMs = closedAtMs;
    this.closedMonotonicMs = monotonicMs;
    this.#state = "closed";
    if (this.isCounted) this.#uncertaintyBytes = undefined;
  }

  /** Gives back what it holds of the table's memories. */
  release(context: RecordContext): void {
    for (const entry of this.#entries) context.processes.release(entry);
    this.#entries = [];
    if (this.#opener !== undefined) context.processes.release(this.#opener);
    this.#opener = undefined;
    if (this.#remote !== undefined) context.names.release(this.#remote);
    this.#remote = undefined;
  }

  /** The hosts file goes ahead of what was asked for, and that ahead of what is known of the address. */
  learnHost(context: RecordContext): void {
    const remote = this.#remote;
    if (remote === undefined) {
      this.remoteHost = undefined;
      return;
    }
    const host = context.hostOf(remote);
    if (remote.observed !== undefined && remote.observed.revision !== this.#askedRevision) {
      this.#ask(remote.observed);
    }
    this.remoteHost = this.#askedHost === undefined || host?.source === "hosts" ? host : this.#askedHost;
  }

  learnService(context: RecordContext): void {
    if (this.#isServedHere === true) return;
    const isServed = isServedHere(this, context.isListening);
    if (isServed === this.#isServedHere) return;
    this.#isServedHere = isServed;
    this.service = context.serviceOf(this.identity, isServed);
  }

  /** A name stays for the flow's life: names expire, connections don't. What the connection itself asked for is final. */
  #ask(observed: ObservedAddress): void {
    this.#askedRevision = observed.revision;
    if (this.#asked?.by === "connection") return;
    const told = observed.nameFor(socketOf(this.identity.id), this.#owners[0], this.firstSeenMs);
    this.#asked = betterAsked(this.#asked, told);
    this.#askedHost = this.#asked?.host;
  }

  /** Takes over what the identity says, when first seen or changed. */
  #adopt(identity: SocketIdentity, context: RecordContext): void {
    const hadOtherRemote = this.#remote?.address !== identity.remoteAddress;
    this.identity = identity;
    this.isLocalTraffic = context.isLocalTraffic(identity.localAddress, identity.remoteAddress);
    this.#userId ??= identity.userId;
    this.#isServedHere = undefined;
    if (identity.opener !== this.#opener?.key) this.#adoptOpener(identity.opener, context);
    if (!hadOtherRemote) return;
    this.#asked = undefined;
    this.#askedHost = undefined;
    this.#askedRevision = -1;
    if (this.#remote !== undefined) context.names.release(this.#remote);
    this.#remote = identity.remotePort === 0 ? undefined : context.names.reference(identity.remoteAddress);
  }

  #adoptOpener(key: ProcessKey | undefined, context: RecordContext): void {
    const opener = key === undefined ? undefined : context.processes.reference(key);
    if (this.#opener !== undefined) context.processes.release(this.#opener);
    this.#opener = opener;
  }

  #attribute(sample: SocketSample, context: RecordContext): void {
    if (RANK[sample.attribution] < RANK[this.#attribution]) return;
    this.#attribution = sample.attribution;
    if (sample.owners === this.#owners || isSameList(sample.owners, this.#owners)) return;
    const entries = context.processes.referenceAll(sample.owners);
    for (const entry of this.#entries) context.processes.release(entry);
    this.#entries = entries;
    this.#owners = sample.owners;
    this.#askedRevision = -1;
  }

  /** What the counts mean now; returns whether a reset is news. */
  #judge(counters: SocketCounters, isErased: boolean): boolean {
    // What could be counted and can't be any more leaves a lower bound.
    const isUntold = counters.meaning === "none" && this.isCounted;
    if (!isUntold) this.#meaning = counters.meaning;
    const isLowerBound = this.#wasErased || isErased || isUntold;
    this.#uncertaintyBytes = isLowerBound ? undefined : counters.uncertaintyBytes;
    return isErased && counters.uncertaintyBytes !== undefined;
  }
}

function hasSameEnds(left: SocketIdentity, right: SocketIdentity): boolean {
  return (
    left.localPort === right.localPort &&
    left.remotePort === right.remotePort &&
    left.localAddress === right.localAddress &&
    left.remoteAddress === right.remoteAddress
  );
}

function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((key, index) => key === right[index]);
}
