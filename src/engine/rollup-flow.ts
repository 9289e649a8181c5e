/**
 * What the rollup remembers of one flow: how far its counters are booked, and to which rows, so that a correction is
 * taken from where the mistake was booked. Amounts in bytes, connections as counts.
 */
import type { FlowMark, HistoryAmounts, HistorySubject } from "../model/history.ts";
import type { Flow, HostName } from "../model/snapshot.ts";
import type { ProcessInfo } from "../model/process.ts";
import type { Service } from "./rollup-subject.ts";

export type MutableAmounts = { -readonly [Name in keyof HistoryAmounts]: number };

export const AMOUNT_NAMES = [
  "connections",
  "bytesSent",
  "bytesReceived",
  "uncertaintyBytes",
  "lowerBoundConnections",
] as const satisfies readonly (keyof HistoryAmounts)[];

export function noAmounts(): MutableAmounts {
  return { connections: 0, bytesSent: 0, bytesReceived: 0, uncertaintyBytes: 0, lowerBoundConnections: 0 };
}

/** What one flow has put into one row. */
export interface Booking {
  readonly hourStartMs: number;
  /** The row's subject: the flow's own, or what it was folded into. */
  readonly subject: HistorySubject;
  /** The key of the flow's own subject. */
  readonly forKey: string;
  /** The row's key. */
  readonly key: string;
  readonly amounts: MutableAmounts;
}

export interface FlowState {
  readonly id: string;
  readonly service: Service;
  /** Observed growth up to which everything is booked. */
  observedSent: number;
  observedReceived: number;
  /** Cumulative counters at the same moment. */
  bytesSent: number | undefined;
  bytesReceived: number | undefined;
  /** What is booked of these two. */
  uncertaintyBytes: number;
  lowerBoundConnections: number;
  /** As last seen: if these three are the same objects, the subject can't have changed. */
  process: ProcessInfo | undefined;
  host: HostName | undefined;
  userName: string | undefined;
  attribution: Flow["attribution"];
  meaning: Flow["bytesMeaning"];
  subject: HistorySubject;
  subjectKey: string;
  /** The row in which its growth is booked now, and the one before (another hour or subject). */
  current: Booking | undefined;
  previous: Booking | undefined;
  /** The flow as last booked. */
  seen: Flow | undefined;
  closed: boolean;
  /** The look in which it was last seen. */
  generation: number;
  /** Whether its mark is, or is to be, in the database. */
  marked: boolean;
  /** Unix milliseconds since when it is no longer told of; undefined while it is. */
  absentSinceMs: number | undefined;
}

/** The part of the flow's uncertainty that is known, and 1 where there is an unknown part. A flow without bytes has none. */
export function uncertaintyOf(
  flow: Pick<Flow, "bytesMeaning" | "uncertaintyBytes">,
): readonly [bytes: number, lowerBound: number] {
  if (flow.bytesMeaning === "none") return [0, 0];
  return flow.uncertaintyBytes === undefined ? [0, 1] : [flow.uncertaintyBytes, 0];
}

/** Whether any part of the flow that its subject is made of has changed since the last look. */
export function mayHaveNewSubject(state: FlowState, flow: Flow): boolean {
  return (
    flow.process !== state.process ||
    flow.remoteHost !== state.host ||
    flow.userName !== state.userName ||
    flow.attribution !== state.attribution ||
    flow.bytesMeaning !== state.meaning
  );
}

/**
 * How far two looks at a cumulative counter lie apart. A counter of a closing socket may be corrected downwards by the
 * SYN and FIN, which TCP counts as bytes; a larger step back is another socket, or counters that began anew: undefined.
 */
export function growthSince(mark: number | undefined, now: number | undefined): number | undefined {
  if (mark === undefined || now === undefined) return mark === now ? 0 : undefined;
  return now - mark >= -2 ? now - mark : undefined;
}

export function markOf(state: FlowState, hourStartMs: number): FlowMark {
  return {
    id: state.id,
    bytesSent: state.bytesSent,
    bytesReceived: state.bytesReceived,
    uncertaintyBytes: state.uncertaintyBytes,
    lowerBoundConnections: state.lowerBoundConnections,
    hourStartMs: state.current?.hourStartMs ?? hourStartMs,
  };
}
