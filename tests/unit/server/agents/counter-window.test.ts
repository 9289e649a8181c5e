/** Counters: each is good once; the bitmap agrees with a set that forgets nothing. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { CounterWindow, WINDOW } from "../../../../src/server/agents/counter-window.ts";

describe("a window of counters", () => {
  test("accepts each once, in any order within the window", () => {
    const window = new CounterWindow(10);
    expect([10, 9, 0].map((counter) => window.use(counter))).toEqual([false, false, false]);
    expect([13, 11, 12, 11, 13].map((counter) => window.use(counter))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(window.highest).toBe(13);
  });

  test("refuses what is older than the window", () => {
    const window = new CounterWindow(0);
    expect(window.use(WINDOW + 1)).toBe(true);
    expect(window.use(1)).toBe(false);
    expect(window.use(2)).toBe(true);
    expect(window.use(2)).toBe(false);
  });

  test("takes any safe integer", () => {
    const window = new CounterWindow(0);
    expect(window.use(Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(window.use(Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(window.use(Number.MAX_SAFE_INTEGER - 1)).toBe(true);
    expect(window.use(5)).toBe(false);
  });

  test("agrees with a set of all that was used", () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: -1200, max: 40 }), fc.integer({ min: 0, max: 3000 })));
    fc.assert(
      fc.property(fc.nat(100_000), steps, (floor, steps) => {
        const window = new CounterWindow(floor);
        const used = new Set<number>();
        let highest = floor;
        for (const step of steps) {
          const counter = Math.max(1, highest + step);
          const isNew = counter > floor && counter > highest - WINDOW && !used.has(counter);
          expect(window.use(counter)).toBe(isNew);
          used.add(counter);
          highest = Math.max(highest, counter);
          expect(window.highest).toBe(highest);
        }
      }),
    );
  });
});
