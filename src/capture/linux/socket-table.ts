/**
 * The sockets of this network namespace as dumps and notices tell them: the live ones, each once, and those that
 * closed, each with its final counters. A minisocket (TIME_WAIT) is a row only where its connection was not told.
 */
import { IPPROTO_TCP, type Cookie, type DiagRecord } from "../../decode/sock-diag.ts";
import { TCP_LISTEN } from "../../decode/tcp-info.ts";
import { finSentIn, type MirrorEvidence, type Opener } from "../../decode/tcp-payload.ts";
import { isLoopback } from "../../lib/ip.ts";
import type { ClosedSocket, SocketIdentity } from "../../model/flow.ts";
import { Closing, isErased, type NoticeWindow } from "./closing.ts";
import { ALL_CLOSINGS, ClosingLedger } from "./closing-ledger.ts";
import { kindOf, NO_COUNTERS, tupleOf, TrackedSocket } from "./tracked-socket.ts";

/** TCP_TIMEWAIT_LEN in milliseconds (net/tcp.h): what a TIME_WAIT minisocket's timer begins with. */
const TIME_WAIT_MS = 60_000;
/** Connections that left the dumps while their process still holds the closed socket. */
const LIMBO_MAX = 16_384;

export class SocketTable {
  readonly #ledger: ClosingLedger;
  readonly #live = new Map<Cookie, TrackedSocket>();
  /** Gone from the dumps, and no notice has come yet. */
  readonly #limbo = new Map<Cookie, TrackedSocket>();
  readonly #listeners = new Map<number, Set<TrackedSocket>>();
  readonly #localAddresses = new Set<string>();
  /** Live connections by tuple: made at the first need, kept up from then on. */
  #byTuple: Map<string, TrackedSocket> | undefined;
  readonly #ephemeral: readonly [from: number, to: number];
  #generation = 0;
  #dumpedAtMs = 0;
  #vanished: ClosedSocket[] = [];
  /** Told of a closing of which a prompt look at its minisocket could prove more; the record is valid only then. */
  onUndecided: ((closing: Closing, record: DiagRecord) => void) | undefined;
  /** Connections that vanished from the dumps, or left a minisocket, without a notice; since the last `takeClosed`. */
  vanishedCount = 0;

  /** `ephemeral`: the range that the kernel takes local ports of outgoing connections from. */
  constructor(ephemeral: readonly [from: number, to: number], closings = ALL_CLOSINGS) {
    this.#ephemeral = ephemeral;
    this.#ledger = new ClosingLedger(closings);
  }

  /** Forgets what the next dump has again, and of what closed all before that moment (monotonic milliseconds). */
  rest(knownUntilMs: number): void {
    this.#live.clear();
    this.#limbo.clear();
    this.#listeners.clear();
    this.#localAddresses.clear();
    this.#byTuple = undefined;
    this.#vanished = [];
    this.vanishedCount = 0;
    this.#ledger.forgetBefore(knownUntilMs);
  }

  /** All live sockets in the order in which they were first seen. */
  live(): IterableIterator<TrackedSocket> {
    return this.#live.values();
  }

  get size(): number {
    return this.#live.size;
  }

  /** Connections whose counters were erased by the kernel and are not known from elsewhere; counted since `takeClosed`. */
  get erasedCount(): number {
    return this.#ledger.erasedCount;
  }

  get droppedCount(): number {
    return this.#ledger.droppedCount;
  }

  /** A dump begins; `monotonicMs` dates the timers of its minisockets. */
  beginDump(monotonicMs: number): void {
    this.#generation += 1;
    this.#dumpedAtMs = monotonicMs;
  }

