/** Addresses as people write them, and where a parent says that it is. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { reachableAt, splitAddress, withPort } from "../../../src/server/addresses.ts";
import { parseListen, parsePublicAddresses } from "../../../src/cli/serve-settings.ts";

test("hosts, ports and IPv6 addresses are told apart", () => {
  const cases: readonly (readonly [string, ReturnType<typeof splitAddress>])[] = [
    ["parent.example", { host: "parent.example", port: undefined }],
    ["parent.example:8443", { host: "parent.example", port: 8443 }],
    ["192.0.2.1:1", { host: "192.0.2.1", port: 1 }],
    ["[2001:db8::1]:7443", { host: "2001:db8::1", port: 7443 }],
    ["[2001:db8::1]", { host: "2001:db8::1", port: undefined }],
    ["2001:db8::1", { host: "2001:db8::1", port: undefined }],
    ["host:99999", undefined],
    ["host:", undefined],
    ["a b", undefined],
    ["https://host", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of cases) expect(splitAddress(text)).toEqual(expected);
});

test("what is split and put together is the same", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()),
      fc.integer({ min: 1, max: 65_535 }),
      (host, port) => {
        expect(splitAddress(withPort(host, port))).toEqual({ host, port });
      },
    ),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      splitAddress(text);
      parseListen(text);
      parsePublicAddresses(text);
    }),
  );
});

test("where to listen may be a port, a host, or both", () => {
  expect(parseListen("8443")).toEqual({ value: { host: undefined, port: 8443 } });
  expect(parseListen(":0")).toEqual({ value: { host: undefined, port: 0 } });
  expect(parseListen("127.0.0.1:0")).toEqual({ value: { host: "127.0.0.1", port: 0 } });
  expect(parseListen("localhost")).toEqual({ value: { host: "localhost", port: undefined } });
  expect(parseListen("99999")).toHaveProperty("problem", '"99999" is nowhere to listen');
});

test("what a person said comes before what the machine has, with the port it listens on", () => {
  expect(reachableAt(["parent.example", "[2001:db8::1]:1"], "::", 7443)).toEqual([
    "parent.example:7443",
    "[2001:db8::1]:1",
  ]);
  expect(reachableAt([], "192.0.2.1", 7443)).toEqual(["192.0.2.1:7443"]);
  const own = reachableAt([], "::", 7443);
  expect(own.length).toBeGreaterThan(0);
  expect(own.length).toBeLessThanOrEqual(8);
  for (const each of own) expect(each).toMatch(/:7443$/);
});
