/** A network interface and its cumulative counters. */

export type InterfaceKind =
  | "physical"
  | "loopback"
  | "virtual"
  | "tunnel"
  | "bridge"
  | "bond"
  | "vlan"
  | "other";

export interface InterfaceSample {
  readonly name: string;
  readonly index: number;
  readonly kind: InterfaceKind;
  readonly up: boolean;
  /** Wire bytes since the interface came up, as the kernel counts them (link-layer header included). */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly errors: number;
  readonly dropped: number;
  readonly addresses: readonly string[];
  /**
   * Whether its bytes are part of the machine's total. False for what only carries bytes that another counted
   * interface carries too (bridge, bond, vlan, tunnel, veth); `reason` says which.
   */
  readonly counted: boolean;
  readonly reason: string | undefined;
}
