/**
 * Capture by sock_diag: every TCP and UDP socket of this network namespace, of every user, with exact TCP payload, and
 * the final counters of TCP connections that closed. It needs no privilege.
 *
 * Each `sample` empties the queue of notices, dumps the tables, empties the queue again, and decides what closed with
 * which counters. Between two samples a timer empties the queue, and looks for the minisockets of what it found, as often
 * as the queue's size demands and at least twenty times a second (see destroy-listener.ts): otherwise, with the receive
 * buffer that a default kernel grants an ordinary user, the notices of more than some three hundred closings would be
 * lost. Where connections were begun the timer also glances at what is new, so that the processes of those that live for
 * less than an interval are known. It never keeps the program alive.
 */
import { TCP_FIN_WAIT2 } from "../../decode/tcp-info.ts";
import type { Clock } from "../../lib/clock.ts";
import type { CaptureStatus, Degradation } from "../../model/capture-status.ts";
import type { Batch, Capture } from "../../model/contracts.ts";
import type { ClosedSocket, SocketSample } from "../../model/flow.ts";
import { attributeClosing, attributeLive } from "./attribution.ts";
import type { Closing } from "./closing.ts";
import type { ClosingBounds } from "./closing-ledger.ts";
import { completeBatch } from "./complete-batch.ts";
import { DEGRADATIONS } from "./degradations.ts";
import { DestroyListener } from "./destroy-listener.ts";
import { readEphemeralPorts } from "./ephemeral-ports.ts";
import { Interfaces } from "./interfaces.ts";
import { LossTally } from "./loss-tally.ts";
import { NetlinkError } from "./netlink-socket.ts";
import { NewConnections } from "./new-connections.ts";
import { ProcessSide, type InodeUses, type ProcessReading } from "./process-side.ts";
import { SocketDumper, type DumpLoss, type DumpVisitor } from "./socket-dump.ts";
import { SocketTable } from "./socket-table.ts";

/** So many minisockets are looked for after one drain: half a millisecond. */
const LOOKS_MAX = 100;
/** Glances come only while connections are begun, and so seldom that they take at most a hundredth of a core. */
const GLANCE_INTERVAL_MIN_MS = 90;
const GLANCE_COST_FACTOR = 100;

export interface SockDiagOptions {
  readonly clock: Clock;
  readonly procRoot: string;
  /** The receive buffer for notices; smaller ones are for tests of the overflow. */
  readonly noticeBufferBytes?: number;
  /** Whether a timer empties the queue of notices between samples; off in tests of the overflow. */
  readonly drainBetweenSamples?: boolean;
  /** Keeps less of what has closed; what finds no room is counted as lost. */
  readonly isFrugal?: boolean | undefined;
}

const FEW_CLOSINGS: ClosingBounds = { told: 4096, untold: 20_000 };

export class SockDiagCapture implements Capture {
  readonly #clock: Clock;
  readonly #listener: DestroyListener | undefined;
  readonly #dumper: SocketDumper;
  readonly #table: SocketTable;
  readonly #processes: ProcessSide | undefined;
  readonly #interfaces: Interfaces;
  readonly #loss = new LossTally();
  readonly #undecided: { readonly closing: Closing; readonly request: Uint8Array }[] = [];
  #timer: Timer | undefined;
  #drainedAtMs: number;
  #overflowed = false;
  #countsBytes = true;
  #isResting = true;
  /** A sample looks for processes, and others have their turn: nothing may end before its process is known. */
  #isSearching = false;
  readonly #newConnections: NewConnections;
  /** Not before the first sample, which says what was there before. */
  #glanceAgainAtMs = Number.POSITIVE_INFINITY;