  /** A socket of the dump; the same one may come twice. */
  see(record: DiagRecord, protocol: number): void {
    const cookie = record.cookie();
    let socket = this.#live.get(cookie);
    const kind = protocol === IPPROTO_TCP ? kindOf(record) : "full";
    if (kind === "minisocket" && this.#isToldAsClosed(record, cookie)) return;
    if (socket !== undefined && kind !== "minisocket" && socket.isAnotherConnection(record)) {
      this.#vanish(socket, Date.now());
      this.#limbo.delete(cookie);
      socket = this.#track(record, protocol, kind, socket.nextRevision);
    }
    socket ??= this.#limbo.get(cookie) ?? this.#track(record, protocol, kind, 0);
    if (this.#limbo.delete(cookie)) this.#live.set(cookie, socket);
    socket.generation = this.#generation;
    if (kind === "minisocket") socket.becomeMinisocket(record.state, this.#beganMs(record));
    else socket.update(record, this.#guess);
    if (socket.isListener) this.#addListener(socket);
  }

  /** A notice of a destroyed socket, which came within `window`. */
  close(record: DiagRecord, protocol: number, closedAtMs: number, window: NoticeWindow): void {
    const cookie = record.cookie();
    let known = this.#live.get(cookie) ?? this.#limbo.get(cookie);
    if (known?.isConnection === true && record.remotePort !== 0 && known.isAnotherConnection(record)) {
      this.#vanish(known, closedAtMs);
      this.#limbo.delete(cookie);
      known = this.#track(record, protocol, "full", known.nextRevision);
    }
    if (known === undefined && protocol === IPPROTO_TCP && record.remotePort === 0) {
      if (isErased(record)) this.#closeStranger(record, protocol, closedAtMs, window);
      return; // never connected, or refused: no connection lived
    }
    if (known === undefined && record.localPort === 0 && record.remotePort === 0) return; // never bound
    if (known?.kind === "request") known.kind = "full";
    const socket = known ?? new TrackedSocket(record, protocol, "full");
    if (known === undefined) this.#takeOverMinisocket(socket);
    const opener = this.#opener(socket.identity);
    const closing = new Closing(record, socket, known !== undefined, opener, closedAtMs, window);
    this.#ledger.add(closing);
    if (closing.mayBeWaiting && !this.isLocal(closing.identity.remoteAddress))
      this.onUndecided?.(closing, record);
    this.#forget(socket);
    this.#limbo.delete(cookie);
  }

  /** What a prompt look at a closing's minisocket found. */
  leftWaiting(closing: Closing, record: DiagRecord): void {
    this.#ledger.leftBehind(closing, { state: record.state, beganMs: this.#beganMs(record) });
  }

  /** A dump ended, and the notices that came during it have been taken: what was not seen in it is gone. */
  endDump(closedAtMs: number): void {
    for (const socket of this.#live.values()) {
      if (socket.generation !== this.#generation) this.#vanish(socket, closedAtMs);
      else if (socket.minisocketSince === this.#generation) this.vanishedCount += 1;
    }
    this.#ledger.settle(
      (tuple) => this.#mirrorOf(tuple),
      (address) => this.isLocal(address),
    );
  }

  /** What closed since the last call, and what became better known of what closed before. */
  takeClosed(): { readonly closings: readonly Closing[]; readonly vanished: readonly ClosedSocket[] } {
    const vanished = this.#vanished;
    this.#vanished = [];
    this.vanishedCount = 0;
    this.#ledger.erasedCount = 0;
    this.#ledger.droppedCount = 0;
    return { closings: this.#ledger.take(), vanished };
  }

  /** The listening socket that a connection with this local end was accepted from, if there is one. */
  listenerOf(identity: SocketIdentity): TrackedSocket | undefined {
    if (identity.protocol !== "tcp") return undefined;
    let wildcard: TrackedSocket | undefined;
    for (const listener of this.#listeners.get(identity.localPort) ?? []) {
      const address = listener.identity.localAddress;
      if (address === identity.localAddress) return listener;
      const sameFamily = identity.localAddress.includes(":") === address.includes(":");
      if (address === "::" || (address === "0.0.0.0" && sameFamily)) wildcard ??= listener;
    }
    return wildcard;
  }

  isLocal(address: string): boolean {
    return this.#localAddresses.has(address) || isLoopback(address);
  }

  /** Forgets listeners that are gone; called when the closings of the sample have been attributed. */
  endSample(): void {
    for (const [port, listeners] of this.#listeners) {
      for (const listener of listeners) {
        if (this.#live.get(listener.cookie) !== listener || !listener.isListener) listeners.delete(listener);
      }
      if (listeners.size === 0) this.#listeners.delete(port);
    }
  }

  #track(
    record: DiagRecord,
    protocol: number,
    kind: "full" | "minisocket" | "request",
    revision: number,
  ): TrackedSocket {
    const socket = new TrackedSocket(record, protocol, kind, revision);
    this.#live.set(socket.cookie, socket);
    this.#localAddresses.add(socket.identity.localAddress);
    if (protocol === IPPROTO_TCP) this.#byTuple?.set(tupleOf(socket.identity), socket);
    return socket;
  }

  #addListener(socket: TrackedSocket): void {
    const port = socket.identity.localPort;
    const listeners = this.#listeners.get(port);
    if (listeners === undefined) this.#listeners.set(port, new Set([socket]));
    else listeners.add(socket);
  }

  /** Ties a minisocket to the closing that it is left from; false where no closing was told. */
  #isToldAsClosed(record: DiagRecord, cookie: Cookie): boolean {
    let closing = this.#ledger.byCookie(cookie);
    if (closing === undefined && !this.#live.has(cookie) && !this.#limbo.has(cookie)) {
      // A socket that no dump had gets its cookie only when it is destroyed, so its minisocket has another one.
      const address = `${record.localAddress()}|${record.localPort}|${record.remoteAddress()}|${record.remotePort}`;
      closing = this.#ledger.byTuple(address);
    }
    if (closing === undefined) return this.#ledger.hasForgotten(this.#beganMs(record));
    this.#ledger.leftBehind(closing, { state: record.state, beganMs: this.#beganMs(record) });
    return true;
  }

  #beganMs(minisocket: DiagRecord): number {
    return this.#dumpedAtMs - (TIME_WAIT_MS - minisocket.expiresMs);
  }

  #closeStranger(record: DiagRecord, protocol: number, closedAtMs: number, window: NoticeWindow): void {
    const socket = new TrackedSocket(record, protocol, "full");
    const closing = new Closing(record, socket, false, "unknown", closedAtMs, window);
    this.#ledger.addStranger(record, (identity) => {
      closing.assumeEnds({ ...identity, id: socket.identity.id, userId: undefined });
      return closing;
    });
  }

