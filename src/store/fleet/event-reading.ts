/** Reading what agents told: events, losses, processes and connections, the newest first. */
import type { ConnectionRecord, LossRecord, Page, ProcessRecord, StoredEvent } from "../../model/fleet.ts";
import { agentKeyOf } from "./agent-rows.ts";
import type { EventStore, PageQuery } from "./contract.ts";
import {
  addSearch,
  checkedLimit,
  formatCursor,
  listNewestFirst,
  parseCursor,
  type Listing,
} from "./pages.ts";
import { fromRow, toRecord, type KnownCategory, type ProcessRow } from "./process-rows.ts";
import type { Sql } from "./sql.ts";
import { Conditions, selectIn } from "./statements.ts";

type Query<Name extends keyof EventStore> = Parameters<EventStore[Name]>[0];

/** Of one agent, where one is named; undefined where there is no such agent. */
async function scopeOf(sql: Sql, agentId: string | undefined): Promise<Conditions | undefined> {
  const scope = new Conditions();
  if (agentId === undefined) return scope;
  const key = await agentKeyOf(sql, agentId);
  return key === undefined ? undefined : scope.add("t.agent_key = ?", key);
}

async function list<Row>(
  sql: Sql,
  listing: Omit<Listing, "number" | "scope"> & { readonly scope: Conditions | undefined },
  query: PageQuery,
): Promise<Page<Row>> {
  const { scope, ...rest } = listing;
  if (scope === undefined) {
    checkedLimit(query.limit);
    parseCursor(listing.kind, query.cursor);
    return { items: [], nextCursor: null };
  }
  return listNewestFirst<Row>(sql, { ...rest, number: "id", scope }, query);
}

function mapPage<Row, Record>(page: Page<Row>, toRecord: (row: Row) => Record): Page<Record> {
  return { items: page.items.map(toRecord), nextCursor: page.nextCursor };
}

/** Of the payloads of one page: it has fewer events where they are large, but one at least. */
const PAGE_PAYLOAD_BYTES = 4 * 1024 * 1024;

interface EventRow {
  readonly row_number_: number;
  readonly agent: string;
  readonly stream: string;
  readonly epoch: string;
  readonly seq: number;
  readonly event_type: string;
  readonly provider: string;
  readonly event_id: number;
  readonly event_timestamp_ms: number;
  readonly received_at_ms: number;
  readonly payload_length: number;
}

/** From `sinceMs`, before `untilMs`, by the agent's clock. */
export async function listEvents(sql: Sql, query: Query<"events">): Promise<Page<StoredEvent>> {
  const filters = new Conditions()
    .addIf("e.stream = ?", query.stream)
    .addIf("t.event_type = ?", query.type)
    .addIf("t.event_timestamp_ms >= ?", query.sinceMs)
    .addIf("t.event_timestamp_ms < ?", query.untilMs);
  const listing = {
    kind: "events",
    table: "agent_process_events",
    from: `agent_process_events t JOIN event_epochs e ON e.epoch_key = t.epoch_key
      JOIN agents a ON a.agent_key = t.agent_key`,
    columns: `a.id AS agent, e.stream, e.epoch, t.seq, t.event_type, t.provider, t.event_id, t.event_timestamp_ms,
      t.received_at_ms, length(t.payload) AS payload_length`,
    scope: await scopeOf(sql, query.agentId),
    filters,
  };
  const page = withinBytes(await list<EventRow>(sql, listing, query));
  const payloads = await payloadsOf(sql, page.items);
  return mapPage(page, (row) => ({
    agentId: row.agent,
    stream: row.stream,
    epoch: row.epoch,
    seq: row.seq,
    type: row.event_type,
    provider: row.provider,
    eventId: row.event_id,
    timestampMs: row.event_timestamp_ms,
    receivedAtMs: row.received_at_ms,
    // What was pruned since has none any more.
    payload: JSON.parse(payloads.get(row.row_number_) ?? "null") as unknown,
  }));
}

/** The beginning of the page that is not too large to be told at once. */
function withinBytes(page: Page<EventRow>): Page<EventRow> {
  let bytes = 0;
  const tooMany = page.items.findIndex((row, index) => {
    bytes += row.payload_length;
    return index > 0 && bytes > PAGE_PAYLOAD_BYTES;
  });
  if (tooMany < 0) return page;
  const items = page.items.slice(0, tooMany);
  return { items, nextCursor: formatCursor("events", items.at(-1)?.row_number_ ?? 0) };
}

async function payloadsOf(sql: Sql, rows: readonly EventRow[]): Promise<Map<number, string>> {
  const found = await selectIn<{ id: number; payload: string }>(
    sql,
    (places) => `SELECT id, payload FROM agent_process_events WHERE id IN (${places})`,
    [],
    rows.map((row) => row.row_number_),
  );
  return new Map(found.map(({ id, payload }) => [id, payload]));
}

