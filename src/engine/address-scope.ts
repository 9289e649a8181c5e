/** Says what kind of place an address is, by the IANA special-purpose registries. Pure. */
import { isV4Mapped, parseIp } from "../lib/ip.ts";

export type AddressScope =
  | "unspecified"
  | "loopback"
  | "link_local"
  | "private"
  | "multicast"
  | "broadcast"
  | "public"
  | "invalid";

/**
 * https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry. `private` holds RFC 1918,
 * the shared space of RFC 6598 and RFC 4193; whatever has no entry of its own here is `public`.
 */
export function addressScope(address: string): AddressScope {
  const bytes = parseIp(address);
  if (bytes === undefined) return "invalid";
  if (bytes.length === 4) return scopeOfIpv4(bytes);
  return isV4Mapped(bytes) ? scopeOfIpv4(bytes.subarray(12)) : scopeOfIpv6(bytes);
}

function scopeOfIpv4(bytes: Uint8Array): AddressScope {
  const [first = 0, second = 0] = bytes;
  if (first === 0) return "unspecified";
  if (first === 127) return "loopback";
  if (first === 10) return "private";
  if (first === 172 && second >= 16 && second < 32) return "private";
  if (first === 192 && second === 168) return "private";
  if (first === 100 && second >= 64 && second < 128) return "private";
  if (first === 169 && second === 254) return "link_local";
  if (first >= 224 && first < 240) return "multicast";
  if (first === 255 && bytes.every((byte) => byte === 255)) return "broadcast";
  return "public";
}

function scopeOfIpv6(bytes: Uint8Array): AddressScope {
  const [first = 0, second = 0] = bytes;
  if (first === 0xff) return "multicast";
  if (first === 0xfe && (second & 0xc0) === 0x80) return "link_local";
  if ((first & 0xfe) === 0xfc) return "private";
  if (bytes.subarray(0, 15).every((byte) => byte === 0)) {
    if (bytes[15] === 0) return "unspecified";
    if (bytes[15] === 1) return "loopback";
  }
  return "public";
}

/** Whether a name server is asked for it: only addresses of one host each, and not those that mean another in every place. */
export function isLookedUp(scope: AddressScope): boolean {
  return scope === "public" || scope === "private";
}