  /**
   * The notice can come later than a dump that has the minisocket, which got a cookie of its own if no dump had the
   * connection before: then the minisocket's row becomes the connection's.
   */
  #takeOverMinisocket(socket: TrackedSocket): void {
    const minisocket = this.#index().get(tupleOf(socket.identity));
    if (minisocket?.kind !== "minisocket") return;
    socket.identity = { ...socket.identity, id: minisocket.identity.id };
    this.#forget(minisocket);
  }

  #index(): Map<string, TrackedSocket> {
    this.#byTuple ??= new Map(
      [...this.#live.values()]
        .filter((socket) => socket.protocol === IPPROTO_TCP)
        .map((socket) => [tupleOf(socket.identity), socket]),
    );
    return this.#byTuple;
  }

  /** A socket that no dump has any more, and of which no notice has come. */
  #vanish(socket: TrackedSocket, closedAtMs: number): void {
    this.#forget(socket);
    // A request that came to nothing, or a minisocket whose time is over: nothing is lost with them.
    if (socket.kind !== "full" && socket.counters === NO_COUNTERS) return;
    const isConnection = socket.protocol === IPPROTO_TCP && socket.state !== TCP_LISTEN;
    if (isConnection) {
      this.vanishedCount += 1;
      if (this.#limbo.size >= LIMBO_MAX) {
        const oldest = this.#limbo.keys().next().value;
        if (oldest !== undefined) this.#limbo.delete(oldest);
      }
      this.#limbo.set(socket.cookie, socket);
    }
    this.#vanished.push({
      ...socket.sample(),
      state: "closed",
      counters: isConnection ? { ...socket.counters, uncertaintyBytes: undefined } : NO_COUNTERS,
      closedAtMs,
    });
  }

  #forget(socket: TrackedSocket): void {
    if (this.#live.get(socket.cookie) === socket) this.#live.delete(socket.cookie);
    if (this.#byTuple === undefined) return;
    const tuple = tupleOf(socket.identity);
    if (this.#byTuple.get(tuple) === socket) this.#byTuple.delete(tuple);
  }

  /** What the other end has sent, read after every notice that is settled now came, where that end still lives. */
  #mirrorOf(tuple: string): MirrorEvidence | undefined {
    const socket = this.#index().get(tuple);
    if (socket === undefined || !socket.isConnection || socket.counters === NO_COUNTERS) return undefined;
    if (socket.counters.uncertaintyBytes !== 0) return undefined; // a doubtful count proves nothing
    return { bytesSent: socket.sentBytes, final: finSentIn(socket.state) };
  }

  readonly #guess = (identity: SocketIdentity): Opener => this.#opener(identity);

  /** Who opened a connection, guessed by the ports: a listener's port is here, an ephemeral port is the opener's. */
  #opener(identity: SocketIdentity): Opener {
    if (this.listenerOf(identity) !== undefined) return "remote";
    if (this.isLocal(identity.remoteAddress)) {
      const there = { ...identity, localAddress: identity.remoteAddress, localPort: identity.remotePort };
      if (this.listenerOf(there) !== undefined) return "local";
    }
    const [from, to] = this.#ephemeral;
    const localIsEphemeral = identity.localPort >= from && identity.localPort <= to;
    const remoteIsEphemeral = identity.remotePort >= from && identity.remotePort <= to;
    if (localIsEphemeral === remoteIsEphemeral) return "unknown";
    return localIsEphemeral ? "local" : "remote";
  }
}
