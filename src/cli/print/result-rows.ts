/** A query's result as JSON texts or as objects, whatever it is grouped by: what JSON and CSV print. */
import type { QueryResult } from "../../model/query.ts";
import { CONNECTION_FIELDS } from "./connection-fields.ts";
import type { Field, FieldContext } from "./field.ts";
import { GROUP_FIELDS } from "./group-fields.ts";
import { INTERFACE_FIELDS } from "./interface-fields.ts";
import { rowObject, rowWriter } from "./json-text.ts";

export type RowObject = ReturnType<typeof rowObject>;

/** The rows, made one at a time: a document of a million connections is never in memory as a whole. */
export function* resultRows(result: QueryResult, context: FieldContext): Generator<RowObject> {
  if (result.by === "connection") {
    for (const row of result.rows) yield rowObject(CONNECTION_FIELDS, row, context);
  } else if (result.by === "interface") {
    for (const row of result.rows) yield rowObject(INTERFACE_FIELDS, row, context);
  } else {
    for (const row of result.rows) yield rowObject(GROUP_FIELDS, row, context);
  }
}

/** The rows as JSON, made one at a time. */
export function* resultTexts(result: QueryResult, context: FieldContext): Generator<string> {
  if (result.by === "connection") {
    yield* textsOf(result.rows, CONNECTION_FIELDS, context);
  } else if (result.by === "interface") {
    yield* textsOf(result.rows, INTERFACE_FIELDS, context);
  } else {
    yield* textsOf(result.rows, GROUP_FIELDS, context);
  }
}

function* textsOf<Row>(
  rows: readonly Row[],
  fields: readonly Field<Row>[],
  context: FieldContext,
): Generator<string> {
  const write = rowWriter(fields, context);
  for (const row of rows) yield write(row);
}

/** The names of the fields that rows of this grouping have. */
export function fieldNames(by: QueryResult["by"]): readonly string[] {
  if (by === "connection") return CONNECTION_FIELDS.map((field) => field.name);
  if (by === "interface") return INTERFACE_FIELDS.map((field) => field.name);
  return GROUP_FIELDS.map((field) => field.name);
}
