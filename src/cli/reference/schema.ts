/** docs/monitor.schema.json: the JSON Schema (2020-12) of `wb monitor --json`, and under `#/$defs/line` of `--jsonl`. */
import { CONNECTION_FIELDS } from "../print/connection-fields.ts";
import { JSON_VERSION } from "../print/document.ts";
import type { Field, FieldType } from "../print/field.ts";
import { GROUP_FIELDS } from "../print/group-fields.ts";
import { INTERFACE_FIELDS } from "../print/interface-fields.ts";
import { LINE_TABLES, MEMBER_TABLES, type Member } from "./envelope.ts";

type Schema = Record<string, unknown>;

const TEXT: Schema = { type: "string" };
const COUNT: Schema = { type: "integer", minimum: 0 };

const FIELD_SCHEMAS: Readonly<Record<Exclude<FieldType["kind"], "word">, Schema>> = {
  text: TEXT,
  count: COUNT,
  number: { type: "number", minimum: 0 },
  boolean: { type: "boolean" },
  texts: { type: "array", items: TEXT },
  counts: { type: "array", items: COUNT },
};

function fieldSchema(type: FieldType): Schema {
  return type.kind === "word" ? { enum: [...type.words] } : FIELD_SCHEMAS[type.kind];
}

function memberSchema(type: Member["type"]): Schema {
  switch (type) {
    case "text":
      return TEXT;
    case "count":
      return COUNT;
    case "integer":
      return { type: "integer" };
    case "number":
      return { type: "number", minimum: 0 };
    case "boolean":
      return { type: "boolean" };
    case "document version":
      return { const: JSON_VERSION };
    default:
      if ("words" in type) return { enum: [...type.words] };
      if ("object" in type) return { $ref: `#/$defs/${type.object}` };
      return { type: "array", items: { $ref: `#/$defs/${type.list}` } };
  }
}

/** The same, or null. */
function orNull(schema: Schema, nullable: boolean): Schema {
  if (!nullable) return schema;
  if (typeof schema["type"] === "string") return { ...schema, type: [schema["type"], "null"] };
  if (Array.isArray(schema["enum"])) return { enum: [...(schema["enum"] as unknown[]), null] };
  return { anyOf: [schema, { type: "null" }] };
}

interface Described {
  readonly name: string;
  readonly meaning: string;
  readonly unit?: string;
  readonly schema: Schema;
}

/** An object that has all of these members and no other. */
function objectSchema(members: readonly Described[], description?: string): Schema {
  const properties = members.map(({ name, meaning, unit, schema }) => [
    name,
    { ...schema, description: unit === undefined ? meaning : `${meaning} (${unit})` },
  ]);
  return {
    ...(description === undefined ? {} : { description }),
    type: "object",
    properties: Object.fromEntries(properties) as Schema,
    required: members.map(({ name }) => name),
    additionalProperties: false,
  };
}

function ofMembers(members: readonly Member[]): Described[] {
  return members.map((member) => ({
    ...member,
    schema: orNull(memberSchema(member.type), member.nullable === true),
  }));
}

function ofFields<Row>(fields: readonly Field<Row>[]): Described[] {
  return fields.map(({ name, meaning, unit, type, nullable }) => ({
    name,
    meaning,
    ...(unit === undefined ? {} : { unit }),
    schema: orNull(fieldSchema(type), nullable),
  }));
}

const ROWS = {
  connectionRow: ofFields(CONNECTION_FIELDS),
  groupRow: ofFields(GROUP_FIELDS),
  interfaceRow: ofFields(INTERFACE_FIELDS),
};

function lineSchema(type: string, members: readonly Described[], meaning: string): Schema {
  const named: Described = { name: "type", meaning: "What the line is.", schema: { const: type } };
  return objectSchema([named, ...members], meaning);
}

function lineSchemas(): Schema[] {
  const sampled: Described = {
    name: "sampledAtMs",
    meaning: "When the sample was taken. (Unix milliseconds)",
    schema: COUNT,
  };
  const rows = Object.values(ROWS).map((row) =>
    lineSchema("sample", [sampled, ...row], "A row of a sample."),
  );
  const closed = lineSchema(
    "closed",
    [sampled, ...ROWS.connectionRow],
    "A connection that went away, told once.",
  );
  const others = Object.entries(LINE_TABLES).map(([type, { meaning, members }]) =>
    lineSchema(type, ofMembers(members), meaning),
  );
  return [...rows, closed, ...others];
}

export function monitorSchema(): Schema {
  const { document = [], ...tables } = MEMBER_TABLES;
  const definitions: Schema = {};
  for (const [name, members] of Object.entries(tables)) definitions[name] = objectSchema(ofMembers(members));
  for (const [name, members] of Object.entries(ROWS)) definitions[name] = objectSchema(members);
  definitions["line"] = { description: "A line of wb monitor --jsonl.", oneOf: lineSchemas() };
  const rows: Described = {
    name: "rows",
    meaning: "One kind of row, by query.by.",
    schema: {
      anyOf: Object.keys(ROWS).map((name) => ({ type: "array", items: { $ref: `#/$defs/${name}` } })),
    },
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "wb monitor --json",
    ...objectSchema([...ofMembers(document), rows], "What wb monitor --json prints; see json.md."),
    $defs: definitions,
  };
}

export function schemaText(): string {
  return `${JSON.stringify(monitorSchema(), undefined, 2)}\n`;
}
