/** Addresses as filters name them: one address, a network (`10.0.0.0/8`, `2001:db8::/32`), a pattern, or a beginning. */
import { canonicalIp, isV4Mapped, parseIp } from "../lib/ip.ts";
import { isPattern, matchesGlob, type TextTest } from "./text-pattern.ts";

/** Parsed addresses that one network test remembers: the same few are asked for again in every snapshot. */
const REMEMBERED_MAX = 20_000;

/** The test that a value says, on canonical text; undefined if it is nothing that addresses have. */
export function addressTest(value: string, isQuoted: boolean): TextTest | undefined {
  if (value.includes("/")) return networkTest(value);
  const canonical = canonicalIp(value);
  if (canonical !== undefined) return (address) => address === canonical;
  const wanted = value.toLowerCase();
  if (!/^[0-9a-f:.*?]+$/.test(wanted)) return undefined;
  if (!isQuoted && isPattern(wanted)) return (address) => matchesGlob(wanted, address);
  return (address) => address.startsWith(wanted);
}

interface Network {
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
}

function networkTest(value: string): TextTest | undefined {
  const network = parseNetwork(value);
  if (network === undefined) return undefined;
  const remembered = new Map<string, boolean>();
  return (address) => {
    const known = remembered.get(address);
    if (known !== undefined) return known;
    const bytes = parseIp(address);
    const isInside = bytes !== undefined && contains(network, bytes);
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(address, isInside);
    return isInside;
  };
}

/** RFC 4632 section 3.1, RFC 4291 section 2.3. Bits after the prefix are ignored. */
function parseNetwork(value: string): Network | undefined {
  const slash = value.indexOf("/");
  const length = value.slice(slash + 1);
  const bytes = parseIp(value.slice(0, slash));
  if (bytes === undefined || !/^\d{1,3}$/.test(length)) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > bytes.length * 8) return undefined;
  // What is written as a network of v4-mapped addresses is one of IPv4 addresses, since those are shown as such.
  if (bytes.length === 16 && prefixLength >= 96 && isV4Mapped(bytes)) {
    return { bytes: bytes.slice(12), prefixLength: prefixLength - 96 };
  }
  return { bytes, prefixLength };
}

function contains(network: Network, address: Uint8Array): boolean {
  if (address.length !== network.bytes.length) return false;
  const wholeBytes = network.prefixLength >> 3;
  for (let index = 0; index < wholeBytes; index += 1) {
    if (address[index] !== network.bytes[index]) return false;
  }
  const rest = network.prefixLength & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((address[wholeBytes] ?? 0) & mask) === ((network.bytes[wholeBytes] ?? 0) & mask);
}
