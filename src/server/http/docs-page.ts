/**
 * The API's document as a page to read: made here, of the OpenAPI document alone, without a script and without anything from
 * another host. Everything that comes from the document is escaped.
 */
import { z } from "@hono/zod-openapi";

const METHODS = ["get", "post", "put", "patch", "delete"] as const;
const DEPTH_MAX = 6;

type Json = Readonly<Record<string, unknown>>;

const Operation = z.object({
  summary: z.string().optional(),
  description: z.string().optional(),
  tags: z.array(z.string()).optional(),
  parameters: z.array(z.record(z.string(), z.unknown())).optional(),
  requestBody: z.record(z.string(), z.unknown()).optional(),
  responses: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
});
type Operation = z.infer<typeof Operation>;

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** What stands between backticks is code. */
function prose(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((each, name) => (isObject(each) ? each[name] : undefined), value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** A JSON schema in a line or a few, as a person would write it: `{ name: string, role?: "viewer" | "admin" }`. */
function typeText(schema: unknown, indent = 0): string {
  if (!isObject(schema)) return "anything";
  const { $ref, enum: values, anyOf, oneOf, allOf, type, items, properties, format } = schema;
  if (typeof $ref === "string") return $ref.split("/").at(-1) ?? $ref;
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(" | ");
  const choices = [anyOf, oneOf].find((each) => Array.isArray(each));
  if (Array.isArray(choices)) return choices.map((each) => typeText(each, indent)).join(" | ");
  if (Array.isArray(allOf)) return allOf.map((each) => typeText(each, indent)).join(" & ");
  if (isObject(properties)) return objectText(schema, properties, indent);
  if (type === "array") return `[${typeText(items, indent)}, …]`;
  if (Array.isArray(type)) return type.join(" | ");
  if (typeof type !== "string") return "anything";
  return typeof format === "string" ? `${type} (${format})` : type;
}

function objectText(schema: Json, properties: Json, indent: number): string {
  if (indent >= DEPTH_MAX) return "{ … }";
  const required = new Set(texts(schema["required"]));
  const pad = "  ".repeat(indent + 1);
  const lines = Object.entries(properties).map(
    ([name, value]) => `${pad}${name}${required.has(name) ? "" : "?"}: ${typeText(value, indent + 1)}`,
  );
  return lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n${"  ".repeat(indent)}}`;
}

/** What a parameter is, beside its type: must it be given, within which bounds, and what stands for none. */
function meaningOf(parameter: Json): string {
  const { minimum, maximum, default: given } = isObject(parameter["schema"]) ? parameter["schema"] : {};
  const told = textOf(parameter["description"]) || textOf(member(parameter["schema"], "description"));
  return [
    parameter["required"] === true ? "required" : "",
    prose(told),
    typeof minimum === "number" && typeof maximum === "number" ? `${minimum} to ${maximum}` : "",
    given === undefined ? "" : `<code>${escapeHtml(JSON.stringify(given) ?? "")}</code> if not given`,
  ]
    .filter((part) => part !== "")
    .join("; ");
}

function parameterRows(operation: Operation): string {
  const rows = (operation.parameters ?? []).map((parameter) => {
    const name = escapeHtml(String(parameter["name"]));
    const place = escapeHtml(String(parameter["in"]));
    return `<tr><td><code>${name}</code></td><td>${place}</td><td><code>${escapeHtml(typeText(parameter["schema"]))}</code></td><td>${meaningOf(parameter)}</td></tr>`;
  });
  if (rows.length === 0) return "";
  return `<table><thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

interface Content {
  readonly type: string;
  readonly schema: unknown;
}

function contentOf(value: unknown): Content | undefined {
  const content = member(value, "content");
  if (!isObject(content)) return undefined;
  const [first] = Object.entries(content);
  return first === undefined ? undefined : { type: first[0], schema: member(first[1], "schema") };
}

function block(title: string, type: string, text: string): string {
  return `<h4>${prose(title)} <small>${escapeHtml(type)}</small></h4><pre><code>${escapeHtml(text)}</code></pre>`;
}

function bodyHtml(body: Content): string {
  const example = member(body.schema, "example");
  const shown = example === undefined ? "" : block("For example", "", JSON.stringify(example, undefined, 2));
  return block("Takes", body.type, typeText(body.schema)) + shown;
}

/** By the requirements of the document: roles of a key or session are named in them. */
function whoHtml({ security }: Operation): string {
  if (security === undefined) return "";
  const roles = security.flatMap((each) => each["key"] ?? []);
  const ways = [
    ...(security.some((each) => "agent" in each) ? ["an agent, by its signature"] : []),
    ...(roles.length > 0
      ? [`the role <b>${escapeHtml(roles.join(", "))}</b>, by an API key or a session`]
      : []),
  ];
  return `<p class="who">For ${ways.length === 0 ? "anybody" : ways.join("; or for ")}</p>`;
}

function refusalsHtml(operation: Operation): string {
  const each = Object.entries(operation.responses ?? {})
    .filter(([status]) => /^[45]/.test(status))
    .map(([status, response]) => {
      const meaning = escapeHtml(textOf(response["description"]));
      return `<li><code>${escapeHtml(status)}</code> ${meaning}</li>`;
    });
  if (each.length === 0) return "";
  return `<details><summary>Refused with ${each.length} statuses</summary><ul>${each.join("")}</ul></details>`;
}

function entryHtml({ method, path, operation }: Entry): string {
  const id = escapeHtml(`${method}-${path}`.replaceAll(/[^a-z\d]+/gi, "-").replace(/-$/, ""));
  const body = contentOf(operation.requestBody);
  const done = Object.entries(operation.responses ?? {}).find(([status]) => status.startsWith("2"));
  const answer = contentOf(done?.[1]);
  const told = member(done?.[1], "description");
  return [
    `<article id="${id}"><h3><a href="#${id}"><span class="method ${method}">${method.toUpperCase()}</span> <code>${escapeHtml(path)}</code></a></h3>`,
    `<p>${prose(operation.summary ?? operation.description ?? "")}</p>`,
    whoHtml(operation),
    parameterRows(operation),
    body === undefined ? "" : bodyHtml(body),
    answer === undefined ? "" : block(`Answers: ${textOf(told)}`, answer.type, typeText(answer.schema)),
    refusalsHtml(operation),
    "</article>",
  ].join("\n");
}

function entriesOf(paths: unknown): Entry[] {
  if (!isObject(paths)) return [];
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const parsed = Operation.safeParse(member(item, method));
      return parsed.success ? [{ method, path, operation: parsed.data }] : [];
    }),
  );
}

