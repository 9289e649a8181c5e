/**
 * Traffic over a loopback whose queue is short and slow, so that the kernel drops segments before they are sent, in a
 * network namespace that the caller made. Tells as JSON what the programs counted and what the capture did.
 */
import { openCapture } from "../../../src/capture/open.ts";
import { waitFor } from "../wait-for.ts";
import { Collector, lines } from "./collector.ts";
import { Traffic } from "./traffic.ts";

await using traffic = await Traffic.start();
await using capture = await openCapture({ method: "sock_diag" });
const collector = new Collector();
collector.add(await capture.sample());
const client = [
  ...(await traffic.run("bulk-both-ways", "ipv4")),
  ...(await traffic.run("sendfile", "ipv4")),
  ...(await traffic.run("half-closed-by-client", "ipv4")),
];
const server = await traffic.serverCounts(0);
await waitFor("six connections to close", async () => {
  collector.add(await capture.sample());
  const rows = collector.connections(traffic.port);
  return rows.length === 6 && rows.every((row) => row.closed && row.uncertaintyBytes !== undefined);
});
const rows = collector.connections(traffic.port);
console.log(
  JSON.stringify({
    expected: lines([...client, ...server]),
    told: lines(rows),
    uncertainty: rows.map((row) => row.uncertaintyBytes),
  }),
);
