/** Names observed by the real kernel programs in real answers over UDP and TCP and a real ClientHello reach their flows. */
import { expect } from "bun:test";

import { ProcessRegistry } from "../../src/capture/helper/process-registry.ts";
import { RowTable } from "../../src/capture/helper/row-table.ts";
import { openEbpfSource } from "../../src/capture/linux/ebpf/source.ts";
import { startNames } from "../../src/cli/names.ts";
import { FlowTable } from "../../src/engine/flow-table.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Flow } from "../../src/model/snapshot.ts";
import { readBootId } from "../../src/platform/boot-id.ts";
import { ownNetworkNamespace } from "../../src/platform/system-facts.ts";
import { batchAt, STATUS } from "../support/batches.ts";
import {
  NAMED_CONNECTIONS,
  NAMED_PORT,
  NAMED_TRAFFIC_NEEDS,
  namedTraffic,
} from "../support/named-traffic.ts";
import { testWith } from "../support/needs.ts";
import { waitFor } from "../support/wait-for.ts";

/** Only makes keys here: nothing is compared with /proc. */
const TICKS_PER_SECOND = 100;

testWith(NAMED_TRAFFIC_NEEDS, "each connection has the name under which it was asked for", async () => {
  const names = startNames({ enabled: false, persist: false, clock: systemClock, hostsPath: "/dev/null" });
  const table = new FlowTable({
    clock: systemClock,
    nameOf: names.nameOf.bind(names),
    observedNames: names.observed,
  });
  const rows = new RowTable(new ProcessRegistry(readBootId(), TICKS_PER_SECOND), ownNetworkNamespace());
  using source = openEbpfSource({});
  const sample = (): readonly Flow[] => {
    const sampledAtMs = Date.now();
    const collection = source.collect();
    expect(names.observeRecords(source.drain().names)).toEqual([]);
    const { closed } = rows.take(collection, { isWhole: true, observation: "before", nowMs: sampledAtMs });
    const batch = { ...batchAt(0), sampledAtMs, monotonicMs: performance.now() };
    return table.ingest({ ...batch, sockets: rows.samples(), closed }, STATUS).flows;
  };
  sample();
  await using traffic = await namedTraffic();
  traffic.begin();
  const found = await waitFor("the three connections", () => {
    const flows = sample().filter(({ remotePort }) => remotePort === NAMED_PORT);
    // The rows can be read just before the ClientHello passes.
    return flows.length === 3 && flows.every(({ remoteHost }) => remoteHost !== undefined)
      ? flows
      : undefined;
  });
  const told = found.map(({ remoteAddress: address, remoteHost: host }) => ({ address, host }));
  told.sort((left, right) => (left.host?.name ?? "").localeCompare(right.host?.name ?? ""));
  expect(told).toEqual([...NAMED_CONNECTIONS]);
  // Of the whole machine: what other programs ask is in it.
  expect(names.stats().observedSni).toBeGreaterThanOrEqual(1);
  expect(names.stats().observations.malformed).toBe(0);
  await names.close();
});
