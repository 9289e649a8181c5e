/** The ring: whatever is done with it, every event is waiting, taken or counted, and its bounds hold. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { LOSS_REASONS } from "../../../src/protocol/fleet/envelope.ts";
import { Ring, type Waiting } from "../../../src/telemetry/ring.ts";
import { numbered } from "../../support/fleet/outbox.ts";

function events(entries: readonly Waiting[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === "event" ? 1 : entry.events), 0);
}

const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), bytes: fc.nat(60) }),
  fc.record({
    do: fc.constant("lose" as const),
    events: fc.integer({ min: 1, max: 5 }),
    reason: fc.constantFrom(...LOSS_REASONS),
  }),
  fc.record({
    do: fc.constant("take" as const),
    entries: fc.integer({ min: 1, max: 20 }),
    bytes: fc.nat(300),
  }),
  fc.record({ do: fc.constantFrom("losses" as const, "giveUp" as const) }),
);

describe("the ring", () => {
  test("loses nothing without counting it, and keeps to its bounds", () => {
    const property = fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const ring = new Ring({ eventsMax: 10, bytesMax: 200 });
      let [given, taken] = [0, 0];
      for (const each of steps) {
        if (each.do === "add") {
          ring.add(numbered((given += 1)), each.bytes, "quota");
        } else if (each.do === "lose") {
          given += each.events;
          ring.lose(each.events, each.reason, null);
        } else {
          const part =
            each.do === "take"
              ? ring.oldest(each.entries, each.bytes)
              : each.do === "losses"
                ? ring.losses()
                : ring.giveUp("disk_full");
          if (each.do === "giveUp") expect(ring.events).toBe(0);
          ring.drop(part);
          taken += events(part);
        }
        expect(ring.events).toBeLessThanOrEqual(10);
        expect(ring.bytes).toBeLessThanOrEqual(200);
        // Between two events there is at most one loss of each reason.
        expect(ring.losses().length).toBeLessThanOrEqual(LOSS_REASONS.length * 11);
      }
      const rest = ring.oldest(1000, 1_000_000);
      expect(taken + events(rest)).toBe(given);
      ring.drop(rest);
      expect({ isEmpty: ring.isEmpty, events: ring.events, bytes: ring.bytes }).toEqual({
        isEmpty: true,
        events: 0,
        bytes: 0,
      });
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("gives the oldest first, one at least, and keeps them until they are dropped", () => {
    const ring = new Ring({ eventsMax: 100, bytesMax: 1000 });
    for (let id = 1; id <= 5; id += 1) ring.add(numbered(id), 100, "quota");
    expect(ring.oldest(10, 1).length).toBe(1);
    expect(ring.oldest(10, 250).length).toBe(2);
    expect(ring.oldest(3, 1000).length).toBe(3);
    const [first] = ring.oldest(1, 1);
    if (first === undefined) throw new Error("nothing waits");
    ring.drop([first]);
    expect(ring.events).toBe(4);
    expect(ring.isHalfFull).toBe(false);
    ring.add(numbered(6), 200, "quota");
    expect(ring.isHalfFull).toBe(true);
  });
});
