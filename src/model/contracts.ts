/** The contracts between the rooms: where facts come from, what knowledge looks like, who may ask for it. */
import type { CaptureStatus } from "./capture-status.ts";
import type { ClosedSocket, SocketSample } from "./flow.ts";
import type { InterfaceSample } from "./interface.ts";
import type { Loss } from "./loss.ts";
import type { ProcessInfo, ProcessKey, ProcessUsage } from "./process.ts";
import type { QueryResult, SnapshotQuery } from "./query.ts";
import type { Snapshot } from "./snapshot.ts";

/** Everything learned since the last call of `sample()`. */
export interface Batch {
  /** Unix milliseconds: for people and storage. */
  readonly sampledAtMs: number;
  /** Milliseconds of a clock that never jumps: for rates. */
  readonly monotonicMs: number;
  /** Every live socket; a socket that is absent is gone (its closing may be told in the next batch). */
  readonly sockets: readonly SocketSample[];
  readonly closed: readonly ClosedSocket[];
  /** Processes not told before, or changed (exec). */
  readonly processes: readonly ProcessInfo[];
  readonly exited: readonly ProcessKey[];
  /** Of the processes that hold a socket of this batch. */
  readonly usage: readonly ProcessUsage[];
  readonly interfaces: readonly InterfaceSample[];
  /** Since the last call. */
  readonly loss: readonly Loss[];
  /** How long the parts took: what the speed budgets are checked by. */
  readonly timings: {
    readonly enumerateMs: number;
    readonly processesMs: number;
    readonly interfacesMs: number;
  };
}

/**
 * Where facts come from. It is pulled: native code never calls into the program. Between two calls of `sample()` a
 * capture may only empty a queue that the kernel would otherwise drop from, and glance at what is new.
 */
export interface Capture extends AsyncDisposable {
  /** May change after a sample (a method lost on the way). */
  status(): CaptureStatus;
  sample(): Promise<Batch>;
  /**
   * No sample is needed for now, and what closed before that moment (monotonic milliseconds) is known from elsewhere: lets go
   * of all that the next sample can learn anew. Absent where there is nothing to let go of.
   */
  rest?(knownUntilMs: number): void;
}

/** What screens and printers know of the program behind them. */
export interface SnapshotSource {
  /** One snapshot per interval until the signal aborts; the first at once. Never two at a time. */
  snapshots(signal: AbortSignal): AsyncIterable<Snapshot>;
}

/** Turns a snapshot into rows: implemented by engine/, handed to whoever shows them. Pure. */
export type QueryFunction = (snapshot: Snapshot, query: SnapshotQuery) => QueryResult;
