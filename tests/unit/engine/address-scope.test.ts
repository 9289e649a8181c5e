/** Kinds of addresses, at the edges of each block. */
import { expect, test } from "bun:test";

import { addressScope, isLookedUp, type AddressScope } from "../../../src/engine/address-scope.ts";

test("every block begins and ends where the registries say", () => {
  const expected: Readonly<Record<AddressScope, readonly string[]>> = {
    unspecified: ["0.0.0.0", "0.1.2.3", "::"],
    loopback: ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"],
    link_local: ["169.254.0.1", "169.254.255.255", "fe80::1", "febf::1"],
    private: [
      "10.0.0.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "100.64.0.1",
      "100.127.0.1",
      "fc00::1",
      "fdff::1",
    ],
    multicast: ["224.0.0.1", "239.255.255.255", "ff02::1"],
    broadcast: ["255.255.255.255"],
    public: [
      "1.1.1.1",
      "172.15.0.1",
      "172.32.0.1",
      "100.63.0.1",
      "100.128.0.1",
      "169.253.0.1",
      "192.167.0.1",
      "2001:db8::1",
      "fec0::1",
      "::2",
      "240.0.0.1",
    ],
    invalid: ["", "localhost", "1.2.3"],
  };
  for (const [scope, addresses] of Object.entries(expected)) {
    for (const address of addresses)
      expect([address, addressScope(address)]).toEqual([address, scope as AddressScope]);
  }
});

test("only public and private addresses are asked for", () => {
  const scopes: readonly AddressScope[] = [
    "unspecified",
    "loopback",
    "link_local",
    "private",
    "multicast",
    "broadcast",
    "public",
    "invalid",
  ];
  expect(scopes.filter(isLookedUp)).toEqual(["private", "public"]);
});
