/** What is told of a socket's rows never goes down, and its sum is the largest that was ever known. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { offBy, tellRows, ToldCount } from "../../../../src/capture/helper/told-count.ts";

interface Row {
  readonly sent: ToldCount;
  readonly received: ToldCount;
}

function rowOf(): Row {
  return { sent: new ToldCount(), received: new ToldCount() };
}

function tell(rows: readonly Row[], values: readonly number[]): number[] {
  for (const [index, row] of rows.entries()) row.sent.value = values[index] ?? 0;
  tellRows(rows);
  return rows.map((row) => row.sent.told);
}

describe("told counts", () => {
  test("are what is known as long as that grows", () => {
    const rows = [rowOf(), rowOf()];
    expect(tell(rows, [1, 2])).toEqual([1, 2]);
    expect(tell(rows, [5, 2])).toEqual([5, 2]);
    expect(rows.map(offBy)).toEqual([0, 0]);
  });

  test("wait where another way of counting was ahead", () => {
    const rows = [rowOf()];
    tell(rows, [100]);
    expect(tell(rows, [80])).toEqual([100]);
    expect(rows.map(offBy)).toEqual([20]);
    expect(tell(rows, [99])).toEqual([100]);
    expect(tell(rows, [130])).toEqual([130]);
    expect(rows.map(offBy)).toEqual([0]);
  });

  test("tell no byte twice that was told to be another row's, and come right by themselves", () => {
    const rows = [rowOf(), rowOf()];
    tell(rows, [10, 10]);
    tell(rows, [50, 10]); // another method: all that is new is told to be the first row's
    expect(tell(rows, [20, 40])).toEqual([50, 10]); // the truth: most of it was the second's
    expect(rows.map(offBy)).toEqual([30, 30]);
    expect(tell(rows, [20, 60])).toEqual([50, 30]);
    expect(tell(rows, [55, 60])).toEqual([55, 60]);
  });

  test("never go down, and sum up to the largest sum that was known, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(1000), { minLength: 3, maxLength: 3 }), { maxLength: 30 }),
        (steps) => {
          const rows = [rowOf(), rowOf(), rowOf()];
          let before = [0, 0, 0];
          let largest = 0;
          for (const values of steps) {
            const told = tell(rows, values);
            const sum = values.reduce((all, each) => all + each, 0);
            largest = Math.max(largest, sum);
            for (const [index, each] of told.entries())
              expect(each).toBeGreaterThanOrEqual(before[index] ?? 0);
            expect(told.reduce((all, each) => all + each, 0)).toBe(largest);
            before = told;
          }
        },
      ),
    );
  });
});
