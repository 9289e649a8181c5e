/** The cache of names: what it answers at once, what it asks, how seldom it asks a dead server. */
import { expect, test } from "bun:test";

import { NAME_TIMES, NameCache, type NameCacheOptions } from "../../../src/engine/names.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { NameAnswer } from "../../../src/model/names.ts";
import type { HostName } from "../../../src/model/snapshot.ts";

/** A resolver whose look-ups end when the test says so. */
class ManualResolver {
  readonly asked: string[] = [];
  readonly #waiting = new Map<string, (answer: NameAnswer) => void>();

  readonly lookup = (address: string): Promise<NameAnswer> => {
    if (this.#waiting.has(address)) throw new Error(`two look-ups of ${address} at a time`);
    this.asked.push(address);
    return new Promise((resolve) => this.#waiting.set(address, resolve));
  };

  get inFlight(): number {
    return this.#waiting.size;
  }

  async answer(address: string, answer: NameAnswer): Promise<void> {
    const resolve = this.#waiting.get(address);
    if (resolve === undefined) throw new Error(`${address} was not asked for`);
    this.#waiting.delete(address);
    resolve(answer);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  }

  async answerAll(answer: NameAnswer): Promise<void> {
    for (const address of Array.from(this.#waiting.keys())) await this.answer(address, answer);
  }
}

function world(options: Partial<NameCacheOptions> = {}) {
  const clock = new ManualClock(1_800_000_000_000);
  const resolver = new ManualResolver();
  const cache = new NameCache({ clock, lookup: resolver.lookup, ...options });
  return { clock, resolver, cache };
}

const name = (text: string, ttlMs = 300_000): NameAnswer => ({ kind: "name", name: text, ttlMs });
const dns = (text: string): HostName => ({ name: text, source: "dns" });
const unreachable: NameAnswer = { kind: "failed", reason: "unreachable" };

test("answers nothing at first, the name once it is known, and asks once", async () => {
  const { resolver, cache } = world();
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
  expect(resolver.asked).toEqual(["192.0.2.1"]);
  await resolver.answer("192.0.2.1", name("Host.Example."));
  expect(cache.nameOf("192.0.2.1")).toEqual({ name: "host.example", source: "ptr" });
  expect(resolver.asked).toEqual(["192.0.2.1"]);
  expect(cache.stats()).toEqual({
    entries: 1,
    hits: 1,
    misses: 2,
    hitRate: 1 / 3,
    lookups: 1,
    failures: 0,
    unreachable: 0,
    dropped: 0,
    evicted: 0,
    pending: 0,
    suspended: false,
  });
});

test("the hosts file goes first, for local addresses too, and nobody is asked", () => {
  const hosts = new Map([["127.0.0.1", { name: "localhost", source: "hosts" as const }]]);
  const { resolver, cache } = world({ hosts: (address) => hosts.get(address) });
  expect(cache.nameOf("127.0.0.1")).toEqual({ name: "localhost", source: "hosts" });
  for (const address of [
    "::1",
    "0.0.0.0",
    "::",
    "224.0.0.251",
    "255.255.255.255",
    "fe80::1",
    "169.254.1.1",
    "junk",
  ]) {
    expect(cache.nameOf(address)).toBeUndefined();
  }
  expect(resolver.asked).toEqual([]);
  expect(cache.stats()).toMatchObject({ entries: 0, hits: 1, misses: 0 });
  cache.nameOf("192.168.1.7");
  expect(resolver.asked).toEqual(["192.168.1.7"]);
});

test("without a resolver nobody is asked", () => {
  const { cache, resolver } = world({ lookup: undefined });
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
  expect(resolver.asked).toEqual([]);
  expect(cache.stats().pending).toBe(0);
});

test("an expired name is shown while it is looked up anew, for an hour", async () => {
  const { clock, resolver, cache } = world();
  cache.nameOf("192.0.2.1");
  await resolver.answer("192.0.2.1", name("old.example", 120_000));
  clock.advance(119_999);
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(1);
  clock.advance(1);
  expect(cache.nameOf("192.0.2.1")?.name).toBe("old.example");
  expect(resolver.asked).toHaveLength(2);
  await resolver.answer("192.0.2.1", name("new.example", 120_000));
  expect(cache.nameOf("192.0.2.1")?.name).toBe("new.example");
  clock.advance(120_000 + NAME_TIMES.staleMs - 1);
  expect(cache.nameOf("192.0.2.1")?.name).toBe("new.example");
  clock.advance(1);
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
});

test("a TTL is kept between a minute and a day", async () => {
  const { clock, resolver, cache } = world();
  cache.nameOf("192.0.2.1");
  await resolver.answer("192.0.2.1", name("a.example", 0));
  clock.advance(NAME_TIMES.nameMinMs - 1);
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(1);
  clock.advance(1);
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(2);
  await resolver.answer("192.0.2.1", name("a.example", 1e15));
  clock.advance(NAME_TIMES.nameMaxMs);
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(3);
});

test("an absence is remembered, and counts as an answer", async () => {
  const { clock, resolver, cache } = world();
  cache.nameOf("192.0.2.1");
  await resolver.answer("192.0.2.1", { kind: "absent", ttlMs: undefined });
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
  expect(cache.stats()).toMatchObject({ entries: 1, hits: 1, misses: 1, failures: 0 });
  clock.advance(NAME_TIMES.absenceDefaultMs - 1);
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(1);
  clock.advance(1);
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(2);
  await resolver.answer("192.0.2.1", { kind: "absent", ttlMs: 1e12 });
  clock.advance(NAME_TIMES.absenceMaxMs);
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(3);
});

test("a name that is no host name counts as none, even from a resolver that lets it through", async () => {
  const { resolver, cache } = world();
  cache.nameOf("192.0.2.1");
  await resolver.answer("192.0.2.1", name("evil\u001b[2J.example"));
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
});

test("a server's failure is remembered for five minutes, is no answer, and leaves the old name", async () => {
  const { clock, resolver, cache } = world();
  cache.nameOf("192.0.2.1");
  await resolver.answer("192.0.2.1", { kind: "failed", reason: "server" });
  cache.nameOf("192.0.2.1");
  expect(cache.stats()).toMatchObject({ hits: 0, misses: 2, failures: 1, unreachable: 0, lookups: 1 });
  expect(cache.takeChanges(10)).toEqual([]);
  clock.advance(NAME_TIMES.serverFailureMs);
  cache.nameOf("192.0.2.1");
  await resolver.answer("192.0.2.1", name("a.example", 60_000));
  clock.advance(60_000);
  expect(cache.nameOf("192.0.2.1")?.name).toBe("a.example");
  await resolver.answer("192.0.2.1", { kind: "failed", reason: "server" });
  expect(cache.nameOf("192.0.2.1")?.name).toBe("a.example");
  clock.advance(NAME_TIMES.staleMs);
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
});

test("so many at a time, the newest first, one look-up per address", async () => {
  const { resolver, cache } = world({ concurrencyMax: 2 });
  for (const last of [1, 2, 3, 4, 3, 4]) cache.nameOf(`192.0.2.${last}`);
  expect(resolver.asked).toEqual(["192.0.2.1", "192.0.2.2"]);
  expect(cache.stats().pending).toBe(4);
  await resolver.answer("192.0.2.1", name("one.example"));
  await resolver.answer("192.0.2.2", name("two.example"));
  expect(resolver.asked).toEqual(["192.0.2.1", "192.0.2.2", "192.0.2.4", "192.0.2.3"]);
  await resolver.answerAll(name("x.example"));
  expect(cache.stats()).toMatchObject({ pending: 0, lookups: 4, entries: 4 });
});

test("a full queue lets the oldest go and counts it; it can be asked for again", async () => {
  const { resolver, cache } = world({ concurrencyMax: 1, queueMax: 3 });
  for (let last = 1; last <= 6; last += 1) cache.nameOf(`192.0.2.${last}`);
  expect(cache.stats()).toMatchObject({ pending: 4, dropped: 2 });
  for (let count = 0; count < 4; count += 1) await resolver.answerAll(name("x.example"));
  expect(resolver.asked).toEqual(["192.0.2.1", "192.0.2.6", "192.0.2.5", "192.0.2.4"]);
  cache.nameOf("192.0.2.2");
  expect(resolver.asked.at(-1)).toBe("192.0.2.2");
});

test("the cache is bounded, and says what gave way", async () => {
  const { resolver, cache } = world({ entriesMax: 3 });
  for (let last = 1; last <= 5; last += 1) {
    cache.nameOf(`192.0.2.${last}`);
    await resolver.answerAll(name(`n${last}.example`));
  }
  expect(cache.stats()).toMatchObject({ entries: 3, evicted: 2 });
  expect(cache.takeChanges(10).map((change) => change.name)).toEqual([
    "n3.example",
    "n4.example",
    "n5.example",
  ]);
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
});

test("a dead server is asked once per pause, the pauses double up to a minute, and one answer ends it", async () => {
  const { clock, resolver, cache } = world();
  const frame = (): void => {
    for (let last = 0; last < 200; last += 1) cache.nameOf(`198.51.100.${last}`);
  };
  frame();
  expect(resolver.inFlight).toBe(8);
  await resolver.answerAll(unreachable);
  // The first five failures end it; those under way then, and those begun before, are all that it ever sees.
  await resolver.answerAll(unreachable);
  expect(cache.stats().suspended).toBe(true);
  const before = resolver.asked.length;
  expect(before).toBeLessThanOrEqual(12);
  frame();
  expect(resolver.asked).toHaveLength(before);
  // Nothing gathers while nobody is asked.
  const { pending } = cache.stats();
  for (let index = 0; index < 3000; index += 1) cache.nameOf(`203.0.${index >> 8}.${index & 255}`);
  expect(cache.stats()).toMatchObject({ pending, dropped: 0 });
  const pausesMs: number[] = [];
  for (let probe = 1; probe <= 6; probe += 1) {
    const startMs = clock.monotonicMs();
    while (resolver.inFlight === 0) {
      clock.advance(1000);
      frame();
    }
    expect(resolver.inFlight).toBe(1);
    pausesMs.push(clock.monotonicMs() - startMs);
    await resolver.answerAll(unreachable);
  }
  expect(pausesMs).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  clock.advance(60_000);
  frame();
  await resolver.answerAll(name("alive.example"));
  expect(cache.stats().suspended).toBe(false);
  frame();
  expect(resolver.inFlight).toBe(8);
});

test("an observed name goes ahead of the PTR record, whichever comes first", async () => {
  const { clock, resolver, cache } = world();
  cache.nameOf("192.0.2.1");
  cache.observe("192.0.2.1", dns("www.example.org"), 5000);
  expect(cache.nameOf("192.0.2.1")).toEqual({ name: "www.example.org", source: "dns" });
  await resolver.answer("192.0.2.1", name("edge.cdn.example"));
  expect(cache.nameOf("192.0.2.1")).toEqual({ name: "www.example.org", source: "dns" });
  cache.nameOf("192.0.2.2");
  await resolver.answer("192.0.2.2", name("edge2.cdn.example"));
  cache.observe("192.0.2.2", dns("api.example.org."), 5000);
  expect(cache.nameOf("192.0.2.2")).toEqual({ name: "api.example.org", source: "dns" });
  expect(resolver.asked).toHaveLength(2);
  clock.advance(NAME_TIMES.observedMinMs);
  expect(cache.nameOf("192.0.2.1")?.name).toBe("www.example.org");
  await resolver.answer("192.0.2.1", name("edge.cdn.example"));
  expect(cache.nameOf("192.0.2.1")).toEqual({ name: "edge.cdn.example", source: "ptr" });
});

test("an observed name saves the look-up that waits, and a bad one changes nothing", () => {
  const { resolver, cache } = world({ concurrencyMax: 1 });
  cache.nameOf("192.0.2.1");
  cache.nameOf("192.0.2.2");
  expect(cache.stats().pending).toBe(2);
  cache.observe("192.0.2.2", dns("www.example.org"), 5000);
  expect(cache.stats().pending).toBe(1);
  cache.observe("192.0.2.3", dns("bad name"), 5000);
  cache.observe("not an address", dns("www.example.org"), 5000);
  cache.observe("0.0.0.0", dns("blocked.example.org"), 5000);
  expect(cache.stats().entries).toBe(1);
  expect(resolver.asked).toEqual(["192.0.2.1"]);
});

test("what was learned comes out once, can be given back, and goes in again with the time it has left", async () => {
  const { clock, resolver, cache } = world();
  cache.nameOf("192.0.2.1");
  cache.nameOf("192.0.2.2");
  await resolver.answer("192.0.2.1", name("a.example", 3_600_000));
  await resolver.answer("192.0.2.2", { kind: "absent", ttlMs: 600_000 });
  const first = cache.takeChanges(1);
  expect(first).toEqual([
    { address: "192.0.2.1", name: "a.example", source: "ptr", expiresAtMs: clock.nowMs() + 3_600_000 },
  ]);
  cache.returnChanges(first);
  const all = cache.takeChanges(10);
  expect(all).toHaveLength(2);
  expect(cache.takeChanges(10)).toEqual([]);

  const later = world();
  later.clock.advance(599_999);
  expect(later.cache.restore(all)).toBe(2);
  expect(later.cache.takeChanges(10)).toEqual([]);
  expect(later.cache.nameOf("192.0.2.1")?.name).toBe("a.example");
  expect(later.cache.nameOf("192.0.2.2")).toBeUndefined();
  expect(later.resolver.asked).toEqual([]);
  later.clock.advance(1);
  later.cache.nameOf("192.0.2.2");
  expect(later.resolver.asked).toEqual(["192.0.2.2"]);
});

test("restoring trusts nothing: expired, far in the future, hostile, local, known already", async () => {
  const { clock, cache, resolver } = world();
  cache.nameOf("192.0.2.9");
  await resolver.answer("192.0.2.9", name("known.example"));
  const nowMs = clock.nowMs();
  const stored = (address: string, text: string | undefined, expiresAtMs: number) => {
    return { address, name: text, source: "ptr" as const, expiresAtMs };
  };
  expect(
    cache.restore([
      stored("192.0.2.1", "a.example", nowMs),
      stored("192.0.2.2", "a\u001b.example", nowMs + 1000),
      stored("127.0.0.1", "bank.example", nowMs + 1000),
      stored("192.0.2.3", "a.example", Number.NaN),
      stored("192.0.2.9", "other.example", nowMs + 1000),
      stored("192.0.2.4", "future.example", nowMs + 1e15),
    ]),
  ).toBe(1);
  expect(cache.nameOf("192.0.2.9")?.name).toBe("known.example");
  clock.advance(NAME_TIMES.nameMaxMs);
  cache.nameOf("192.0.2.4");
  expect(resolver.asked).toEqual(["192.0.2.9", "192.0.2.4"]);
});

test("look-ups that are held begin with start, without what was restored meanwhile", () => {
  const { clock, cache, resolver } = world({ startsHeld: true });
  cache.nameOf("192.0.2.1");
  cache.nameOf("192.0.2.2");
  expect(resolver.asked).toEqual([]);
  cache.restore([
    { address: "192.0.2.1", name: "a.example", source: "ptr", expiresAtMs: clock.nowMs() + 1000 },
  ]);
  cache.start();
  expect(resolver.asked).toEqual(["192.0.2.2"]);
});

test("after stop no look-up begins and a late answer changes nothing", async () => {
  const { cache, resolver } = world({ concurrencyMax: 1 });
  cache.nameOf("192.0.2.1");
  cache.nameOf("192.0.2.2");
  cache.stop();
  await resolver.answer("192.0.2.1", name("late.example"));
  expect(cache.nameOf("192.0.2.1")).toBeUndefined();
  expect(resolver.asked).toEqual(["192.0.2.1"]);
  expect(cache.stats().pending).toBe(0);
});

test("a resolver that throws counts as a failure of the server", async () => {
  const { cache } = world({ lookup: () => Promise.reject(new Error("broken")) });
  cache.nameOf("192.0.2.1");
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  expect(cache.stats()).toMatchObject({ failures: 1, unreachable: 0, pending: 0 });
});

test("clocks that jump change no time that is left", async () => {
  let nowMs = 1_800_000_000_000;
  let monotonicMs = 0;
  const resolver = new ManualResolver();
  const clock = { nowMs: () => nowMs, monotonicMs: () => monotonicMs };
  const cache = new NameCache({ clock, lookup: resolver.lookup });
  cache.nameOf("192.0.2.1");
  await resolver.answer("192.0.2.1", name("a.example", 120_000));
  nowMs -= 86_400_000;
  monotonicMs += 119_999;
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(1);
  monotonicMs += 1;
  cache.nameOf("192.0.2.1");
  expect(resolver.asked).toHaveLength(2);
});
