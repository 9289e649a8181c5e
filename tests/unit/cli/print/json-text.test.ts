/** Rows as text: the quick way gives the very bytes of JSON.stringify, whatever the values and whatever came before. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { CONNECTION_FIELDS } from "../../../../src/cli/print/connection-fields.ts";
import type { Field, FieldValue } from "../../../../src/cli/print/field.ts";
import { GROUP_FIELDS } from "../../../../src/cli/print/group-fields.ts";
import { INTERFACE_FIELDS } from "../../../../src/cli/print/interface-fields.ts";
import { jsonText, rowObject, rowWriter } from "../../../../src/cli/print/json-text.ts";
import { CLOSED_FLOW, flow, group, HOSTILE, LOOPBACK, UDP_FLOW } from "../fake-snapshot.ts";

type Values = readonly FieldValue[];

/** Fields that are the elements of an array. */
const COLUMNS = ["first", 'second "quoted"', "third\u009b", "fourth"].map((name, index): Field<Values> => {
  return { name, type: { kind: "text" }, nullable: true, meaning: "", value: (row) => row[index] };
});

function expectSame<Row>(fields: readonly Field<Row>[], rows: readonly Row[], ratesKnown: boolean): void {
  const write = rowWriter(fields, { ratesKnown });
  for (const row of rows) expect(write(row)).toBe(jsonText(rowObject(fields, row, { ratesKnown })));
}

test("rows of every kind are to the byte what JSON.stringify says", () => {
  const flows = [flow(), flow(), CLOSED_FLOW, UDP_FLOW, flow({ process: HOSTILE, owners: [] }), flow()];
  for (const ratesKnown of [true, false]) {
    expectSame(CONNECTION_FIELDS, flows, ratesKnown);
    expectSame(GROUP_FIELDS, [group(), group({ uncountedConnections: 3 }), group()], ratesKnown);
    expectSame(INTERFACE_FIELDS, [LOOPBACK, { ...LOOPBACK, name: "\u202e", up: false }], ratesKnown);
  }
});

test("any values, in any order", () => {
  const value: fc.Arbitrary<FieldValue> = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "\u001b[2J", "\u009b31m", "\u202e", "\ud800", "\u2028", '"\\', "null"),
    fc.double(),
    fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e21, 2 ** 53, 0.1),
    fc.boolean(),
    fc.array(fc.string({ unit: "binary" }), { maxLength: 3 }),
    fc.array(fc.nat(), { maxLength: 3 }),
    fc.constant(undefined),
  );
  const rows = fc.array(fc.tuple(value, value, value, value), { maxLength: 8 });
  fc.assert(fc.property(rows, (values) => expectSame(COLUMNS, [...values, ...values], true)));
});
