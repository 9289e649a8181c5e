/** Tells traffic that never leaves the machine: no counted interface carries it, so the reconciliation leaves it out. */
import type { InterfaceSample } from "../model/interface.ts";

export class LocalAddresses {
  #addresses: ReadonlySet<string> = new Set();

  /** Learns the machine's own addresses. */
  learn(interfaces: readonly InterfaceSample[]): void {
    const addresses = new Set<string>();
    for (const sample of interfaces) {
      for (const address of sample.addresses) {
        const slash = address.indexOf("/");
        addresses.add(slash < 0 ? address : address.slice(0, slash));
      }
    }
    this.#addresses = addresses;
  }

  /** Whether the peer is this machine: a loopback address, the local end itself, or another address of an interface. */
  isLocalTraffic(localAddress: string, remoteAddress: string): boolean {
    return (
      remoteAddress === localAddress ||
      isLoopback(remoteAddress) ||
      isLoopback(localAddress) ||
      this.#addresses.has(remoteAddress)
    );
  }
}

/** 127.0.0.0/8 and ::1, in canonical text. */
function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
