/** resolv.conf(5): servers, patience, and what is not understood. */
import { expect, test } from "bun:test";
import { join } from "node:path";

import * as fc from "fast-check";

import { parseResolvConf, readResolvConf } from "../../../src/platform/resolv-conf.ts";
import { tmpdir } from "../../support/tmpdir.ts";

test("reads servers and options", () => {
  const text = [
    "# nameserver 192.0.2.9",
    "; nameserver 192.0.2.9",
    "search example.org",
    "nameserver 192.0.2.1",
    "nameserver\t2001:db8::53",
    "nameserver fe80::1%eth0",
    "nameserver 192.0.2.4",
    "options ndots:2 timeout:1 attempts:3 rotate edns0",
  ].join("\n");
  expect(parseResolvConf(text)).toEqual({
    servers: [
      { address: "192.0.2.1", port: 53 },
      { address: "2001:db8::53", port: 53 },
      { address: "fe80::1%eth0", port: 53 },
    ],
    timeoutMs: 1000,
    attempts: 3,
    rotate: true,
  });
});

test("without a usable server it is the machine itself, with glibc's patience", async () => {
  const standard = {
    servers: [{ address: "127.0.0.1", port: 53 }],
    timeoutMs: 5000,
    attempts: 2,
    rotate: false,
  };
  expect(parseResolvConf("")).toEqual(standard);
  expect(parseResolvConf("nameserver dns.example\nnameserver\noptions timeout:x attempts:-1\n")).toEqual(
    standard,
  );
  await using directory = await tmpdir();
  expect(readResolvConf(join(directory.path, "absent"))).toEqual(standard);
});

test("options are kept within glibc's bounds, whatever the file says", () => {
  expect(parseResolvConf("options timeout:0 attempts:0")).toMatchObject({ timeoutMs: 1000, attempts: 1 });
  expect(parseResolvConf("options timeout:999999999 attempts:99")).toMatchObject({
    timeoutMs: 30_000,
    attempts: 5,
  });
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("nameserver", "options", " ", "\n", "timeout:", "9", "1.1.1.1", "::1", "#")),
      (pieces) => {
        const settings = parseResolvConf(pieces.join(""));
        expect(settings.servers.length).toBeGreaterThanOrEqual(1);
        expect(settings.servers.length).toBeLessThanOrEqual(3);
        expect(settings.timeoutMs).toBeLessThanOrEqual(30_000);
      },
    ),
    { numRuns: 2000 },
  );
});
