/**
 * Turns successive looks at all flows into what each process exchanged with each remote address in an interval. Pure and bounded.
 *
 * No byte is told twice. A count that the capture corrects downwards is taken off what comes next, so that a summary never
 * has fewer than no bytes and the sum over the intervals stays right. Beyond the bound, remote addresses fold into `*`.
 */
import { FOLDED } from "../model/history.ts";
import type { ProcessKey } from "../model/process.ts";
import type { Flow } from "../model/snapshot.ts";
import { growthSince, uncertaintyOf } from "./rollup-flow.ts";
import { isListener, isRemnant } from "./rollup-subject.ts";

export interface FlowSummaryRow {
  readonly process: ProcessKey | undefined;
  /** Empty where it is not known. */
  readonly processName: string;
  readonly protocol: string;
  readonly remoteAddress: string;
  /** Undefined where there were several. */
  readonly remotePort: number | undefined;
  readonly remoteHost: string | undefined;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** ± so many; undefined: a lower bound. */
  readonly uncertaintyBytes: number | undefined;
  readonly meaning: string;
  /** That were first seen in this interval. */
  readonly connections: number;
}

/** What is read of a flow; nothing of it is kept. */
export type SummedFlow = Pick<
  Flow,
  | "id"
  | "protocol"
  | "remoteAddress"
  | "remotePort"
  | "remoteHost"
  | "process"
  | "state"
  | "closed"
  | "bytesSent"
  | "bytesReceived"
  | "observedBytesSent"
  | "observedBytesReceived"
  | "bytesMeaning"
  | "uncertaintyBytes"
>;

interface FlowMark {
  observedSent: number;
  observedReceived: number;
  bytesSent: number | undefined;
  bytesReceived: number | undefined;
  uncertaintyBytes: number;
  closed: boolean;
  generation: number;
  absentSinceMs: number | undefined;
}

interface Row {
  process: ProcessKey | undefined;
  processName: string;
  protocol: string;
  remoteAddress: string;
  remotePort: number | undefined;
  remoteHost: string | undefined;
  meaning: string;
  sent: number;
  received: number;
  uncertaintyBytes: number;
  lowerBound: number;
  connections: number;
}

/** A flow that is no longer told of may come back (a look that failed). */
const ABSENT_MAX_MS = 120_000;

export class FlowSummaries {
  readonly #rowsMax: number;
  readonly #marks = new Map<string, FlowMark>();
  #rows = new Map<string, Row>();
  #generation = 0;

  /** `rowsMax`: rows of one interval; beyond it a process has one row for all further addresses. */
  constructor(rowsMax = 5000) {
    this.#rowsMax = rowsMax;
  }

