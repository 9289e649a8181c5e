/** What a recorder and the history say to each other: how a recording begins, goes on, and how the one before ended. */
import type { Continuation } from "../model/history.ts";

/** Who begins to record. */
export interface RecordingSession {
  /** Boot, network namespace and method: flow ids mean the same only within one. Undefined: never go on from marks. */
  readonly scope: string | undefined;
  /** Since when recording was wanted and failed, in Unix milliseconds; undefined where it didn't. */
  readonly failedSinceMs?: number | undefined;
  /** Whether what the recorder holds began without the marks of the last commit, so that they must not be used any more. */
  readonly startsAnew?: boolean;
  /** The last sign of life of whoever recorded before, in Unix milliseconds (see ExclusiveLock.touch). */
  readonly touchedAtMs?: number | undefined;
}

export interface RecordingStart {
  readonly continuation: Continuation | undefined;
  /** What a person should know, such as that the last monitor was killed. */
  readonly notices: readonly string[];
}

/** What a commit says of itself beside its batch. */
export interface RecordedTime {
  /** The stretch of time that was recorded since the last commit, Unix milliseconds. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** The most that a kill can lose until the next commit, in milliseconds. */
  readonly windowMs: number;
  /** As RecordingSession.scope. */
  readonly scope: string | undefined;
}
