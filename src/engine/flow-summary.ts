/**
 * Turns successive snapshots into what each process exchanged with each remote address in an interval. Pure and bounded.
 *
 * No byte is told twice. A count that the capture corrects downwards is taken off what comes next, so that a summary never
 * has fewer than no bytes and the sum over the intervals stays right. Beyond the bound, remote addresses fold into `*`.
 */
import { FOLDED } from "../model/history.ts";
import type { ProcessKey } from "../model/process.ts";
import type { Flow, Snapshot } from "../model/snapshot.ts";
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

interface FlowMark {
  /** The same object as long as nothing changed. */
  seen: Flow;
  observedSent: number;
  observedReceived: number;
  bytesSent: number | undefined;
  bytesReceived: number | undefined;
  uncertaintyBytes: number;
  lowerBound: number;
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

  observe(snapshot: Snapshot): void {
    this.#generation += 1;
    for (const flow of snapshot.flows) {
      if (isListener(flow) || isRemnant(flow)) continue;
      const mark = this.#marks.get(flow.id);
      if (mark === undefined) this.#meet(flow);
      else if (mark.generation !== this.#generation) this.#follow(mark, flow);
    }
    for (const [id, mark] of this.#marks) {
      if (mark.generation === this.#generation) continue;
      mark.absentSinceMs ??= snapshot.sampledAtMs;
      if (snapshot.sampledAtMs - mark.absentSinceMs > ABSENT_MAX_MS || mark.seen.closed)
        this.#marks.delete(id);
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

  #meet(flow: Flow): void {
    const [uncertaintyBytes, lowerBound] = doubtOf(flow);
    this.#marks.set(flow.id, {
      seen: flow,
      observedSent: flow.observedBytesSent,
      observedReceived: flow.observedBytesReceived,
      bytesSent: flow.bytesSent,
      bytesReceived: flow.bytesReceived,
      uncertaintyBytes,
      lowerBound,
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

  #follow(mark: FlowMark, flow: Flow): void {
    mark.generation = this.#generation;
    if (mark.absentSinceMs !== undefined) {
      // Its observed bytes may have begun anew, so growth is what the socket's own counters say.
      mark.absentSinceMs = undefined;
      mark.observedSent = flow.observedBytesSent - (growthSince(mark.bytesSent, flow.bytesSent) ?? 0);
      mark.observedReceived =
        flow.observedBytesReceived - (growthSince(mark.bytesReceived, flow.bytesReceived) ?? 0);
    } else if (mark.seen === flow) return;
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
    mark.seen = flow;
    mark.observedSent = flow.observedBytesSent;
    mark.observedReceived = flow.observedBytesReceived;
    mark.bytesSent = flow.bytesSent;
    mark.bytesReceived = flow.bytesReceived;
    mark.uncertaintyBytes = uncertaintyBytes;
    mark.lowerBound = lowerBound;
  }

  #rowOf(flow: Flow): Row {
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
function doubtOf(flow: Flow): readonly [bytes: number, lowerBound: number] {
  return flow.bytesMeaning === "none" ? [0, 1] : uncertaintyOf(flow);
}

/** The remote port, where it says something: undefined without a peer. */
function servicePortOf(flow: Flow): number | undefined {
  return flow.remotePort === 0 ? undefined : flow.remotePort;
}
