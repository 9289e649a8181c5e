/** The name of a socket's protocol, from what the kernel calls it. */
import type { Protocol } from "../../model/flow.ts";

/** linux/in.h */
const IPPROTO_ICMP = 1;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_DCCP = 33;
const IPPROTO_ICMPV6 = 58;
const IPPROTO_SCTP = 132;
const IPPROTO_UDPLITE = 136;
const IPPROTO_MPTCP = 262;
/** bits/socket_type.h */
const SOCK_RAW = 3;

/** `number` is IPPROTO_*, `type` is SOCK_*. A raw socket is raw, whatever it carries; a ping socket is a datagram one. */
export function protocolOf(number: number, type: number): Protocol {
  if (type === SOCK_RAW) return "raw";
  switch (number) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_MPTCP:
      return "mptcp";
    case IPPROTO_UDPLITE:
      return "udplite";
    case IPPROTO_SCTP:
      return "sctp";
    case IPPROTO_DCCP:
      return "dccp";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return "icmp";
    default:
      return "raw";
  }
}

/** Those that connect, and have a state for it. */
export const STREAMS: ReadonlySet<Protocol> = new Set(["tcp", "mptcp", "sctp", "dccp"]);

/** States of struct wb_socket that mean something beside their names (include/net/tcp_states.h). */
export const TCP_CLOSE = 7;
export const TCP_LISTEN = 10;
