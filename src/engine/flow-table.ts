/**
 * Turns samples into knowledge: subtracts counters, keeps rates, ties flows to processes and names, remembers closed
 * flows for a while, and says what it does not know. Bounded; reads no clock but the one handed in; every snapshot is
 * immutable, and rows that did not change are the same objects as in the snapshot before.
 */
import { inParts, withoutBreath } from "../lib/breath.ts";
import type { Clock } from "../lib/clock.ts";
import type { CaptureStatus } from "../model/capture-status.ts";
import type { Batch } from "../model/contracts.ts";
import type { ClosedSocket, Protocol, SocketIdentity, SocketSample } from "../model/flow.ts";
import type { Loss } from "../model/loss.ts";
import type { ObservedLookup } from "../model/names.ts";
import type { Flow, HostName, InterfaceState, Snapshot, Totals } from "../model/snapshot.ts";
import { CounterTrack } from "./counter-track.ts";
import { DecayedRate, FIRST_STEP, rateStep, type RateStep } from "./decayed-rate.ts";
import { chooseEvicted } from "./eviction.ts";
import { FlowRecord, type RecordContext } from "./flow-record.ts";
import { rowOf } from "./flow-row.ts";
import type { SummedFlow } from "./flow-summary.ts";
import { InterfaceAccount } from "./interface-account.ts";
import { Listeners } from "./listeners.ts";
import { LocalAddresses } from "./local-traffic.ts";
import { LossLedger } from "./loss-ledger.ts";
import { ProcessMemory } from "./process-memory.ts";
import { reconcile } from "./reconciliation.ts";
import { RemoteNames, type RemoteName } from "./remote-names.ts";
import { RetiredFlows, sideOf, TrafficSums, type Growth, type Untold } from "./retired-flows.ts";

export interface FlowTableOptions {
  /** Says when the table began, which is when WireBound started. */
  readonly clock: Clock;
  /** Flows that are kept, closed ones included. Default 100,000. */
  readonly maxFlows?: number;
  /** How long a closed flow stays. Default 30,000; Infinity keeps all that fit. */
  readonly closedRetentionMs?: number;
  /** Closed flows whose counters may still be told better once they are gone. Default 16,384. */
  readonly closedRemembered?: number;
  /** After this time a byte counts for half as much in a rate. Default 2,000. */
  readonly rateHalfLifeMs?: number;
  /** Asked for every remote address in every snapshot, once each: it must answer at once. */
  readonly nameOf?: (address: string) => HostName | undefined;
  /** Names that belong to single flows; told of every sample, asked as `nameOf` is. */
  readonly observedNames?: ObservedLookup;
  readonly serviceOf?: (protocol: Protocol, port: number) => string | undefined;
  readonly userNameOf?: (userId: number) => string | undefined;
}

/** What `follow` answers. */
export interface FollowedFlows extends Pick<Snapshot, "sampledAtMs" | "capture" | "loss"> {
  readonly flows: readonly SummedFlow[];
}

interface Taken {
  readonly intervalMs: number | undefined;
  readonly step: RateStep;
  readonly interfaces: readonly InterfaceState[];
}

/** Losses after which a socket may be missing from a dump although it lives. */
const INCOMPLETE_DUMP: ReadonlySet<Loss["cause"]> = new Set(["dump_interrupted", "dump_truncated"]);

export class FlowTable {
  readonly #options: FlowTableOptions;
  readonly #maxFlows: number;
  readonly #closedRetentionMs: number;
  readonly #startedAtMs: number;
  /** By socket id; a flow whose id another socket has now is kept under a key that no socket has. */
  readonly #records = new Map<string, FlowRecord>();
  readonly #retired: RetiredFlows;
  readonly #processes = new ProcessMemory();
  readonly #interfaces = new InterfaceAccount();
  readonly #loss = new LossLedger();
  readonly #local = new LocalAddresses();
  readonly #names: RemoteNames;
  readonly #userNames = new Map<number, string | undefined>();
  readonly #sendRate = new DecayedRate();
  readonly #receiveRate = new DecayedRate();
  readonly #context: RecordContext;
  #listeners = new Listeners([]);
  #sequence = -1;
  #firstMonotonicMs = 0;
  #lastMonotonicMs = 0;
  #method: CaptureStatus["method"] | undefined;
  #closedConnections = 0;
  #reusedIds = 0;
  #evictedCount = 0;
  /** Flows that were alive in the snapshot before, and those that came since: whether there is room without evicting one. */
  #livingRows = 0;
  /** The totals of the snapshot before: they never go down. */
  #totalSent = 0;
  #totalReceived = 0;
  /** Growth in this batch of flows that have no row any more. */
  #rowlessSent = 0;
  #rowlessReceived = 0;

