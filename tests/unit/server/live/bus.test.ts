/** The live bus: order, filters, queues that are bounded, gaps with their exact number, and going on after an id. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { LiveEvent } from "../../../../src/model/fleet.ts";
import type { PublishedEvent } from "../../../../src/server/context.ts";
import { createLiveBus, type LiveBusLimits } from "../../../../src/server/live/bus.ts";

const START_MS = 1_700_000_000_000;
const BASE = START_MS * 1000;

class Clock {
  nowMs = START_MS;
  elapsedMs = 0;
  now = (): number => this.nowMs;
  monotonicMs = (): number => this.elapsedMs;
}

function busWith(limits: Partial<LiveBusLimits> = {}, clock = new Clock()) {
  return { bus: createLiveBus(clock, limits), clock };
}

const everything = (): boolean => true;

function event(change: string, agentId = "a"): LiveEvent {
  return { type: "agent", agentId, change };
}

/** The next so many, or fewer at the end. */
async function take(events: AsyncIterable<PublishedEvent>, count: number): Promise<PublishedEvent[]> {
  const iterator = events[Symbol.asyncIterator]();
  const taken: PublishedEvent[] = [];
  while (taken.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

const gap = (id: number, missed: number): PublishedEvent => ({ id, event: { type: "gap", missed } });

describe("the live bus", () => {
  test("tells each subscriber what passes its filter, in order, with ids that rise by one", async () => {
    const { bus } = busWith();
    const ending = new AbortController();
    const all = bus.subscribe({ filter: everything }, ending.signal);
    const onlyB = bus.subscribe({ filter: (e) => "agentId" in e && e.agentId === "b" }, ending.signal);
    bus.publish(event("1"));
    bus.publish(event("2", "b"));
    bus.publish(event("3"));
    expect(await take(all, 3)).toEqual([
      { id: BASE + 1, event: event("1") },
      { id: BASE + 2, event: event("2", "b") },
      { id: BASE + 3, event: event("3") },
    ]);
    expect(await take(onlyB, 1)).toEqual([{ id: BASE + 2, event: event("2", "b") }]);
    expect(bus.subscribers).toBe(2);
    expect(bus.lastId).toBe(BASE + 3);
    ending.abort();
    expect(bus.subscribers).toBe(0);
    expect(await take(all, 1)).toEqual([]);
  });

  test("what a full queue can't hold becomes one gap with its number, and then it goes on", async () => {
    const { bus } = busWith();
    const ending = new AbortController();
    const slow = bus.subscribe({ filter: everything, queueMax: 4 }, ending.signal);
    for (let n = 1; n <= 100; n += 1) bus.publish(event(String(n)));
    expect(await take(slow, 5)).toEqual([
      ...[1, 2, 3, 4].map((n) => ({ id: BASE + n, event: event(String(n)) })),
      gap(BASE + 100, 96),
    ]);
    bus.publish(event("after"));
    expect(await take(slow, 1)).toEqual([{ id: BASE + 101, event: event("after") }]);
    ending.abort();
  });

  test("counts in a gap only what the filter would have let through", async () => {
    const { bus } = busWith();
    const ending = new AbortController();
    const slow = bus.subscribe(
      { filter: (e) => "agentId" in e && e.agentId === "b", queueMax: 1 },
      ending.signal,
    );
    for (let n = 0; n < 30; n += 1) bus.publish(event(String(n), n % 3 === 0 ? "b" : "a"));
    expect(await take(slow, 2)).toEqual([{ id: BASE + 1, event: event("0", "b") }, gap(BASE + 28, 9)]);
    ending.abort();
  });

  test("a queue is bounded by bytes, too", async () => {
    const { bus } = busWith({ queueBytesMax: 10_000 });
    const ending = new AbortController();
    const slow = bus.subscribe({ filter: everything }, ending.signal);
    for (let n = 0; n < 20; n += 1) bus.publish(event("x".repeat(4000)));
    const [first, second, third] = await take(slow, 3);
    expect([first?.event.type, second?.event.type]).toEqual(["agent", "agent"]);
    expect(third).toEqual(gap(BASE + 20, 18));
    ending.abort();
  });

  test("goes on after an id that it still knows, without a gap and without a repetition", async () => {
    const { bus } = busWith({ keptMax: 10 });
    const ending = new AbortController();
    const watching = bus.subscribe({ filter: everything }, ending.signal);
    for (let n = 1; n <= 10; n += 1) bus.publish(event(String(n)));
    const resumed = bus.subscribe({ filter: everything, afterId: BASE + 7 }, ending.signal);
    bus.publish(event("11"));
    expect((await take(resumed, 4)).map(({ id }) => id - BASE)).toEqual([8, 9, 10, 11]);
    const upToDate = bus.subscribe({ filter: everything, afterId: bus.lastId }, ending.signal);
    bus.publish(event("12"));
    expect((await take(upToDate, 1)).map(({ id }) => id - BASE)).toEqual([12]);
    expect((await take(watching, 12)).length).toBe(12);
    ending.abort();
  });

  test("an id that is no longer kept, of an earlier run, or of nowhere gives a gap of unknown size first", async () => {
    const { bus, clock } = busWith({ keptMax: 3 });
    const ending = new AbortController();
    const watching = bus.subscribe({ filter: everything }, ending.signal);
    for (let n = 1; n <= 5; n += 1) bus.publish(event(String(n)));
    for (const afterId of [BASE + 1, 0, BASE - 5, BASE + 6, Number.MAX_SAFE_INTEGER]) {
      const resumed = bus.subscribe({ filter: everything, afterId }, ending.signal);
      const told = await take(resumed, 4);
      expect(told[0]).toEqual(gap(BASE + 2, -1));
      expect(told.slice(1).map(({ id }) => id - BASE)).toEqual([3, 4, 5]);
    }
    // A parent that starts later has higher ids: one of the run before is older than all that it has.
    clock.nowMs += 5000;
    const later = createLiveBus(clock);
    expect(later.lastId).toBeGreaterThan(bus.lastId);
    const resumed = later.subscribe({ filter: everything, afterId: bus.lastId }, ending.signal);
    later.publish(event("new"));
    const told = await take(resumed, 2);
    expect(told.map(({ event }) => event.type)).toEqual(["gap", "agent"]);
    expect(told[0]?.event).toEqual({ type: "gap", missed: -1 });
    expect(await take(watching, 5)).toHaveLength(5);
    ending.abort();
  });

  test("keeps nothing once nobody has listened for long, and says so to who comes back", async () => {
    const { bus, clock } = busWith({ keptMs: 1000 });
    const first = new AbortController();
    const watching = bus.subscribe({ filter: everything }, first.signal);
    bus.publish(event("1"));
    await take(watching, 1);
    first.abort();
    clock.elapsedMs += 900;
    bus.publish(event("2"));
    const second = new AbortController();
    const back = bus.subscribe({ filter: everything, afterId: BASE + 1 }, second.signal);
    expect((await take(back, 1)).map(({ id }) => id - BASE)).toEqual([2]);
    second.abort();
    clock.elapsedMs += 1001;
    bus.publish(event("3"));
    const third = new AbortController();
    const late = bus.subscribe({ filter: everything, afterId: BASE + 2 }, third.signal);
    expect(await take(late, 1)).toEqual([gap(BASE + 3, -1)]);
    third.abort();
  });

  test("a subscriber that left or never came is nobody's burden", async () => {
    const { bus } = busWith();
    const gone = new AbortController();
    gone.abort();
    expect(await take(bus.subscribe({ filter: everything }, gone.signal), 1)).toEqual([]);
    expect(bus.subscribers).toBe(0);
    const ending = new AbortController();
    for await (const { event: told } of bus.subscribe({ filter: everything, afterId: 0 }, ending.signal)) {
      expect(told.type).toBe("gap");
      break;
    }
    expect(bus.subscribers).toBe(0);
  });

  test("whatever is published and read in whatever order: told + missed = published, in order", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ kind: fc.constant("read" as const), count: fc.integer({ min: 1, max: 30 }) }),
    );
    const steps = fc.array(step, { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 20 }), async (steps, queueMax) => {
        const { bus } = busWith();
        const ending = new AbortController();
        const events = bus.subscribe({ filter: everything, queueMax }, ending.signal);
        let published = 0;
        let accounted = 0;
        const readUpTo = async (countMax: number): Promise<void> => {
          for (let n = 0; n < countMax; n += 1) {
            if (accounted >= published) return;
            const [told] = await take(events, 1);
            if (told === undefined) throw new Error("it ended");
            accounted += told.event.type === "gap" ? told.event.missed : 1;
            // Everything up to the id was told or counted: that is what makes it worth to go on after.
            expect(told.id).toBe(BASE + accounted);
          }
        };
        for (const { kind, count } of steps) {
          if (kind === "read") await readUpTo(count);
          else for (let n = 0; n < count; n += 1) bus.publish(event(String(n)));
          if (kind === "publish") published += count;
        }
        await readUpTo(Infinity);
        expect(accounted).toBe(published);
        ending.abort();
      }),
    );
  });
});
