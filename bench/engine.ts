/**
 * What the engine costs per sample: the flow table with 1,000 and 20,000 flows of the simulated world, and the queries of
 * the screen on top; the same where each connection was seen to ask for a name of its own. The peer is the least that any such table must do with the same batches: look every socket up by its
 * id, subtract its counters and write a new row.
 */
import { openSimulatedCapture, simulatedNameOf, simulatedUserNameOf } from "../src/capture/simulated.ts";
import { FlowTable } from "../src/engine/flow-table.ts";
import { ObservedNames } from "../src/engine/observed-names.ts";
import { query } from "../src/engine/query.ts";
import { serviceOf } from "../src/engine/services.ts";
import { ManualClock } from "../src/lib/clock.ts";
import type { Batch } from "../src/model/contracts.ts";
import type { SocketSample } from "../src/model/flow.ts";
import type { NameObservation } from "../src/model/names.ts";
import type { Flow, Snapshot } from "../src/model/snapshot.ts";

const SAMPLES = 60;
/** Milliseconds per sample. */
const BUDGETS_MS: Readonly<Record<number, number>> = { 1_000: 2, 20_000: 30 };
/** A sample may cost so many times what the least possible table costs. */
const BUDGET_RATIO = 5;

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? 0;
}

function milliseconds(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Nothing but look-up, subtraction and a new row per socket. */
class BareTable {
  readonly #last = new Map<string, { sent: number; received: number }>();

  ingest(batch: Batch): readonly unknown[] {
    return batch.sockets.map(({ identity, counters, state }) => {
      const last = this.#last.get(identity.id);
      const sent = counters.bytesSent ?? 0;
      const received = counters.bytesReceived ?? 0;
      this.#last.set(identity.id, { sent, received });
      return {
        ...identity,
        state,
        sent,
        received,
        grown: sent - (last?.sent ?? 0) + received - (last?.received ?? 0),
      };
    });
  }
}

/** The ClientHello of a connection, as decoded. */
function helloOf({ identity }: SocketSample): NameObservation {
  return {
    source: "sni",
    name: "www.shop.example",
    chain: [],
    addresses: [{ address: identity.remoteAddress, ttlSeconds: 0 }],
    socket: identity.id,
    networkNamespace: 1,
    timeNs: 1,
    server: identity.remoteAddress,
    serverPort: identity.remotePort,
  };
}

async function measure(
  connections: number,
  observes: "nothing observed" | "names observed",
): Promise<{ readonly tableMs: number; readonly ratio: number }> {
  const clock = new ManualClock(Date.UTC(2025, 5, 15));
  await using capture = openSimulatedCapture({ clock, connections });
  const observed = new ObservedNames({ clock, networkNamespace: 1, share: () => {} });
  const known = new Set<string>();
  const table = new FlowTable({
    clock,
    observedNames: observed,
    nameOf: simulatedNameOf,
    userNameOf: simulatedUserNameOf,
    serviceOf,
  });
  const bare = new BareTable();
  const tableTimes: number[] = [];
  const ratios: number[] = [];
  const queryTimes: number[] = [];
  let unchanged = 0;
  let before: Snapshot | undefined;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const batch = await capture.sample();
    if (observes === "names observed") {
      const opened = batch.sockets.filter(
        ({ identity }) => identity.remotePort !== 0 && !known.has(identity.id),
      );
      for (const { identity } of opened) known.add(identity.id);
      observed.observe(opened.map(helloOf), 1);
    }
    const bareMs = milliseconds(() => bare.ingest(batch));
    let snapshot: Snapshot | undefined;
    const tableMs = milliseconds(() => {
      snapshot = table.ingest(batch, capture.status());
    });
    if (snapshot !== undefined) {
      const now = snapshot;
      const question = { filter: "", sort: undefined, limit: undefined };
      queryTimes.push(milliseconds(() => query(now, { by: "connection", ...question })));
      const old = new Set<Flow>(before?.flows);
      unchanged = now.flows.filter((flow) => old.has(flow)).length / now.flows.length;
    }
    before = snapshot;
    tableTimes.push(tableMs);
    ratios.push(tableMs / bareMs);
    clock.advance(1000);
  }
  const tableMs = median(tableTimes);
  console.log(
    `${String(connections).padStart(6)} flows, ${observes}   table ${tableMs.toFixed(2)} ms (budget ${BUDGETS_MS[connections]} ms, slowest ${Math.max(...tableTimes).toFixed(2)} ms)` +
      `   query ${median(queryTimes).toFixed(2)} ms   rows kept as they were ${(100 * unchanged).toFixed(0)} %`,
  );
  return { tableMs, ratio: median(ratios) };
}

const small = await measure(1_000, "nothing observed");
const large = await measure(20_000, "nothing observed");
const named = await measure(20_000, "names observed");
const memoryBytes = process.memoryUsage.rss();
console.log(`resident memory after all: ${(memoryBytes / 1024 / 1024).toFixed(0)} MiB`);
const isSlow =
  small.tableMs > (BUDGETS_MS[1_000] ?? 0) ||
  Math.max(large.tableMs, named.tableMs) > (BUDGETS_MS[20_000] ?? 0);
const ratio = Math.max(large.ratio, named.ratio);
const isOver = isSlow || ratio > BUDGET_RATIO;
console.log(`engine: ratio ${ratio.toFixed(1)} budget ${BUDGET_RATIO} ${isOver ? "over" : "ok"}`);
process.exitCode = isOver ? 1 : 0;
