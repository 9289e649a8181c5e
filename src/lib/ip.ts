/**
 * IP addresses as canonical text: IPv4 dotted, IPv6 by RFC 5952, v4-mapped IPv6 addresses as the IPv4 address that they
 * mean. Two addresses are the same exactly if their canonical texts are equal.
 */

/** Text of the four bytes at `offset`. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** Most sockets of a machine share few addresses: their texts are made once. Emptied when full. */
const TEXTS_MAX = 4096;
const ipv4Texts = new Map<number, string>();
const texts = new Map<string, string>();

/** As `formatIpv4`, of the four bytes as a little-endian number: the same text each time. */
export function sharedIpv4(word: number): string {
  let text = ipv4Texts.get(word);
  if (text === undefined) {
    text = formatIpv4(Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24));
    if (ipv4Texts.size >= TEXTS_MAX) ipv4Texts.clear();
    ipv4Texts.set(word, text);
  }
  return text;
}

/** As `formatIpv6`: the same text each time. */
export function sharedIpv6(bytes: Uint8Array, offset = 0): string {
  const text = formatIpv6(bytes, offset);
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= TEXTS_MAX) texts.clear();
  texts.set(text, text);
  return text;
}

/** Canonical text of the sixteen bytes at `offset`; a v4-mapped address (::ffff:0:0/96) becomes IPv4 text. */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  if (isV4Mapped(bytes, offset)) return formatIpv4(bytes, offset + 12);
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push(((bytes[offset + index] ?? 0) << 8) | (bytes[offset + index + 1] ?? 0));
  }
  const [start, length] = longestZeroRun(groups);
  if (length < 2) return groups.map(hexadecimal).join(":");
  const head = groups.slice(0, start).map(hexadecimal).join(":");
  const tail = groups
    .slice(start + length)
    .map(hexadecimal)
    .join(":");
  return `${head}::${tail}`;
}

/** Whether the sixteen bytes at `offset` are a v4-mapped address: ten zero bytes, then two of 0xff. */
export function isV4Mapped(bytes: Uint8Array, offset = 0): boolean {
  if (bytes[offset + 10] !== 0xff || bytes[offset + 11] !== 0xff) return false;
  for (let index = 0; index < 10; index += 1) if (bytes[offset + index] !== 0) return false;
  return true;
}

/**
 * The four or sixteen bytes of an address in any accepted spelling (dotted IPv4; IPv6 with or without `::`, with an
 * embedded IPv4 tail); undefined if it is none. Zone suffixes (`%eth0`) and leading zeros in IPv4 are refused.
 */
export function parseIp(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined;
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** The canonical spelling of an address; undefined if it is none. */
export function canonicalIp(text: string): string | undefined {
  const bytes = parseIp(text);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes);
}

/** Whether a canonical address is the unspecified one of its family. */
export function isUnspecified(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** Whether a canonical address is one of 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  return address === "::1" || (address.startsWith("127.") && !address.includes(":"));
}

function hexadecimal(group: number): string {
  return group.toString(16);
}

/** The first of the longest runs of zero groups (RFC 5952, 4.2.3). */
function longestZeroRun(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) continue;
    if (index - start > best[1]) best = [start, index - start];
    start = index + 1;
  }
  return best;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of colon-separated groups; a dotted IPv4 address may be the last of them where `atEnd`. */
function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (atEnd && index === parts.length - 1 && part.includes(".")) {
      const ipv4 = parseIpv4(part);
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      const group = Number.parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
    }
  }
  return bytes;
}
