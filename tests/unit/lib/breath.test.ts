/** Long work in parts: all of it is done, in order, and others have their turn under way. */
import { expect, test } from "bun:test";
import { inParts, withBreaths, withoutBreath } from "../../../src/lib/breath.ts";

test("a timer that is due comes while the work goes on", async () => {
  function* work(): Generator<void, string> {
    const due = new AbortController();
    setTimeout(() => due.abort(), 0);
    const until = performance.now() + 20_000;
    while (!due.signal.aborted && performance.now() < until) yield;
    return due.signal.aborted ? "others had their turn" : "nobody had";
  }
  expect(await withBreaths(work())).toBe("others had their turn");
});

test("every value has its turn once, in order, with pauses among thousands and none at once", () => {
  const values = Array.from({ length: 5000 }, (_, index) => index);
  const seen: number[] = [];
  const pauses = [...inParts(values, (value) => seen.push(value))].length;
  expect(seen).toEqual(values);
  expect(pauses).toBeGreaterThan(3);
  expect([...inParts([1, 2, 3], () => undefined)]).toEqual([]);
});

test("what the work comes to is the same at once and in parts", async () => {
  function* work(): Generator<void, number> {
    let sum = 0;
    yield* inParts(
      Array.from({ length: 3000 }, () => 2),
      (value) => (sum += value),
    );
    return sum;
  }
  expect([withoutBreath(work()), await withBreaths(work())]).toEqual([6000, 6000]);
});
