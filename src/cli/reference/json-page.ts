/** docs/json.md: every field of the JSON and CSV of `wb monitor`, made from the tables that print them. */
import { CONNECTION_FIELDS } from "../print/connection-fields.ts";
import { JSON_VERSION } from "../print/document.ts";
import type { Field, FieldType } from "../print/field.ts";
import { GROUP_FIELDS } from "../print/group-fields.ts";
import { INTERFACE_FIELDS } from "../print/interface-fields.ts";
import { LINE_TABLES, MEMBER_TABLES, type Member } from "./envelope.ts";

const TYPE_NAMES: Readonly<Record<Exclude<FieldType["kind"], "word">, string>> = {
  text: "string",
  count: "integer ≥ 0",
  number: "number ≥ 0",
  boolean: "boolean",
  texts: "array of strings",
  counts: "array of integers",
};

function wordsText(words: readonly string[]): string {
  return words.map((word) => `\`"${word}"\``).join(", ");
}

function fieldType(type: FieldType): string {
  return type.kind === "word" ? wordsText(type.words) : TYPE_NAMES[type.kind];
}

function memberType(type: Member["type"]): string {
  switch (type) {
    case "text":
      return "string";
    case "count":
      return "integer ≥ 0";
    case "integer":
      return "integer";
    case "number":
      return "number ≥ 0";
    case "boolean":
      return "boolean";
    case "document version":
      return String(JSON_VERSION);
    default:
      if ("words" in type) return wordsText(type.words);
      if ("object" in type) return `[${type.object}](#${type.object.toLowerCase()})`;
      return `array of [${type.list}](#${type.list.toLowerCase()})`;
  }
}

function row(
  name: string,
  type: string,
  nullable: boolean,
  unit: string | undefined,
  meaning: string,
): string {
  return `| \`${name}\` | ${type}${nullable ? ", or null" : ""} | ${unit ?? ""} | ${meaning} |`;
}

const HEAD = "| Field | Type | Unit | Meaning |\n|---|---|---|---|";

function fieldTable<Row>(fields: readonly Field<Row>[]): string {
  const rows = fields.map((each) =>
    row(each.name, fieldType(each.type), each.nullable, each.unit, each.meaning),
  );
  return `${HEAD}\n${rows.join("\n")}`;
}

function memberTable(members: readonly Member[]): string {
  const rows = members.map((each) =>
    row(each.name, memberType(each.type), each.nullable === true, each.unit, each.meaning),
  );
  return `${HEAD}\n${rows.join("\n")}`;
}

const RULES = `- **Not known is null**, never 0. A count that this method can't make is null, a rate with one sample is null.
- Every field is always there. New fields may come; where one goes away or changes its meaning, \`version\` grows.
- Byte counts are exact integers below 2^53. \`uncertaintyBytes\` says by how much they may be off: 0 is exact.
- Times end in \`Ms\` and are Unix milliseconds, or lengths in milliseconds where the table says so.
- Characters that could steer a terminal or turn its text around are written as \`\\uXXXX\`: the value is the same.
- A row per line, so that \`grep\` and \`head\` are of use too.`;

const CSV = `\`--csv\` prints the rows as [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180) wants it: a header line with the field names below,
CRLF, quotes where they are needed. What is null in JSON is empty; a list (\`commandLine\`, \`owners\`, \`addresses\`) is a
JSON array in one cell.

CSV is made for spreadsheets, and the names of processes and hosts come from anybody. So a text that a spreadsheet would run
as a formula (it begins with \`=\`, \`+\`, \`-\`, \`@\`, a tab or a carriage return) gets an apostrophe before it, and control
characters become U+FFFD. Numbers are never touched. Where the text must be as it is, use JSON.`;

const DURATION = `Without \`--duration\` a document tells of one moment: totals, no rates. With it, \`wb\` samples every \`--interval\`, takes a
last sample at the end, and prints one document in which **every connection that lived meanwhile appears once**, closed
ones too (\`"closed": true\`) with their final bytes. How many are kept is bounded; what had to go is counted in \`loss\` as
\`flow_evicted\`. Ctrl-C (SIGINT) or SIGTERM ends it early: the document says \`"interrupted": true\`.`;

/** The whole page. */
export function jsonPage(): string {
  const { document = [], ...tables } = MEMBER_TABLES;
  const objects = Object.entries(tables).map(([name, members]) => `### ${name}\n\n${memberTable(members)}`);
  const lines = Object.entries(LINE_TABLES).map(
    ([type, { meaning, members }]) => `### \`"type": "${type}"\`\n\n${meaning}\n\n${memberTable(members)}`,
  );
  return `# JSON and CSV of \`wb monitor\`

<!-- Made by \`wb man --as json\` from the program itself: do not edit. -->

\`wb monitor --json\` prints one document, \`--jsonl\` a stream of lines, \`--csv\` a table; all of them on standard output, with
words on standard error only. The schema is [monitor.schema.json](monitor.schema.json) (JSON Schema 2020-12).

${RULES}

## The document

${memberTable(document)}
| \`rows\` | array | | What was asked for: [connections](#a-connection), [groups](#a-group) or [interfaces](#an-interface), by \`query.by\`. |

${DURATION}

${objects.join("\n\n")}

## A connection

Rows of \`--by connection\`, which is the default.

${fieldTable(CONNECTION_FIELDS)}

## A group

Rows of \`--by process\`, \`address\`, \`host\`, \`user\` and \`port\`.

${fieldTable(GROUP_FIELDS)}

## An interface

Rows of \`--by interface\`.

${fieldTable(INTERFACE_FIELDS)}

## The stream

\`--jsonl\` prints a line per fact, until \`--duration\` is over, after one sample with \`--once\`, or until Ctrl-C. Each line has
a \`type\`. A sample is its rows (\`"type": "sample"\`, with \`sampledAtMs\` and the fields of a row as above; living connections
only), then what was closed since the sample before (\`"type": "closed"\`, with \`sampledAtMs\` and the fields of a connection,
each connection once, with its final bytes, whatever \`--by\` and \`--limit\` say), then \`totals\`. A connection whose final counts
may still become better known is told one sample later. A reader that is slow slows the sampling down: nothing piles up.

${lines.join("\n\n")}

## CSV

${CSV}
`;
}
