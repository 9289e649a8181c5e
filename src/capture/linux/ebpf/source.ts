/**
 * What the kernel programs have counted, as rows for the helper to hand out. A socket that has closed is read a last
 * time, taken out of the kernel's maps with its processes' rows, and told once; everything else stays and is told anew.
 */
import { BYTES_KEY, BYTES_ROW_BYTES, SOCKET_KEY, SOCKET_ROW_BYTES } from "../../../decode/ebpf-records.ts";
import { IPPROTO_TCP } from "../../../decode/sock-diag.ts";
import type { Degradation, EbpfMethod } from "../../../model/capture-status.ts";
import { WbError } from "../../../model/errors.ts";
import { bootTimeNs } from "../../../platform/boot-time.ts";
import type { KernelLoss } from "../../../protocol/helper/messages.ts";
import type { Collection, HelperSource, KernelRecords } from "../../kernel-source.ts";
import { trafficOf } from "../kernel-rows.ts";
import { ProcFiles } from "../proc-files.ts";
import { enterExisting, giveCookies } from "./baseline.ts";
import { changedNs, cookieAt, cookiesOf, isClosed, keysOf, part, protocolAt } from "./closed-rows.ts";
import {
  BYTES_MAP,
  EVENTS_MAP,
  EXISTING_MAP,
  LOSSES_MAP,
  NAMES_MAP,
  openEbpf,
  SOCKETS_MAP,
  STARTED_MAP,
  type EbpfOptions,
  type LoadedEbpf,
} from "./ladder.ts";
import { deleteKeys, HashMapReader, PerCpuCounters, update } from "./maps.ts";
import type { BpfMap } from "./object.ts";
import { RingBuffer } from "./ring.ts";

/** What the entry of wb_started says (ebpf/socket.h). */
const STARTED_COMPLETE = 1;
const STARTED_INCOMPLETE = 2;
/** The program that tells of the last close of any socket's descriptor. */
const RELEASE_PROGRAM = "cgroup_release";
/** Where nobody tells of the end of a socket that is not TCP's, one that was still for so long is taken for gone. */
const IDLE_NS = 600e9;
/** Each so many collections, rows whose socket is gone are looked for: a count can come between a reading and a deletion. */
const SWEEP_EVERY = 50;

/**
 * Loads, attaches, and enters the sockets that are there already. Throws WbError as openEbpf does.
 */
export function openEbpfSource(options: EbpfOptions = {}): HelperSource {
  using files = new ProcFiles();
  giveCookies(files);
  const loaded = openEbpf(options);
  try {
    const attachedNs = bootTimeNs();
    const { isComplete } = enterExisting(
      mapOf(loaded, SOCKETS_MAP),
      mapOf(loaded, EXISTING_MAP),
      files,
      attachedNs,
    );
    const started = Uint32Array.of(isComplete ? STARTED_COMPLETE : STARTED_INCOMPLETE);
    update(mapOf(loaded, STARTED_MAP), new Uint8Array(4), new Uint8Array(started.buffer));
    return new EbpfSource(loaded, attachedNs);
  } catch (error) {
    loaded[Symbol.dispose]();
    throw error;
  }
}

function mapOf(loaded: LoadedEbpf, name: string): BpfMap {
  const map = loaded.maps.get(name);
  if (map === undefined) throw new WbError("internal", `the kernel programs have no map ${name}`);
  return map;
}

class EbpfSource implements HelperSource {
  readonly method: EbpfMethod;
  readonly degradations: readonly Degradation[];
  readonly programs: readonly string[];
  readonly attachedNs: number;
  readonly socketsMax: number;
  readonly bytesMax: number;
  readonly #loaded: LoadedEbpf;
  readonly #sockets: HashMapReader;
  readonly #bytes: HashMapReader;
  readonly #losses: PerCpuCounters;
  readonly #events: RingBuffer;
  readonly #names: RingBuffer;
  readonly #tellsReleases: boolean;
  readonly #closed = new Set<number>();
  /** Rows whose socket was not there at the last sweep. */
  #orphans = new Set<number>();
  #orphanBytes = 0;
  #collections = 0;