  /** `sampledAtMs`: Unix milliseconds of this look at `flows`, which are all that there are. */
  observe({ sampledAtMs, flows }: { sampledAtMs: number; flows: readonly SummedFlow[] }): void {
    this.#generation += 1;
    for (const flow of flows) {
      if (isListener(flow) || isRemnant(flow)) continue;
      const mark = this.#marks.get(flow.id);
      if (mark === undefined) this.#meet(flow);
      else if (mark.generation !== this.#generation) this.#follow(mark, flow);
    }
    for (const [id, mark] of this.#marks) {
      if (mark.generation === this.#generation) continue;
      mark.absentSinceMs ??= sampledAtMs;
      if (sampledAtMs - mark.absentSinceMs > ABSENT_MAX_MS || mark.closed) this.#marks.delete(id);
    }
  }

  /** What happened since the last call. What is still owed (a correction) is kept for the next. */
  take(): FlowSummaryRow[] {
    const told: FlowSummaryRow[] = [];
    const owed = new Map<string, Row>();
    for (const [key, row] of this.#rows) {
      const { sent, received, connections, lowerBound, uncertaintyBytes, ...rest } = row;
      if (sent < 0 || received < 0)
        owed.set(key, {
          ...row,
          sent: Math.min(0, sent),
          received: Math.min(0, received),
          connections: 0,
          lowerBound: 0,
          uncertaintyBytes: 0,
        });
      if (sent <= 0 && received <= 0 && connections === 0) continue;
      told.push({
        ...rest,
        bytesSent: Math.max(0, sent),
        bytesReceived: Math.max(0, received),
        connections,
        uncertaintyBytes: lowerBound > 0 ? undefined : Math.max(0, uncertaintyBytes),
      });
    }
    this.#rows = owed;
    return told;
  }

  #meet(flow: SummedFlow): void {
    const [uncertaintyBytes, lowerBound] = doubtOf(flow);
    this.#marks.set(flow.id, {
      observedSent: flow.observedBytesSent,
      observedReceived: flow.observedBytesReceived,
      bytesSent: flow.bytesSent,
      bytesReceived: flow.bytesReceived,
      uncertaintyBytes,
      closed: flow.closed,
      generation: this.#generation,
      absentSinceMs: undefined,
    });
    const row = this.#rowOf(flow);
    row.sent += flow.observedBytesSent;
    row.received += flow.observedBytesReceived;
    row.uncertaintyBytes += uncertaintyBytes;
    row.lowerBound += lowerBound;
    row.connections += 1;
  }

  #follow(mark: FlowMark, flow: SummedFlow): void {
    mark.generation = this.#generation;
    if (mark.absentSinceMs !== undefined) {
      // Its observed bytes may have begun anew, so growth is what the socket's own counters say.
      mark.absentSinceMs = undefined;
      mark.observedSent = flow.observedBytesSent - (growthSince(mark.bytesSent, flow.bytesSent) ?? 0);
      mark.observedReceived =
        flow.observedBytesReceived - (growthSince(mark.bytesReceived, flow.bytesReceived) ?? 0);
    }
    const [uncertaintyBytes, lowerBound] = doubtOf(flow);
    const sent = flow.observedBytesSent - mark.observedSent;
    const received = flow.observedBytesReceived - mark.observedReceived;
    if (sent !== 0 || received !== 0 || uncertaintyBytes !== mark.uncertaintyBytes) {
      const row = this.#rowOf(flow);
      row.sent += sent;
      row.received += received;
      row.uncertaintyBytes += uncertaintyBytes - mark.uncertaintyBytes;
      // A lower bound stays one: every summary with bytes of such a flow is one.
      row.lowerBound += lowerBound;
    }
    mark.closed = flow.closed;
    mark.observedSent = flow.observedBytesSent;
    mark.observedReceived = flow.observedBytesReceived;
    mark.bytesSent = flow.bytesSent;
    mark.bytesReceived = flow.bytesReceived;
    mark.uncertaintyBytes = uncertaintyBytes;
  }

  #rowOf(flow: SummedFlow): Row {
    const process = flow.process?.key;
    const folded = this.#rows.size >= this.#rowsMax;
    const remoteAddress = folded ? FOLDED : flow.remoteAddress;
    const key = `${process ?? ""} ${flow.protocol} ${remoteAddress} ${flow.bytesMeaning}`;
    const known = this.#rows.get(key);
    const remotePort = folded ? undefined : servicePortOf(flow);
    if (known !== undefined) {
      if (known.remotePort !== remotePort) known.remotePort = undefined;
      known.remoteHost ??= folded ? undefined : flow.remoteHost?.name;
      if (known.processName === "") known.processName = flow.process?.name ?? "";
      return known;
    }
    const row: Row = {
      process,
      processName: flow.process?.name ?? "",
      protocol: flow.protocol,
      remoteAddress,
      remotePort,
      remoteHost: folded ? undefined : flow.remoteHost?.name,
      meaning: flow.bytesMeaning,
      sent: 0,
      received: 0,
      uncertaintyBytes: 0,
      lowerBound: 0,
      connections: 0,
    };
    this.#rows.set(key, row);
    return row;
  }
}

/** A flow whose bytes nobody counts may have had any number of them. */
function doubtOf(flow: SummedFlow): readonly [bytes: number, lowerBound: number] {
  return flow.bytesMeaning === "none" ? [0, 1] : uncertaintyOf(flow);
}

/** The remote port, where it says something: undefined without a peer. */
function servicePortOf(flow: SummedFlow): number | undefined {
  return flow.remotePort === 0 ? undefined : flow.remotePort;
}
