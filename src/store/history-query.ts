/** Answers "what used the network?" from the rollups: hours where they are kept, days before that, never both. */
import type { Database } from "bun:sqlite";
import { coverageOf } from "./history-coverage.ts";
import { conditionOf } from "./history-filter.ts";
import { HOUR_MS } from "./history-records.ts";
import { localDate, localDayStart, localMinute } from "../lib/calendar.ts";
import type { BytesMeaning, Protocol } from "../model/flow.ts";
import {
  FOLDED,
  type HistoryAnswer,
  type HistoryGroup,
  type HistoryQuery,
  type HistoryRow,
} from "../model/history.ts";

/** Columns a to c of each grouping: a and b identify the group, c is told beside it. */
const GROUPINGS: Readonly<Record<HistoryGroup, readonly [a: string, b: string, c: string]>> = {
  process: [
    "process.name",
    "CASE process.name WHEN '' THEN process.attribution || ' ' || process.user_name ELSE process.path END",
    "''",
  ],
  address: ["endpoint.address", "''", "max(endpoint.host)"],
  host: [
    "CASE endpoint.host WHEN '' THEN endpoint.address ELSE endpoint.host END",
    "''",
    "CASE count(DISTINCT endpoint.address) WHEN 1 THEN max(endpoint.address) ELSE count(DISTINCT endpoint.address) || ' addresses' END",
  ],
  user: ["process.user_name", "CAST(process.user_id AS TEXT)", "''"],
  port: ["CAST(endpoint.port AS TEXT)", "endpoint.protocol", "endpoint.direction"],
  day: ["CAST(start_ms AS TEXT)", "''", "''"],
  hour: ["CAST(start_ms AS TEXT)", "''", "''"],
};

interface GroupRow {
  readonly a: string;
  readonly b: string;
  readonly c: string;
  readonly protocol: Protocol;
  readonly meaning: BytesMeaning;
  readonly connections: number;
  readonly sent: number;
  readonly received: number;
  readonly uncertainty: number;
  readonly lower_bound: number;
}

function selectGroups(by: HistoryGroup, condition: string): string {
  const [a, b, c] = GROUPINGS[by];
  const amounts = "connections, bytes_sent, bytes_received, uncertainty_bytes, lower_bound_connections";
  return `SELECT ${a} AS a, ${b} AS b, ${c} AS c, endpoint.protocol AS protocol, meaning,
      sum(connections) AS connections, sum(bytes_sent) AS sent, sum(bytes_received) AS received,
      sum(uncertainty_bytes) AS uncertainty, sum(lower_bound_connections) AS lower_bound
    FROM (
      SELECT start_ms, process_id, endpoint_id, meaning, ${amounts} FROM hourly
        WHERE start_ms > ?1 - ${HOUR_MS} AND start_ms < ?2
      UNION ALL
      SELECT start_ms, process_id, endpoint_id, meaning, ${amounts} FROM daily
        WHERE start_ms IN (SELECT start_ms FROM day WHERE end_ms > ?1 AND start_ms < ?2)
    ) JOIN process ON process.id = process_id JOIN endpoint ON endpoint.id = endpoint_id
    WHERE 1${condition}
    GROUP BY a, b, ${by === "port" ? "c, " : ""}protocol, meaning`;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };
type Sum = Mutable<Omit<HistoryRow, "meanings">> & { meanings: BytesMeaning[] };

const NOT_KNOWN: Readonly<Record<string, string>> = {
  not_visible: "(another user's)",
  exact: "(the kernel's)",
  inferred: "(unknown)",
  unknown: "(unknown)",
};

/** Label and further words of a group. */
function describe(
  by: HistoryGroup,
  row: GroupRow,
): Pick<HistoryRow, "label" | "processPath" | "detail" | "startMs"> {
  const none = { processPath: undefined, detail: undefined, startMs: undefined };
  switch (by) {
    case "process": {
      if (row.a === FOLDED) return { ...none, label: "(others)" };
      if (row.a !== "") return { ...none, label: row.a, processPath: row.b === "" ? undefined : row.b };
      const [attribution = "", user = ""] = row.b.split(" ", 2);
      return {
        ...none,
        label: NOT_KNOWN[attribution] ?? "(unknown)",
        detail: user === "" ? undefined : user,
      };
    }
    case "address":
    case "host": {
      const noPeer = row.a === "0.0.0.0" || row.a === "::";
      const label = row.a === FOLDED ? "(others)" : noPeer ? "(no peer)" : row.a;
      return {
        ...none,
        label,
        detail: row.c === "" || row.c === row.a || row.a === FOLDED ? undefined : row.c,
      };
    }
    case "user":
      return { ...none, label: row.a !== "" ? row.a : row.b === "-1" ? "(unknown)" : row.b };
    case "port": {
      const label = row.a === "0" ? `(none)/${row.b}` : `${row.a}/${row.b}`;
      return { ...none, label, detail: row.c };
    }
    case "day": {
      const startMs = localDayStart(Number(row.a));
      return { ...none, label: localDate(startMs), startMs };
    }
    case "hour":
      return { ...none, label: localMinute(Number(row.a)), startMs: Number(row.a) };
    default:
      return by satisfies never;
  }
}

