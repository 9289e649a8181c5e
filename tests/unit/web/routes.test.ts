/** Addresses of pages: what is put together is taken apart again, and no address crashes the page. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { linkTo, parseRoute } from "../../../src/web/routes.ts";

test("a link leads to its parts", () => {
  expect(linkTo("agents", "a/b c", "processes")).toBe("#/agents/a%2Fb%20c/processes");
  expect(parseRoute("#/agents/a%2Fb%20c/processes").parts).toEqual(["agents", "a/b c", "processes"]);
  expect([parseRoute("").parts, parseRoute("#").parts, parseRoute("#//").parts]).toEqual([[], [], []]);
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 })), (parts) => {
      expect(parseRoute(linkTo(...parts)).parts).toEqual(parts);
    }),
  );
});

test("a broken address is no page", () => {
  expect(parseRoute("#/agents/%E0%A4%A").parts).toEqual(["?"]);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(parseRoute(text).parts).toBeArray();
    }),
  );
});