function sectionHtml(name: string, description: string, entries: readonly Entry[]): string {
  const told = description === "" ? "" : `<p>${prose(description)}</p>`;
  return `<section><h2 id="group-${escapeHtml(name)}">${escapeHtml(name)}</h2>${told}${entries.map(entryHtml).join("\n")}</section>`;
}

/** Names of shapes lead to them. */
function linked(html: string, shapes: readonly string[]): string {
  return html.replaceAll(/<pre><code>[^]*?<\/code><\/pre>/g, (code) =>
    code.replaceAll(/\b[A-Z]\w*\b/g, (name) =>
      shapes.includes(name) ? `<a href="#shape-${name}">${name}</a>` : name,
    ),
  );
}

function shapeHtml([name, schema]: readonly [string, unknown]): string {
  const told = textOf(member(schema, "description"));
  const words = told === "" ? "" : `<p>${prose(told)}</p>`;
  return `<article id="shape-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${words}<pre><code>${escapeHtml(typeText(schema))}</code></pre></article>`;
}

/** The groups that the document names, in its order, then the others. */
function groupsOf(document: unknown): { name: string; description: string; entries: readonly Entry[] }[] {
  const tags = member(document, "tags");
  const known = new Map(
    (Array.isArray(tags) ? tags : []).map((tag) => [
      textOf(member(tag, "name")),
      textOf(member(tag, "description")),
    ]),
  );
  const groups = Map.groupBy(
    entriesOf(member(document, "paths")),
    ({ operation }) => operation.tags?.[0] ?? "other",
  );
  const names = [...new Set([...known.keys(), ...groups.keys()])].filter((name) => groups.has(name));
  return names.map((name) => ({
    name,
    description: known.get(name) ?? "",
    entries: groups.get(name) ?? [],
  }));
}

/** The whole page. `document`: OpenAPI 3.1. */
export function docsPage(document: unknown): string {
  const title = escapeHtml(textOf(member(document, "info", "title")));
  const version = escapeHtml(textOf(member(document, "info", "version")));
  const description = prose(textOf(member(document, "info", "description")));
  const groups = groupsOf(document);
  const schemas = member(document, "components", "schemas");
  const shapes = isObject(schemas) ? Object.entries(schemas) : [];
  const navigation = [...groups.map(({ name }) => name), "shapes"]
    .map((name) => `<a href="#group-${escapeHtml(name)}">${escapeHtml(name)}</a>`)
    .join(" ");
  const sections = groups.map((group) => sectionHtml(group.name, group.description, group.entries));
  const names = shapes.map(([name]) => name);
  const told = `<section><h2 id="group-shapes">shapes</h2>${shapes.map(shapeHtml).join("\n")}</section>`;
  const body = linked([...sections, told].join("\n"), names);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}: API</title>
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<header><h1>${title} <small>${version}</small></h1><p>${description}</p>
<p>As a document for programs: <a href="/openapi.json">/openapi.json</a></p>
<nav aria-label="Groups">${navigation}</nav></header>
<main>
${body}
</main>
</body>
</html>
`;
}

export const DOCS_STYLE = `:root { color-scheme: light dark; --edge: #d5d9e0; --quiet: #5b6472; --ground: #f5f6f8; --link: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --edge: #3a414d; --quiet: #a3acba; --ground: #1d2129; --link: #8ab4f8; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
a { color: var(--link); }
h1 small, h4 small { color: var(--quiet); font-weight: normal; }
h2 { border-bottom: 1px solid var(--edge); margin-top: 2.5rem; text-transform: capitalize; }
h3 a { color: inherit; text-decoration: none; }
h3 code { overflow-wrap: anywhere; }
h4 { margin: 0.75rem 0 0.25rem; }
nav a { display: inline-block; margin: 0 0.75rem 0.25rem 0; text-transform: capitalize; }
article { border: 1px solid var(--edge); border-radius: 8px; margin: 1rem 0; padding: 0 1rem 1rem; }
.method { border: 1px solid currentcolor; border-radius: 4px; font-size: 0.75rem; padding: 0.1rem 0.4rem; }
.method.post, .method.put, .method.patch { color: #9a6700; }
.method.delete { color: #c0392b; }
@media (prefers-color-scheme: dark) {
  .method.post, .method.put, .method.patch { color: #e3b341; }
  .method.delete { color: #ff8a7a; }
}
pre { background: var(--ground); border-radius: 6px; margin: 0; overflow-wrap: anywhere; padding: 0.75rem; white-space: pre-wrap; }
.who, summary { color: var(--quiet); }
details { margin-top: 0.75rem; }
details ul { margin: 0.25rem 0 0; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--edge); padding: 0.25rem 0.5rem 0.25rem 0; text-align: left; vertical-align: top; }
td code { overflow-wrap: anywhere; }
th:nth-child(1), th:nth-child(3) { width: 25%; }
th:nth-child(2) { width: 10%; }
`;
