/** How providers are told of: at each change, regularly, with rates, restarts and losses that are right. */
import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../../src/lib/clock.ts";
import { EventItem, type StreamName } from "../../../src/protocol/fleet/envelope.ts";
import { ProviderHealth } from "../../../src/protocol/fleet/payloads.ts";
import type { NewEvent } from "../../../src/telemetry/contract.ts";
import { ProviderHealthBook } from "../../../src/telemetry/health.ts";

class Told {
  readonly events: { readonly stream: StreamName; readonly event: NewEvent }[] = [];

  append(stream: StreamName, event: NewEvent): void {
    this.events.push({ stream, event });
  }

  /** What was told since the last time, checked by the schemas of the wire. */
  take(): ProviderHealth[] {
    return this.events.splice(0).map(({ stream, event }) => {
      expect(stream).toBe("health");
      expect(event.type).toBe("provider_health");
      EventItem.parse({ ...event, seq: 1 });
      const health = ProviderHealth.parse(JSON.parse(event.payload));
      expect(health.provider).toBe(event.provider);
      return health;
    });
  }
}

function setUp(): { clock: ManualClock; told: Told; book: ProviderHealthBook } {
  const [clock, told] = [new ManualClock(1_700_000_000_000), new Told()];
  return { clock, told, book: new ProviderHealthBook({ outbox: told, clock, reportMs: 60_000 }) };
}

describe("the health of a provider", () => {
  test("is told when it begins, and regularly, with its rate since the report before", () => {
    const { clock, told, book } = setUp();
    const provider = book.provider("processes", { countsLoss: true });
    expect(told.take()).toEqual([
      {
        provider: "processes",
        state: "live",
        eventsTotal: 0,
        eventsPerSecond: 0,
        restarts: 0,
        lost: 0,
        detail: "",
      },
    ]);
    for (let second = 0; second < 60; second += 1) {
      expect(told.take()).toEqual([]);
      provider.events(3);
      clock.advance(1000);
      book.look();
    }
    expect(told.take()).toMatchObject([{ eventsTotal: 180, eventsPerSecond: 3 }]);
    provider.lost(7);
    provider.lost(2);
    clock.advance(60_000);
    book.look();
    expect(told.take()).toMatchObject([{ eventsTotal: 180, eventsPerSecond: 0, lost: 9, state: "live" }]);
  });

  test("stalls without a sign of life, and comes back with one", () => {
    const { clock, told, book } = setUp();
    const provider = book.provider("kernel", { stalledAfterMs: 5000 });
    const silent = book.provider("silent");
    told.take();
    clock.advance(4999);
    book.look();
    expect(told.take()).toEqual([]);
    clock.advance(1);
    book.look();
    expect(told.take()).toMatchObject([
      { provider: "kernel", state: "stalled", detail: "nothing heard for 5 s", lost: null },
    ]);
    clock.advance(1000);
    book.look();
    expect(told.take()).toEqual([]);
    provider.alive();
    silent.alive();
    expect(told.take()).toMatchObject([{ provider: "kernel", state: "live", detail: "" }]);
    clock.advance(4000);
    provider.events();
    clock.advance(4000);
    book.look();
    expect(told.take()).toEqual([]);
  });

  test("counts restarts once each, and tells every change of state at once", () => {
    const { clock, told, book } = setUp();
    const provider = book.provider("helper");
    told.take();
    provider.restarting("it ended with code 1");
    provider.restarting("it ended with code 1");
    provider.restarting("the third attempt");
    provider.live();
    provider.live();
    provider.restarting("again");
    provider.failed("x".repeat(1000));
    provider.stopped();
    expect(told.take().map(({ state, restarts, detail }) => [state, restarts, detail.length])).toEqual([
      ["restarting", 1, 20],
      ["restarting", 1, 17],
      ["live", 1, 0],
      ["restarting", 2, 5],
      ["failed", 2, 400],
      ["stopped", 2, 0],
    ]);
    clock.advance(3_600_000);
    book.look();
    expect(told.take()).toMatchObject([{ state: "stopped" }]);
  });

  test("one that is made again goes on; a name that no event may have is refused", () => {
    const { told, book } = setUp();
    book.provider("processes").events(5);
    told.take();
    book.provider("processes").events(6);
    book.provider("processes").stopped("end");
    expect(told.take()).toMatchObject([{ eventsTotal: 11 }]);
    for (const name of ["", "with space", "x".repeat(65)])
      expect(() => book.provider(name)).toThrow(RangeError);
  });

  test("all are told of once more at the end", async () => {
    const { told, book } = setUp();
    book.provider("a");
    book.provider("b");
    told.take();
    const abort = new AbortController();
    const running = book.run(abort.signal);
    abort.abort();
    await running;
    expect(told.take().map(({ provider }) => provider)).toEqual(["a", "b"]);
  });
});
