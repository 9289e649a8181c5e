/**
 * One socket as the kernel programs know it, and its rows: one per process that moved bytes through it, and per remote end
 * of an unconnected one. Samples are made anew only when something changed.
 */
import { SOCKET, SOCKET_FLAGS, SOCKET_KEY } from "../../decode/ebpf-records.ts";
import { tcpStateName, udpStateName } from "../../decode/sock-diag.ts";
import type {
  AttributionQuality,
  ObservedCounts,
  Protocol,
  SocketCounters,
  SocketIdentity,
  SocketSample,
  SocketState,
} from "../../model/flow.ts";
import type { ProcessKey } from "../../model/process.ts";
import type { KnownProcess } from "./process-registry.ts";
import { SocketEnds } from "./socket-ends.ts";
import { protocolOf, STREAMS, TCP_CLOSE, TCP_LISTEN } from "./socket-protocol.ts";
import { offBy, tellRows, ToldCount, type Observation } from "./told-count.ts";

/** Cookies below 2^53 are written as one number, as sock_diag's rows have it. */
const EXACT_HIGH = 0x20_0000;
const NOBODY: readonly ProcessKey[] = [];

/** One row of the monitor. `process` is undefined of the kernel's own, and of a socket that nobody has used yet. */
export class HelperRow {
  readonly socket: HelperSocket;
  readonly sent = new ToldCount();
  readonly received = new ToldCount();
  process: KnownProcess | undefined;
  /** Whose bytes these are; "nobody": a primary row that no process has got yet. */
  actor: "process" | "kernel" | "nobody" = "nobody";
  /** The kernel programs' key, beside the socket and the remote end. */
  tgid = -1;
  startLow = 0;
  startHigh = 0;
  readonly peer: Peer | undefined;
  /** Another row whose key has the same hash. */
  next: HelperRow | undefined;
  /** -1 of a primary row whose process has moved nothing but messages with a remote end of their own. */
  hash = -1;
  /** Whether it is decided where its observation begins. */
  isObserved = false;
  #identity: SocketIdentity | undefined;
  #sample: SocketSample | undefined;
  #from: ObservedCounts | undefined;

  constructor(socket: HelperSocket, peer: Peer | undefined) {
    this.socket = socket;
    this.peer = peer;
  }

  /** What its samples are made of has changed. */
  invalidate(identityToo: boolean): void {
    if (identityToo) this.#identity = undefined;
    this.#sample = undefined;
  }

  beginObservation(at: Observation): void {
    this.isObserved = true;
    this.sent.begin(at);
    this.received.begin(at);
  }

  /** The same object as last time where nothing changed. */
  sample(): SocketSample {
    const { sent, received, socket } = this;
    const uncertaintyBytes = socket.isLowerBound
      ? undefined
      : offBy(this) + (socket.other?.uncertaintyBytes ?? 0);
    const before = this.#sample?.counters;
    const isSame =
      before?.bytesSent === sent.told &&
      before.bytesReceived === received.told &&
      before.uncertaintyBytes === uncertaintyBytes;
    if (this.#sample !== undefined && isSame) return this.#sample;
    this.#identity ??= socket.identityOf(this);
    const { owners, attribution } = this.#attribution();
    // Written out in full: there is one of these for every row, and a spread takes half as much memory again.
    this.#sample = {
      identity: this.#identity,
      state: socket.stateName,
      counters: {
        bytesSent: sent.told,
        bytesReceived: received.told,
        meaning: socket.meaning,
        uncertaintyBytes,
      },
      owners,
      attribution,
      observedFrom: this.#observedFrom(),
    };
    return this.#sample;
  }

  #observedFrom(): ObservedCounts {
    const { sent, received } = this;
    if (this.#from?.bytesSent !== sent.from || this.#from.bytesReceived !== received.from)
      this.#from = { bytesSent: sent.from, bytesReceived: received.from };
    return this.#from;
  }

  #attribution(): { owners: readonly ProcessKey[]; attribution: AttributionQuality } {
    if (this.process !== undefined) return { owners: this.process.alone, attribution: "exact" };
    const { opener, other } = this.socket;
    if (this.actor === "nobody" && opener !== undefined)
      return { owners: opener.alone, attribution: "exact" };
    if (this.actor === "kernel" || other === undefined) return { owners: NOBODY, attribution: "unknown" };
    return { owners: other.owners, attribution: other.attribution };
  }
}

export interface Peer {
  readonly words: readonly [number, number, number, number];
  readonly address: string;
  readonly port: number;
}

/** A look by a method that tells no processes' bytes apart. */
export interface OtherLook {
  readonly state: SocketState;
  readonly meaning: SocketCounters["meaning"];
  /** Undefined: it can't count this socket, or knows a lower bound. */
  readonly uncertaintyBytes: number | undefined;
  readonly owners: readonly ProcessKey[];
  readonly attribution: AttributionQuality;
}

