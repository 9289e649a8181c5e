/** The kernel programs' records of answers and ClientHellos: what they say, what is counted, and that none does harm. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { readFileSync } from "node:fs";

import { decodeNames } from "../../../src/decode/observed-names.ts";
import {
  CLIENT_HELLO,
  DNS_TCP,
  DNS_UDP,
  joined,
  nameRecord,
  PAYLOAD_BYTES_MAX,
  recordedNames,
} from "../../support/observed-names.ts";

const recorded = recordedNames();
const SERVER = {
  networkNamespace: 4_026_531_840,
  timeNs: 1_000_000_000,
  server: "192.0.2.53",
  serverPort: 53,
};

test("records become observations, with who asked whom", () => {
  const records = joined(
    nameRecord(recorded("dns-alias-a"), { cookie: 11 }),
    nameRecord(recorded("dns-unbound-nxdomain")),
    nameRecord(recorded("dns-alias-aaaa-tcp"), { type: DNS_TCP, cookie: 12, networkNamespace: 77 }),
    nameRecord(recorded("hello-chromium"), {
      type: CLIENT_HELLO,
      cookie: 13,
      remote: [198, 51, 100, 9],
      remotePort: 443,
    }),
    nameRecord(recorded("hello-nameless"), { type: CLIENT_HELLO }),
  );
  expect(decodeNames(records)).toEqual({
    observations: [
      {
        source: "dns",
        name: "www.shop.example",
        chain: ["shop.example", "edge.cdn.example"],
        addresses: [{ address: "192.0.2.20", ttlSeconds: 20 }],
        socket: "udp:11",
        ...SERVER,
      },
      {
        source: "dns",
        name: "www.shop.example",
        chain: ["shop.example", "edge.cdn.example"],
        addresses: [{ address: "2001:db8::20", ttlSeconds: 20 }],
        socket: "tcp:12",
        ...SERVER,
        networkNamespace: 77,
      },
      {
        source: "sni",
        name: "browser.shop.example",
        chain: [],
        addresses: [{ address: "198.51.100.9", ttlSeconds: 0 }],
        socket: "tcp:13",
        ...SERVER,
        server: "198.51.100.9",
        serverPort: 443,
      },
    ],
    malformed: 0,
    undecoded: 0,
  });
  expect(decodeNames(new Uint8Array(0))).toEqual({ observations: [], malformed: 0, undecoded: 0 });
});

test("what the kernel programs cut is used as far as it goes, or counted", () => {
  // OpenSSL's with a large key share: longer than what is captured, and the name comes before it.
  expect(recorded("hello-large").length).toBeGreaterThan(PAYLOAD_BYTES_MAX);
  expect(decodeNames(nameRecord(recorded("hello-large"), { type: CLIENT_HELLO })).observations).toMatchObject(
    [{ source: "sni", name: "big.shop.example" }],
  );
  const segment = recorded("hello-chromium-late").subarray(0, 1448);
  expect(decodeNames(nameRecord(segment, { type: CLIENT_HELLO }))).toEqual({
    observations: [],
    malformed: 0,
    undecoded: 1,
  });
  expect(decodeNames(nameRecord(recorded("dns-many-truncated"))).undecoded).toBe(1);
  expect(decodeNames(nameRecord(recorded("dns-many-tcp").subarray(500), { type: DNS_TCP })).undecoded).toBe(
    1,
  );
  // Other protocols use port 53 too: that is nothing of which a record would be lost.
  expect(decodeNames(nameRecord(new Uint8Array(500).fill(0x5a)))).toMatchObject({
    malformed: 0,
    undecoded: 1,
  });
  // A record may be longer than what it holds of the payload.
  const answer = recorded("dns-plain");
  const padded = joined(answer, new Uint8Array(9));
  expect(decodeNames(nameRecord(padded, { payloadLength: answer.length })).observations).toHaveLength(1);
});

test("records that break their format are counted, and after a wrong size nothing is read", () => {
  const good = nameRecord(recorded("dns-plain"));
  const ofNoType = nameRecord(recorded("dns-plain"), { type: 9 });
  expect(decodeNames(joined(good, ofNoType, good))).toMatchObject({ malformed: 1, observations: [{}, {}] });
  const sizes = [0, 47, good.length + 1, 65_535];
  for (const size of sizes) {
    const found = decodeNames(
      joined(good, nameRecord(recorded("dns-plain"), { size }), good).subarray(0, good.length * 2),
    );
    expect([size, found.observations.length, found.malformed]).toEqual([size, 1, 1]);
  }
  expect(decodeNames(good.subarray(0, good.length - 1))).toMatchObject({ observations: [], malformed: 1 });
  expect(decodeNames(joined(good, new Uint8Array(5)))).toMatchObject({ observations: [{}], malformed: 1 });
  const tooLong = nameRecord(new Uint8Array(PAYLOAD_BYTES_MAX), { size: 48 + PAYLOAD_BYTES_MAX + 1 });
  expect(decodeNames(joined(tooLong, new Uint8Array(9)))).toMatchObject({ malformed: 1 });
});

test("the longest payload is what the kernel programs declare", () => {
  const header = readFileSync(new URL("../../../ebpf/records.h", import.meta.url), "utf8");
  expect(/#define WB_PAYLOAD_MAX (\d+)/.exec(header)?.[1]).toBe(String(PAYLOAD_BYTES_MAX));
});

test("whatever the bytes are, it ends, reads nothing outside, and counts each record at most once", () => {
  const payloads = fc
    .constantFrom("dns-alias-a", "dns-many-tcp", "hello-chromium", "hello-large", "dns-ptr")
    .map(recorded);
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 });
  const record = fc
    .tuple(payloads, fc.constantFrom(DNS_UDP, DNS_TCP, CLIENT_HELLO, 0), damage)
    .map(([payload, type, changes]) => {
      const bytes = nameRecord(payload, { type });
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
  const records = fc.array(record, { maxLength: 5 }).map((each) => joined(...each));
  fc.assert(
    fc.property(fc.oneof(records, fc.uint8Array({ maxLength: 400 })), fc.nat(7), (bytes, offset) => {
      const around = new Uint8Array(bytes.length + offset + 64).fill(1);
      around.set(bytes, offset);
      const part = around.subarray(offset, offset + bytes.length);
      const found = decodeNames(part);
      expect(found).toEqual(decodeNames(Uint8Array.from(part)));
      expect(found.malformed).toBeLessThanOrEqual(Math.ceil(bytes.length / 48));
      for (const { socket } of found.observations) expect(socket).toMatch(/^(tcp|udp):\d+$/);
    }),
    { numRuns: 1000 },
  );
});
