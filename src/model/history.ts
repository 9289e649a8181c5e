/** What history is made of: increments, the questions asked of them, and the answers. Shared by engine/, store/ and cli/. */
import type { AttributionQuality, BytesMeaning, Protocol } from "./flow.ts";
import type { Loss } from "./loss.ts";
import type { NameSource, Snapshot } from "./snapshot.ts";

/**
 * Who opened the connection. `in`: a peer, to a port on which this machine listened. `out`: this machine.
 * `none`: nobody, a UDP socket without a peer.
 */
export type Direction = "in" | "out" | "none";

/** What history adds up by, within one hour: two flows with the same subject share a row. */
export interface HistorySubject {
  /** Empty where the process is not known; `attribution` then says why. */
  readonly processName: string;
  /** Empty where it is not known. */
  readonly processPath: string;
  readonly userId: number | undefined;
  /** Empty where it is not known. */
  readonly userName: string;
  readonly attribution: AttributionQuality;
  /** `*` in a row that many were folded into. */
  readonly remoteAddress: string;
  /** Empty where no name was known. */
  readonly remoteHost: string;
  readonly hostSource: NameSource | undefined;
  /** The service's port: the local one of an accepted connection, else the remote one; 0 without a peer. */
  readonly port: number;
  readonly protocol: Protocol;
  readonly direction: Direction;
  readonly meaning: BytesMeaning;
}

/** The address, or process name, of a row that others were folded into because a table was full. */
export const FOLDED = "*";

/** The same with the peer folded away: what is booked when there are too many peers. */
export function withoutPeer(subject: HistorySubject): HistorySubject {
  return { ...subject, remoteAddress: FOLDED, remoteHost: "", hostSource: undefined, port: 0 };
}

/** The same with peer and process folded away: at most a few dozen of these exist. */
export function withoutPeerAndProcess(subject: HistorySubject): HistorySubject {
  return {
    ...withoutPeer(subject),
    processName: FOLDED,
    processPath: "",
    userId: undefined,
    userName: "",
    attribution: "unknown",
  };
}

export interface HistoryAmounts {
  /** Connections that were first seen. */
  readonly connections: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** By how much the bytes may be off, as far as that is known. */
  readonly uncertaintyBytes: number;
  /** Connections whose bytes are a lower bound: off by an unknown amount. */
  readonly lowerBoundConnections: number;
}

/** What happened in one hour to one subject since the last commit. Amounts are negative where a count was corrected. */
export interface HistoryIncrement extends HistoryAmounts {
  /** Unix milliseconds: the beginning of an hour of local time. */
  readonly hourStartMs: number;
  readonly subject: HistorySubject;
}

export interface LossIncrement extends Loss {
  readonly hourStartMs: number;
}

/** How far one flow's bytes are recorded: what lets the next monitor go on without counting twice. */
export interface FlowMark {
  readonly id: string;
  /** Cumulative since the socket began; undefined where they can't be counted. */
  readonly bytesSent: number | undefined;
  readonly bytesReceived: number | undefined;
  /** What is booked of its uncertainty. */
  readonly uncertaintyBytes: number;
  readonly lowerBoundConnections: number;
  /** The hour that its bytes were last booked to. */
  readonly hourStartMs: number;
}

/** Everything that one commit writes, in one transaction. */
export interface HistoryBatch {
  readonly increments: readonly HistoryIncrement[];
  readonly loss: readonly LossIncrement[];
  /** Marks that are new or have changed. */
  readonly marks: readonly FlowMark[];
  /** Ids of marks that are no longer needed. */
  readonly forgotten: readonly string[];
  /** Whether the marks tell of every flow that was ever booked and may still live. */
  readonly marksComplete: boolean;
}

/** Where a new recording goes on from: the marks of the last commit, in the same boot and by the same method. */
export interface Continuation {
  readonly lastCommitMs: number;
  readonly marks: ReadonlyMap<string, FlowMark>;
  readonly marksComplete: boolean;
  /** False after too long a pause: then the marks only say which connections were counted before. */
  readonly booksGrowth: boolean;
}

/** Turns successive snapshots into what is to be written. Implemented by engine/, driven by store/. */
export interface SnapshotRollup {
  observe(snapshot: Snapshot): void;
  /** Everything since the last `committed()`. Does not change anything: what could not be written is told again. */
  pending(): HistoryBatch;
  /** Says that the last `pending()` is written. No `observe` may come between the two. */
  committed(): void;
  /** Tells every mark again with the next `pending()`: the database that they were written to is gone. */
  markAll(): void;
  /** Rows that wait to be written. */
  readonly pendingRows: number;
}

