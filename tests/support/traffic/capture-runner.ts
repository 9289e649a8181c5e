/**
 * A capture in a process of its own, so that it can run as another user or in another network namespace: at each
 * `sample` line on stdin it samples and tells all connections of the port (its argument) as a line of JSON; `fresh`
 * samples and forgets all that was told before.
 */
import { openCapture } from "../../../src/capture/open.ts";
import { Collector } from "./collector.ts";

const port = Number(process.argv[2]);
await using capture = await openCapture();
let collector = new Collector();
console.log(JSON.stringify({ uid: process.getuid?.(), status: capture.status() }));
for await (const line of console) {
  if (line === "fresh") collector = new Collector();
  else if (line !== "sample") continue;
  collector.add(await capture.sample());
  console.log(JSON.stringify({ rows: collector.connections(port), losses: [...collector.losses] }));
}
