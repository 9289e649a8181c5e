/** The gate for names: what is a host name, and what never passes. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";

import { hostName } from "../../../src/lib/host-name.ts";

test("accepts host names in one notation", () => {
  expect(hostName("Example.ORG.")).toBe("example.org");
  expect(hostName("_dmarc.example.org")).toBe("_dmarc.example.org");
  expect(hostName("r4---sn-4g5e.example")).toBe("r4---sn-4g5e.example");
  expect(hostName("localhost")).toBe("localhost");
  expect(hostName("1e100.net")).toBe("1e100.net");
  expect(hostName(`${"a".repeat(63)}.b`)).toBe(`${"a".repeat(63)}.b`);
  const longest = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
  expect(hostName(longest)).toBe(longest);
  expect(hostName(`${longest}.`)).toBe(longest);
});

test("refuses what is no host name, what looks like an address, and what could steer a terminal or a shell", () => {
  const refused = [
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "-a.example",
    "a-.example",
    "a b",
    "a\u001b[31m",
    "a\nb",
    "a$(id)",
    "a/b",
    "a\\.b",
    "bücher.example",
    "a\u202eb",
    "192.0.2.1",
    "example.1",
    "::1",
    `${"a".repeat(64)}.b`,
    `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(62)}`,
  ];
  for (const text of refused) expect([text, hostName(text)]).toEqual([text, undefined]);
});

test("whatever passes is plain ASCII of bounded length, and passes again unchanged", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.domain(), fc.stringMatching(/^[\w.-]{0,300}$/)),
      (text) => {
        const name = hostName(text);
        if (name === undefined) return;
        expect(name).toMatch(/^[a-z0-9_.-]{1,253}$/);
        expect(hostName(name)).toBe(name);
      },
    ),
    { numRuns: 3000 },
  );
});
