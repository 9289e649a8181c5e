/** Addresses: RFC 5952's own examples, v4-mapped ones as IPv4, and any bytes through text and back. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  canonicalIp,
  formatIpv4,
  formatIpv6,
  isLoopback,
  isUnspecified,
  isV4Mapped,
  parseIp,
} from "../../../src/lib/ip.ts";

describe("canonicalIp", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:0db8:0000:0000:0000:ff00:0042:8329", "2001:db8::ff00:42:8329"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1::", "1::"],
    ["::ffff:192.0.2.128", "192.0.2.128"],
    ["::ffff:7f00:1", "127.0.0.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ])("%s is %s", (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4.5",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "::1.2.3.4.5",
    "1.2.3.4::",
    `${"1:".repeat(30)}1`,
  ])("%s is no address", (text) => {
    expect(canonicalIp(text)).toBeUndefined();
  });
});

test("any sixteen bytes survive text, but for v4-mapped ones, which become IPv4", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0, 0, 0, 255, 1, 16, 171), { minLength: 16, maxLength: 16 }),
      (list) => {
        const bytes = Uint8Array.from(list);
        const back = parseIp(formatIpv6(bytes));
        expect(back).toEqual(isV4Mapped(bytes) ? bytes.slice(12) : bytes);
      },
    ),
    { numRuns: 2000 },
  );
});

test("any four bytes survive text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      expect(parseIp(formatIpv4(bytes))).toEqual(bytes);
    }),
  );
});

test("no text makes it throw", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcf:.% ")) }), (text) => {
      const canonical = canonicalIp(text);
      if (canonical !== undefined) expect(canonicalIp(canonical)).toBe(canonical);
    }),
    { numRuns: 2000 },
  );
});

test("unspecified and loopback", () => {
  expect(["0.0.0.0", "::", "1.0.0.0"].map(isUnspecified)).toEqual([true, true, false]);
  expect(["127.8.9.1", "::1", "12.7.0.1", "127::1"].map(isLoopback)).toEqual([true, true, false, false]);
});
