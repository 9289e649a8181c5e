/** A question to a snapshot and its answer: what every table, JSON document and CSV file is made of. */
import type { Flow, InterfaceState, ProcessState, Traffic } from "./snapshot.ts";

export type GroupKey = "connection" | "process" | "address" | "host" | "user" | "port" | "interface";

export const GROUP_KEYS: readonly GroupKey[] = [
  "connection",
  "process",
  "address",
  "host",
  "user",
  "port",
  "interface",
];

export interface SnapshotQuery {
  readonly by: GroupKey;
  /** The filter language (`process:curl port:443 host:*.example.org`); empty: everything. See engine/filter.ts. */
  readonly filter: string;
  /** A column's name; undefined: the busiest first, then the most bytes. */
  readonly sort: { readonly column: string; readonly descending: boolean } | undefined;
  readonly limit: number | undefined;
}

/** Flows that share a process, address, host, user or port. */
export interface Group extends Traffic {
  readonly by: Exclude<GroupKey, "connection" | "interface">;
  /** Unique within one result and stable from one to the next. */
  readonly key: string;
  /** What a person reads: a process's name, an address, a host, a user, `443 https`. */
  readonly label: string;
  /** Living ones; those that are over are counted apart, as in the totals. */
  readonly connections: number;
  readonly closedConnections: number;
  /** Distinct processes and remote addresses among its flows. */
  readonly processCount: number;
  readonly addressCount: number;
  /** Connections that this method can't count; their bytes are not in the sums. */
  readonly uncountedConnections: number;
  /** Sum over its flows that could be counted; undefined if any of theirs is. */
  readonly uncertaintyBytes: number | undefined;
  readonly firstSeenMs: number;
  readonly lastActivityMs: number;
  /** Of a process group whose process is visible. */
  readonly process: ProcessState | undefined;
  /** The flow with the most bytes: what stands in columns that only one flow can fill. */
  readonly topFlow: Flow;
}

export type QueryResult =
  | { readonly by: "connection"; readonly rows: readonly Flow[]; readonly matched: number }
  | { readonly by: "interface"; readonly rows: readonly InterfaceState[]; readonly matched: number }
  | { readonly by: Group["by"]; readonly rows: readonly Group[]; readonly matched: number };
