/** Tables where the terminal is narrow: columns leave in their order, wide characters count as two cells, nothing steers. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { fitting, layOut, type Column } from "../../../../src/cli/print/layout.ts";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly note: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: "ID", text: ({ id }) => id },
  { heading: "NAME", shrinks: true, leavesAt: 2, text: ({ name }) => name },
  { heading: "NOTE", widthMax: 20, leavesAt: 1, text: ({ note }) => note },
];
const ROWS: readonly Row[] = [{ id: "12345678", name: "a".repeat(30), note: "b".repeat(50) }];

function headings(width: number): string[] {
  return fitting(COLUMNS, ROWS, width).map(({ heading }) => heading);
}

test("columns leave in their order, and only as many as must", () => {
  // 8 + 2 + 12 (as narrow as it gets) + 2 + 20
  expect(headings(44)).toEqual(["ID", "NAME", "NOTE"]);
  expect(headings(43)).toEqual(["ID", "NAME"]);
  expect(headings(22)).toEqual(["ID", "NAME"]);
  expect(headings(21)).toEqual(["ID"]);
  expect(headings(1)).toEqual(["ID"]);
  const empty = (width: number): number => fitting(COLUMNS, [], width).length;
  expect([empty(14), empty(13), empty(7)]).toEqual([3, 2, 1]);
});

test("whatever the texts are, the lines fit where the columns that stay have room, and can't steer a terminal", () => {
  const text = fc.string({ unit: "binary", maxLength: 60 });
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.constant("12345678"), name: text, note: text }), {
        minLength: 1,
        maxLength: 5,
      }),
      fc.integer({ min: 8, max: 100 }),
      (rows, width) => {
        for (const line of layOut(fitting(COLUMNS, rows, width), rows, width)) {
          expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
          // oxlint-disable-next-line no-control-regex -- control characters are what this is about
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        }
      },
    ),
    { numRuns: 200 },
  );
});
