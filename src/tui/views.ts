/** The views, their order, their keys, and the query that each of them asks. */
import type { GroupKey } from "../model/query.ts";

export type ViewName = "connections" | "processes" | "addresses" | "hosts" | "interfaces" | "users" | "ports";

export interface View {
  readonly name: ViewName;
  readonly title: string;
  readonly key: string;
  readonly by: GroupKey;
}

export const VIEWS: readonly View[] = [
  { name: "connections", title: "Connections", key: "1", by: "connection" },
  { name: "processes", title: "Processes", key: "2", by: "process" },
  { name: "addresses", title: "Addresses", key: "3", by: "address" },
  { name: "hosts", title: "Hosts", key: "4", by: "host" },
  { name: "interfaces", title: "Interfaces", key: "5", by: "interface" },
  { name: "users", title: "Users", key: "6", by: "user" },
  { name: "ports", title: "Ports", key: "7", by: "port" },
];

export function queryKeyOf(name: ViewName): GroupKey {
  return VIEWS.find((view) => view.name === name)?.by ?? "connection";
}

export function viewOf(by: GroupKey): ViewName {
  return VIEWS.find((view) => view.by === by)?.name ?? "connections";
}

/** The view before or after, around the ends. */
export function neighbour(name: ViewName, step: 1 | -1): ViewName {
  const index = VIEWS.findIndex((view) => view.name === name);
  return VIEWS[(index + step + VIEWS.length) % VIEWS.length]?.name ?? name;
}
