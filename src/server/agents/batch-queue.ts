/**
 * Verified batches that wait to be stored, bounded in bytes, and the one writer that stores them: batches of many agents in one
 * transaction, each answered when it is on disk. Where the disk is full all are refused at once, nothing is acknowledged, and
 * the next attempt after a pause finds out whether it works again.
 */
import type { IngestOutcome, VerifiedBatch } from "../../store/fleet/contract.ts";
import type { ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { isStorageTrouble, jittered, storageFull } from "./storage-trouble.ts";

/** Batches that come within this time go into one transaction. */
const GATHER_MS = 10;
/** Items of one transaction: so many that syncing is shared, so few that nobody waits long behind it. */
const ITEMS_MIN = 256;
const ITEMS_MAX = 600;
/** What a transaction should take at most. */
const COMMIT_MS = 15;
/** Of one agent at once: one per stream and one to spare. */
const PER_AGENT_MAX = 4;
const PAUSE_MS_MIN = 1000;
const PAUSE_MS_MAX = 30_000;
const RETRY_MS = 2000;
/** Weight of the newest measurement. */
const SMOOTHING = 0.2;

/** Room in the queue, held from when a batch is here until it is stored or refused. */
export interface Place {
  readonly agentId: string;
  readonly bytes: number;
}

interface Waiting {
  readonly verified: VerifiedBatch;
  readonly place: Place;
  readonly settled: PromiseWithResolvers<IngestOutcome>;
}

export class BatchQueue {
  readonly #context: ServerContext;
  #waiting: Waiting[] = [];
  readonly #perAgent = new Map<string, number>();
  /** Of all that hold a place. */
  #bytes = 0;
  /** Of those that wait to be written. */
  #items = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #itemsTarget = ITEMS_MIN * 2;
  #bytesPerMs = 2000;
  /** Monotonic: nothing is tried before. */
  #brokenUntilMs = 0;
  #pauseMs = 0;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How long what waits will take, as the last writes went. */
  get drainMs(): number {
    return Math.ceil(this.#bytes / this.#bytesPerMs);
  }

  /** True while storing fails and is not to be tried. */
  get isBroken(): boolean {
    return this.#context.clock.monotonicMs() < this.#brokenUntilMs;
  }

  /** Holds room for a batch; to be given back with `leave`, or used by `add`. @throws FleetError("storage_full"), FleetError("overloaded") */
  enter(agentId: string, bytes: number): Place {
    if (this.isBroken) throw storageFull();
    const hasRoom = this.#bytes + bytes <= this.#context.limits.ingestQueueBytesMax;
    if (!hasRoom || (this.#perAgent.get(agentId) ?? 0) >= PER_AGENT_MAX) {
      throw new FleetError("overloaded", "the parent has more to store than it can at the moment", {
        retryAfterMs: jittered(Math.max(RETRY_MS, this.drainMs)),
      });
    }
    this.#count(agentId, bytes, 1);
    return { agentId, bytes };
  }

  leave({ agentId, bytes }: Place): void {
    this.#count(agentId, -bytes, -1);
  }

  /** Resolves when it is stored, or known not to fit; its place is free then. @throws FleetError("storage_full") */
  async add(verified: VerifiedBatch, place: Place): Promise<IngestOutcome> {
    if (this.isBroken) {
      this.leave(place);
      throw storageFull();
    }
    const settled = Promise.withResolvers<IngestOutcome>();
    this.#waiting.push({ verified, place, settled });
    this.#items += verified.batch.items.length;
    this.#startOrGather();
    return settled.promise;
  }

  /** Stores what waits. */
  async stop(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#start();
      await this.#running;
    }
    await this.#running;
    clearTimeout(this.#timer);
  }

  #startOrGather(): void {
    if (this.#items >= this.#itemsTarget) this.#start();
    else if (this.#items > 0) this.#timer ??= setTimeout(() => this.#start(), GATHER_MS);
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#startOrGather();
    });
  }

  /** Until little is left that is worth gathering for. */
  async #run(): Promise<void> {
    do {
      await this.#commit(this.#take());
      // Requests have their turn between two transactions.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#items >= this.#itemsTarget);
  }

  /** At least one; where many wait, more at once: then what is stored per second matters more than how soon. */
  #take(): Waiting[] {
    const target = Math.min(ITEMS_MAX, Math.max(this.#itemsTarget, Math.ceil(this.#items / 4)));
    let items = 0;
    let count = 0;
    for (const { verified } of this.#waiting) {
      items += verified.batch.items.length;
      if (count > 0 && items > target) break;
      count += 1;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    for (const { verified } of taken) this.#items -= verified.batch.items.length;
    return taken;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    if (group.length === 0) return;
    const { store, clock, metrics } = this.#context;
    const beganMs = clock.monotonicMs();
    try {
      const outcomes = await store.events.ingest(group.map(({ verified }) => verified));
      const tookMs = clock.monotonicMs() - beganMs;
      metrics.observe("wb_ingest_commit_seconds", {}, tookMs / 1000);
      this.#learn(group, tookMs);
      group.forEach((waiting, index) => this.#settle(waiting, outcomes[index]));
    } catch (error) {
      if (isStorageTrouble(error)) this.#break(group, error);
      else await this.#commitEach(group, error);
    }
  }

  #settle(waiting: Waiting, outcome: IngestOutcome | undefined): void {
    this.leave(waiting.place);
    if (outcome === undefined) waiting.settled.reject(new Error("the store gave no outcome for a batch"));
    else waiting.settled.resolve(outcome);
  }

  /** Something in one of them is not as the store expects: the others must not suffer for it. */
  async #commitEach(group: readonly Waiting[], cause: unknown): Promise<void> {
    for (const waiting of group) {
      try {
        if (group.length === 1) throw cause;
        const [outcome] = await this.#context.store.events.ingest([waiting.verified]);
        this.#settle(waiting, outcome);
      } catch (error) {
        this.leave(waiting.place);
        waiting.settled.reject(isStorageTrouble(error) ? storageFull() : error);
      }
    }
  }

  /** Everybody is told to wait; after the pause the next that comes finds out. */
  #break(group: readonly Waiting[], error: unknown): void {
    const { clock, log, metrics } = this.#context;
    if (this.#pauseMs === 0) {
      log.error("telemetry can't be stored: agents are told to wait", { error });
    }
    this.#pauseMs = Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, this.#pauseMs * 2));
    this.#brokenUntilMs = clock.monotonicMs() + this.#pauseMs;
    metrics.add("wb_ingest_storage_failures_total", {});
    const refused = [...group, ...this.#waiting];
    this.#waiting = [];
    this.#items = 0;
    for (const waiting of refused) {
      this.leave(waiting.place);
      waiting.settled.reject(storageFull());
    }
  }

  #learn(group: readonly Waiting[], tookMs: number): void {
    if (this.#pauseMs > 0) this.#context.log.info("telemetry is stored again");
    this.#pauseMs = 0;
    const bytes = group.reduce((sum, waiting) => sum + waiting.place.bytes, 0);
    const items = group.reduce((sum, { verified }) => sum + verified.batch.items.length, 0);
    this.#bytesPerMs += SMOOTHING * (bytes / Math.max(1, tookMs) - this.#bytesPerMs);
    this.#bytesPerMs = Math.max(1, this.#bytesPerMs);
    const isFull = items >= this.#itemsTarget / 2;
    if (tookMs > COMMIT_MS) this.#itemsTarget = Math.max(ITEMS_MIN, this.#itemsTarget * 0.8);
    else if (isFull) this.#itemsTarget = Math.min(ITEMS_MAX, this.#itemsTarget * 1.2);
  }

  #count(agentId: string, bytes: number, batches: number): void {
    this.#bytes += bytes;
    const ofAgent = (this.#perAgent.get(agentId) ?? 0) + batches;
    if (ofAgent > 0) this.#perAgent.set(agentId, ofAgent);
    else this.#perAgent.delete(agentId);
    this.#context.metrics.set("wb_ingest_queue_bytes", {}, this.#bytes);
  }
}
