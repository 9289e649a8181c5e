/**
 * The sockets and rows of the kernel programs as the helper's answers tell them: each answer changes what it names, all
 * else stays until it is told to be closed, or until a whole answer leaves it out. In steady state nothing is allocated
 * for a row that did not change. It outlives sessions and instances of the helper, so that rows go on under their names.
 */
import {
  BYTES,
  BYTES_KEY,
  BYTES_ROW_BYTES,
  cookieNumber,
  SOCKET,
  SOCKET_KEY,
  SOCKET_ROW_BYTES,
} from "../../decode/ebpf-records.ts";
import { inParts, withoutBreath } from "../../lib/breath.ts";
import type { ClosedSocket, ObservedCounts, SocketSample, SocketState } from "../../model/flow.ts";
import type { ConnectionStatsResponse } from "../../protocol/helper/messages.ts";
import { HelperRow, HelperSocket, type Peer } from "./helper-socket.ts";
import { isRowOf, peerAt, startsOf } from "./row-key.ts";
import type { KnownProcess, ProcessRegistry } from "./process-registry.ts";
import { RecentlyClosed } from "./recently-closed.ts";
import type { Observation } from "./told-count.ts";

export type Rows = Pick<
  ConnectionStatsResponse,
  "timeNs" | "sockets" | "bytes" | "closedSockets" | "closedBytes"
>;

export interface TakeOptions {
  /** Whether the answer names everything there is: what it leaves out is gone. */
  readonly isWhole: boolean;
  /**
   * Of sockets that are new: "now" in the first answer of all; "beginning" in the first one of another run of the helper,
   * because a socket that the one before did not tell is younger than its last answer; else "before".
   */
  readonly observation: Observation;
  /** Unix milliseconds of `timeNs`. */
  readonly nowMs: number;
}

export interface Taken {
  readonly closed: readonly ClosedSocket[];
  /** Rows of closed sockets that nobody can be told of, because the sockets' own rows were lost; and their bytes. */
  readonly strayRows: number;
  readonly strayBytes: number;
}

interface Stray {
  readonly rows: number;
  readonly bytes: number;
}

export class RowTable {
  readonly #registry: ProcessRegistry;
  readonly #ownNamespace: number | undefined;
  readonly #sockets = new Map<number, HelperSocket>();
  readonly #rows = new Map<number, HelperRow>();
  /** What was told to be closed is not told again, by whomever. */
  readonly recentlyClosed = new RecentlyClosed();
  /** What other methods have told of sockets that are not here, by id: they go on from there. */
  seeds: ReadonlyMap<string, ObservedCounts> | undefined;
  readonly #dirty: HelperSocket[] = [];
  /** Starts of rows that wait for the opener's to come first. */
  readonly #waiting: number[] = [];
  /** So that nobody who chooses ports can choose where rows come to lie. */
  readonly #seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  #generation = 0;
  #observation: Observation = "now";
  #socketCount = 0;

  /** `ownNamespace`: inode of this program's network namespace; undefined where it can't be known. */
  constructor(registry: ProcessRegistry, ownNamespace: number | undefined) {
    this.#registry = registry;
    this.#ownNamespace = ownNamespace;
  }

  get socketCount(): number {
    return this.#socketCount;
  }

  *sockets(): IterableIterator<HelperSocket> {
    for (const first of this.#sockets.values()) {
      for (let socket: HelperSocket | undefined = first; socket !== undefined; socket = socket.next)
        yield socket;
    }
  }

  /** Counters of another instance begin at 0: what was told until now stays. */
  beginInstance(): void {
    for (const socket of this.sockets()) socket.carry();
  }

  /** What was told until now was observed: whoever meets a row of these for the first time begins there. */
  rebase(): void {
    for (const socket of this.sockets()) socket.rebase();
  }

  /** Every live row. */
  samples(): SocketSample[] {
    const samples: SocketSample[] = [];
    for (const first of this.#sockets.values()) {
      for (let socket: HelperSocket | undefined = first; socket !== undefined; socket = socket.next) {
        if (!socket.isShown) continue;
        for (const row of socket.rows) samples.push(row.sample());
      }
    }
    return samples;
  }

  take(rows: Rows, options: TakeOptions): Taken {
    return withoutBreath(this.taking(rows, options));
  }

