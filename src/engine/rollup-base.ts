/**
 * Where the booking of a flow begins that the rollup meets for the first time: which of its bytes are new, and which may
 * have been booked by a recorder before. Pure.
 */
import { growthSince, uncertaintyOf } from "./rollup-flow.ts";
import type { Continuation, FlowMark } from "../model/history.ts";
import type { Flow } from "../model/snapshot.ts";

export interface Circumstances {
  readonly continuation: Continuation | undefined;
  readonly first: "counted" | "baseline";
  /** Whether this is the rollup's first snapshot: what is met later began later. */
  readonly isFirstLook: boolean;
}

/** Observed bytes, connections and uncertainty that count as booked. */
export interface Base {
  readonly connections: 0 | 1;
  readonly observedSent: number;
  readonly observedReceived: number;
  readonly uncertaintyBytes: number;
  readonly lowerBoundConnections: number;
}

/** Everything that was observed of the flow is new. */
const WHOLE: Base = {
  connections: 1,
  observedSent: 0,
  observedReceived: 0,
  uncertaintyBytes: 0,
  lowerBoundConnections: 0,
};

/** Only what comes from now on is new. */
function nothingNew(flow: Flow): Base {
  const [uncertaintyBytes, lowerBoundConnections] = uncertaintyOf(flow);
  return {
    connections: 0,
    observedSent: flow.observedBytesSent,
    observedReceived: flow.observedBytesReceived,
    uncertaintyBytes,
    lowerBoundConnections,
  };
}

export function baseOf(flow: Flow, mark: FlowMark | undefined, circumstances: Circumstances): Base {
  if (mark !== undefined) return baseOfMarked(flow, mark, circumstances);
  const { continuation, first, isFirstLook } = circumstances;
  if (!isFirstLook) return WHOLE;
  if (continuation?.booksGrowth !== true) return first === "counted" ? WHOLE : nothingNew(flow);
  // Every flow that the recorder before knew has a mark, so one without began after its last commit and is all new.
  // Not so a closed one: the recorder before may have booked its end, and then it forgot the mark.
  const isYounger =
    continuation.marksComplete && !flow.closed && flow.firstSeenMs > continuation.lastCommitMs;
  if (!isYounger) return nothingNew(flow);
  return {
    ...WHOLE,
    observedSent: flow.observedBytesSent - (flow.bytesSent ?? flow.observedBytesSent),
    observedReceived: flow.observedBytesReceived - (flow.bytesReceived ?? flow.observedBytesReceived),
  };
}

/** Everything beyond the mark is new. A socket that doesn't fit its mark is another one, of which nothing is known. */
function baseOfMarked(flow: Flow, mark: FlowMark, { continuation, first }: Circumstances): Base {
  const booked = { connections: 0, uncertaintyBytes: mark.uncertaintyBytes } as const;
  const { lowerBoundConnections } = mark;
  if (continuation?.booksGrowth !== true) {
    const counted = first === "counted";
    return {
      ...booked,
      lowerBoundConnections,
      observedSent: counted ? 0 : flow.observedBytesSent,
      observedReceived: counted ? 0 : flow.observedBytesReceived,
    };
  }
  const sent = growthSince(mark.bytesSent, flow.bytesSent);
  const received = growthSince(mark.bytesReceived, flow.bytesReceived);
  const fits = sent !== undefined && received !== undefined;
  return {
    ...booked,
    lowerBoundConnections,
    observedSent: flow.observedBytesSent - (fits ? sent : 0),
    observedReceived: flow.observedBytesReceived - (fits ? received : 0),
  };
}
