/** The service that a port is known for. Pure, and the same on every machine: it does not read /etc/services. */
import type { Protocol } from "../model/flow.ts";
import { SERVICES_BOTH, SERVICES_TCP, SERVICES_UDP } from "./services-data.ts";

type ServiceTable = ReadonlyMap<number, string>;

/** Read when the first port is asked for, not when the module is loaded. */
let tables: Readonly<Partial<Record<Protocol, ServiceTable>>> | undefined;

/**
 * `https` for TCP port 443; undefined where the port is not in the table. It says what is usually behind the port, not
 * what is. Ports from 49152 on are given out at random to clients, so most of them mean nothing.
 */
export function serviceOf(protocol: Protocol, port: number): string | undefined {
  tables ??= readTables();
  return tables[protocol]?.get(port);
}

/** MPTCP and UDP-Lite take the ports of TCP and UDP. */
function readTables(): Readonly<Partial<Record<Protocol, ServiceTable>>> {
  const tcp = readTable(SERVICES_BOTH, SERVICES_TCP);
  const udp = readTable(SERVICES_BOTH, SERVICES_UDP);
  return { tcp, udp, mptcp: tcp, udplite: udp };
}

/** Later texts go ahead of earlier ones. */
function readTable(...texts: readonly string[]): ServiceTable {
  const table = new Map<number, string>();
  for (const text of texts) {
    for (const word of text.split(",")) {
      const [port = "", name = ""] = word.trim().split(" ");
      table.set(Number(port), name);
    }
  }
  return table;
}
