/** The list of processes under live events: order, filter, and that a stop is final. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  withCategory,
  withoutLongStopped,
  withProcesses,
  type ProcessFilter,
} from "../../../../src/web/state/process-list.ts";
import { processNamed } from "../../../support/fleet/page-data.ts";

const RUNNING: ProcessFilter = { running: "running", category: "" };
const one = processNamed("a", "one", 1, { startedAtMs: 1000 });
const two = processNamed("a", "two", 2, { startedAtMs: 2000, category: "game" });
const stopped = (process: typeof one) => ({ ...process, stoppedAtMs: 9000 });
const names = (list: readonly (typeof one)[]) => list.map(({ name }) => name);

describe("what starts", () => {
  test("comes in on top, where it matches", () => {
    expect(names(withProcesses([one], [two], RUNNING))).toEqual(["two", "one"]);
    expect(names(withProcesses([one], [two], { running: "running", category: "media" }))).toEqual(["one"]);
    expect(names(withProcesses([one], [two], { running: "stopped", category: "" }))).toEqual(["one"]);
  });

  test("and stops within one batch is told by its last word", () => {
    expect(withProcesses([], [two, stopped(two)], RUNNING)).toEqual([]);
    expect(withProcesses([], [two, stopped(two)], { running: "all", category: "" })).toEqual([stopped(two)]);
  });
});

describe("what stops", () => {
  test("stays where it is, marked, and no late word starts it again", () => {
    const list = withProcesses([two, one], [stopped(one)], RUNNING);
    expect(list).toEqual([two, stopped(one)]);
    expect(withProcesses(list, [one], RUNNING)).toBe(list);
  });

  test("leaves a list of running ones after a while, and no other list", () => {
    const list = [two, stopped(one)];
    const told = new Map([[one.processId, 100]]);
    expect(withoutLongStopped(list, RUNNING, told, 100)).toBe(list);
    expect(withoutLongStopped(list, RUNNING, told, 101)).toEqual([two]);
    expect(withoutLongStopped(list, { running: "all", category: "" }, told, 101)).toBe(list);
  });
});

test("a program's new category is that of all its processes", () => {
  const other = { ...processNamed("a", "one", 3), fingerprintHash: one.fingerprintHash };
  const entry = {
    fingerprintHash: one.fingerprintHash,
    category: "media",
    source: "parent_override",
  } as const;
  expect(withCategory([one, two, other], entry).map(({ category }) => category)).toEqual([
    "media",
    "game",
    "media",
  ]);
  const list = [two];
  expect(withCategory(list, entry)).toBe(list);
});

test("no order of events makes a process twice, or one run that stopped", () => {
  const event = fc.record({ pid: fc.integer({ min: 1, max: 5 }), isStop: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.array(event)), (batches) => {
      let list: readonly (typeof one)[] = [];
      const everStopped = new Set<string>();
      for (const batch of batches) {
        const told = batch.map(({ pid, isStop }) => {
          const process = processNamed("a", `p${pid}`, pid, { startedAtMs: pid });
          return isStop ? stopped(process) : process;
        });
        const before = new Map(list.map((process) => [process.processId, process.stoppedAtMs]));
        list = withProcesses(list, told, { running: "all", category: "" });
        for (const { processId, stoppedAtMs } of list) {
          if (stoppedAtMs !== null) everStopped.add(processId);
          else expect(before.get(processId) ?? null).toBeNull();
        }
      }
      const ids = list.map(({ processId }) => processId);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { processId, stoppedAtMs } of list)
        expect(stoppedAtMs !== null).toBe(everStopped.has(processId));
    }),
  );
});
