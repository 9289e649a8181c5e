/**
 * The compiled program where the other end is on another machine: `wb monitor` in the client's network namespace, then in
 * the server's. Every row keeps its word: it is off by no more than it says, and where it says nothing, it is right.
 */
import { readFileSync } from "node:fs";
import { expect } from "bun:test";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { makeLink } from "../support/traffic/link.ts";
import { CLOSING_SCENARIOS, SCENARIOS, type Family } from "../support/traffic/scenarios.ts";
import type { Counted } from "../support/traffic/sockets.ts";
import { Traffic } from "../support/traffic/traffic.ts";
import { breach, type ToldRow } from "../support/traffic/verdict.ts";
import { waitFor } from "../support/wait-for.ts";

interface Document {
  readonly rows: readonly {
    readonly localAddress: string;
    readonly localPort: number;
    readonly remoteAddress: string;
    readonly remotePort: number;
    readonly bytesSent: number | null;
    readonly bytesReceived: number | null;
    readonly uncertaintyBytes: number | null;
    readonly closed: boolean;
  }[];
  readonly loss: readonly { readonly cause: string; readonly count: number }[];
}

const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];

for (const watched of ["client", "server"] as const) {
  testWith(
    ["root", "binary", "program:ip"],
    `watched at the ${watched}, every scenario`,
    async () => {
      await using link = await makeLink("prompt");
      await using traffic = await Traffic.start(link);
      const options = ["--json", "--no-history", "--no-dns", "--interval", "500ms", "--duration", "10m"];
      const monitor = Bun.spawn([...link[watched], BINARY_PATH, "monitor", ...options], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      await waitFor("the monitor to join the destroy groups", () =>
        // The first netlink socket of a process has its pid for an address.
        new RegExp(`^\\S+ +4 +${monitor.pid} +0000000f `, "m").test(
          readFileSync(`/proc/${monitor.pid}/net/netlink`, "utf8"),
        ),
      );
      const truth: Counted[] = [];
      for (const family of FAMILIES) {
        for (const scenario of [...SCENARIOS, ...CLOSING_SCENARIOS]) {
          const client = await traffic.run(scenario, family);
          const server = await traffic.serverCountsOf(client);
          truth.push(...(watched === "client" ? client : server));
        }
      }
      monitor.kill("SIGINT");
      const [stdout, stderr, exitCode] = await Promise.all([
        new Response(monitor.stdout).text(),
        new Response(monitor.stderr).text(),
        monitor.exited,
      ]);
      expect(stderr).toBe("");
      expect(exitCode).toBe(0);
      const document = JSON.parse(stdout) as Document;
      const rows = new Map(document.rows.map((row) => [keyOf(row), told(row)]));
      const seen = truth.filter((row) => rows.has(`${row.local} ${row.remote}`));
      const breaches = seen.map((row) => breach(rows.get(`${row.local} ${row.remote}`) as ToldRow, row));
      expect(breaches.filter((text) => text !== undefined)).toEqual([]);
      // Only what was reset with linger 0 between two looks has no row, and is counted.
      const erased = document.loss.find(({ cause }) => cause === "counters_erased")?.count ?? 0;
      expect(truth.length - seen.length).toBeLessThanOrEqual(erased);
      expect(seen.length).toBeGreaterThan(1400);
    },
    600_000,
  );
}

function keyOf(row: Document["rows"][number]): string {
  return `${row.localAddress}|${row.localPort} ${row.remoteAddress}|${row.remotePort}`;
}

function told(row: Document["rows"][number]): ToldRow {
  return {
    local: `${row.localAddress}|${row.localPort}`,
    remote: `${row.remoteAddress}|${row.remotePort}`,
    sent: row.bytesSent ?? undefined,
    received: row.bytesReceived ?? undefined,
    uncertaintyBytes: row.uncertaintyBytes ?? undefined,
  };
}
