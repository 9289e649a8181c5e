/** A query's result as objects, whatever it is grouped by: what JSON and CSV print. */
import type { QueryResult } from "../../model/query.ts";
import { CONNECTION_FIELDS } from "./connection-fields.ts";
import type { FieldContext } from "./field.ts";
import { GROUP_FIELDS } from "./group-fields.ts";
import { INTERFACE_FIELDS } from "./interface-fields.ts";
import { rowObject } from "./json-text.ts";

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

/** The names of the fields that rows of this grouping have. */
export function fieldNames(by: QueryResult["by"]): readonly string[] {
  if (by === "connection") return CONNECTION_FIELDS.map((field) => field.name);
  if (by === "interface") return INTERFACE_FIELDS.map((field) => field.name);
  return GROUP_FIELDS.map((field) => field.name);
}
