/** The API's page: all routes, everything escaped, nothing from another host, no script. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { docsPage, DOCS_STYLE, escapeHtml } from "../../../../src/server/http/docs-page.ts";

const DOCUMENT = {
  openapi: "3.1.0",
  info: { title: "Parent <i>x</i>", version: "1.2.3", description: "What it does" },
  paths: {
    "/api/v1/things/{id}": {
      get: {
        tags: ["things"],
        summary: "One thing by `id`",
        security: [],
        parameters: [
          { name: "id", in: "path", required: true, schema: { type: "string" } },
          {
            name: "limit",
            in: "query",
            schema: { type: "integer", minimum: 1, maximum: 9, default: 5, description: "of `x`" },
          },
        ],
        responses: {
          200: {
            description: "It",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } },
          },
        },
      },
      post: {
        tags: ["things"],
        summary: 'Change "it" <script>alert(1)</script>',
        security: [{ agent: [] }, { key: ["operator"] }, { session: ["operator"] }],
        requestBody: {
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: { name: { type: "string" }, kind: { enum: ["a", "b"] } },
                required: ["name"],
                example: { name: "<b>" },
              },
            },
          },
        },
        responses: { 404: { description: "There is none" }, default: { description: "Other" } },
      },
    },
  },
  components: { schemas: { Thing: { type: "array", items: { type: ["number", "null"] } } } },
};

test("routes, what they take and what they answer", () => {
  const page = docsPage(DOCUMENT);
  expect(page).toContain('<span class="method get">GET</span> <code>/api/v1/things/{id}</code>');
  expect(page).toContain(
    "<td><code>id</code></td><td>path</td><td><code>string</code></td><td>required</td>",
  );
  expect(page).toContain("<td>of <code>x</code>; 1 to 9; <code>5</code> if not given</td>");
  expect(page).toContain(
    '<h4>Answers: It <small>application/json</small></h4><pre><code><a href="#shape-Thing">Thing</a></code></pre>',
  );
  expect(page).toContain('<article id="shape-Thing"><h3>Thing</h3>');
  expect(page).toContain(
    "<pre><code>{\n  name: string,\n  kind?: &quot;a&quot; | &quot;b&quot;\n}</code></pre>",
  );
  expect(page).toContain("<pre><code>[number | null, …]</code></pre>");
});

test("who may ask, an example of a body, and the refusals", () => {
  const page = docsPage(DOCUMENT);
  expect(page).toContain('<p>One thing by <code>id</code></p>\n<p class="who">For anybody</p>');
  expect(page).toContain(
    '<p class="who">For an agent, by its signature; or for the role <b>operator</b>, by an API key or a session</p>',
  );
  expect(page).toContain("<pre><code>{\n  &quot;name&quot;: &quot;&lt;b&gt;&quot;\n}</code></pre>");
  expect(page).toContain("<ul><li><code>404</code> There is none</li></ul>");
});

test("groups come in the order that the document gives them, with its words", () => {
  const get = (tag: string) => ({ get: { tags: [tag], summary: "x", responses: {} } });
  const page = docsPage({
    tags: [{ name: "second", description: "By `wb`" }, { name: "unused" }],
    paths: { "/a": get("first"), "/b": get("second") },
  });
  expect([...page.matchAll(/<h2 id="group-(\w+)"/g)].map(([, name]) => name)).toEqual([
    "second",
    "first",
    "shapes",
  ]);
  expect(page).toContain("<p>By <code>wb</code></p>");
});

test("it has no script, and nothing of another host", () => {
  const page = docsPage(DOCUMENT);
  expect(page).not.toContain("<script");
  expect(page).not.toContain("<i>x</i>");
  expect(`${page}${DOCS_STYLE}`).not.toMatch(/https?:\/\//);
  expect(page).not.toMatch(/\son\w+=|style=/);
});

test("whatever the document is, it gives a page without its markup", () => {
  const text = fc.oneof(fc.string(), fc.constant("<script>"), fc.constant("</code><img src=x>"));
  const documents = fc.oneof(
    fc.anything(),
    fc.record({
      info: fc.record({ title: text, version: text }),
      paths: fc.dictionary(text, fc.dictionary(fc.constantFrom("get", "post"), fc.record({ summary: text }))),
      components: fc.record({ schemas: fc.dictionary(text, fc.anything()) }),
    }),
  );
  fc.assert(
    fc.property(documents, (document) => {
      const page = docsPage(document);
      expect(page).toStartWith("<!doctype html>");
      expect(page).not.toMatch(/<script|<img/);
    }),
  );
  expect(escapeHtml(`<a href="x" title='y'>&`)).toBe("&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;");
});
