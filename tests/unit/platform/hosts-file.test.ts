/** The hosts file: what counts in it, and when it is read again. */
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import * as fc from "fast-check";

import { ManualClock } from "../../../src/lib/clock.ts";
import { HostsFile, parseHosts } from "../../../src/platform/hosts-file.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const namesIn = (text: string) => Array.from(parseHosts(text), ([address, host]) => [address, host.name]);

test("the first good name of an address counts; comments, rubbish and strange names don't", () => {
  const text = [
    "# 192.0.2.9 commented.example",
    "127.0.0.1\tlocalhost  localhost.localdomain",
    "127.0.0.1 second",
    "::1 ip6-localhost # the loopback",
    "2001:DB8:0::1 Six.Example",
    "  192.0.2.1   indented.example\r",
    "::ffff:192.0.2.2 mapped.example",
    "192.0.2.3#glued",
    "192.0.2.4",
    "192.0.2.5 bad\u001bname",
    "192.0.2.5 good.example",
    "name.only 192.0.2.6",
    "fe80::1%lo0 zone.example",
    "",
  ].join("\n");
  expect(namesIn(text)).toEqual([
    ["127.0.0.1", "localhost"],
    ["::1", "ip6-localhost"],
    ["2001:db8::1", "six.example"],
    ["192.0.2.1", "indented.example"],
    ["192.0.2.2", "mapped.example"],
    ["192.0.2.5", "good.example"],
    ["fe80::1", "zone.example"],
  ]);
  expect(parseHosts("192.0.2.1 a.example").get("192.0.2.1")).toEqual({ name: "a.example", source: "hosts" });
});

test("no text makes it throw, and only host names come out", () => {
  const piece = fc.constantFrom("1.2.3.4", "::1", " ", "\t", "\n", "#", "host", "a.b", "\u0000", "\r\n", "%");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(piece).map((pieces) => pieces.join("")),
      ),
      (text) => {
        for (const host of parseHosts(text).values()) expect(host.name).toMatch(/^[a-z0-9_.-]{1,253}$/);
      },
    ),
    { numRuns: 3000 },
  );
});

test("a file with more addresses than anyone needs is cut", () => {
  const lines = Array.from(
    { length: 30_000 },
    (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255} h${index}`,
  );
  expect(parseHosts(lines.join("\n")).size).toBe(20_000);
});

test("a changed file is read again, at most once a second; an absent one has no names", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "hosts");
  const clock = new ManualClock(0);
  const hosts = new HostsFile({ clock, path });
  expect(hosts.nameOf("192.0.2.1")).toBeUndefined();
  writeFileSync(path, "192.0.2.1 a.example\n");
  clock.advance(999);
  expect(hosts.nameOf("192.0.2.1")).toBeUndefined();
  clock.advance(1);
  expect(hosts.nameOf("192.0.2.1")).toEqual({ name: "a.example", source: "hosts" });
  writeFileSync(path, "192.0.2.1 longer.example\n");
  clock.advance(1000);
  expect(hosts.nameOf("192.0.2.1")?.name).toBe("longer.example");
  const same = hosts.nameOf("192.0.2.1");
  clock.advance(1000);
  expect(hosts.nameOf("192.0.2.1")).toBe(same); // the very same object: an unchanged file was not read
  rmSync(path);
  clock.advance(1000);
  expect(hosts.nameOf("192.0.2.1")).toBeUndefined();
});

test("a directory in its place is no hosts file", async () => {
  await using directory = await tmpdir();
  const hosts = new HostsFile({ clock: new ManualClock(0), path: directory.path });
  expect(hosts.nameOf("192.0.2.1")).toBeUndefined();
});
