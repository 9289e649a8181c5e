/** Names of processes that outlive a clock that is set, and times that follow it. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { ProcessIds } from "../../../../src/agent/audit/process-ids.ts";
import { processKey } from "../../../../src/model/process.ts";

const BOOT = "b".repeat(32);

class World {
  wallMs = 1_700_000_000_000;
  bootNs = 5_000_000_000;
  readonly state = new Map<string, string>();

  ids(boot = BOOT, ticksPerSecond = 100): ProcessIds {
    const clocks = { now: () => this.wallMs, bootNs: () => this.bootNs };
    const { state } = this;
    return new ProcessIds(boot, ticksPerSecond, clocks, {
      get: (name) => state.get(name),
      set: (name, value) => void state.set(name, value),
    });
  }
}

describe("ids", () => {
  test("are pid and start, the same in the next run, whatever the clock says then", () => {
    const world = new World();
    const bootMs = world.wallMs - 5000;
    expect(world.ids().idOf(42, 123)).toBe(`42_${bootMs + 1230}`);
    world.wallMs += 3_600_000;
    expect(world.ids().idOf(42, 123)).toBe(`42_${bootMs + 1230}`);
    expect(world.ids("c".repeat(32)).idOf(42, 123)).toBe(`42_${bootMs + 3_601_230}`);
  });

  test("a state that holds something else is begun anew", () => {
    const world = new World();
    world.state.set("boot_wall_ms", `${BOOT} soon`);
    expect(world.ids().idOf(1, 0)).toBe(`1_${world.wallMs - 5000}`);
  });

  test("go back to ticks, and from keys of this boot", () => {
    const ids = new World().ids();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_194_304 }), fc.nat({ max: 2 ** 40 }), (pid, ticks) => {
        expect(ids.ticksOf(ids.idOf(pid, ticks))).toBe(ticks);
        expect(ids.idOfKey(processKey(BOOT, pid, ticks))).toBe(ids.idOf(pid, ticks));
        expect(ids.idOfKey(processKey("other", pid, ticks))).toBeNull();
      }),
    );
    expect(ids.idOfKey("")).toBeNull();
  });
});

describe("times", () => {
  test("that are kept stay where they were, and are as long ago as they are, whatever becomes of the clock", () => {
    const world = new World();
    const kept = world.ids().steadyNow();
    expect(kept).toBe(world.wallMs);
    world.bootNs += 60e9;
    world.wallMs += 60_000 - 3_600_000;
    const ids = world.ids();
    expect(ids.steadyNow() - kept).toBe(60_000);
    expect(ids.timeOfSteady(kept)).toBe(world.wallMs - 60_000);
  });

  test("follow a clock that is set, not one that is slewed, and are never below 0", () => {
    const world = new World();
    const ids = world.ids();
    const bootMs = world.wallMs - 5000;
    expect(ids.timeOf(1_234_567_890)).toBe(bootMs + 1234.568);
    expect(ids.timeOfTicks(7)).toBe(bootMs + 70);
    world.wallMs += 50;
    ids.refresh();
    expect(ids.timeOfTicks(0)).toBe(bootMs);
    world.wallMs += 7_200_000;
    ids.refresh();
    expect(ids.timeOfTicks(0)).toBe(bootMs + 7_200_050);
    world.wallMs = 0;
    ids.refresh();
    expect(ids.timeOfTicks(0)).toBe(0);
  });
});
