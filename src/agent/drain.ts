/**
 * Brings what is in the outbox to the parent, one lane of streams in each loop: process events never wait behind flows. A batch
 * goes, its answer deletes it; what the parent says of gaps and conflicts is put right in the outbox, never by dropping. Single events
 * that the parent does not accept are found (narrowing.ts) and declared lost in their place, so that all behind them arrive.
 */
import { printable } from "../lib/format.ts";
import { BatchAnswer, isLoss, type SignedBatch, type StreamName } from "../protocol/fleet/envelope.ts";
import { AGENT_PATHS } from "../protocol/fleet/paths.ts";
import type { Outbox } from "../telemetry/contract.ts";
import { Backoff } from "./backoff.ts";
import type { AgentClock, AgentLog, ParentAnswer, ParentClient } from "./contract.ts";
import type { Credit } from "./credit.ts";
import type { Cursors } from "./cursors.ts";
import type { Link } from "./link.ts";
import { Narrowing } from "./narrowing.ts";
import { askedWaitMs, tellLink, wordsOf, type Failure } from "./refusal.ts";
import { pause } from "./wait.ts";

export interface Lane {
  readonly streams: readonly StreamName[];
  /** Between two batches that are not full: what happens together goes together. */
  readonly gatherMs: number;
}

/** Process events have their own. */
export const LANES: readonly Lane[] = [
  { streams: ["process"], gatherMs: 200 },
  { streams: ["flow", "health"], gatherMs: 1000 },
];

export interface DrainOptions {
  readonly client: ParentClient;
  readonly outbox: Outbox;
  readonly clock: AgentClock;
  readonly log: AgentLog;
  readonly link: Link;
  readonly cursors: Cursors;
  readonly credit: Credit;
  readonly lane: Lane;
  readonly retryMaxMs: number;
  readonly random?: () => number;
}

const SEND_MS = 60_000;
/** So often in a row a stream is not taken before a person is told of it. */
const TOLD_AFTER = 3;
/** So often in a row the parent fails with a batch, a minute or so, before it is taken for the batch's fault. */
const FAULTS_MAX = 8;
const CONFLICT_MS = 1000;

function payloadBytes(batch: SignedBatch): number {
  return batch.items.reduce((sum, item) => sum + (isLoss(item) ? 0 : item.payload.length), 0);
}

function pathOf(stream: StreamName): string {
  return stream === "process" ? AGENT_PATHS.processEvents : AGENT_PATHS.telemetry;
}

type Refusal = Extract<Failure, { kind: "refused" }>;

/** What is known of one stream of the lane beyond the outbox. */
interface StreamState {
  readonly narrowing: Narrowing;
  readonly backoff: Backoff;
  /** Monotonic: until then the others of the lane go on without it. */
  notBeforeMs: number;
  /** Why the parent does not take what is there, for a person; null while it does. */
  problem: string | null;
  givenUp: number;
  /** In a row. */
  failures: number;
}

export class Drain {
  readonly #options: DrainOptions;
  readonly #streams = new Map<StreamName, StreamState>();
  readonly #backoff: Backoff;
  #turn = 0;
  /** The gap that was put right last: the same once more was not. */
  #lastGap = "";

  constructor(options: DrainOptions) {
    this.#options = options;
    const { random } = options;
    const bounds = { maxMs: options.retryMaxMs, ...(random === undefined ? {} : { random }) };
    this.#backoff = new Backoff(bounds);
    const nowMs = options.clock.monotonicMs();
    for (const stream of options.lane.streams) {
      const [narrowing, backoff] = [new Narrowing(nowMs), new Backoff(bounds)];
      const state = { narrowing, backoff, notBeforeMs: nowMs, problem: null, givenUp: 0, failures: 0 };
      this.#streams.set(stream, state);
    }
  }

  /** What of its streams the parent does not take, for a person. */
  get notices(): string[] {
    const notices: string[] = [];
    for (const [stream, { problem, givenUp }] of this.#streams) {
      if (problem !== null) notices.push(problem);
      const events = givenUp === 1 ? "1 event" : `${givenUp} events`;
      if (givenUp > 0)
        notices.push(`the parent does not accept ${events} of the stream ${stream}: given up, see the log`);
    }
    return notices;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { outbox, link, lane, credit } = this.#options;
    while (!signal.aborted) {
      await outbox.waitForPending(lane.streams, signal);
      await link.up(signal);
      await pause(credit.waitMs, signal);
      if (signal.aborted) return;
      const waitMs = await this.#step(signal);
      await pause(waitMs, signal);
    }
  }