export class HelperSocket {
  readonly cookieLow: number;
  readonly cookieHigh: number;
  readonly netns: number;
  /** Another socket whose cookie has the same number. */
  next: HelperSocket | undefined;
  /** The answer of the helper that last told all there is. */
  generation = 0;
  isDirty = false;
  protocol: Protocol = "raw";
  isTcp = false;
  flags = 0;
  /** Begun and not yet seen to return, where returns can be lost. */
  calls = 0;
  /** Who created, connected or accepted it, or is known to have held it before anybody counted. */
  opener: KnownProcess | undefined;
  createdNs = 0;
  closedNs = 0;
  /** What another method says of it, while that looks in the helper's place. */
  other: OtherLook | undefined;
  /** Its rows, the primary one first. */
  readonly rows: HelperRow[];
  readonly primary: HelperRow;
  readonly #foreignNamespace: boolean;
  #baseSent = 0;
  #baseReceived = 0;
  #state = 0;
  /** Also when it is closed, which it is before its end is told. */
  #isListener = false;
  #userId = 0;
  readonly #ends = new SocketEnds();
  #revision = 0;
  #id: string | undefined;

  constructor(cookieLow: number, cookieHigh: number, netns: number, foreignNamespace: boolean) {
    this.cookieLow = cookieLow;
    this.cookieHigh = cookieHigh;
    this.netns = netns;
    this.#foreignNamespace = foreignNamespace;
    this.primary = new HelperRow(this, undefined);
    this.rows = [this.primary];
  }

