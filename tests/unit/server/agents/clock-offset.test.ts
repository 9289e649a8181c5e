/** Clock offsets: the least delayed heartbeat counts, and a clock that is set begins anew. */
import { expect, test } from "bun:test";
import { ClockOffsets } from "../../../../src/server/agents/clock-offset.ts";

test("the offset is that of the heartbeat that was delayed least", () => {
  const offsets = new ClockOffsets(10);
  const delays = [300, 20, 900, 150];
  const estimates = delays.map((delayMs, index) => {
    const sentAtMs = 1_700_000_000_000 + index * 30_000;
    const clock = { wallMs: sentAtMs + 5000, monotonicMs: index * 30_000, bootId: "a" };
    return offsets.estimate("agent", clock, sentAtMs + delayMs);
  });
  expect(estimates).toEqual([4700, 4980, 4980, 4980]);
});

test("a clock that was set, or a new boot, begins anew", () => {
  const offsets = new ClockOffsets(10);
  const at = 1_700_000_000_000;
  expect(offsets.estimate("agent", { wallMs: at + 5000, monotonicMs: 0, bootId: "a" }, at)).toBe(5000);
  // Set back by an hour: no estimate of before may survive.
  const back = { wallMs: at + 30_000 - 3_600_000, monotonicMs: 30_000, bootId: "a" };
  expect(offsets.estimate("agent", back, at + 30_000)).toBe(-3_600_000);
  const rebooted = { wallMs: at + 60_000 - 3_600_000 - 10, monotonicMs: 60_000, bootId: "b" };
  expect(offsets.estimate("agent", rebooted, at + 60_000)).toBe(-3_600_010);
});