/** A lock that the system releases by itself when its holder dies. Implemented by platform/, used by store/. */
export interface ExclusiveLock {
  /** True when this process holds it now. Throws WbError("storage") where it can't even be tried. */
  tryAcquire(): boolean;
  release(): void;
  /** Leaves a sign of life that needs no room on the disk, for whoever comes after. Does nothing where even that fails. */
  touch(): void;
  /** When the lock was last touched by anyone, in Unix milliseconds; undefined where that is not known. */
  touchedAtMs(): number | undefined;
}

export type HistoryGroup = "process" | "address" | "host" | "user" | "port" | "day" | "hour";

export const HISTORY_GROUPS: readonly HistoryGroup[] = [
  "process",
  "address",
  "host",
  "user",
  "port",
  "day",
  "hour",
];

export const HISTORY_FILTER_KEYS = [
  "text",
  "process",
  "path",
  "user",
  "host",
  "address",
  "port",
  "proto",
  "direction",
] as const;

/** `text` is process, path, host or address. */
export type HistoryFilterKey = (typeof HISTORY_FILTER_KEYS)[number];

/**
 * One condition: one of its values must match, or none if it is negated. In a value `*` stands for any characters and `?`
 * for one, unless it is quoted; without them text, process, path and host match by a part, the rest by the whole. Letters
 * match in either case.
 */
export interface HistoryTerm {
  readonly key: HistoryFilterKey;
  readonly isNegated: boolean;
  readonly values: readonly { readonly text: string; readonly isQuoted: boolean }[];
}

/** All terms must match. */
export type HistoryFilter = readonly HistoryTerm[];

export interface HistoryQuery {
  /** Unix milliseconds, inclusive. */
  readonly sinceMs: number;
  /** Unix milliseconds, exclusive. */
  readonly untilMs: number;
  readonly by: HistoryGroup;
  readonly filter?: HistoryFilter | undefined;
  readonly limit?: number | undefined;
}

/** One group of an answer. */
export interface HistoryRow extends HistoryAmounts {
  /** Unique within the answer. */
  readonly key: string;
  readonly label: string;
  /** Of a process group. */
  readonly processPath: string | undefined;
  /** Of an address or host group: another name of the same thing; of a port group: the protocol. */
  readonly detail: string | undefined;
  /** Of a day or hour group, Unix milliseconds. */
  readonly startMs: number | undefined;
  /** Connections whose bytes this method couldn't count; they are not in the sums. */
  readonly uncountedConnections: number;
  /** The meanings of the bytes in the sums, `none` left out. */
  readonly meanings: readonly BytesMeaning[];
}

/** A stretch of time that a monitor should have recorded and didn't. */
export interface HistoryGap {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly reason: "unclean_end" | "machine_stopped" | "storage_failed" | "database_corrupt";
  readonly message: string;
}

/** How much of the range the answer really speaks of. */
export interface HistoryCoverage {
  /** The range as counted: widened to whole hours, and to whole days where only days are kept. Unix milliseconds. */
  readonly countedFromMs: number;
  readonly countedUntilMs: number;
  /** Whether part of the range is only kept by the day. */
  readonly byDay: boolean;
  /** Milliseconds of the asked range (up to now) in which a monitor recorded. */
  readonly recordedMs: number;
  /** Milliseconds of the asked range up to now. */
  readonly askedMs: number;
  /** The first and last recorded moment of the whole history; undefined when nothing was ever recorded. */
  readonly firstRecordedMs: number | undefined;
  readonly lastRecordedMs: number | undefined;
  readonly gaps: readonly HistoryGap[];
  readonly loss: readonly Loss[];
  /** Protocols whose bytes were not counted, with the number of their connections. */
  readonly uncounted: readonly { readonly protocol: Protocol; readonly connections: number }[];
}

export interface HistoryAnswer {
  readonly rows: readonly HistoryRow[];
  /** Groups before the limit. */
  readonly matched: number;
  /** Of all groups. */
  readonly totals: HistoryAmounts & {
    readonly uncountedConnections: number;
    readonly meanings: readonly BytesMeaning[];
  };
  readonly coverage: HistoryCoverage;
}

/** One stored row, as exported. */
export interface HistoryRecord extends HistoryAmounts {
  readonly resolution: "hour" | "day";
  /** Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly subject: HistorySubject;
}
