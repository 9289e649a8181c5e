/** A row of the rollup tables joined with its dictionaries, and what it means. */
import { NO_USER } from "./history-dictionary.ts";
import type { AttributionQuality, BytesMeaning, Protocol } from "../model/flow.ts";
import type { Direction, HistoryAmounts, HistorySubject } from "../model/history.ts";
import type { NameSource } from "../model/snapshot.ts";

export interface StoredRow {
  readonly start_ms: number;
  readonly name: string;
  readonly path: string;
  readonly user_id: number;
  readonly user_name: string;
  readonly attribution: string;
  readonly address: string;
  readonly host: string;
  readonly host_source: string;
  readonly port: number;
  readonly protocol: string;
  readonly direction: string;
  readonly meaning: string;
  readonly connections: number;
  readonly bytes_sent: number;
  readonly bytes_received: number;
  readonly uncertainty_bytes: number;
  readonly lower_bound_connections: number;
}

/** The columns of the two dictionaries; `name` is the process's. */
export const STORED_COLUMNS =
  "process.name, process.path, process.user_id, process.user_name, process.attribution, " +
  "endpoint.address, endpoint.host, endpoint.host_source, endpoint.port, endpoint.protocol, endpoint.direction";

export function storedSubject(row: StoredRow): HistorySubject {
  return {
    processName: row.name,
    processPath: row.path,
    userId: row.user_id === NO_USER ? undefined : row.user_id,
    userName: row.user_name,
    // Only this program writes these columns, from the same types.
    attribution: row.attribution as AttributionQuality,
    remoteAddress: row.address,
    remoteHost: row.host,
    hostSource: row.host_source === "" ? undefined : (row.host_source as NameSource),
    port: row.port,
    protocol: row.protocol as Protocol,
    direction: row.direction as Direction,
    meaning: row.meaning as BytesMeaning,
  };
}

export function storedAmounts(row: StoredRow): HistoryAmounts {
  return {
    connections: row.connections,
    bytesSent: row.bytes_sent,
    bytesReceived: row.bytes_received,
    uncertaintyBytes: row.uncertainty_bytes,
    lowerBoundConnections: row.lower_bound_connections,
  };
}