  /** The same in parts, of which none takes long however many rows there are. */
  *taking(rows: Rows, options: TakeOptions): Generator<void, Taken> {
    this.#observation = options.observation;
    if (options.isWhole) this.#generation += 1;
    const reconnected: ClosedSocket[] = [];
    yield* this.#takeSockets(rows.sockets, options, reconnected);
    yield* this.#takeBytes(rows.bytes);
    const closing = yield* this.#takeSockets(rows.closedSockets, options, reconnected);
    const stray = yield* this.#takeBytes(rows.closedBytes);
    yield* this.#settleDirty();
    const closed = [...reconnected, ...this.#close(closing, rows.timeNs, options.nowMs)];
    if (options.isWhole) this.#dropMissing();
    return { closed, strayRows: stray.rows, strayBytes: stray.bytes };
  }

  /** Lets go of a socket and of what its rows hold. */
  remove(socket: HelperSocket): void {
    const number = cookieNumber(socket.cookieLow, socket.cookieHigh);
    if (!unlink(this.#sockets, number, socket)) return;
    this.#socketCount -= 1;
    for (const row of socket.rows) {
      unlink(this.#rows, row.hash, row);
      if (row.process !== undefined) this.#registry.release(row.process);
    }
    if (socket.opener !== undefined) this.#registry.release(socket.opener);
  }

  /** Returns those that are closed. */
  *#takeSockets(
    rows: Uint8Array,
    options: TakeOptions,
    reconnected: ClosedSocket[],
  ): Generator<void, HelperSocket[]> {
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    const closed: HelperSocket[] = [];
    yield* inParts(startsOf(rows, SOCKET_ROW_BYTES), (start) => {
      const socket = this.#takeSocket(view, start, options, reconnected);
      if (socket.closedNs !== 0) closed.push(socket);
    });
    return closed;
  }

  #takeSocket(
    view: DataView,
    start: number,
    options: TakeOptions,
    reconnected: ClosedSocket[],
  ): HelperSocket {
    const low = view.getUint32(start, true);
    const high = view.getUint32(start + 4, true);
    const netns = SOCKET_KEY.get.netns(view, start);
    const socket = this.#find(low, high, netns) ?? this.#create(low, high, netns);
    if (socket.isReconnected(view, start)) {
      reconnected.push(...closedRows(socket, options.nowMs));
      socket.restart();
    }
    socket.update(view, start);
    this.#learnOpener(socket, view, start + SOCKET_KEY.size);
    socket.generation = this.#generation;
    this.#touch(socket);
    return socket;
  }

  #learnOpener(socket: HelperSocket, view: DataView, base: number): void {
    const pid = SOCKET.get.openerTgid(view, base);
    if (pid === 0) return;
    const at = base + SOCKET.offsetOf.openerStartNs;
    const opener = this.#registry.obtain(pid, view.getUint32(at, true), view.getUint32(at + 4, true));
    if (opener === socket.opener) return;
    this.#registry.hold(opener);
    if (socket.opener !== undefined) this.#registry.release(socket.opener);
    socket.opener = opener;
    socket.invalidate(true);
  }

  *#takeBytes(rows: Uint8Array): Generator<void, Stray> {
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    const stray = { rows: 0, bytes: 0 };
    yield* inParts(startsOf(rows, BYTES_ROW_BYTES), (start) => {
      if (this.#takeCount(view, start)) return;
      const base = start + BYTES_KEY.size;
      stray.rows += 1;
      stray.bytes += BYTES.get.sent(view, base) + BYTES.get.received(view, base);
    });
    for (const start of this.#waiting.splice(0)) this.#meet(view, start, this.#hash(view, start), "now");
    return stray;
  }

  /** False where nobody knows the socket. */
  #takeCount(view: DataView, start: number): boolean {
    const hash = this.#hash(view, start);
    const row = this.#findRow(view, start, hash);
    if (row === undefined) return this.#meet(view, start, hash, "may wait") !== "stray";
    this.#count(row, view, start);
    return true;
  }

  /** A row that is not known yet. */
  #meet(view: DataView, start: number, hash: number, when: "now" | "may wait"): "met" | "waits" | "stray" {
    const netns = BYTES_KEY.get.netns(view, start);
    const socket = this.#find(view.getUint32(start, true), view.getUint32(start + 4, true), netns);
    if (socket === undefined) return "stray";
    const at = start + BYTES_KEY.offsetOf.startNs;
    const pid = BYTES_KEY.get.tgid(view, start);
    const startLow = view.getUint32(at, true);
    const startHigh = view.getUint32(at + 4, true);
    const process = pid === 0 ? undefined : this.#registry.obtain(pid, startLow, startHigh);
    if (socket.primary.actor === "nobody") {
      const { opener } = socket;
      // The opener goes first if it is in this answer at all, and the kernel never takes its place.
      if (opener === undefined || process === opener || (process !== undefined && when === "now"))
        this.#adopt(socket.primary, process);
      else if (process !== undefined) {
        this.#waiting.push(start);
        return "waits";
      }
    }
    const row = this.#rowFor(socket, process, peerAt(view, start));
    row.tgid = pid;
    row.startLow = startLow;
    row.startHigh = startHigh;
    row.hash = hash;
    row.next = this.#rows.get(hash);
    this.#rows.set(hash, row);
    if (process !== undefined) this.#describe(process, view, start + BYTES_KEY.size);
    this.#count(row, view, start);
    return "met";
  }

