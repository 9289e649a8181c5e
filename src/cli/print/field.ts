/**
 * A field of a row: its name, type, unit, meaning and how it is had. The tables of fields (connection-fields.ts,
 * group-fields.ts, interface-fields.ts) are the one source of JSON, CSV, docs/json.md and docs/monitor.schema.json.
 */

/** A JSON type of a field's value, or of its elements. */
export type FieldType =
  | { readonly kind: "text" }
  /** One of a closed set of words of ours. */
  | { readonly kind: "word"; readonly words: readonly string[] }
  /** An integer, never negative. */
  | { readonly kind: "count" }
  /** A number that need not be whole, never negative. */
  | { readonly kind: "number" }
  | { readonly kind: "boolean" }
  | { readonly kind: "texts" }
  | { readonly kind: "counts" };

export type FieldValue = string | number | boolean | readonly string[] | readonly number[] | undefined;

/** What the printers know beside the row: rates need two samples, so with one they are not known. */
export interface FieldContext {
  readonly ratesKnown: boolean;
}

export interface Field<Row> {
  readonly name: string;
  readonly type: FieldType;
  /** Whether it can be null: not known, or not countable. Never 0 in place of it. */
  readonly nullable: boolean;
  readonly unit?: "bytes" | "bytes per second" | "Unix milliseconds" | "milliseconds" | "cores";
  /** One or two sentences for docs/json.md and the schema. */
  readonly meaning: string;
  value(row: Row, context: FieldContext): FieldValue;
}

/** Undefined where the number is not known, else rounded to a tenth: more digits would pretend. */
export function rate(value: number, context: FieldContext): number | undefined {
  return context.ratesKnown ? Math.round(value * 10) / 10 : undefined;
}
