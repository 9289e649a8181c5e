/**
 * What the outbox promises. An event is produced when it is stored: in one transaction it gets its place (stream, epoch, seq).
 * From then on, at any moment and through any crash: produced = acked + pending + declared lost, per stream and epoch.
 * Before, it waits in a bounded ring in memory for at most FLUSH_MS; what a kill takes from there is declared as an
 * observation gap by who produced it, never counted as if it had not been.
 */
import type {
  BatchAnswer,
  LossReason,
  SignedBatch,
  StreamName,
  EpochOrigin,
} from "../protocol/fleet/envelope.ts";
import type { StreamReport } from "../protocol/fleet/messages.ts";

/** An event before it has its place. */
export interface NewEvent {
  readonly type: string;
  readonly timestampMs: number;
  readonly provider: string;
  readonly eventId: number;
  /** JSON text. */
  readonly payload: string;
}

export interface StreamQuota {
  readonly stream: StreamName;
  /** Payload bytes pending on disk; beyond, the oldest of this stream are dropped and declared lost. */
  readonly bytesMax: number;
}

/** Where one epoch stands. */
export interface EpochAccount {
  readonly stream: StreamName;
  readonly epoch: string;
  readonly current: boolean;
  readonly produced: number;
  readonly acked: number;
  readonly pending: number;
  readonly lost: number;
  readonly follows: EpochOrigin | null;
}

export interface OutboxStatus {
  readonly epochs: readonly EpochAccount[];
  /** Per stream over all epochs: what a heartbeat tells. */
  readonly streams: readonly StreamReport[];
  /** In memory, not produced yet. */
  readonly ringEvents: number;
  readonly ringBytes: number;
  /** Why storing fails at the moment, for a person; null while it works. */
  readonly storageProblem: string | null;
  /** Damaged files that were set aside. */
  readonly setAside: readonly string[];
}

export interface Outbox {
  /** Never throws and never blocks: where the ring is full the event is counted as lost (it gets a seq in a loss record). */
  append(stream: StreamName, event: NewEvent): void;
  /** The source itself lost so many events: they get seqs and a loss record in their place. */
  declareLoss(stream: StreamName, events: number, reason: LossReason): void;
  /** Stores what is in the ring now. Resolves when it is stored, or kept because storing fails. */
  flush(): Promise<void>;
  /** Resolves at the next event that can be sent in one of these streams, or when the signal aborts. */
  waitForPending(streams: readonly StreamName[], signal: AbortSignal): Promise<void>;
  /**
   * The oldest that is pending, at most so many payload bytes (one event at least) and so many items; undefined where there is
   * nothing. Old epochs first.
   */
  nextBatch(stream: StreamName, bytesMax: number, itemsMax?: number): SignedBatch | undefined;
  /** Deletes up to the cursor. */
  acknowledge(batch: SignedBatch, answer: BatchAnswer): void;
  /** The parent has less than it acknowledged: what is gone is declared as `parent_lost`. */
  rewindTo(stream: StreamName, epoch: string, cursor: number): void;
  /**
   * The parent has more than this outbox produced (state was restored), or other hashes: begins a new epoch, which gets what is
   * pending and the parent does not have. `agreedUpTo`: after a conflict, the last seq up to which the parent has the same;
   * where it is not known, smaller batches find it out, and the epoch begins at a later call.
   */
  beginEpoch(stream: StreamName, epoch: string, reason: EpochOrigin["reason"], agreedUpTo?: number): void;
  /**
   * The one event of this batch will never be taken: it becomes a loss in the same place, its chain kept, so that what comes
   * after it stands as it did. False where nothing was given up: more than one item, a loss, or not pending any more.
   */
  giveUp(batch: SignedBatch, reason: LossReason): boolean;
  status(): OutboxStatus;
  /** Stores what is in the ring, and closes. */
  close(): Promise<void>;
}

/** How long an event waits in memory at most, while storing works. */
export const FLUSH_MS = 100;
