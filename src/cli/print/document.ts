/** `--json`: one document, `{version, host, capture, …, rows}`. Its shape is described by docs/json.md. */
import type { CaptureStatus, Degradation } from "../../model/capture-status.ts";
import type { Loss } from "../../model/loss.ts";
import type { QueryResult, SnapshotQuery } from "../../model/query.ts";
import type { Snapshot, Totals } from "../../model/snapshot.ts";
import { VERSION } from "../../model/version.ts";
import type { Output } from "../output.ts";
import { rate, type FieldContext } from "./field.ts";
import { jsonText } from "./json-text.ts";
import { resultTexts } from "./result-rows.ts";

/** The version of the shape of all JSON of `wb monitor`. It changes where a field goes away or changes its meaning. */
export const JSON_VERSION = 1;

/** What a document says of itself beside the snapshot. */
export interface DocumentFrame {
  readonly host: string;
  readonly query: SnapshotQuery;
  /** Undefined for a single sample. */
  readonly requestedDurationMs: number | undefined;
  /** Whether a signal ended it before its duration. */
  readonly interrupted: boolean;
}

export function fieldContext(snapshot: Snapshot): FieldContext {
  return { ratesKnown: snapshot.intervalMs !== undefined };
}

function degradationObject(degradation: Degradation): Record<string, string> {
  return { code: degradation.code, message: degradation.message, remedy: degradation.remedy };
}

/** `degradation` is the worst, null where nothing is missing; `degradations` are all. */
export function captureObject(status: CaptureStatus): Record<string, unknown> {
  const { bytes, closedConnections, processes, names, namespaces } = status.capabilities;
  const degradations = status.degradations.map(degradationObject);
  return {
    method: status.method,
    capabilities: { bytes, closedConnections, processes, names, namespaces },
    degradation: degradations[0] ?? null,
    degradations,
  };
}

export function lossObject(loss: Loss): Record<string, unknown> {
  return { cause: loss.cause, count: loss.count, bytes: loss.bytes ?? null };
}

export function totalsObject(totals: Totals, context: FieldContext): Record<string, unknown> {
  const { interfaces } = totals;
  return {
    connections: totals.connections,
    closedConnections: totals.closedConnections,
    processes: totals.processes,
    bytesSent: totals.bytesSent,
    bytesReceived: totals.bytesReceived,
    sendBytesPerSecond: rate(totals.sendBytesPerSecond, context) ?? null,
    receiveBytesPerSecond: rate(totals.receiveBytesPerSecond, context) ?? null,
    interfaces: {
      bytesSent: interfaces.bytesSent,
      bytesReceived: interfaces.bytesReceived,
      sendBytesPerSecond: rate(interfaces.sendBytesPerSecond, context) ?? null,
      receiveBytesPerSecond: rate(interfaces.receiveBytesPerSecond, context) ?? null,
    },
  };
}

type Side = Snapshot["reconciliation"]["sent"];

function sideObject(side: Side): Record<string, number> {
  const { interfaceBytes, attributedBytes, unattributedBytes, lostBytes, overheadBytes } = side;
  return { interfaceBytes, attributedBytes, unattributedBytes, lostBytes, overheadBytes };
}

export function reconciliationObject(snapshot: Snapshot): Record<string, unknown> {
  return {
    sent: sideObject(snapshot.reconciliation.sent),
    received: sideObject(snapshot.reconciliation.received),
  };
}

export function timingsObject(snapshot: Snapshot): Record<string, number> {
  const microseconds = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000;
  const { enumerateMs, processesMs, interfacesMs } = snapshot.timings;
  return {
    enumerateMs: microseconds(enumerateMs),
    processesMs: microseconds(processesMs),
    interfacesMs: microseconds(interfacesMs),
  };
}

/** The question that was asked, as it stands in documents. */
export function queryObject(query: SnapshotQuery): Record<string, unknown> {
  const sort =
    query.sort === undefined ? null : `${query.sort.column}:${query.sort.descending ? "desc" : "asc"}`;
  return { by: query.by, filter: query.filter, sort, limit: query.limit ?? null };
}

/** About 200 KB: waiting for the output after each row would take longer than making it. */
const ROWS_PER_WRITE = 256;

/** Writes the document, a row per line, in pieces: what a slow reader has not taken is not made yet. */
export async function writeDocument(
  output: Output,
  snapshot: Snapshot,
  result: QueryResult,
  frame: DocumentFrame,
): Promise<void> {
  const context = fieldContext(snapshot);
  const head = {
    version: JSON_VERSION,
    wbVersion: VERSION,
    host: frame.host,
    capture: captureObject(snapshot.capture),
    startedAtMs: Math.round(snapshot.startedAtMs),
    sampledAtMs: Math.round(snapshot.sampledAtMs),
    durationMs: Math.max(0, Math.round(snapshot.sampledAtMs - snapshot.startedAtMs)),
    requestedDurationMs: frame.requestedDurationMs ?? null,
    interrupted: frame.interrupted,
    intervalMs: snapshot.intervalMs === undefined ? null : Math.round(snapshot.intervalMs),
    query: queryObject(frame.query),
    loss: snapshot.loss.map(lossObject),
    totals: totalsObject(snapshot.totals, context),
    reconciliation: reconciliationObject(snapshot),
    timings: timingsObject(snapshot),
    matched: result.matched,
  };
  await output.write(`${jsonText(head).slice(0, -1)},"rows":[`);
  let separator = "\n";
  let lines: string[] = [];
  for (const line of resultTexts(result, context)) {
    lines.push(line);
    if (lines.length < ROWS_PER_WRITE) continue;
    await output.write(separator + lines.join(",\n"));
    separator = ",\n";
    lines = [];
  }
  const rest = lines.length === 0 ? "" : separator + lines.join(",\n");
  await output.write(`${rest}\n]}\n`);
}
