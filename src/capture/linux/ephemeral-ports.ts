/** The range that the kernel takes the local ports of outgoing connections from. */
import { readFileSync } from "node:fs";

const DEFAULT_RANGE = [32_768, 60_999] as const;

/** Of net.ipv4.ip_local_port_range (man 7 ip), which holds for IPv6 too; the kernel's default where it can't be read. */
export function readEphemeralPorts(procRoot = "/proc"): readonly [from: number, to: number] {
  try {
    const text = readFileSync(`${procRoot}/sys/net/ipv4/ip_local_port_range`, "utf8");
    const match = /^(\d{1,5})\s+(\d{1,5})\s*$/.exec(text);
    return match === null ? DEFAULT_RANGE : [Number(match[1]), Number(match[2])];
  } catch {
    return DEFAULT_RANGE; // unreadable: what the kernel begins with
  }
}