  /** Throws NetlinkError where the kernel refuses sock_diag. */
  constructor(options: SockDiagOptions) {
    this.#clock = options.clock;
    this.#drainedAtMs = options.clock.monotonicMs();
    // Before the first dump, so that no closing falls between the two.
    this.#listener = openListener(options.noticeBufferBytes);
    try {
      this.#dumper = new SocketDumper();
    } catch (error) {
      this.#listener?.[Symbol.dispose]();
      throw error;
    }
    this.#table = new SocketTable(
      readEphemeralPorts(options.procRoot),
      options.isFrugal === true ? FEW_CLOSINGS : undefined,
    );
    this.#table.onUndecided = (closing, record) => {
      if (this.#undecided.length < LOOKS_MAX) {
        this.#undecided.push({ closing, request: this.#dumper.requestFor(record) });
      }
    };
    this.#processes = ProcessSide.open(options.procRoot, options.clock);
    this.#interfaces = new Interfaces(options.procRoot);
    this.#newConnections = new NewConnections(options.procRoot);
    if (this.#listener !== undefined && options.drainBetweenSamples !== false) {
      this.#drainLater(this.#listener, this.#listener.drainIntervalMs);
    }
  }

  /** Throws NetlinkError where the kernel has no sock_diag for TCP or UDP, or refuses it. Nearly free. */
  probe(): void {
    this.#dumper.probe();
  }

  status(): CaptureStatus {
    const degradations: Degradation[] = [];
    if (!this.#countsBytes) degradations.push(DEGRADATIONS.old_kernel);
    if (this.#listener === undefined) degradations.push(DEGRADATIONS.no_destroy_groups);
    if (this.#processes === undefined) degradations.push(DEGRADATIONS.no_procfs);
    else if (!this.#processes.sight.allProcesses) degradations.push(DEGRADATIONS.other_users_processes);
    degradations.push(DEGRADATIONS.udp_bytes);
    const processes =
      this.#processes === undefined ? "none" : this.#processes.sight.allProcesses ? "all" : "own";
    return {
      method: "sock_diag",
      capabilities: {
        bytes: "tcp",
        closedConnections: this.#listener !== undefined,
        processes,
        names: false,
        namespaces: "current",
      },
      degradations,
    };
  }

  /** Takes the notices that have come, without waiting, and tells how many; `sample` and the timer do the same. */
  drain(): number {
    if (this.#listener === undefined) return 0;
    const closedAtMs = this.#clock.nowMs();
    const window = { fromMs: this.#drainedAtMs, toMs: this.#clock.monotonicMs() };
    this.#drainedAtMs = window.toMs;
    const loss = this.#listener.drain((record, protocol) => {
      this.#table.close(record, protocol, closedAtMs, window);
    });
    this.#lookForWaiting();
    this.#loss.add("netlink_overflow", loss.overflows);
    this.#loss.add("malformed_record", loss.malformed);
    if (loss.overflows > 0) this.#overflowed = true;
    return loss.overflows > 0 ? Number.POSITIVE_INFINITY : loss.notices;
  }

  /**
   * A minisocket that still waits for the peer's FIN proves that it was not counted, but not for long: so it is looked
   * for at once, one query each for the last few connections that closed.
   */
  #lookForWaiting(): void {
    try {
      for (const { closing, request } of this.#undecided.splice(0)) {
        const record = this.#dumper.look(request);
        if (record?.state === TCP_FIN_WAIT2 && !record.hasInfo) this.#table.leftWaiting(closing, record);
      }
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#table.onUndecided = undefined; // a kernel that does not answer is not asked again: less is proven then
    }
  }

  async sample(): Promise<Batch> {
    const sampledAtMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    this.#enumerate(sampledAtMs);
    const enumeratedMs = this.#clock.monotonicMs();
    const processes = await this.#searched();
    const sockets = this.#liveSamples();
    const closed = this.#closedSamples();
    const parts = { sampledAtMs, monotonicMs, enumeratedMs, sockets, closed, processes };
    const batch = completeBatch(parts, this.#interfaces, this.#loss, this.#clock);
    if (this.#glanceAgainAtMs === Number.POSITIVE_INFINITY) this.#glanceAgainAtMs = 0;
    this.#isResting = false;
    return batch;
  }

  async #searched(): Promise<ProcessReading | undefined> {
    this.#isSearching = true;
    try {
      return await this.#processes?.sample(this.#inodesInUse);
    } finally {
      this.#isSearching = false;
    }
  }

  rest(knownUntilMs: number): void {
    this.#table.rest(knownUntilMs);
    this.#loss.take(); // of what is known from elsewhere
    this.#overflowed = false;
    if (this.#isResting) return;
    this.#isResting = true;
    this.#glanceAgainAtMs = Number.POSITIVE_INFINITY;
    this.#processes?.owners.rest();
  }

  // eslint-disable-next-line require-await -- the contract's shape; closing descriptors does not wait
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#listener?.[Symbol.dispose]();
    this.#dumper[Symbol.dispose]();
    this.#interfaces[Symbol.dispose]();
    this.#newConnections[Symbol.dispose]();
    this.#processes?.[Symbol.dispose]();
  }

  readonly #inodesInUse: InodeUses = (owners, nowMs) => {
    for (const socket of this.#table.live()) {
      socket.holders = socket.inode === 0 ? undefined : owners.use(socket.inode, nowMs);
    }
  };

  /**
   * A look at what is new since the last sample, so that the process of a connection that lives for less than an
   * interval is known. It comes only after new connections, and costs at most a hundredth of a core: with a hundred
   * sockets it comes ten times a second, with a thousand four times.
   */
  #glance(): void {
    const side = this.#processes;
    const beganMs = this.#clock.monotonicMs();
    if (side === undefined || beganMs < this.#glanceAgainAtMs) return;
    this.#glanceAgainAtMs = beganMs + GLANCE_INTERVAL_MIN_MS;
    if (!this.#newConnections.any()) return;
    try {
      this.#table.beginDump(beganMs);
      this.#see((visit) => this.#dumper.dumpTcp(visit));
      if (side.glance(this.#inodesInUse)) {
        for (const socket of this.#table.live()) {
          if (socket.owners.length === 0) attributeLive(socket, this.#table, side.sight);
        }
      }
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#glanceAgainAtMs = Number.POSITIVE_INFINITY; // the next sample meets the same refusal, and tells it
      return;
    }
    const endedMs = this.#clock.monotonicMs();
    this.#glanceAgainAtMs =
      endedMs + Math.max(GLANCE_INTERVAL_MIN_MS, (endedMs - beganMs) * GLANCE_COST_FACTOR);
  }

  /** Sooner again while many notices come: after a drain that found more than an eighth of what the queue holds. */
  #drainLater(listener: DestroyListener, delayMs: number): void {
    this.#timer = setTimeout(() => {
      const busy = this.#isSearching || this.drain() > listener.capacity / 8;
      if (!busy) this.#glance();
      this.#drainLater(listener, busy ? listener.drainIntervalMs / 4 : listener.drainIntervalMs);
    }, delayMs);
    this.#timer.unref();
  }

  #enumerate(sampledAtMs: number): void {
    this.drain();
    this.#table.beginDump(this.#clock.monotonicMs());
    this.#see((visit) => this.#dumper.dump(visit));
    this.drain();
    this.#table.endDump(sampledAtMs);
  }

  #see(dump: (visit: DumpVisitor) => DumpLoss): void {
    const loss = dump((record, protocol) => {
      if (record.hasInfo && !record.hasBytesSent) this.#countsBytes = false;
      this.#table.see(record, protocol);
    });
    this.#loss.add("dump_interrupted", loss.interrupted);
    this.#loss.add("dump_truncated", loss.truncated);
    this.#loss.add("malformed_record", loss.malformed);
  }

  #liveSamples(): SocketSample[] {
    const samples: SocketSample[] = [];
    const side = this.#processes;
    for (const socket of this.#table.live()) {
      if (side !== undefined) attributeLive(socket, this.#table, side.sight);
      samples.push(socket.sample());
    }
    return samples;
  }

  #closedSamples(): ClosedSocket[] {
    this.#loss.add("counters_erased", this.#table.erasedCount);
    this.#loss.add("flow_evicted", this.#table.droppedCount);
    // A process may keep a closed socket for long, so vanishing alone is no loss: only where notices were dropped.
    if (this.#overflowed || this.#listener === undefined) {
      this.#loss.add("final_counters_missing", this.#table.vanishedCount);
    }
    this.#overflowed = false;
    const { closings, vanished } = this.#table.takeClosed();
    const closed = [...vanished];
    for (const closing of closings) {
      attributeClosing(closing, this.#table);
      closed.push(closing.toClosedSocket());
    }
    this.#table.endSample();
    return closed;
  }
}

function openListener(bufferBytes: number | undefined): DestroyListener | undefined {
  try {
    return new DestroyListener(bufferBytes);
  } catch (error) {
    if (error instanceof NetlinkError) return undefined; // told as a degradation
    throw error;
  }
}
