/** Links and addresses as rtnetlink tells them (man 7 rtnetlink, linux/if_link.h). Pure. */
import { defineLayout } from "../../ffi/layout.ts";
import { formatIpv4, formatIpv6 } from "../lib/ip.ts";
import { AttributeReader, NLM_F_DUMP, netlinkRequest } from "./netlink.ts";

export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_GETADDR = 22;

const ifinfomsg = defineLayout("ifinfomsg", 16, {
  family: [0, "u8"],
  /** ARPHRD_…, net/if_arp.h. */
  type: [2, "u16"],
  index: [4, "i32"],
  flags: [8, "u32"],
  change: [12, "u32"],
});

const ifaddrmsg = defineLayout("ifaddrmsg", 8, {
  family: [0, "u8"],
  prefixLength: [1, "u8"],
  flags: [2, "u8"],
  scope: [3, "u8"],
  index: [4, "u32"],
});

/** The beginning of struct rtnl_link_stats64. */
const linkStats64 = defineLayout("rtnl_link_stats64", 64, {
  packetsReceived: [0, "u64"],
  packetsSent: [8, "u64"],
  bytesReceived: [16, "u64"],
  bytesSent: [24, "u64"],
  errorsReceived: [32, "u64"],
  errorsSent: [40, "u64"],
  droppedReceived: [48, "u64"],
  droppedSent: [56, "u64"],
});

const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_STATS64 = 23;
const IFLA_LINK_NETNSID = 37;
const IFLA_INFO_KIND = 1;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFF_UP = 1;

export interface LinkRecord {
  readonly index: number;
  readonly name: string;
  /** ARPHRD_…: 1 Ethernet, 772 loopback. */
  readonly hardwareType: number;
  readonly up: boolean;
  /** `bridge`, `veth`, `wireguard` …; undefined for hardware and for loopback. */
  readonly linkKind: string | undefined;
  readonly masterIndex: number | undefined;
  /** The device below (a vlan's, a macvlan's), or a veth's other end. */
  readonly lowerIndex: number | undefined;
  /** Whether that device is in another network namespace. */
  readonly lowerElsewhere: boolean;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly errors: number;
  readonly dropped: number;
}

export interface AddressRecord {
  readonly index: number;
  /** Canonical text. */
  readonly address: string;
}

export function linkDumpRequest(sequence: number): Uint8Array {
  return netlinkRequest(RTM_GETLINK, NLM_F_DUMP, sequence, new Uint8Array(ifinfomsg.size));
}

export function addressDumpRequest(sequence: number): Uint8Array {
  return netlinkRequest(RTM_GETADDR, NLM_F_DUMP, sequence, new Uint8Array(ifaddrmsg.size));
}

/** One RTM_NEWLINK message; undefined where it is malformed or has no name. */
export function decodeLink(view: DataView, start: number, end: number): LinkRecord | undefined {
  if (end > view.byteLength || start + ifinfomsg.size > end) return undefined;
  let name: string | undefined;
  let linkKind: string | undefined;
  let masterIndex: number | undefined;
  let lowerIndex: number | undefined;
  let lowerElsewhere = false;
  let stats = -1;
  const attributes = new AttributeReader(view, start + ifinfomsg.size, end);
  while (attributes.next()) {
    if (attributes.type === IFLA_IFNAME) name = attributes.text();
    else if (attributes.type === IFLA_LINK) lowerIndex = attributes.u32();
    else if (attributes.type === IFLA_MASTER) masterIndex = attributes.u32();
    else if (attributes.type === IFLA_LINK_NETNSID) lowerElsewhere = true;
    else if (attributes.type === IFLA_LINKINFO) linkKind = decodeKind(view, attributes.start, attributes.end);
    else if (attributes.type === IFLA_STATS64 && attributes.end - attributes.start >= linkStats64.size) {
      stats = attributes.start;
    }
  }
  if (attributes.malformed || name === undefined || name === "") return undefined;
  const stat = (field: keyof typeof linkStats64.get): number =>
    stats < 0 ? 0 : linkStats64.get[field](view, stats);
  return {
    index: ifinfomsg.get.index(view, start),
    name,
    hardwareType: ifinfomsg.get.type(view, start),
    up: (ifinfomsg.get.flags(view, start) & IFF_UP) !== 0,
    linkKind,
    masterIndex,
    lowerIndex,
    lowerElsewhere,
    bytesSent: stat("bytesSent"),
    bytesReceived: stat("bytesReceived"),
    packetsSent: stat("packetsSent"),
    packetsReceived: stat("packetsReceived"),
    errors: stat("errorsSent") + stat("errorsReceived"),
    dropped: stat("droppedSent") + stat("droppedReceived"),
  };
}

/** One RTM_NEWADDR message; undefined where it is malformed or of another family than IP. */
export function decodeAddress(view: DataView, start: number, end: number): AddressRecord | undefined {
  if (end > view.byteLength || start + ifaddrmsg.size > end) return undefined;
  const family = ifaddrmsg.get.family(view, start);
  const width = family === 2 ? 4 : family === 10 ? 16 : 0;
  if (width === 0) return undefined;
  let position = -1;
  const attributes = new AttributeReader(view, start + ifaddrmsg.size, end);
  while (attributes.next()) {
    if (attributes.end - attributes.start !== width) continue;
    // A point-to-point link's IFA_ADDRESS is the peer's; IFA_LOCAL is always ours.
    if (attributes.type === IFA_LOCAL) position = attributes.start;
    else if (attributes.type === IFA_ADDRESS && position < 0) position = attributes.start;
  }
  if (attributes.malformed || position < 0) return undefined;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + position, width);
  return {
    index: ifaddrmsg.get.index(view, start),
    address: width === 4 ? formatIpv4(bytes) : formatIpv6(bytes),
  };
}

function decodeKind(view: DataView, start: number, end: number): string | undefined {
  const attributes = new AttributeReader(view, start, end);
  while (attributes.next()) if (attributes.type === IFLA_INFO_KIND) return attributes.text();
  return undefined;
}
