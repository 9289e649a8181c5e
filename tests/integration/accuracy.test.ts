/**
 * Exactness: real TCP traffic between two processes, each connection's payload equal to what the programs counted, both
 * directions, 0 bytes off, closed ones included. On the capture itself, as this user; tests/integration/
 * accuracy-nobody.test.ts does the same as another user, tests/binary/accuracy.test.ts on the compiled program.
 */
import { describe, expect, test } from "bun:test";
import { openCapture } from "../../src/capture/open.ts";
import { Collector, lines, type CollectedRow } from "../support/traffic/collector.ts";
import { FAMILIES, SCENARIOS } from "../support/traffic/scenarios.ts";
import { Traffic } from "../support/traffic/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

/**
 * A connection that did not end in order: whether a FIN came before the reset can't be proven, and no FIN of our own
 * proves that the local queue dropped nothing: told as uncertain by a byte or two.
 */
const UNPROVABLE = new Set([
  "reset-by-client",
  "reset-by-server",
  "reset-without-reading",
  "write-to-closed-peer",
  "write-to-closed-peer-after-eof",
]);

for (const family of FAMILIES) {
  describe(`over ${family}`, () => {
    for (const scenario of SCENARIOS) {
      test(
        scenario,
        async () => {
          await using traffic = await Traffic.start();
          await using capture = await openCapture({ method: "sock_diag" });
          const collector = new Collector();
          collector.add(await capture.sample());
          const client = await traffic.run(scenario, family);
          const server = await traffic.serverCounts(0);
          const expected = lines([...client, ...server]);
          const rows = await waitFor(`${expected.length} connections to close`, async () => {
            collector.add(await capture.sample());
            const found = collector.connections(traffic.port);
            return found.length >= expected.length && found.every((row) => row.closed) && found;
          });
          expect(lines(rows)).toEqual(expected);
          const doubtful = rows.filter((row) => row.uncertaintyBytes !== 0);
          if (!UNPROVABLE.has(scenario)) expect(doubtful).toEqual([]);
          expect(rows.filter((row) => (row.uncertaintyBytes ?? 3) > 2)).toEqual([]);
          expect([...collector.losses.keys()].filter((cause) => cause !== "process_unreadable")).toEqual([]);
        },
        300_000,
      );
    }

    test("long-lived, idle, then active, with samples in between", async () => {
      await using traffic = await Traffic.start();
      await using capture = await openCapture({ method: "sock_diag" });
      const collector = new Collector();
      collector.add(await capture.sample());
      const look = async (live: number): Promise<CollectedRow[]> => {
        // Loopback has delivered when send returns; the server still has to read for its own count.
        const server = await traffic.serverCounts(live);
        collector.add(await capture.sample());
        expect(lines(collector.connections(traffic.port).filter((row) => isServer(row, traffic)))).toEqual(
          lines(server),
        );
        return collector.connections(traffic.port);
      };
      const opened = await traffic.run("long-lived:open", family);
      const first = await look(5);
      expect(lines(first.filter((row) => !isServer(row, traffic)))).toEqual(lines(opened));
      await look(5);
      const active = await traffic.run("long-lived:more", family);
      const sent = active.reduce((sum, connection) => sum + connection.sent, 0);
      await waitFor("the server to have read all", async () => {
        const server = await traffic.serverReport();
        return server.reduce((sum, connection) => sum + connection.received, 0) === sent;
      });
      const second = await look(5);
      expect(lines(second.filter((row) => !isServer(row, traffic)))).toEqual(lines(active));
      expect(second.map((row) => [row.closed, row.attribution, row.uncertaintyBytes])).toEqual(
        Array.from({ length: 10 }, () => [false, "exact", 0]),
      );
      expect(new Set(second.flatMap((row) => row.pids))).toEqual(
        new Set([traffic.clientPid, traffic.serverPid]),
      );
      const closed = await traffic.run("long-lived:close", family);
      const server = await traffic.serverCounts(0);
      const last = await waitFor("all to close", async () => {
        collector.add(await capture.sample());
        const rows = collector.connections(traffic.port);
        return rows.every((row) => row.closed) && rows;
      });
      expect(lines(last)).toEqual(lines([...closed, ...server]));
      // The process is remembered from the time when the connection lived.
      expect(new Set(last.map((row) => row.attribution))).toEqual(new Set(["exact"]));
    }, 300_000);
  });
}

function isServer(row: CollectedRow, traffic: Traffic): boolean {
  return row.local.endsWith(`|${traffic.port}`);
}
