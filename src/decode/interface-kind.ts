/**
 * What kind of interface a link is, and whether its bytes belong to the machine's total: not where another interface
 * that is counted carries them too. Pure.
 */
import type { InterfaceKind } from "../model/interface.ts";

/** net/if_arp.h */
const ARPHRD_LOOPBACK = 772;
const ARPHRD_TUNNEL_TYPES: ReadonlySet<number> = new Set([768, 769, 776, 778, 65_534]);

const KINDS: Readonly<Record<string, InterfaceKind>> = {
  bridge: "bridge",
  bond: "bond",
  team: "bond",
  vlan: "vlan",
  macvlan: "virtual",
  macvtap: "virtual",
  ipvlan: "virtual",
  ipvtap: "virtual",
  veth: "virtual",
  dummy: "virtual",
  ifb: "virtual",
  vrf: "virtual",
  nlmon: "virtual",
  netkit: "virtual",
  openvswitch: "bridge",
  tun: "tunnel",
  wireguard: "tunnel",
  gre: "tunnel",
  gretap: "tunnel",
  ip6gre: "tunnel",
  ip6gretap: "tunnel",
  erspan: "tunnel",
  ip6erspan: "tunnel",
  ipip: "tunnel",
  ip6tnl: "tunnel",
  sit: "tunnel",
  vti: "tunnel",
  vti6: "tunnel",
  xfrm: "tunnel",
  vxlan: "tunnel",
  geneve: "tunnel",
  gtp: "tunnel",
  bareudp: "tunnel",
  ppp: "tunnel",
  ovpn: "tunnel",
  amt: "tunnel",
};

export interface LinkFacts {
  readonly hardwareType: number;
  readonly linkKind: string | undefined;
  readonly lowerElsewhere: boolean;
}

export interface LinkClass {
  readonly kind: InterfaceKind;
  readonly counted: boolean;
  readonly reason: string | undefined;
}

/**
 * Classifies all links of one namespace together, in their order. Hardware is counted; loopback, and what lies on top
 * of other interfaces, is not. In a container there is no hardware: there the ends of pairs whose other end is in
 * another namespace carry everything that goes in and out, so they are counted.
 */
export function classifyLinks(links: readonly LinkFacts[]): LinkClass[] {
  const kinds = links.map(kindOf);
  const hardware = kinds.includes("physical");
  return links.map((link, index) => {
    const kind = kinds[index] ?? "other";
    if (kind === "physical" || kind === "other") return { kind, counted: true, reason: undefined };
    if (!hardware && kind === "virtual" && link.lowerElsewhere) {
      return { kind, counted: true, reason: undefined };
    }
    return { kind, counted: false, reason: kind === "virtual" ? (link.linkKind ?? kind) : kind };
  });
}

function kindOf(link: LinkFacts): InterfaceKind {
  if (link.hardwareType === ARPHRD_LOOPBACK) return "loopback";
  if (link.linkKind !== undefined) return KINDS[link.linkKind] ?? "other";
  return ARPHRD_TUNNEL_TYPES.has(link.hardwareType) ? "tunnel" : "physical";
}
