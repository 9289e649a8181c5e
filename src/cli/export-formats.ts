/** The formats of `wb export history`: how a stored row is written in each. Pure. */
import { localIso } from "../lib/calendar.ts";
import type { HistoryRecord } from "../model/history.ts";
import type { FilterFlags, RangeFlags } from "./history-options.ts";

export const EXPORT_FORMATS = ["csv", "json", "jsonl"] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportFlags extends RangeFlags, FilterFlags {
  readonly format: string;
  readonly output?: string;
  readonly config?: string;
}

export const EXPORT_FIELDS = [
  "start",
  "startMs",
  "endMs",
  "resolution",
  "processName",
  "processPath",
  "userId",
  "userName",
  "attribution",
  "protocol",
  "direction",
  "remoteAddress",
  "remoteHost",
  "hostSource",
  "port",
  "connections",
  "bytesSent",
  "bytesReceived",
  "bytesMeaning",
  "uncertaintyBytes",
  "lowerBoundConnections",
] as const;

export type ExportRow = Readonly<Record<(typeof EXPORT_FIELDS)[number], string | number | null>>;

/** What is not known is null. Bytes that could not be counted are null too, never 0. */
export function exportRow(record: HistoryRecord): ExportRow {
  const { subject } = record;
  const isCounted = subject.meaning !== "none";
  return {
    start: localIso(record.startMs),
    startMs: record.startMs,
    endMs: record.endMs,
    resolution: record.resolution,
    processName: subject.processName === "" ? null : subject.processName,
    processPath: subject.processPath === "" ? null : subject.processPath,
    userId: subject.userId ?? null,
    userName: subject.userName === "" ? null : subject.userName,
    attribution: subject.attribution,
    protocol: subject.protocol,
    direction: subject.direction,
    remoteAddress: subject.remoteAddress,
    remoteHost: subject.remoteHost === "" ? null : subject.remoteHost,
    hostSource: subject.hostSource ?? null,
    port: subject.port,
    connections: record.connections,
    bytesSent: isCounted ? record.bytesSent : null,
    bytesReceived: isCounted ? record.bytesReceived : null,
    bytesMeaning: subject.meaning,
    uncertaintyBytes: isCounted && record.lowerBoundConnections === 0 ? record.uncertaintyBytes : null,
    lowerBoundConnections: record.lowerBoundConnections,
  };
}