  constructor(options: FlowTableOptions) {
    this.#options = options;
    this.#maxFlows = Math.max(1, options.maxFlows ?? 100_000);
    this.#closedRetentionMs = options.closedRetentionMs ?? 30_000;
    this.#startedAtMs = options.clock.nowMs();
    this.#retired = new RetiredFlows(options.closedRemembered);
    this.#names = new RemoteNames(options.nameOf, options.observedNames);
    this.#context = this.#makeContext();
  }

  /** Traffic that no row of any snapshot has shown, for there was no room for one. */
  get untold(): Untold {
    return this.#retired.untold;
  }

  /** Rows that went before their time. */
  get evictedCount(): number {
    return this.#evictedCount;
  }

  /** Takes everything learned since the batch before. Batches must come in the order in which they were sampled. */
  ingest(batch: Batch, status: CaptureStatus): Snapshot {
    return this.#publish(batch, status, withoutBreath(this.#take(batch, status)));
  }

  /**
   * As `ingest`, for who only sums flows up: what is kept of them itself, good until the next call, and no rows, which take as
   * much memory again. In parts, of which none takes long however many flows there are.
   */
  *follow(batch: Batch, status: CaptureStatus): Generator<void, FollowedFlows> {
    yield* this.#take(batch, status);
    const flows: FlowRecord[] = [];
    this.#livingRows = 0;
    for (const record of this.#records.values()) {
      record.sent.takeDelta();
      record.received.takeDelta();
      record.learnHost(this.#context);
      this.#show(record);
      flows.push(record);
    }
    return { sampledAtMs: batch.sampledAtMs, capture: status, loss: this.#loss.entries(), flows };
  }

  *#take(batch: Batch, status: CaptureStatus): Generator<void, Taken> {
    const isFirst = this.#sequence < 0;
    this.#sequence += 1;
    if (isFirst) this.#firstMonotonicMs = batch.monotonicMs;
    const intervalMs = isFirst ? undefined : batch.monotonicMs - this.#lastMonotonicMs;
    this.#lastMonotonicMs = batch.monotonicMs;
    const step = this.#step(batch.monotonicMs, intervalMs);
    // Another way of capturing names sockets anew: what it sees first may be older than the observation. One that goes
    // on with the rows of the one before says of each where its observation begins.
    const isBaseline = isFirst || status.method !== this.#method;
    this.#method = status.method;
    this.#userNames.clear();
    this.#rowlessSent = 0;
    this.#rowlessReceived = 0;
    for (const loss of batch.loss) this.#loss.add(loss);
    this.#learnProcesses(batch);
    this.#options.observedNames?.learn(batch.sockets, batch.closed);
    this.#names.refresh();
    this.#local.learn(batch.interfaces);
    const interfaces = this.#interfaces.ingest(batch.interfaces, this.#sequence, step);
    this.#listeners = new Listeners(batch.sockets);
    yield* inParts(batch.sockets, (sample) => this.#takeLiving(sample, batch, isBaseline));
    yield* inParts(batch.closed, (closed) => this.#takeClosed(closed, batch, isBaseline));
    for (const key of batch.exited) this.#processes.exit(key);
    this.#sweep(batch, status);
    this.#evict();
    return { intervalMs, step, interfaces };
  }

  #makeContext(): RecordContext {
    const { serviceOf, userNameOf } = this.#options;
    return {
      processes: this.#processes,
      names: this.#names,
      isLocalTraffic: (localAddress, remoteAddress) =>
        this.#local.isLocalTraffic(localAddress, remoteAddress),
      serviceOf: (identity: SocketIdentity, isServedHere: boolean) =>
        serviceOf?.(identity.protocol, isServedHere ? identity.localPort : identity.remotePort),
      userNameOf: (userId: number) => {
        if (!this.#userNames.has(userId)) this.#userNames.set(userId, userNameOf?.(userId));
        return this.#userNames.get(userId);
      },
      hostOf: (remote: RemoteName) => this.#names.hostOf(remote, this.#sequence),
      isListening: (key) => this.#listeners.has(key),
    };
  }

  #step(monotonicMs: number, intervalMs: number | undefined): RateStep {
    if (intervalMs === undefined) return FIRST_STEP;
    return rateStep(intervalMs, monotonicMs - this.#firstMonotonicMs, this.#options.rateHalfLifeMs ?? 2_000);
  }

  #learnProcesses(batch: Batch): void {
    for (const info of batch.processes) this.#processes.tell(info);
    for (const usage of batch.usage) this.#processes.use(usage, this.#sequence, batch.monotonicMs);
  }

  #takeLiving(looked: SocketSample, batch: Batch, isBaseline: boolean): void {
    const key = looked.identity.id;
    const sample = this.#listeners.attribute(looked);
    let record = this.#records.get(key);
    if (record !== undefined && record.isOther(sample)) {
      this.#supersede(key, record, batch);
      record = this.#insert(sample, this.#reusedIds, 0, batch.sampledAtMs);
    } else if (record === undefined) {
      record = this.#admit(sample, batch, isBaseline);
      if (record === undefined) return;
    }
    if (record.ending === "vanished") this.#closedConnections -= record.socketCount;
    if (record.update(sample, this.#sequence, batch.sampledAtMs, this.#context)) this.#countErased();
  }

  /** The record of a socket that has none yet; undefined if it goes on being followed without one. */
  #admit(sample: SocketSample, batch: Batch, isBaseline: boolean): FlowRecord | undefined {
    const key = sample.identity.id;
    const growth = this.#retired.update(sample, this.#sequence);
    if (growth === undefined) return this.#insert(sample, 0, isBaseline ? undefined : 0, batch.sampledAtMs);
    this.#addRowless(growth);
    const isAwake = growth.sent + growth.received > 0;
    if (!isAwake && this.#livingRows >= this.#maxFlows) return undefined;
    const back = this.#retired.readmit(key);
    if (back === undefined) return undefined;
    const record = new FlowRecord(
      back.id,
      sample,
      back.tracks,
      back.firstSeenMs,
      this.#sequence,
      this.#context,
    );
    if (isAwake) record.lastActivityMs = batch.sampledAtMs;
    record.untoldSent = back.untoldSent;
    record.untoldReceived = back.untoldReceived;
    this.#records.set(key, record);
    this.#livingRows += 1;
    return record;
  }

  /**
   * `reuse`: how often ids were given anew until now, 0 for an id that was never used before. `base`: where observation
   * begins unless the capture knows it.
   */
  #insert(sample: SocketSample, reuse: number, base: 0 | undefined, firstSeenMs: number): FlowRecord {
    const key = sample.identity.id;
    const from = sample.observedFrom;
    const tracks = {
      sent: new CounterTrack(from?.bytesSent ?? base),
      received: new CounterTrack(from?.bytesReceived ?? base),
    };
    const id = reuse === 0 ? key : `${key}#${reuse}`;
    const record = new FlowRecord(id, sample, tracks, firstSeenMs, this.#sequence, this.#context);
    this.#records.set(key, record);
    this.#livingRows += 1;
    return record;
  }

  /** The kernel has given the id of a flow to another socket: the flow is over, and its key is free. */
  #supersede(key: string, record: FlowRecord, batch: Batch): void {
    if (!record.closed) this.#vanish(record, batch);
    this.#reusedIds += 1;
    this.#records.delete(key);
    this.#records.set(`${key}\u0000${this.#reusedIds}`, record);
  }

  #takeClosed(told: ClosedSocket, batch: Batch, isBaseline: boolean): void {
    const closed = this.#listeners.attribute(told);
    let record = this.#records.get(closed.identity.id);
    if (record === undefined) {
      const growth = this.#retired.finish(closed);
      if (growth !== undefined) {
        this.#addRowless(growth);
        return;
      }
      record = this.#insert(closed, 0, isBaseline ? undefined : 0, closed.closedAtMs);
    }
    if (!record.closed) this.#closedConnections += record.socketCount;
    const hadCounters = record.isLossWhenGone && record.ending === undefined;
    if (record.finish(closed, this.#sequence, batch.monotonicMs, this.#context)) this.#countErased();
    if (hadCounters && closed.counters.meaning === "none") this.#countMissing(1);
  }

  /** Ends flows whose sockets are gone, and lets go of those that have been over for long enough. */
  #sweep(batch: Batch, status: CaptureStatus): void {
    const isComplete = !batch.loss.some((loss) => INCOMPLETE_DUMP.has(loss.cause));
    // A socket's end is told a batch later than it is missed; where nobody tells it there is nothing to wait for.
    const graceBatches = status.capabilities.closedConnections ? 1 : 0;
    for (const [key, record] of this.#records) {
      if (record.closed) {
        if (batch.monotonicMs - record.closedMonotonicMs >= this.#closedRetentionMs)
          this.#remove(key, record);
        continue;
      }
      if (!isComplete) {
        // An incomplete dump says nothing about what it leaves out.
        record.seenSequence = this.#sequence;
        continue;
      }
      const missing = this.#sequence - record.seenSequence;
      if (missing === 1) record.missedAtMs = batch.sampledAtMs;
      if (missing > graceBatches) this.#vanish(record, batch);
    }
    this.#countMissing(this.#retired.sweep(this.#sequence));
  }

  #vanish(record: FlowRecord, batch: Batch): void {
    if (record.isLossWhenGone) this.#countMissing(1);
    record.vanish(record.missedAtMs ?? batch.sampledAtMs, batch.monotonicMs);
    this.#closedConnections += record.socketCount;
  }

  #evict(): void {
    const excess = this.#records.size - this.#maxFlows;
    if (excess <= 0) return;
    for (const [key, record] of chooseEvicted(this.#records, excess)) this.#remove(key, record);
    this.#evictedCount += excess;
    this.#loss.add({ cause: "flow_evicted", count: excess, bytes: 0 });
  }

  #remove(key: string, record: FlowRecord): void {
    this.#records.delete(key);
    this.#addRowless(this.#retired.retire(record, key === record.identity.id ? key : undefined));
    record.release(this.#context);
  }

  #addRowless(growth: Growth): void {
    this.#rowlessSent += Math.max(0, growth.sent);
    this.#rowlessReceived += Math.max(0, growth.received);
  }

  #countErased(): void {
    this.#loss.add({ cause: "counters_erased", count: 1, bytes: undefined });
  }

  #countMissing(count: number): void {
    this.#loss.add({ cause: "final_counters_missing", count, bytes: undefined });
  }

