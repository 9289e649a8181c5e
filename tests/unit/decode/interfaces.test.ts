/** Interfaces: recorded links, and which of them belong to the machine's total. */
import { describe, expect, test } from "bun:test";
import { classifyLinks, type LinkFacts } from "../../../src/decode/interface-kind.ts";
import { NetlinkReader, NLMSG_DONE } from "../../../src/decode/netlink.ts";
import { decodeAddress, decodeLink } from "../../../src/decode/rtnetlink.ts";
import { recordedDatagrams } from "../../support/recorded.ts";

function decodeAll<T>(name: string, decode: (view: DataView, start: number, end: number) => T): T[] {
  const found: T[] = [];
  for (const datagram of recordedDatagrams(name)) {
    const reader = new NetlinkReader(datagram);
    reader.reset(datagram.length);
    while (reader.next()) {
      if (reader.type !== NLMSG_DONE) found.push(decode(reader.view, reader.bodyStart, reader.bodyEnd));
    }
  }
  return found;
}

test("recorded links and addresses", () => {
  const links = decodeAll("links.bin", decodeLink);
  expect(links[0]).toEqual({
    index: 1,
    name: "lo",
    hardwareType: 772,
    up: true,
    linkKind: undefined,
    masterIndex: undefined,
    lowerIndex: undefined,
    lowerElsewhere: false,
    bytesSent: 72_945,
    bytesReceived: 72_945,
    packetsSent: 28,
    packetsReceived: 28,
    errors: 0,
    dropped: 0,
  });
  expect(links.map((link) => [link?.name, link?.linkKind, link?.masterIndex, link?.lowerIndex])).toEqual([
    ["lo", undefined, undefined, undefined],
    ["br0", "bridge", undefined, undefined],
    ["veth1", "veth", undefined, 4],
    ["veth0", "veth", 2, 3],
  ]);
  expect(decodeAll("addresses.bin", decodeAddress)).toEqual([
    { index: 1, address: "127.0.0.1" },
    { index: 1, address: "::1" },
  ]);
});

describe("counted", () => {
  const link = (linkKind: string | undefined, hardwareType = 1, lowerElsewhere = false): LinkFacts => ({
    hardwareType,
    linkKind,
    lowerElsewhere,
  });

  test("hardware only, on a machine that has some", () => {
    const links = [
      link(undefined, 772),
      link(undefined),
      ...STACKED.map((kind) => link(kind)),
      link("veth", 1, true),
    ];
    expect(classifyLinks(links).map(({ kind, counted, reason }) => [kind, counted, reason])).toEqual([
      ["loopback", false, "loopback"],
      ["physical", true, undefined],
      ["bridge", false, "bridge"],
      ["bond", false, "bond"],
      ["vlan", false, "vlan"],
      ["tunnel", false, "tunnel"],
      ["tunnel", false, "tunnel"],
      ["tunnel", false, "tunnel"],
      ["virtual", false, "macvlan"],
      ["virtual", false, "dummy"],
      ["virtual", false, "veth"],
    ]);
  });

  const STACKED = ["bridge", "bond", "vlan", "tun", "wireguard", "vxlan", "macvlan", "dummy"];

  test("in a container, the end of the pair that leads out", () => {
    const classes = classifyLinks([
      link(undefined, 772),
      link("veth", 1, true),
      link("veth"),
      link("bridge"),
    ]);
    expect(classes.map(({ counted }) => counted)).toEqual([false, true, false, false]);
  });

  test("a kind that is not known is counted: it may be the only way out", () => {
    expect(classifyLinks([link("wwan")])).toEqual([{ kind: "other", counted: true, reason: undefined }]);
  });
});
