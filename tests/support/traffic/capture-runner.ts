/**
 * A capture in a process of its own, so that it can run as another user: at each `sample` line on stdin it samples and
 * tells all connections of the port (its argument) as a line of JSON.
 */
import { openCapture } from "../../../src/capture/open.ts";
import { Collector } from "./collector.ts";

const port = Number(process.argv[2]);
await using capture = await openCapture();
const collector = new Collector();
console.log(JSON.stringify({ uid: process.getuid?.(), status: capture.status() }));
for await (const line of console) {
  if (line !== "sample") continue;
  collector.add(await capture.sample());
  console.log(JSON.stringify({ rows: collector.connections(port), losses: [...collector.losses] }));
}