  /** Sends what it can until then: for the end, when nobody waits any more. */
  async finish(deadline: AbortSignal): Promise<void> {
    while (!deadline.aborted) {
      await pause(this.#options.credit.waitMs, deadline);
      const batch = deadline.aborted ? undefined : this.#next();
      if (batch === undefined) return;
      const answer = await this.#send(batch, deadline);
      if (answer.kind !== "ok") return;
      this.#taken(batch, answer.value);
    }
  }

  /** The next batch of the streams in turn. */
  #next(): SignedBatch | undefined {
    const { outbox, lane, credit, clock } = this.#options;
    for (let tried = 0; tried < lane.streams.length; tried += 1) {
      const stream = lane.streams[this.#turn % lane.streams.length];
      this.#turn += 1;
      const state = stream === undefined ? undefined : this.#streams.get(stream);
      if (stream === undefined || state === undefined || state.notBeforeMs > clock.monotonicMs()) continue;
      const batch = outbox.nextBatch(stream, credit.bytes, state.narrowing.itemsMax);
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  /** Milliseconds until the next. */
  async #step(signal: AbortSignal): Promise<number> {
    const { credit, clock, lane } = this.#options;
    const allowed = credit.bytes;
    const batch = this.#next();
    if (batch === undefined) return this.#untilNext();
    const startedMs = clock.monotonicMs();
    const answer = await this.#send(batch, signal);
    if (signal.aborted && answer.kind !== "ok") return 0;
    const tookMs = clock.monotonicMs() - startedMs;
    if (answer.kind !== "ok") return this.#failed(batch, answer);
    const bytes = payloadBytes(batch);
    const itemsMax = this.#streams.get(batch.header.stream)?.narrowing.itemsMax;
    credit.sent(bytes, tookMs);
    this.#taken(batch, answer.value);
    this.#backoff.reset();
    this.#lastGap = "";
    const isFull = bytes * 2 >= allowed || batch.items.length === itemsMax;
    return isFull ? 0 : Math.max(0, lane.gatherMs - tookMs);
  }

  /** Milliseconds until a stream that waits is due, or something may have come. */
  #untilNext(): number {
    const { clock, lane } = this.#options;
    const nowMs = clock.monotonicMs();
    const waits = [...this.#streams.values()].map(({ notBeforeMs }) => notBeforeMs - nowMs);
    return Math.max(1, Math.min(lane.gatherMs, ...waits.filter((waitMs) => waitMs > 0)));
  }

  #send(batch: SignedBatch, signal: AbortSignal): Promise<ParentAnswer<BatchAnswer>> {
    const read = (value: unknown): BatchAnswer => BatchAnswer.parse(value);
    return this.#options.client.request("POST", pathOf(batch.header.stream), batch, read, {
      timeoutMs: SEND_MS,
      signal,
    });
  }

  #taken(batch: SignedBatch, answer: BatchAnswer): void {
    const { outbox, cursors, credit } = this.#options;
    const { stream, epoch } = batch.header;
    outbox.acknowledge(batch, answer);
    cursors.set(stream, epoch, answer.cursor);
    credit.granted(answer.creditBytes, answer.waitMs);
    const state = this.#streams.get(stream);
    if (state === undefined) return;
    state.narrowing.taken(batch);
    state.backoff.reset();
    state.problem = null;
    state.failures = 0;
  }

  /** Milliseconds until the next. */
  #failed(batch: SignedBatch, failure: Failure): number {
    const { credit, link } = this.#options;
    const state = this.#streams.get(batch.header.stream);
    if (state === undefined) return this.#backoff.next();
    state.failures += 1;
    if (failure.kind === "refused") {
      const { code, cursor } = failure.error;
      if (code === "gap" && cursor !== undefined) return this.#gap(batch, cursor);
      if (code === "conflict") return this.#conflict(batch, cursor);
      if (this.#isOfBatch(batch, failure, state)) return this.#refused(batch, failure, state);
      // A parent that fails with everything fails with a heartbeat too, and then nobody sends.
      if (code === "internal") link.wanted.ring();
      if (code === "too_large" || code === "too_slow") credit.shrink();
    } else credit.shrink();
    if (state.failures >= TOLD_AFTER) this.#tell(batch, failure, state);
    tellLink(failure, link);
    return this.#backoff.next(askedWaitMs(failure));
  }

  /** Whether what is in the batch is the reason, as far as can be known. */
  #isOfBatch(batch: SignedBatch, { error }: Refusal, { failures, narrowing }: StreamState): boolean {
    const { credit } = this.#options;
    if (error.code === "bad_request") return true;
    // One that is too large is only that, unless it can't become smaller by its bytes.
    if (error.code === "too_large") return credit.isSmallest || batch.items.length === 1;
    return error.code === "internal" && (narrowing.isNarrow || failures > FAULTS_MAX);
  }

  /** It is kept here, and why. */
  #tell({ header }: SignedBatch, failure: Failure, state: StreamState): void {
    const words = `the stream ${header.stream} is kept here: ${wordsOf(failure)}`;
    if (state.problem !== words) this.#options.log.error(words);
    state.problem = words;
  }

  /** What is in this batch, or the batch itself, is nothing that the parent accepts. Only its own stream waits for that. */
  #refused(batch: SignedBatch, failure: Refusal, state: StreamState): number {
    const nowMs = this.#options.clock.monotonicMs();
    const verdict = state.narrowing.refused(batch, nowMs);
    if (verdict.kind === "give-up") this.#giveUp(batch, failure, state);
    else if (verdict.kind !== "smaller") this.#tell(batch, failure, state);
    if (verdict.kind === "again") state.notBeforeMs = nowMs + state.backoff.next(failure.retryAfterMs);
    else if (verdict.kind !== "give-up") state.notBeforeMs = nowMs + verdict.waitMs;
    return 0;
  }

  #giveUp(batch: SignedBatch, failure: Refusal, state: StreamState): void {
    const { outbox, log } = this.#options;
    const { stream, epoch, firstSeq } = batch.header;
    // Where the disk refuses that now, it is refused by the parent once more, and given up then.
    if (!outbox.giveUp(batch, "refused")) return;
    state.narrowing.givenUp();
    state.backoff.reset();
    state.givenUp += 1;
    const [item] = batch.items;
    const type = item === undefined || isLoss(item) ? "" : ` (${printable(item.type)})`;
    log.error(`event ${firstSeq}${type} of the stream ${stream} ${epoch} is given up: ${wordsOf(failure)}`);
  }

  /** The parent wants what comes after `cursor`: what lies between was acknowledged once, and is gone. */
  #gap(batch: SignedBatch, cursor: number): number {
    const { outbox, cursors, log } = this.#options;
    const { stream, epoch, firstSeq } = batch.header;
    log.warn(`the parent has the stream ${stream} up to ${cursor} only, not up to ${firstSeq - 1}`);
    outbox.rewindTo(stream, epoch, cursor);
    cursors.set(stream, epoch, cursor);
    const gap = `${stream} ${epoch} ${cursor}`;
    const isAgain = gap === this.#lastGap;
    this.#lastGap = gap;
    return isAgain ? this.#backoff.next() : 0;
  }

  /**
   * Other events stand at the parent in these places: state was restored here, or somebody else has this key. `agreedUpTo`: the last
   * that it has the same; a parent that does not tell is asked with smaller batches.
   */
  #conflict(batch: SignedBatch, agreedUpTo: number | undefined): number {
    const { outbox, log } = this.#options;
    const { stream, epoch, lastSeq } = batch.header;
    log.warn(`the parent has other events in the stream ${stream}: a new epoch begins`);
    // Only what was sent was compared, and one of it differs.
    const agreed = agreedUpTo === undefined ? undefined : Math.min(agreedUpTo, lastSeq - 1);
    outbox.beginEpoch(stream, epoch, "conflict", agreed);
    // A parent that finds a conflict in every epoch must not have the whole outbox written anew each second.
    return agreed === undefined ? CONFLICT_MS : Math.max(CONFLICT_MS, this.#backoff.next());
  }
}
