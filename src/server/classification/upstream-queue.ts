/**
 * What waits to be asked upstream: bounded, in batches, one request at a time. Failures are tried again with full-jitter
 * backoff, or when the other side says; after five in a row nothing is asked for a minute, then one batch is tried. What stays
 * unknown is asked again when its answer is no longer valid.
 */
import type { ClassificationRequest } from "../../protocol/fleet/classification.ts";
import type { Metrics, ServerClock, ServerLog } from "../context.ts";
import type { UpstreamClassification, UpstreamClient } from "./upstream-client.ts";

export interface UpstreamQueueTiming {
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  readonly failuresMax: number;
  readonly openMs: number;
  /** How long an answer is valid where nothing else is said, and at least and at most. */
  readonly validMs: number;
  readonly validMinMs: number;
  readonly validMaxMs: number;
  /** 0 to 1, at random. */
  readonly random: () => number;
}

export const UPSTREAM_TIMING: UpstreamQueueTiming = {
  backoffBaseMs: 1000,
  backoffMaxMs: 300_000,
  failuresMax: 5,
  openMs: 60_000,
  validMs: 24 * 3_600_000,
  validMinMs: 60_000,
  validMaxMs: 30 * 24 * 3_600_000,
  random: Math.random,
};

const BATCH_MAX = 50;
const READY_MAX = 10_000;
const LATER_MAX = 20_000;
const KNOWN_MAX = 50_000;
/** The longest that setTimeout can wait. */
const TIMER_MAX_MS = 0x7fff_ffff;

export interface UpstreamQueueOptions {
  readonly client: UpstreamClient;
  readonly clock: ServerClock;
  readonly log: ServerLog;
  readonly metrics: Metrics;
  readonly stopping: AbortSignal;
  readonly timing: UpstreamQueueTiming;
  /** Who asks, for X-Agent-ID. */
  readonly agentId: () => Promise<string>;
  /** What was learned; resolves when it is stored. */
  readonly learned: (
    found: readonly { request: ClassificationRequest; answer: UpstreamClassification }[],
  ) => Promise<void>;
}

export class UpstreamQueue {
  readonly #options: UpstreamQueueOptions;
  readonly #ready = new Map<string, ClassificationRequest>();
  /** With the monotonic time at which to ask again. */
  readonly #later = new Map<string, { request: ClassificationRequest; atMs: number }>();
  /** What upstream said is valid up to this monotonic time. */
  readonly #validUntil = new Map<string, number>();
  #failures = 0;
  /** Monotonic; nothing is asked before. */
  #notBeforeMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;

