/**
 * The cost of asking for a name, which is paid for every address of every frame: a known one, an unknown one, and one of a
 * dead name server, against the bare cache inside it (lru-cache); and the hit rate of a monitor that sees new addresses all the time.
 */
import { LRUCache } from "lru-cache";

import { NameCache } from "../src/engine/names.ts";
import { ManualClock } from "../src/lib/clock.ts";
import type { NameAnswer } from "../src/model/names.ts";

const ADDRESSES = 1000;
const FRAMES = 2000;
/** Beyond the cache's own look-up ours reads the clock, checks the time to live, and counts. */
const BUDGET_RATIO = 4;

const addresses = Array.from({ length: ADDRESSES }, (_, index) => `198.51.${index >> 8}.${index & 255}`);

/** Counted, so that no call can be left out as useless. */
let found = 0;

/** Nanoseconds per call, the median of seven rounds. */
function nanosecondsPerCall(call: (address: string) => unknown): number {
  const rounds: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const startMs = performance.now();
    for (let frame = 0; frame < FRAMES / 7; frame += 1)
      for (const address of addresses) found += call(address) === undefined ? 0 : 1;
    rounds.push(((performance.now() - startMs) * 1e6) / (Math.floor(FRAMES / 7 + 1) * ADDRESSES));
  }
  return rounds.sort((left, right) => left - right)[3] ?? 0;
}

async function settled(cache: NameCache): Promise<void> {
  while (cache.stats().pending > 0) await Promise.resolve();
}

const clock = new ManualClock(1_800_000_000_000);
const name = async (address: string): Promise<NameAnswer> => {
  return { kind: "name", name: `host-${address.replaceAll(".", "-")}.example`, ttlMs: 3_600_000 };
};

const known = new NameCache({ clock, lookup: name });
for (const address of addresses) known.nameOf(address);
await settled(known);
const dead = new NameCache({ clock, lookup: async () => ({ kind: "failed", reason: "unreachable" }) });
for (const address of addresses) dead.nameOf(address);
for (let turn = 0; turn < 1000; turn += 1) await Promise.resolve();
const bare = new LRUCache<string, { name: string }>({ max: 10_000 });
for (const address of addresses) bare.set(address, { name: address });

const bareNs = nanosecondsPerCall((address) => bare.get(address));
const knownNs = nanosecondsPerCall((address) => known.nameOf(address));
const deadNs = nanosecondsPerCall((address) => dead.nameOf(address));
console.log(`a bare lru-cache      ${bareNs.toFixed(0)} ns per call`);
console.log(
  `a known name          ${knownNs.toFixed(0)} ns per call: ${((knownNs * ADDRESSES) / 1e6).toFixed(3)} ms for a frame of 1,000`,
);
console.log(
  `a dead name server    ${deadNs.toFixed(0)} ns per call: ${((deadNs * ADDRESSES) / 1e6).toFixed(3)} ms for a frame of 1,000`,
);

// An hour of a machine with 200 connections of which one in a hundred is replaced each second; a frame later it is named.
const hour = new NameCache({ clock, lookup: name });
let next = 0;
const connected = Array.from({ length: 200 }, () => `203.${next >> 16}.${(next >> 8) & 255}.${next++ & 255}`);
for (let second = 0; second < 3600; second += 1) {
  connected.splice(0, 2);
  while (connected.length < 200) connected.push(`203.${next >> 16}.${(next >> 8) & 255}.${next++ & 255}`);
  for (const address of connected) hour.nameOf(address);
  await settled(hour);
  clock.advance(1000);
}
console.log(
  `hit rate of an hour   ${(100 * (hour.stats().hitRate ?? 0)).toFixed(2)} % of ${hour.stats().hits + hour.stats().misses} questions`,
);

const ratio = knownNs / bareNs;
const isOver = ratio > BUDGET_RATIO;
if (found === 0) throw new Error("nothing was found");
console.log(`names: ratio ${ratio.toFixed(1)} budget ${BUDGET_RATIO} ${isOver ? "over" : "ok"}`);
process.exitCode = isOver ? 1 : 0;