interface LossRow {
  readonly agent: string;
  readonly stream: string;
  readonly epoch: string;
  readonly first_seq: number;
  readonly last_seq: number | null;
  readonly bytes: number | null;
  readonly reason: string;
  readonly declared_at_ms: number;
}

export async function listLosses(sql: Sql, query: Query<"losses">): Promise<Page<LossRecord>> {
  const listing = {
    kind: "losses",
    table: "event_losses",
    from: `event_losses t JOIN event_epochs e ON e.epoch_key = t.epoch_key
      JOIN agents a ON a.agent_key = t.agent_key`,
    columns: "a.id AS agent, e.stream, e.epoch, t.first_seq, t.last_seq, t.bytes, t.reason, t.declared_at_ms",
    scope: await scopeOf(sql, query.agentId),
    filters: new Conditions(),
  };
  return mapPage(await list<LossRow>(sql, listing, query), (row) => ({
    agentId: row.agent,
    stream: row.stream,
    epoch: row.epoch,
    firstSeq: row.first_seq,
    lastSeq: row.last_seq,
    bytes: row.bytes,
    reason: row.reason,
    declaredAtMs: row.declared_at_ms,
  }));
}

interface NamedProcessRow extends ProcessRow {
  readonly agent: string;
  readonly known_category: KnownCategory["category"] | null;
  readonly known_source: KnownCategory["source"] | null;
}

/** Those that ran at some time from `sinceMs` and before `untilMs`. */
export async function listProcesses(sql: Sql, query: Query<"processes">): Promise<Page<ProcessRecord>> {
  const scope = await scopeOf(sql, query.agentId);
  const filters = new Conditions();
  if (query.running === true) scope?.add("t.stopped_at_ms IS NULL");
  if (query.running === false) filters.add("t.stopped_at_ms IS NOT NULL");
  filters
    .addIf("COALESCE(c.classification, t.classification, 'unknown') = ?", query.category)
    .addIf("(t.stopped_at_ms IS NULL OR t.stopped_at_ms >= ?)", query.sinceMs)
    .addIf("t.started_at_ms < ?", query.untilMs);
  addSearch(
    filters,
    ["t.process_name", "t.path", "t.command_line", "t.user_name", "t.publisher"],
    query.search,
  );
  const listing = {
    kind: "processes",
    table: "agent_processes",
    from: `agent_processes t JOIN agents a ON a.agent_key = t.agent_key
      LEFT JOIN process_classifications c ON c.fingerprint_hash = t.fingerprint_hash`,
    columns: `t.*, a.id AS agent, c.classification AS known_category, c.classification_source AS known_source`,
    scope,
    filters,
  };
  return mapPage(await list<NamedProcessRow>(sql, listing, query), (row) => {
    const { known_category: category, known_source: source } = row;
    const known = category === null || source === null ? undefined : { category, source };
    return toRecord(row.agent, fromRow(row), known);
  });
}

interface ConnectionRow {
  readonly agent: string;
  readonly process_id: string | null;
  readonly process_name: string;
  readonly protocol: string;
  readonly remote_address: string;
  readonly remote_port: number | null;
  readonly remote_host: string | null;
  readonly bytes_sent: number;
  readonly bytes_received: number;
  readonly uncertainty_bytes: number | null;
  readonly meaning: string;
  readonly connections: number;
  readonly interval_start_ms: number;
  readonly interval_end_ms: number;
}

/** Those whose interval is, at least in part, from `sinceMs` and before `untilMs`. */
export async function listConnections(
  sql: Sql,
  query: Query<"connections">,
): Promise<Page<ConnectionRecord>> {
  const filters = new Conditions()
    .addIf("t.interval_end_ms > ?", query.sinceMs)
    .addIf("t.interval_start_ms < ?", query.untilMs);
  addSearch(filters, ["t.process_name", "t.remote_address", "t.remote_host"], query.search);
  const listing = {
    kind: "connections",
    table: "agent_connections",
    from: "agent_connections t JOIN agents a ON a.agent_key = t.agent_key",
    columns: "t.*, a.id AS agent",
    scope: await scopeOf(sql, query.agentId),
    filters,
  };
  return mapPage(await list<ConnectionRow>(sql, listing, query), (row) => ({
    agentId: row.agent,
    processId: row.process_id,
    processName: row.process_name,
    protocol: row.protocol,
    remoteAddress: row.remote_address,
    remotePort: row.remote_port,
    remoteHost: row.remote_host,
    bytesSent: row.bytes_sent,
    bytesReceived: row.bytes_received,
    uncertaintyBytes: row.uncertainty_bytes,
    meaning: row.meaning,
    connections: row.connections,
    intervalStartMs: row.interval_start_ms,
    intervalEndMs: row.interval_end_ms,
  }));
}
