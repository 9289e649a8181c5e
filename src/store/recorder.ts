/**
 * Records every snapshot of a monitor into the history. It never throws, never waits long and never grows: what was seen
 * is gathered in memory and committed in one transaction at least every few seconds, and whatever the disk does, the
 * monitor goes on. Of several monitors only the one that holds the lock records; the others stand by.
 *
 * While the disk refuses (full, read-only, failing), what is seen is kept in memory, folded where it gets too much, and
 * written when the disk takes it again.
 */
import { isDamage, storageMessage } from "./database.ts";
import { type HistoryStore, openHistory } from "./history.ts";
import type { Clock } from "../lib/clock.ts";
import { WbError } from "../model/errors.ts";
import type { Continuation, ExclusiveLock, SnapshotRollup } from "../model/history.ts";
import type { Snapshot } from "../model/snapshot.ts";

/** How a rollup is to begin: see RollupOptions of engine/rollup.ts, which this is handed on to. */
export interface RollupStart {
  readonly first: "counted" | "baseline";
  readonly continuation: Continuation | undefined;
}

export interface RecorderOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly lock: ExclusiveLock;
  readonly createRollup: (start: RollupStart) => SnapshotRollup;
  /** Boot and network namespace, separated by a space; undefined where they aren't known. */
  readonly scope: string | undefined;
  /** The longest time between two commits in milliseconds; 5000 by default. */
  readonly commitIntervalMs?: number | undefined;
  readonly hourlyRetentionDays?: number | undefined;
  readonly dailyRetentionDays?: number | undefined;
  /** Told once each, such as that the last monitor was killed; also kept in `status().notices`. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface RecorderStatus {
  readonly state: "recording" | "standby" | "stopped";
  /** Why it doesn't record, or what a person should know although it does. */
  readonly message?: string;
  /** What was told since the start, the oldest first. */
  readonly notices: readonly string[];
}

export interface Recorder {
  /** Takes a snapshot in. Call it for every one. Never throws. */
  observe(snapshot: Snapshot): void;
  status(): RecorderStatus;
  /** Writes what is left, marks the history as complete and gives the lock back. Never throws. */
  close(): void;
}

const COMMIT_INTERVAL_MS = 5000;
const RETRY_MS = 60_000;
/** So many rows are written at once at most; then a commit comes early. */
const ROWS_PER_COMMIT_MAX = 2000;
/** A pause between two samples that is longer than this, and not the interval, is time that nobody watched. */
const PAUSE_MS = 60_000;
const NOTICES_MAX = 20;

export function createRecorder(options: RecorderOptions): Recorder {
  return new HistoryRecorder(options);
}