  #publish(batch: Batch, status: CaptureStatus, { intervalMs, step, interfaces }: Taken): Snapshot {
    const flows: Flow[] = [];
    const sums = new TrafficSums();
    sums.addAll(this.#retired.sums);
    let sent = this.#rowlessSent;
    let received = this.#rowlessReceived;
    let processes = 0;
    let sockets = 0;
    this.#livingRows = 0;
    for (const record of this.#records.values()) {
      sent += Math.max(0, record.sent.stepRate(step));
      received += Math.max(0, record.received.stepRate(step));
      sums.add(sideOf(record), record.sent.observed, record.received.observed);
      flows.push(rowOf(record, this.#context));
      this.#show(record);
      if (record.closed) continue;
      sockets += record.socketCount;
      for (const owner of record.owners) {
        if (owner.holdingSequence === this.#sequence) continue;
        owner.holdingSequence = this.#sequence;
        processes += 1;
      }
    }
    this.#sendRate.step(sent, step);
    this.#receiveRate.step(received, step);
    return {
      sampledAtMs: batch.sampledAtMs,
      startedAtMs: this.#startedAtMs,
      intervalMs,
      sequence: this.#sequence,
      capture: status,
      loss: this.#loss.entries(),
      totals: this.#totals(sums, sockets, processes),
      reconciliation: reconcile(this.#interfaces.traffic(), sums),
      flows,
      processes: this.#processes.states(this.#sequence),
      interfaces,
      timings: batch.timings,
    };
  }

  /** What it had to tell has been told. */
  #show(record: FlowRecord): void {
    record.untoldSent = 0;
    record.untoldReceived = 0;
    if (!record.closed) this.#livingRows += 1;
  }

  #totals(sums: TrafficSums, sockets: number, processes: number): Totals {
    this.#totalSent = Math.max(this.#totalSent, sums.totalSent);
    this.#totalReceived = Math.max(this.#totalReceived, sums.totalReceived);
    return {
      bytesSent: this.#totalSent,
      bytesReceived: this.#totalReceived,
      sendBytesPerSecond: this.#sendRate.bytesPerSecond,
      receiveBytesPerSecond: this.#receiveRate.bytesPerSecond,
      connections: sockets + this.#retired.livingSockets,
      closedConnections: this.#closedConnections,
      processes,
      interfaces: this.#interfaces.traffic(),
    };
  }
}
