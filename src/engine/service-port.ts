/**
 * Which of a flow's two ports names the service. A listener's is its own, and so is that of any
 * socket without a peer. Of a connection
 * it is the local one if something on this machine listens there (it was accepted), or if only the local one is below
 * 1024 (it was accepted by a listener that is gone: nobody connects from a port that needs a privilege, bar a few old
 * programs); else the remote one.
 */
import { PROTOCOLS, type Protocol, type SocketState } from "../model/flow.ts";

/** Ports below this are bound by servers only (IANA's system ports, RFC 6335 section 6). */
const SYSTEM_PORTS_END = 1024;

interface PortedFlow {
  readonly protocol: Protocol;
  readonly localPort: number;
  readonly remotePort: number;
  readonly state: SocketState;
}

/** A port of a protocol as one number, so that a set of them is cheap. */
export function portKey(protocol: Protocol, port: number): number {
  return PROTOCOLS.indexOf(protocol) * 65_536 + port;
}

/** Whether the local port is the service's. `isListeningAt` knows the port keys of TCP listeners. */
export function isServedHere(flow: PortedFlow, isListeningAt: (key: number) => boolean): boolean {
  if (flow.state === "listen" || flow.remotePort === 0) return true;
  if (isListeningAt(portKey(flow.protocol, flow.localPort))) return true;
  return flow.localPort < SYSTEM_PORTS_END && flow.remotePort >= SYSTEM_PORTS_END;
}