function keyOf(by: HistoryGroup, row: GroupRow): string {
  if (by === "day") return localDate(Number(row.a));
  return by === "port" ? `${row.a}/${row.b} ${row.c}` : row.b === "" ? row.a : `${row.a} ${row.b}`;
}

function addTo(sum: Sum, row: GroupRow): void {
  sum.connections += row.connections;
  sum.bytesSent += row.sent;
  sum.bytesReceived += row.received;
  sum.uncertaintyBytes += row.uncertainty;
  sum.lowerBoundConnections += row.lower_bound;
  if (row.meaning === "none") sum.uncountedConnections += row.connections;
  else if (!sum.meanings.includes(row.meaning)) sum.meanings.push(row.meaning);
}

function emptySum(key: string): Sum {
  return {
    key,
    label: "",
    processPath: undefined,
    detail: undefined,
    startMs: undefined,
    connections: 0,
    bytesSent: 0,
    bytesReceived: 0,
    uncertaintyBytes: 0,
    lowerBoundConnections: 0,
    uncountedConnections: 0,
    meanings: [],
  };
}

/** A correction that lies in another hour than what it corrects could leave a group below nothing by a few bytes. */
function notNegative(sum: Sum): HistoryRow {
  return {
    ...sum,
    connections: Math.max(0, sum.connections),
    bytesSent: Math.max(0, sum.bytesSent),
    bytesReceived: Math.max(0, sum.bytesReceived),
    uncertaintyBytes: Math.max(0, sum.uncertaintyBytes),
    lowerBoundConnections: Math.max(0, sum.lowerBoundConnections),
    uncountedConnections: Math.max(0, sum.uncountedConnections),
  };
}

function sorted(rows: HistoryRow[], by: HistoryGroup, limit: number | undefined): HistoryRow[] {
  if (by === "day" || by === "hour") {
    rows.sort((left, right) => (left.startMs ?? 0) - (right.startMs ?? 0));
    return limit === undefined ? rows : rows.slice(-limit);
  }
  const bytes = (row: HistoryRow): number => row.bytesSent + row.bytesReceived;
  rows.sort(
    (left, right) =>
      bytes(right) - bytes(left) || right.connections - left.connections || (left.key < right.key ? -1 : 1),
  );
  return limit === undefined ? rows : rows.slice(0, limit);
}

/** @param nowMs Unix milliseconds: time that is still to come is not missing */
export function queryHistory(database: Database, query: HistoryQuery, nowMs: number): HistoryAnswer {
  const answer = database.transaction(() => {
    const condition = conditionOf(query.filter);
    const statement = database.query<GroupRow, (string | number)[]>(selectGroups(query.by, condition.sql));
    const groups = new Map<string, Sum>();
    const total = emptySum("");
    const uncounted = new Map<Protocol, number>();
    for (const row of statement.iterate(query.sinceMs, query.untilMs, ...condition.values)) {
      const key = keyOf(query.by, row);
      let sum = groups.get(key);
      if (sum === undefined) {
        sum = { ...emptySum(key), ...describe(query.by, row) };
        groups.set(key, sum);
      }
      addTo(sum, row);
      addTo(total, row);
      if (row.meaning === "none") {
        uncounted.set(row.protocol, (uncounted.get(row.protocol) ?? 0) + row.connections);
      }
    }
    const coverage = coverageOf(
      database,
      { sinceMs: query.sinceMs, untilMs: query.untilMs, nowMs },
      Array.from(uncounted, ([protocol, connections]) => ({ protocol, connections })),
    );
    const rows = sorted(Array.from(groups.values(), notNegative), query.by, query.limit);
    return { rows, matched: groups.size, totals: notNegative(total), coverage };
  });
  return answer.deferred();
}