  constructor(options: UpstreamQueueOptions) {
    this.#options = options;
    options.stopping.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** How many wait, now or for later. */
  get size(): number {
    return this.#ready.size + this.#later.size;
  }

  /** Whether nothing is asked because of failures. */
  get isOpen(): boolean {
    return this.#failures >= this.#options.timing.failuresMax;
  }

  add(request: ClassificationRequest): void {
    const { fingerprintHash } = request;
    const validUntilMs = this.#validUntil.get(fingerprintHash) ?? 0;
    if (this.#later.has(fingerprintHash) || validUntilMs > this.#nowMs()) return;
    if (!this.#ready.has(fingerprintHash) && this.#ready.size >= READY_MAX) {
      this.#options.metrics.add("wb_upstream_dropped_total", {});
      return;
    }
    this.#ready.set(fingerprintHash, request);
    this.#schedule();
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #schedule(): void {
    if (this.#isAsking || this.#options.stopping.aborted) return;
    clearTimeout(this.#timer);
    const dueMs = this.#dueMs();
    if (dueMs === undefined) return;
    const waitMs = Math.min(Math.max(dueMs, this.#notBeforeMs) - this.#nowMs(), TIMER_MAX_MS);
    this.#timer = setTimeout(() => void this.#ask(), Math.max(0, Math.ceil(waitMs)));
    this.#timer.unref();
  }

  /** Of the first that is to be asked; undefined where there is none. */
  #dueMs(): number | undefined {
    if (this.#ready.size > 0) return 0;
    let first: number | undefined;
    for (const { atMs } of this.#later.values()) first = Math.min(first ?? atMs, atMs);
    return first;
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    const { client, stopping, clock, log, agentId } = this.#options;
    const batch = this.#take();
    if (batch.length === 0 || stopping.aborted) return this.#schedule();
    this.#isAsking = true;
    try {
      const outcome = await client.classify(await agentId(), batch, { signal: stopping, nowMs: clock.now() });
      this.#options.metrics.add("wb_upstream_requests_total", { outcome: outcome.kind });
      if (outcome.kind === "answered") await this.#answered(batch, outcome);
      else if (outcome.kind === "refused") this.#refused(batch, outcome.reason);
      else this.#failed(batch, outcome.reason, outcome.retryAfterMs);
    } catch (error) {
      if (!stopping.aborted) log.warn("what upstream said could not be stored", { error });
      this.#failed(batch, "it could not be stored", undefined);
    } finally {
      this.#isAsking = false;
      this.#schedule();
    }
  }

  #take(): ClassificationRequest[] {
    const nowMs = this.#nowMs();
    for (const [hash, { request, atMs }] of this.#later) {
      if (this.#ready.size >= BATCH_MAX) break;
      if (atMs > nowMs) continue;
      this.#later.delete(hash);
      this.#ready.set(hash, request);
    }
    return [...this.#ready.values()].slice(0, BATCH_MAX);
  }

  async #answered(
    batch: readonly ClassificationRequest[],
    answer: { classifications: readonly UpstreamClassification[]; cacheUntilMs: number | undefined },
  ): Promise<void> {
    const answers = new Map(answer.classifications.map((each) => [each.fingerprintHash, each]));
    const found = batch.flatMap((request) => {
      const answer = answers.get(request.fingerprintHash);
      return answer === undefined || answer.category === "unknown" ? [] : [{ request, answer }];
    });
    // First stored, then forgotten: where storing fails it is asked again.
    await this.#options.learned(found);
    if (this.isOpen) this.#options.log.info("upstream classification works again");
    this.#failures = 0;
    this.#notBeforeMs = 0;
    this.#options.metrics.set("wb_upstream_circuit_open", {}, 0);
    const untilMs = this.#nowMs() + this.#validMs(answer.cacheUntilMs);
    const isFound = new Set(found.map(({ request }) => request.fingerprintHash));
    for (const request of batch) {
      this.#ready.delete(request.fingerprintHash);
      if (isFound.has(request.fingerprintHash))
        bounded(this.#validUntil, KNOWN_MAX, request.fingerprintHash, untilMs);
      else this.#askLater(request, untilMs);
    }
  }

  /** How long from now, by what the other side said; its clock and ours need not agree, so that it is bounded. */
  #validMs(cacheUntilMs: number | undefined): number {
    const { validMs, validMinMs, validMaxMs } = this.#options.timing;
    const wanted = cacheUntilMs === undefined ? validMs : cacheUntilMs - this.#options.clock.now();
    return Math.min(Math.max(wanted, validMinMs), validMaxMs);
  }

  #askLater(request: ClassificationRequest, atMs: number): void {
    this.#validUntil.delete(request.fingerprintHash);
    if (!bounded(this.#later, LATER_MAX, request.fingerprintHash, { request, atMs })) return;
    this.#options.metrics.add("wb_upstream_dropped_total", {});
  }

  /** The same question would be refused again: it waits as long as an answer would be valid. */
  #refused(batch: readonly ClassificationRequest[], reason: string): void {
    const untilMs = this.#nowMs() + this.#options.timing.validMs;
    for (const request of batch) {
      this.#ready.delete(request.fingerprintHash);
      this.#askLater(request, untilMs);
    }
    this.#options.log.warn(`upstream classification refuses what is asked: ${reason}`, {
      hint: "check its address and key",
    });
    this.#count(undefined);
  }

  #failed(batch: readonly ClassificationRequest[], reason: string, retryAfterMs: number | undefined): void {
    const wasOpen = this.isOpen;
    this.#count(retryAfterMs);
    if (this.#options.stopping.aborted || wasOpen || !this.isOpen) return;
    this.#options.log.warn(`upstream classification does not answer: ${reason}`, { waiting: batch.length });
  }

  /** Full jitter: anything between nothing and the exponential bound, so that many parents do not come back at once. */
  #count(retryAfterMs: number | undefined): void {
    const { backoffBaseMs, backoffMaxMs, openMs, random } = this.#options.timing;
    this.#failures += 1;
    const bound = Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(this.#failures, 30));
    const delayMs = retryAfterMs ?? random() * bound;
    this.#notBeforeMs = this.#nowMs() + (this.isOpen ? Math.max(delayMs, openMs) : delayMs);
    this.#options.metrics.set("wb_upstream_circuit_open", {}, this.isOpen ? 1 : 0);
  }
}

/** Sets, and takes out the oldest where there are too many: whether it did. */
function bounded<V>(map: Map<string, V>, sizeMax: number, key: string, value: V): boolean {
  map.delete(key);
  map.set(key, value);
  if (map.size <= sizeMax) return false;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
  return true;
}