class HistoryRecorder implements Recorder {
  readonly #options: RecorderOptions;
  readonly #commitIntervalMs: number;
  readonly #notices: string[] = [];
  #state: "new" | "recording" | "standby" | "stopped" | "closed" = "new";
  #problem: string | undefined;
  #isClosing = false;
  /** Whether trying again can't help. */
  #refused = false;
  #store: HistoryStore | undefined;
  #rollup: SnapshotRollup | undefined;
  /** Whether what the rollup holds began without the marks of the last commit. */
  #startsAnew = false;
  #triedAtMs = 0;
  #committedAtMs = 0;
  #lastSampleMs: number | undefined;
  /** Recorded time that waits to be written: Unix milliseconds. */
  #coveredFromMs: number | undefined;
  #failedSinceMs: number | undefined;
  #method = "";
  #intervalMs = 1000;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#commitIntervalMs = options.commitIntervalMs ?? COMMIT_INTERVAL_MS;
  }

  observe(snapshot: Snapshot): void {
    if (this.#state === "closed" || this.#refused) return;
    try {
      this.#take(snapshot);
    } catch (error) {
      this.#stop(error);
    }
    this.#lastSampleMs = Math.round(snapshot.sampledAtMs);
  }

  status(): RecorderStatus {
    const notices = [...this.#notices];
    if (this.#state === "standby") {
      return {
        state: "standby",
        message: "another monitor records the history; this one takes over when it ends",
        notices,
      };
    }
    if (this.#state === "stopped" || this.#state === "closed") {
      return { state: "stopped", message: this.#problem ?? "the recorder is closed", notices };
    }
    const message = notices.at(-1);
    return message === undefined ? { state: "recording", notices } : { state: "recording", message, notices };
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#isClosing = true;
    try {
      if (this.#store !== undefined && this.#lastSampleMs !== undefined) {
        this.#commit(this.#lastSampleMs);
        this.#store.end();
      }
    } catch (error) {
      this.#stop(error);
    }
    this.#closeStore();
    this.#options.lock.release();
    this.#state = "closed";
  }

  #take(snapshot: Snapshot): void {
    const now = Math.round(snapshot.sampledAtMs);
    this.#intervalMs = Math.ceil(snapshot.intervalMs ?? this.#intervalMs);
    const { method, capabilities } = snapshot.capture;
    // Another method counts otherwise and names flows otherwise: its marks are not ours.
    this.#method = `${method} ${capabilities.bytes}`;
    if (this.#rollup === undefined && !this.#beginRollup(now)) return;
    this.#noticePause(now);
    this.#rollup?.observe(snapshot);
    if (this.#store === undefined) {
      if (!this.#retryIsDue()) return;
      this.#openStore();
      this.#commit(now);
    } else if (this.#commitIsDue()) this.#commit(now);
  }

  /** Takes the lock and opens the history. False while another monitor records, or nothing can be done. */
  #beginRollup(now: number): boolean {
    if (this.#state === "stopped" && !this.#retryIsDue()) return false;
    const first = this.#state === "new" ? "counted" : "baseline";
    if (this.#state !== "standby") this.#failedSinceMs ??= now;
    this.#triedAtMs = this.#options.clock.monotonicMs();
    if (!this.#options.lock.tryAcquire()) {
      this.#state = "standby";
      this.#failedSinceMs = undefined;
      return false;
    }
    this.#state = "recording";
    let continuation: Continuation | undefined;
    try {
      continuation = this.#openStore();
    } finally {
      // Where the history can't be opened yet, what is seen from now on is kept for when it can.
      this.#startsAnew = this.#store === undefined;
      if (!this.#refused) this.#rollup = this.#options.createRollup({ first, continuation });
      this.#coveredFromMs = now;
    }
    return true;
  }

  #openStore(): Continuation | undefined {
    const { path, clock, hourlyRetentionDays, dailyRetentionDays, lock } = this.#options;
    this.#triedAtMs = clock.monotonicMs();
    let store: HistoryStore | undefined;
    try {
      store = openHistory({ path, clock, hourlyRetentionDays, dailyRetentionDays });
      const failed =
        this.#failedSinceMs !== undefined && this.#rollup === undefined ? this.#failedSinceMs : undefined;
      const { continuation, notices } = store.begin({
        scope: this.#scope(),
        startsAnew: this.#startsAnew,
        failedSinceMs: failed !== undefined && failed < (this.#lastSampleMs ?? 0) ? failed : undefined,
        touchedAtMs: lock.touchedAtMs(),
      });
      this.#store = store;
      if (this.#startsAnew) this.#rollup?.markAll();
      for (const notice of notices) this.#notify(notice);
      return continuation;
    } catch (error) {
      store?.close();
      // A newer or foreign file stays what it is however often it is looked at.
      this.#refused = error instanceof WbError && error.cause === undefined;
      throw error;
    }
  }

  #scope(): string | undefined {
    const { scope } = this.#options;
    return scope === undefined ? undefined : `${scope} ${this.#method}`;
  }

  #retryIsDue(): boolean {
    return this.#options.clock.monotonicMs() - this.#triedAtMs >= RETRY_MS;
  }

  /** The first look at once, then so early that waiting for the next look would not take too long. */
  #commitIsDue(): boolean {
    if (this.#state === "stopped" && !this.#retryIsDue()) return false;
    if (this.#committedAtMs === 0 || this.#state === "stopped") return true;
    if ((this.#rollup?.pendingRows ?? 0) >= ROWS_PER_COMMIT_MAX) return true;
    const waitedMs = this.#options.clock.monotonicMs() - this.#committedAtMs;
    return waitedMs + this.#intervalMs > this.#commitIntervalMs;
  }

  #commit(now: number): void {
    if (this.#store?.isInPlace() === false) {
      this.#closeStore();
      this.#startsAnew = true;
      this.#openStore();
      this.#notify(
        "the history's file was removed or replaced: recording goes on in the one that is there now",
      );
    }
    const store = this.#store;
    const rollup = this.#rollup;
    if (store === undefined || rollup === undefined) return;
    this.#triedAtMs = this.#options.clock.monotonicMs();
    store.record(rollup.pending(), {
      fromMs: this.#coveredFromMs ?? now,
      untilMs: now,
      windowMs: Math.max(this.#commitIntervalMs, this.#intervalMs) + this.#intervalMs,
      scope: this.#scope(),
    });
    rollup.committed();
    this.#coveredFromMs = now;
    this.#committedAtMs = Math.max(1, this.#options.clock.monotonicMs());
    this.#failedSinceMs = undefined;
    this.#startsAnew = false;
    if (this.#state === "stopped")
      this.#notify("the history is recorded again; nothing that was seen is missing");
    this.#state = "recording";
    this.#problem = undefined;
  }

  /** Time in which nobody watched (the machine slept, its clock was set) is not recorded time. */
  #noticePause(now: number): void {
    const last = this.#lastSampleMs;
    if (last === undefined || (now >= last && now - last <= PAUSE_MS + 2 * this.#intervalMs)) return;
    if (this.#state === "recording") this.#commit(last);
    this.#coveredFromMs = now;
  }

  #stop(error: unknown): void {
    if (isDamage(error)) {
      // The next attempt finds the damage at opening, and sets the file aside.
      this.#closeStore();
      this.#triedAtMs = this.#options.clock.monotonicMs() - RETRY_MS;
      this.#startsAnew = true;
    }
    const problem = `recording stopped: ${reasonOf(error)}${this.#outlook()}`;
    if (this.#state !== "stopped" || this.#problem !== problem) this.#notify(problem);
    this.#problem = problem;
    this.#state = "stopped";
    this.#options.lock.touch();
    if (!this.#refused) return;
    this.#rollup = undefined;
    this.#options.lock.release();
  }

  /** What becomes of what could not be written. */
  #outlook(): string {
    if (this.#isClosing) return "; what was seen since the last commit is lost";
    if (this.#refused) return "";
    const kept = this.#rollup === undefined ? "" : ", and what is seen meanwhile is kept in memory";
    return `; it is tried again every minute${kept}`;
  }

  #notify(message: string): void {
    if (this.#notices.length >= NOTICES_MAX) this.#notices.shift();
    this.#notices.push(message);
    this.#options.onNotice?.(message);
  }

  #closeStore(): void {
    try {
      this.#store?.close();
    } catch (error) {
      this.#notify(`the history could not be closed: ${storageMessage(error)}`);
    }
    this.#store = undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof WbError)) return `the history cannot be written: ${storageMessage(error)}`;
  return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
}