  get id(): string {
    return (this.#id ??= this.#makeId());
  }

  /** Whether sock_diag of this program could see it too. */
  get isInSight(): boolean {
    return !this.#foreignNamespace && (this.protocol === "tcp" || this.protocol === "udp");
  }

  /**
   * A socket that was never bound, connected or used is nobody's business. A connection is given its ends one after the
   * other: until it has both it is not shown, whatever was counted by then.
   */
  get isShown(): boolean {
    if (this.other !== undefined) return true;
    const { localPort, remotePort } = this.#ends;
    const isConnection = this.isStream && !this.#isListener;
    if (localPort !== 0 && (!isConnection || remotePort !== 0)) return true;
    const { sent, received } = this.primary;
    const isUsed = this.rows.length > 1 || sent.told > 0 || received.told > 0;
    return isUsed && (!isConnection || this.closedNs !== 0);
  }

  get isStream(): boolean {
    return STREAMS.has(this.protocol);
  }

  get isLowerBound(): boolean {
    if (this.other !== undefined && this.other.uncertaintyBytes === undefined) return true;
    // What is spliced out of kTLS is not seen, and a call whose return was lost is never over.
    if ((this.flags & (SOCKET_FLAGS.late | SOCKET_FLAGS.tls)) !== 0 || this.calls > 0) return true;
    return !this.isTcp && (this.flags & SOCKET_FLAGS.existed) !== 0;
  }

  get meaning(): SocketCounters["meaning"] {
    return this.other?.meaning ?? "payload";
  }

  get stateName(): SocketState {
    if (this.other !== undefined) return this.other.state;
    return this.isStream ? tcpStateName(this.#state) : udpStateName(this.#state);
  }

  /** Whether a row of wb_sockets is of another connection: a TCP socket that was disconnected and connected again. */
  isReconnected(view: DataView, start: number): boolean {
    return this.isStream && this.#ends.areOthers(view, start + SOCKET_KEY.size);
  }

  /** Takes a row of wb_sockets. */
  update(view: DataView, start: number): void {
    const base = start + SOCKET_KEY.size;
    const state = SOCKET.get.state(view, base);
    const userId = SOCKET.get.uid(view, base);
    this.flags = SOCKET.get.flags(view, base);
    this.calls = SOCKET.get.calls(view, base);
    this.createdNs = SOCKET.get.createdNs(view, base);
    this.closedNs = SOCKET.get.closedNs(view, base);
    if (state !== this.#state) {
      this.#state = state;
      if (state !== TCP_CLOSE) this.#isListener = state === TCP_LISTEN;
      this.invalidate(false);
    }
    if (this.createdNs !== 0 && this.#id === undefined) this.#setKind(view, base);
    if (this.#ends.update(view, base, this.isStream)) this.invalidate(true);
    if (userId !== this.#userId) {
      this.#userId = userId;
      this.invalidate(true);
    }
    if (this.isTcp && (this.flags & SOCKET_FLAGS.existed) !== 0) {
      this.#baseSent = SOCKET.get.baseSent(view, base);
      this.#baseReceived = SOCKET.get.baseReceived(view, base);
    } else {
      this.#baseSent = 0;
      this.#baseReceived = 0;
    }
  }

  #setKind(view: DataView, base: number): void {
    const number = SOCKET.get.protocol(view, base);
    this.protocol = protocolOf(number, SOCKET.get.type(view, base));
    this.isTcp = this.protocol === "tcp";
  }

  invalidate(identityToo: boolean): void {
    for (const row of this.rows) row.invalidate(identityToo);
  }

  /** From here on the rows are those of the next connection of this socket. */
  restart(): void {
    this.#revision += 1;
    this.#id = undefined;
    for (const row of this.rows) {
      row.sent.restart();
      row.received.restart();
    }
    this.invalidate(true);
  }

  /** Another instance counts from here on. */
  carry(): void {
    for (const row of this.rows) {
      row.sent.carry();
      row.received.carry();
    }
    this.invalidate(false);
  }

  /**
   * Works out what is known of each row, and tells it. What a TCP socket carried before it was counted is the primary
   * row's, less what other rows were told in an earlier instance. `observation`: where it begins of rows that are new.
   */
  settle(observation: Observation): void {
    let carriedSent = 0;
    let carriedReceived = 0;
    for (const { sent, received } of this.rows) {
      carriedSent += sent.carried;
      carriedReceived += received.carried;
      sent.value = sent.carried + sent.own;
      received.value = received.carried + received.own;
    }
    if (this.#hasBase) {
      this.primary.sent.value += this.#baseSent - carriedSent;
      this.primary.received.value += this.#baseReceived - carriedReceived;
    }
    for (const row of this.rows) if (!row.isObserved) row.beginObservation(observation);
    tellRows(this.rows);
  }

  /**
   * Takes a look by another method: its counts are of the whole socket. What processes beside the primary row's were told
   * to have moved stays theirs, the rest is the primary row's. Undefined counts: everything stays as it was told.
   */
  lookFrom(other: OtherLook, counts: ObservedCounts | undefined): void {
    if (!isSameLook(this.other, other)) this.invalidate(false);
    this.other = other;
    const { primary } = this;
    let others = { sent: 0, received: 0 };
    for (const { sent, received } of this.rows) {
      sent.value = sent.told;
      received.value = received.told;
      others = { sent: others.sent + sent.told, received: others.received + received.told };
    }
    if (counts === undefined) return;
    primary.sent.value += counts.bytesSent - others.sent;
    primary.received.value += counts.bytesReceived - others.received;
    tellRows(this.rows);
  }

  /** The helper looks again. */
  lookBack(): void {
    if (this.other !== undefined) this.invalidate(false);
    this.other = undefined;
  }

  rebase(): void {
    for (const { sent, received } of this.rows) {
      sent.from = sent.told;
      received.from = received.told;
    }
    this.invalidate(false);
  }

  /** What another method has told of the whole socket is not told again, nor taken back. */
  startFrom({ bytesSent, bytesReceived }: ObservedCounts): void {
    const { primary } = this;
    primary.isObserved = true;
    primary.sent.told = bytesSent;
    primary.sent.from = bytesSent;
    primary.received.told = bytesReceived;
    primary.received.from = bytesReceived;
  }

  /** A socket that was disconnected begins anew with nothing before it. */
  get #hasBase(): boolean {
    return this.isTcp && (this.flags & SOCKET_FLAGS.existed) !== 0 && this.#revision === 0;
  }

  identityOf(row: HelperRow): SocketIdentity {
    const { peer } = row;
    const owner = row.actor === "nobody" ? this.opener : row.process;
    const opener = this.opener === undefined || this.opener === owner ? undefined : this.opener.key;
    return {
      id: this.#idOf(row),
      protocol: this.protocol,
      localAddress: this.#ends.localAddress,
      localPort: this.#ends.localPort,
      remoteAddress: peer?.address ?? this.#ends.remoteAddress,
      remotePort: peer?.port ?? this.#ends.remotePort,
      userId: this.#userId,
      ...(opener === undefined ? {} : { opener }),
      ...(this.#foreignNamespace ? { networkNamespace: this.netns } : {}),
    };
  }

  #idOf(row: HelperRow): string {
    const isPrimarys = row.actor === this.primary.actor && row.process === this.primary.process;
    if (isPrimarys && row.peer === undefined) return this.id;
    const actor = isPrimarys ? "" : `@${row.process?.key ?? "kernel"}`;
    const end = row.peer === undefined ? "" : `>${row.peer.address}:${row.peer.port}`;
    return `${this.id}${actor}${end}`;
  }

  /** As sock_diag's rows have it, so that the two are one row. Elsewhere a cookie can be the same as one here. */
  #makeId(): string {
    const { cookieLow, cookieHigh } = this;
    const cookie =
      cookieHigh < EXACT_HIGH ? String(cookieHigh * 0x1_0000_0000 + cookieLow) : `${cookieHigh}:${cookieLow}`;
    const revision = this.#revision === 0 ? "" : `#${this.#revision}`;
    const namespace = this.#foreignNamespace ? `%${this.netns}` : "";
    return `${this.protocol}:${cookie}${revision}${namespace}`;
  }
}

function isSameLook(before: OtherLook | undefined, now: OtherLook): boolean {
  return (
    before !== undefined &&
    before.state === now.state &&
    before.meaning === now.meaning &&
    before.uncertaintyBytes === now.uncertaintyBytes &&
    before.owners === now.owners &&
    before.attribution === now.attribution
  );
}