  #adopt(row: HelperRow, process: KnownProcess | undefined): void {
    row.actor = process === undefined ? "kernel" : "process";
    row.process = process;
    if (process !== undefined) this.#registry.hold(process);
    row.socket.invalidate(true);
  }

  #rowFor(socket: HelperSocket, process: KnownProcess | undefined, peer: Peer | undefined): HelperRow {
    const { primary } = socket;
    const isPrimarys = primary.process === process && primary.actor !== "nobody";
    if (peer === undefined && isPrimarys && primary.hash === -1) return primary;
    const row = new HelperRow(socket, peer);
    socket.rows.push(row);
    this.#adopt(row, process);
    return row;
  }

  /** What the traffic's row says of its process counts as long as no event says better. */
  #describe(process: KnownProcess, view: DataView, base: number): void {
    if (process.userId !== undefined && process.comm !== "") return;
    process.userId ??= BYTES.get.uid(view, base);
    process.parentPid ||= BYTES.get.parentTgid(view, base);
    if (process.comm !== "") return;
    const at = view.byteOffset + base + BYTES.offsetOf.comm;
    process.comm = this.#registry.textOf(new Uint8Array(view.buffer, at, 16));
  }

  #count(row: HelperRow, view: DataView, start: number): void {
    row.sent.counted = BYTES.get.sent(view, start + BYTES_KEY.size);
    row.received.counted = BYTES.get.received(view, start + BYTES_KEY.size);
    this.#touch(row.socket);
  }

  #touch(socket: HelperSocket): void {
    if (socket.isDirty) return;
    socket.isDirty = true;
    this.#dirty.push(socket);
  }

  *#settleDirty(): Generator<void> {
    yield* inParts(this.#dirty, (socket) => {
      socket.isDirty = false;
      const seed = socket.primary.isObserved ? undefined : this.seeds?.get(socket.id);
      if (seed !== undefined) socket.startFrom(seed);
      socket.settle(this.#observation);
    });
    this.#dirty.length = 0;
  }

  #close(sockets: readonly HelperSocket[], timeNs: number, nowMs: number): ClosedSocket[] {
    const closed: ClosedSocket[] = [];
    for (const socket of sockets) {
      const atMs = Math.min(nowMs, nowMs - (timeNs - socket.closedNs) / 1e6);
      closed.push(...this.closeSocket(socket, atMs));
    }
    return closed;
  }

  /** Its last rows, unless they were told before; and forgets it. */
  closeSocket(
    socket: HelperSocket,
    closedAtMs: number,
    state: SocketState = "closed",
  ): readonly ClosedSocket[] {
    const isNews = socket.isShown && !this.recentlyClosed.has(socket.id);
    const rows = isNews ? closedRows(socket, closedAtMs, state) : [];
    if (isNews) this.recentlyClosed.add(socket.id);
    this.remove(socket);
    return rows;
  }

  #dropMissing(): void {
    for (const socket of this.sockets()) if (socket.generation !== this.#generation) this.remove(socket);
  }

  #find(low: number, high: number, netns: number): HelperSocket | undefined {
    let socket = this.#sockets.get(cookieNumber(low, high));
    while (socket !== undefined) {
      if (socket.netns === netns && socket.cookieLow === low && socket.cookieHigh === high) return socket;
      socket = socket.next;
    }
    return undefined;
  }

  #create(low: number, high: number, netns: number): HelperSocket {
    const isForeign = this.#ownNamespace !== undefined && netns !== this.#ownNamespace;
    const socket = new HelperSocket(low, high, netns, isForeign);
    const number = cookieNumber(low, high);
    socket.next = this.#sockets.get(number);
    this.#sockets.set(number, socket);
    this.#socketCount += 1;
    return socket;
  }

  #findRow(view: DataView, start: number, hash: number): HelperRow | undefined {
    let row = this.#rows.get(hash);
    while (row !== undefined && !isRowOf(row, view, start)) row = row.next;
    return row;
  }

  /** Of the whole key, as a whole number below 2^52. */
  #hash(view: DataView, start: number): number {
    let one = this.#seed;
    let other = 0x85eb_ca6b;
    for (let offset = 0; offset < BYTES_KEY.size - 4; offset += 4) {
      const word = view.getUint32(start + offset, true);
      one = Math.imul(one ^ word, 0x9e37_79b1);
      one ^= one >>> 15;
      other = Math.imul(other + word, 0xc2b2_ae35) ^ one;
      other ^= other >>> 13;
    }
    return (one >>> 0) * 0x10_0000 + (other >>> 12);
  }
}

function closedRows(socket: HelperSocket, closedAtMs: number, state: SocketState = "closed"): ClosedSocket[] {
  return socket.rows.map((row) => ({ ...row.sample(), state, closedAtMs }));
}

/** Takes a value out of its chain. False where it was not there. */
function unlink<T extends { next: T | undefined }>(map: Map<number, T>, key: number, value: T): boolean {
  const first = map.get(key);
  if (first === value) {
    if (value.next === undefined) map.delete(key);
    else map.set(key, value.next);
    value.next = undefined;
    return true;
  }
  for (let before = first; before !== undefined; before = before.next) {
    if (before.next !== value) continue;
    before.next = value.next;
    value.next = undefined;
    return true;
  }
  return false;
}
