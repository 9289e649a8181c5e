/**
 * The kernel's events about processes, by the elevated helper's service, for as long as it is there: looked for in the
 * background, taken up again when it is back, and renewed before a session's time is over, the two overlapping, so that some
 * events may be told twice and none is missed. What the helper or the kernel had to drop is told as a number.
 */
import { libc } from "../../../ffi/linux/libc.ts";
import { decodeProcessEvents, type ProcessEvent } from "../../decode/process-events.ts";
import type { Clock } from "../../lib/clock.ts";
import { WbError } from "../../model/errors.ts";
import { unixTransport } from "../../platform/unix-transport.ts";
import { PROCESSES_MAX, type ProcessEventsFrame, type ProcessRow } from "../../protocol/helper/messages.ts";
import type { Transport } from "../../protocol/helper/transport.ts";
import type { HelperAccess } from "../helper-access.ts";
import { SC_CLK_TCK } from "../linux/process-table.ts";
import { HelperFinder } from "./finder.ts";
import { HelperSession } from "./session.ts";

export interface ProcessWatchOptions {
  /** Where the helper is; disposed of with the watch. */
  readonly access: HelperAccess;
  readonly clock: Clock;
  /** All events from now on come. */
  readonly onBegan: () => void;
  readonly onEvents: (events: readonly ProcessEvent[]) => void;
  /** So many records, of processes or of sockets, were dropped since the last time. */
  readonly onLost: (where: "helper" | "kernel", count: number) => void;
  /** No more events come, until `onBegan`. */
  readonly onEnded: () => void;
  readonly transport?: Transport | undefined;
  /** For tests: how often loss is asked for, how long an answer may take, and the pauses between two attempts. */
  readonly lossMs?: number | undefined;
  readonly answerMsMax?: number | undefined;
  readonly retryMs?: { readonly first: number; readonly last: number } | undefined;
}

/** What has to be attached in the kernel for the events to be complete. */
const PROGRAMS = ["tp_exec", "tp_fork", "tp_exit"];
/**
 * So long may the helper take to answer. Long, because nothing waits for it, and who begins anew has not seen what was between; when
 * it is gone its connection closes, and until when it was heard is known (`contactMs`).
 */
const ANSWER_MS_MAX = 5000;
/** How often the kernel's own loss is asked for. */
const LOSS_MS = 5000;
/** So long two sessions overlap: several frames. */
const OVERLAP_MS = 500;
/** No row has changed since then: what is asked for are only the counts of loss. */
const NO_ROWS = Number.MAX_SAFE_INTEGER;

/** One session's stream: its own count of dropped records. */
interface Feed {
  session: HelperSession | undefined;
  dropped: number;
}

export class ProcessWatch implements AsyncDisposable {
  readonly #options: ProcessWatchOptions;
  readonly #finder: HelperFinder;
  readonly #ticksPerSecond = libc().sysconf(SC_CLK_TCK);
  readonly #leaving = new Set<HelperSession>();
  #session: HelperSession | undefined;
  #timer: Timer | undefined;
  /** What the kernel had dropped at the last look, of that helper's run. */
  #kernel: { readonly instance: string; readonly eventsFull: number } | undefined;
  #contactMs = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(options: ProcessWatchOptions) {
    this.#options = options;
    this.#finder = new HelperFinder({
      clock: options.clock,
      retryMs: options.retryMs ?? { first: 500, last: 30_000 },
      find: (onClosed) => this.#open(onClosed),
      onFound: () => this.#change(),
    });
  }

  /** Begins to look for the helper. */
  start(): void {
    this.#finder.search();
  }

  get isLive(): boolean {
    return this.#session?.isOpen === true;
  }

  /** Of the clock that never jumps: when the helper was last heard. */
  get contactMs(): number {
    return this.#contactMs;
  }

  /** Those that there are; nothing where the helper is away. At most PROCESSES_MAX are asked for. */
  async processes(pids: readonly number[]): Promise<readonly ProcessRow[]> {
    return (await this.#session?.processes(pids.slice(0, PROCESSES_MAX))) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#finder[Symbol.dispose]();
    this.#session?.[Symbol.dispose]();
    for (const session of this.#leaving) session[Symbol.dispose]();
    this.#session = undefined;
    await this.#options.access[Symbol.asyncDispose]();
  }

  async #open(onClosed: () => void): Promise<HelperSession> {
    const feed: Feed = { session: undefined, dropped: 0 };
    const session = await HelperSession.open({
      transport: this.#options.transport ?? unixTransport,
      address: await this.#options.access.locate(),
      clock: this.#options.clock,
      answerMsMax: this.#options.answerMsMax ?? ANSWER_MS_MAX,
      onEvents: (frame) => this.#take(feed, frame),
      onClosed: () => {
        onClosed();
        this.#closed(feed);
      },
    });
    const lacking = PROGRAMS.filter((name) => !session.status.programs.includes(name));
    if (lacking.length > 0) {
      session[Symbol.dispose]();
      throw new WbError(
        "unavailable",
        `the helper's kernel programs tell of no processes (${lacking.join(", ")})`,
      );
    }
    feed.session = session;
    return session;
  }

  #change(): void {
    const session = this.#finder.take();
    if (session === undefined || this.#isOver) return;
    const before = this.#session;
    this.#session = session;
    this.#contactMs = this.#options.clock.monotonicMs();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#lookForLoss(session), this.#options.lossMs ?? LOSS_MS);
    this.#timer.unref();
    if (before?.isOpen === true) this.#leave(before);
    else this.#options.onBegan();
    void this.#lookForLoss(session);
  }

  /** The old session goes on for a moment, so that its last events come. */
  #leave(before: HelperSession): void {
    this.#leaving.add(before);
    setTimeout(() => {
      this.#leaving.delete(before);
      before[Symbol.dispose]();
    }, OVERLAP_MS).unref();
  }

  #closed(feed: Feed): void {
    if (feed.session === undefined || feed.session !== this.#session) return;
    this.#session = undefined;
    clearInterval(this.#timer);
    if (!this.#isOver) this.#options.onEnded();
  }

  #take(feed: Feed, { events, droppedEvents }: ProcessEventsFrame): void {
    if (this.#isOver) return;
    this.#contactMs = this.#options.clock.monotonicMs();
    const decoded = decodeProcessEvents(events, this.#ticksPerSecond);
    const dropped = droppedEvents - feed.dropped + (decoded.isWhole ? 0 : 1);
    feed.dropped = droppedEvents;
    if (dropped > 0) this.#options.onLost("helper", dropped);
    if (decoded.events.length > 0) this.#options.onEvents(decoded.events);
  }

  async #lookForLoss(session: HelperSession): Promise<void> {
    if (session.isAging) this.#finder.search();
    try {
      const { loss } = await session.collect(NO_ROWS);
      if (session !== this.#session) return;
      this.#contactMs = this.#options.clock.monotonicMs();
      const { instance } = session;
      const before = this.#kernel;
      this.#kernel = { instance, eventsFull: loss.eventsFull };
      // What a helper had lost before it was met is not ours; of one that came in between all of it is.
      const from =
        before === undefined ? loss.eventsFull : before.instance === instance ? before.eventsFull : 0;
      if (loss.eventsFull > from) this.#options.onLost("kernel", loss.eventsFull - from);
    } catch (error) {
      // A connection that fails closes, of which `onClosed` tells; a helper that can't answer now is asked again.
      if (!(error instanceof WbError)) throw error;
    }
  }
}