  constructor(loaded: LoadedEbpf, attachedNs: number) {
    this.#loaded = loaded;
    this.method = loaded.method;
    this.degradations = loaded.degradations;
    this.programs = loaded.programs;
    this.attachedNs = attachedNs;
    this.#tellsReleases = loaded.programs.includes(RELEASE_PROGRAM);
    const sockets = mapOf(loaded, SOCKETS_MAP);
    const bytes = mapOf(loaded, BYTES_MAP);
    this.socketsMax = sockets.maxEntries;
    this.bytesMax = bytes.maxEntries;
    this.#sockets = new HashMapReader(sockets);
    this.#bytes = new HashMapReader(bytes);
    this.#losses = new PerCpuCounters(mapOf(loaded, LOSSES_MAP));
    this.#events = new RingBuffer(mapOf(loaded, EVENTS_MAP));
    this.#names = new RingBuffer(mapOf(loaded, NAMES_MAP));
  }

  /**
   * Sockets are read before the rows of their processes: after a socket was closed nothing is added to it, so that the
   * rows that are read then are final.
   */
  collect(): Collection {
    const timeNs = bootTimeNs();
    this.#collections += 1;
    const closed = this.#closed;
    closed.clear();
    const sockets = part(
      this.#sockets.read(),
      SOCKET_ROW_BYTES,
      (view, offset) => !isClosed(view, offset) && !this.#isIdle(view, offset, timeNs),
    );
    cookiesOf(sockets.rest, SOCKET_ROW_BYTES, closed);
    const read = this.#bytes.read();
    const bytes =
      closed.size === 0
        ? { open: read, rest: read.subarray(read.length) }
        : part(read, BYTES_ROW_BYTES, (view, offset) => !closed.has(cookieAt(view, offset)));
    const closedSockets = sockets.rest.slice();
    const closedBytes = bytes.rest.slice();
    if (closed.size > 0) this.#forget(closedSockets, closedBytes);
    if (this.#collections % SWEEP_EVERY === 0) this.#sweep(sockets.open, bytes.open);
    const loss = this.#loss();
    return { timeNs, sockets: sockets.open, bytes: bytes.open, closedSockets, closedBytes, loss };
  }

  drain(): KernelRecords {
    return { events: this.#events.drain().slice(), names: this.#names.drain().slice() };
  }

  [Symbol.dispose](): void {
    this.#events[Symbol.dispose]();
    this.#names[Symbol.dispose]();
    this.#loaded[Symbol.dispose]();
  }

  #isIdle(view: DataView, offset: number, timeNs: number): boolean {
    if (this.#tellsReleases || protocolAt(view, offset) === IPPROTO_TCP) return false;
    return changedNs(view, offset) < timeNs - IDLE_NS;
  }

  #forget(sockets: Uint8Array, bytes: Uint8Array): void {
    deleteKeys(mapOf(this.#loaded, SOCKETS_MAP), keysOf(sockets, SOCKET_ROW_BYTES, SOCKET_KEY.size));
    if (bytes.length === 0) return;
    deleteKeys(mapOf(this.#loaded, BYTES_MAP), keysOf(bytes, BYTES_ROW_BYTES, BYTES_KEY.size));
  }

  /** Rows without a socket, found twice in a row, are deleted, and their bytes declared lost. */
  #sweep(sockets: Uint8Array, bytes: Uint8Array): void {
    const open = cookiesOf(sockets, SOCKET_ROW_BYTES, new Set());
    const { rest } = part(bytes, BYTES_ROW_BYTES, (view, offset) => open.has(cookieAt(view, offset)));
    const orphans = cookiesOf(rest, BYTES_ROW_BYTES, new Set());
    const known = this.#orphans;
    this.#orphans = orphans;
    const gone = part(rest, BYTES_ROW_BYTES, (view, offset) => !known.has(cookieAt(view, offset))).rest;
    if (gone.length === 0) return;
    this.#orphanBytes += trafficOf(gone);
    deleteKeys(mapOf(this.#loaded, BYTES_MAP), keysOf(gone, BYTES_ROW_BYTES, BYTES_KEY.size));
  }

  /** In the order of struct wb_loss. */
  #loss(): KernelLoss {
    const [
      socketsFull = 0,
      bytesFull = 0,
      lostSent = 0,
      lostReceived = 0,
      eventsFull = 0,
      namesFull = 0,
      peersMerged = 0,
      returnsLost = 0,
    ] = this.#losses.read();
    return {
      socketsFull,
      bytesFull,
      lostSent: lostSent + this.#orphanBytes,
      lostReceived,
      eventsFull,
      namesFull,
      peersMerged,
      returnsLost,
    };
  }
}
