/**
 * The round trip of 1,000 and 10,000 rows: a question over the authenticated connection, and the answer decoded from its
 * frame, with a helper that reads the kernel's maps anew for each (it shares a reading for 50 ms). A row is one process at
 * one real TCP socket: its half about the socket and its half about the bytes. Beside it the same for what has changed
 * since the last answer, which is what a monitor asks for, while nothing changes and while everything does. Takes a
 * minute; needs root.
 */
import { BYTES_ROW_BYTES, SOCKET_ROW_BYTES } from "../src/decode/ebpf-records.ts";
import { Connections } from "./support/connections.ts";
import { othersCounting, runInside, startHelper, type BenchHelper } from "./support/helper.ts";
import { percentile } from "./support/measures.ts";

const SIZES = [1_000, 10_000] as const;
const ASKS = 200;
/** Each question finds the helper's last reading too old. */
const PAUSE_MS = 60;
const WARM_UPS = 50;
/** Rows that changed in the last second before the last answer are told again: nothing is still until then. */
const STILL_MS = 1200;
const BUDGET_MS = 2;

interface Trips {
  readonly p50: number;
  readonly p99: number;
  /** The fewest of sockets' and of bytes' rows in an answer. */
  readonly rows: number;
}

/** `prepare` runs before each question, and is not part of the trip. */
async function measure(
  { session }: BenchHelper,
  asks: number,
  what: "all" | "changed",
  prepare?: () => Promise<void>,
): Promise<Trips> {
  const times: number[] = [];
  let sinceNs = what === "all" ? 0 : (await session.collect(0)).timeNs;
  let rows = Number.POSITIVE_INFINITY;
  for (let ask = 0; ask < asks; ask += 1) {
    await Bun.sleep(PAUSE_MS); // so that the maps are read anew
    await prepare?.();
    const began = performance.now();
    const answer = await session.collect(sinceNs);
    times.push(performance.now() - began);
    if (what === "changed") sinceNs = answer.timeNs;
    rows = Math.min(rows, answer.sockets.length / SOCKET_ROW_BYTES, answer.bytes.length / BYTES_ROW_BYTES);
  }
  return { p50: percentile(times, 50), p99: percentile(times, 99), rows };
}

function say(name: string, { p50, p99, rows }: Trips): void {
  console.log(`${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (${rows} rows and more)`);
}

async function main(): Promise<number> {
  const others = othersCounting();
  if (others > 0) console.log(`note: ${others} other helpers count on this machine, and cost something`);
  await using helper = await startHelper();
  let decided: Trips | undefined;
  for (const size of SIZES) {
    await using connections = await Connections.open(size);
    await measure(helper, WARM_UPS, "all");
    const all = await measure(helper, ASKS, "all");
    say(`${size} rows, all of them`, all);
    decided ??= all;
    if (all.rows < size) {
      console.log(`helper-rows: ${all.rows} rows, not ${size}: over`);
      return 1;
    }
    say(`${size} rows, all changed`, await measure(helper, ASKS / 4, "changed", () => connections.move()));
    await Bun.sleep(STILL_MS); // a length of time, not a wait for something
    say(`${size} rows, none changed`, await measure(helper, ASKS / 4, "changed"));
  }
  const p99 = decided?.p99 ?? Number.NaN;
  console.log(
    `helper-rows: ratio ${(p99 / BUDGET_MS).toFixed(2)} of the budget, p99 ${p99.toFixed(2)} ms for ${SIZES[0]} rows, budget ${BUDGET_MS} ms ${p99 <= BUDGET_MS ? "ok" : "over"}`,
  );
  return p99 <= BUDGET_MS ? 0 : 1;
}

await runInside("helper-rows", import.meta.path, main);
