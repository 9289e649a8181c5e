/** Flow summaries into the table of connections: one row per process, remote address and interval, as they were told. */
import type { ConnectionRecord } from "../../model/fleet.ts";
import type { KnownPayload } from "./event-payloads.ts";
import type { Sql, SqlValue } from "./sql.ts";
import { insertRows, reserveNumbers } from "./statements.ts";

const COLUMNS = [
  "id",
  "agent_key",
  "process_id",
  "process_name",
  "protocol",
  "remote_address",
  "remote_port",
  "remote_host",
  "bytes_sent",
  "bytes_received",
  "uncertainty_bytes",
  "meaning",
  "connections",
  "interval_start_ms",
  "interval_end_ms",
  "received_at_ms",
] as const;

export class ConnectionProjection {
  readonly #sql: Sql;
  #rows: SqlValue[][] = [];

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  add(
    agent: { readonly agentKey: number; readonly agentId: string },
    payloads: readonly KnownPayload[],
    receivedAtMs: number,
  ): ConnectionRecord[] {
    const records: ConnectionRecord[] = [];
    for (const payload of payloads) {
      if (payload.kind !== "flow") continue;
      const flow = payload.value;
      records.push({ agentId: agent.agentId, ...flow });
      this.#rows.push([
        agent.agentKey,
        flow.processId,
        flow.processName,
        flow.protocol,
        flow.remoteAddress,
        flow.remotePort,
        flow.remoteHost,
        flow.bytesSent,
        flow.bytesReceived,
        flow.uncertaintyBytes,
        flow.meaning,
        flow.connections,
        flow.intervalStartMs,
        flow.intervalEndMs,
        receivedAtMs,
      ]);
    }
    return records;
  }

  async write(): Promise<void> {
    if (this.#rows.length === 0) return;
    const first = await reserveNumbers(this.#sql, "connections", this.#rows.length);
    const rows = this.#rows.map((row, index) => [first + index, ...row]);
    this.#rows = [];
    await insertRows(this.#sql, "agent_connections", COLUMNS, rows);
  }
}
