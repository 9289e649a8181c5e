/** Graphs tell zero from unknown, and hold a bounded past. */
import { expect, test } from "bun:test";
import { RateHistory, sparkRows } from "../../../src/tui/sparkline.ts";

test("the newest sample stands at the right, and unknown time is empty", () => {
  expect(sparkRows([0, 4, 8], 5, 1)).toEqual(["  ▁▄█"]);
});

test("a graph of several lines fills from below", () => {
  expect(sparkRows([0, 8, 16], 3, 2)).toEqual(["  █", "▁██"]);
  expect(sparkRows([1, 16], 2, 2)).toEqual([" █", "▁█"]);
});

test("nothing at all is a line at the bottom", () => {
  expect(sparkRows([0, 0], 3, 1)).toEqual([" ▁▁"]);
});

test("only as many samples as there are cells are shown", () => {
  expect(sparkRows([8, 1, 2, 8], 2, 1)).toEqual(["▂█"]);
});

test("a history gives its latest samples, oldest first, and forgets the oldest", () => {
  const history = new RateHistory();
  for (let sample = 1; sample <= 700; sample += 1) history.push(sample);
  expect(history.last(3)).toEqual([698, 699, 700]);
  expect(history.last(10_000).length).toBe(600);
  expect(history.last(10_000)[0]).toBe(101);
});

test("a negative rate is none", () => {
  const history = new RateHistory();
  history.push(-5);
  expect(history.last(1)).toEqual([0]);
});
