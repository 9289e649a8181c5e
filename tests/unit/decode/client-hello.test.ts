/** ClientHellos of real programs, whole, cut and in pieces; and that hostile ones do no harm. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";

import { serverNameOf } from "../../../src/decode/client-hello.ts";
import { hostName } from "../../../src/lib/host-name.ts";
import { recordedNames } from "../../support/observed-names.ts";

const recorded = recordedNames();

const named: readonly (readonly [label: string, name: string])[] = [
  ["hello-openssl", "www.shop.example"],
  ["hello-curl", "api.shop.example"],
  ["hello-node", "node.shop.example"],
  ["hello-bun", "localhost"],
  ["hello-tls12", "old.shop.example"],
  ["hello-large", "big.shop.example"],
  ["hello-chromium", "browser.shop.example"],
  ["hello-chromium-late", "browser.shop.example"],
];

/** The same handshake message in records of at most so many bytes each. */
function inRecords(hello: Uint8Array, bytesMax: number): Uint8Array {
  const message = hello.subarray(5);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += bytesMax) {
    const piece = message.subarray(at, at + bytesMax);
    pieces.push(Uint8Array.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/** A TLS 1.2 hello without anything but these extensions. */
function helloWith(...extensions: readonly (readonly number[])[]): Uint8Array {
  const u16 = (value: number): number[] => [value >> 8, value & 255];
  const all = extensions.flat();
  const body = [
    3,
    3,
    ...Array.from({ length: 32 }, () => 9),
    0,
    0,
    2,
    0x13,
    1,
    1,
    0,
    ...u16(all.length),
    ...all,
  ];
  return Uint8Array.from([22, 3, 1, ...u16(body.length + 4), 1, 0, ...u16(body.length), ...body]);
}

/** The server_name extension with one name, RFC 6066 section 3. */
function serverName(name: string, type = 0): number[] {
  const bytes = [...Buffer.from(name, "latin1")];
  const u16 = (value: number): number[] => [value >> 8, value & 255];
  return [0, 0, ...u16(bytes.length + 5), ...u16(bytes.length + 3), type, ...u16(bytes.length), ...bytes];
}

test("the names that real clients ask for", () => {
  for (const [label, name] of named) {
    expect([label, serverNameOf(recorded(label))]).toEqual([label, { kind: "name", name }]);
  }
  expect(serverNameOf(recorded("hello-nameless"))).toEqual({ kind: "absent" });
  // OpenSSL sends an address as a name if it is told to; RFC 6066 allows no addresses.
  expect(Buffer.from(recorded("hello-address")).includes("192.0.2.1")).toBe(true);
  expect(serverNameOf(recorded("hello-address"))).toEqual({ kind: "absent" });
});

test("a message that is split over records is put together", () => {
  for (const [label, name] of named) {
    for (const bytesMax of [1, 3, 4, 64, 512]) {
      expect(serverNameOf(inRecords(recorded(label), bytesMax))).toEqual({ kind: "name", name });
    }
  }
});

test("of a message that is cut, the name is told if it is in what was captured", () => {
  const early = recorded("hello-chromium");
  const late = recorded("hello-chromium-late");
  expect(late.length).toBeGreaterThan(1448);
  // The first segment of an Ethernet connection; Chromium puts its extensions in another order each time.
  expect(serverNameOf(early.subarray(0, 1448))).toEqual({ kind: "name", name: "browser.shop.example" });
  expect(serverNameOf(late.subarray(0, 1448))).toEqual({ kind: "cut" });
  for (const [label, name] of named) {
    const hello = recorded(label);
    const end = Buffer.from(hello).indexOf(name) + name.length;
    for (let length = 0; length <= hello.length; length += 1) {
      const found = serverNameOf(hello.subarray(0, length));
      expect([label, length, found]).toEqual([
        label,
        length,
        length < end ? { kind: "cut" } : { kind: "name", name },
      ]);
    }
  }
});

test("what is no host name is no name", () => {
  expect(serverNameOf(helloWith(serverName("shop.example")))).toEqual({ kind: "name", name: "shop.example" });
  expect(serverNameOf(helloWith(serverName("SHOP.example.")))).toEqual({
    kind: "name",
    name: "shop.example",
  });
  for (const bad of [
    "",
    "192.0.2.1",
    "2001:db8::1",
    "a b",
    "a\u001b[2J.example",
    "a..b",
    `${"a".repeat(64)}.example`,
  ]) {
    expect([bad, serverNameOf(helloWith(serverName(bad)))]).toEqual([bad, { kind: "absent" }]);
  }
  expect(serverNameOf(helloWith(serverName("shop.example", 1)))).toEqual({ kind: "absent" });
  expect(serverNameOf(helloWith())).toEqual({ kind: "absent" });
  expect(serverNameOf(helloWith([0, 16, 0, 0], serverName("b.example")))).toMatchObject({
    name: "b.example",
  });
});

test("what is no ClientHello, and lengths that lie, are told apart from what is cut", () => {
  const hello = helloWith(serverName("shop.example"));
  const changed = (at: number, value: number): Uint8Array =>
    hello.map((byte, index) => (index === at ? value : byte));
  expect(serverNameOf(changed(0, 23))).toEqual({ kind: "malformed" });
  expect(serverNameOf(changed(1, 2))).toEqual({ kind: "malformed" });
  expect(serverNameOf(changed(5, 2))).toEqual({ kind: "malformed" });
  expect(serverNameOf(changed(9 + 34, 255))).toEqual({ kind: "malformed" }); // a session id longer than the message
  const nameLength = hello.length - "shop.example".length - 1;
  expect(serverNameOf(changed(nameLength, 200))).toEqual({ kind: "malformed" });
  expect(serverNameOf(Buffer.from("GET / HTTP/1.1\r\n\r\n"))).toEqual({ kind: "malformed" });
  expect(serverNameOf(new Uint8Array(0))).toEqual({ kind: "cut" });
});

test("whatever the bytes are, it ends, and a name is a host name", () => {
  const hellos = named.map(([label]) => recorded(label));
  const damaged = fc
    .tuple(
      fc.constantFrom(...hellos),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    )
    .map(([hello, changes]) => {
      const bytes = Uint8Array.from(hello);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), fc.nat(2300), (bytes, length) => {
      // Bytes behind the end must change nothing.
      const whole = new Uint8Array(bytes.length + 64).fill(22);
      whole.set(bytes);
      const part = whole.subarray(0, Math.min(length, bytes.length));
      const found = serverNameOf(part);
      expect(found).toEqual(serverNameOf(Uint8Array.from(part)));
      if (found.kind === "name") expect(hostName(found.name)).toBe(found.name);
    }),
    { numRuns: 2000 },
  );
});
