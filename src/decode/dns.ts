/**
 * Reads DNS messages, and asks for PTR records (RFC 1035, RFC 2308 for absence, RFC 2317 for aliases on the way).
 * Pure and total: no input makes it throw, loop, or read beyond the message; what it returns as a name has passed
 * lib/host-name.ts.
 */
import { hostName } from "../lib/host-name.ts";
import { canonicalIp, formatIpv4, formatIpv6, parseIp } from "../lib/ip.ts";
import type { DnsQuestion, DnsReply, PtrCodec } from "../model/names.ts";

/** Record types, https://www.iana.org/assignments/dns-parameters. */
export const TYPE_A = 1;
export const TYPE_CNAME = 5;
const TYPE_SOA = 6;
export const TYPE_PTR = 12;
export const TYPE_AAAA = 28;
const CLASS_INTERNET = 1;
const CODE_NO_ERROR = 0;
const CODE_NO_SUCH_NAME = 3;
export const HEADER_LENGTH = 12;
/** RFC 1035 section 2.3.4: octets of a name on the wire, the length octets and the root included. */
const NAME_OCTETS_MAX = 255;
/** RFC 2317 needs one alias; a chain that is longer than this is a mistake or an attack. */
const ALIASES_MAX = 8;
/** More pointers than a name can have labels are of no use to anyone but an attacker. */
const POINTERS_MAX = 127;

export interface DnsRecord {
  readonly owner: string;
  readonly type: number;
  readonly ttlSeconds: number;
  /** Of PTR and CNAME. */
  readonly target: string | undefined;
  /** Of A and AAAA (RFC 3596): canonical text. */
  readonly address: string | undefined;
  /** Of SOA: how long an absence may be remembered, the smaller of the record's TTL and its MINIMUM (RFC 2308). */
  readonly absenceSeconds: number | undefined;
}

export interface DnsMessage {
  readonly id: number;
  readonly isReply: boolean;
  readonly operation: number;
  readonly truncated: boolean;
  readonly code: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  /** Whether every record that the header promises was read. */
  readonly complete: boolean;
}

/** The name under which an address is published: `1.2.0.192.in-addr.arpa` (RFC 1035 3.5), nibbles for IPv6 (RFC 3596 2.5). */
export function reverseName(address: string): string | undefined {
  const bytes = parseIp(canonicalIp(address) ?? "");
  if (bytes === undefined) return undefined;
  const reversed = Array.from(bytes).reverse();
  if (bytes.length === 4) return `${reversed.join(".")}.in-addr.arpa`;
  return `${reversed.map((byte) => `${(byte & 15).toString(16)}.${(byte >> 4).toString(16)}`).join(".")}.ip6.arpa`;
}

/**
 * One question with recursion desired. No EDNS: a PTR answer of more than 512 bytes is rare, comes truncated, and is then
 * asked for again over TCP, which works with every server. The name must be plain labels, as `reverseName` makes them.
 */
export function encodeQuery(id: number, question: DnsQuestion): Uint8Array {
  const labels = question.name.split(".");
  const length = HEADER_LENGTH + labels.reduce((sum, label) => sum + label.length + 1, 0) + 1 + 4;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, 0x0100); // recursion desired
  view.setUint16(4, 1);
  let at = HEADER_LENGTH;
  for (const label of labels) {
    bytes[at] = label.length;
    for (let index = 0; index < label.length; index += 1) bytes[at + 1 + index] = label.charCodeAt(index);
    at += 1 + label.length;
  }
  view.setUint16(at + 1, question.type);
  view.setUint16(at + 3, CLASS_INTERNET);
  return bytes;
}

/** The message as far as it can be read; undefined if not even its header and questions can. */
export function decodeMessage(bytes: Uint8Array): DnsMessage | undefined {
  if (bytes.length < HEADER_LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  const reader: Reader = { view, at: HEADER_LENGTH, tails: new Map() };
  const questions: DnsQuestion[] = [];
  for (let count = view.getUint16(4); count > 0; count -= 1) {
    const name = readName(reader);
    if (name === undefined || reader.at + 4 > view.byteLength) return undefined;
    // A question of another class is kept apart by a type that no record has.
    const type = view.getUint16(reader.at + 2) === CLASS_INTERNET ? view.getUint16(reader.at) : -1;
    questions.push({ name, type });
    reader.at += 4;
  }
  const answers = readRecords(reader, view.getUint16(6));
  const authorities = answers.complete ? readRecords(reader, view.getUint16(8)) : NO_RECORDS;
  return {
    id: view.getUint16(0),
    isReply: (flags & 0x8000) !== 0,
    operation: (flags >> 11) & 15,
    truncated: (flags & 0x0200) !== 0,
    code: flags & 15,
    questions,
    answers: answers.records,
    authorities: authorities.records,
    complete: answers.complete && authorities.complete,
  };
}

/** What a message says to the PTR question of `address` that was asked with `id`. */
export function decodePtrReply(bytes: Uint8Array, id: number, address: string): DnsReply {
  const message = decodeMessage(bytes);
  const asked = reverseName(address);
  const question = message?.questions[0];
  if (
    message === undefined ||
    !message.isReply ||
    message.operation !== 0 ||
    message.id !== id ||
    message.questions.length !== 1 ||
    question?.type !== TYPE_PTR ||
    question.name !== asked
  ) {
    return { kind: "foreign" };
  }
  if (message.truncated) return { kind: "truncated" };
  if (message.code !== CODE_NO_ERROR && message.code !== CODE_NO_SUCH_NAME) {
    return { kind: "unusable", code: message.code };
  }
  if (!message.complete) return { kind: "unusable", code: message.code };
  return followAliases(message, asked);
}

/** The codec that platform/resolver.ts is given. */
export const ptrCodec: PtrCodec = {
  encodeQuery: (id, address) => {
    const name = reverseName(address);
    return name === undefined ? undefined : encodeQuery(id, { name, type: TYPE_PTR });
  },
  decodeReply: decodePtrReply,
};

function followAliases(message: DnsMessage, asked: string): DnsReply {
  let owner = asked;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (let aliases = 0; aliases <= ALIASES_MAX; aliases += 1) {
    const own = message.answers.filter((record) => record.owner === owner);
    for (const record of own) {
      // Several PTR records are allowed; the first that is a host name is taken, as every resolver does.
      const name = record.type === TYPE_PTR ? hostName(record.target ?? "") : undefined;
      if (name !== undefined)
        return { kind: "name", name, ttlSeconds: Math.min(ttlSeconds, record.ttlSeconds) };
    }
    const alias = own.find((record) => record.type === TYPE_CNAME);
    if (alias?.target === undefined) break;
    owner = alias.target;
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
  }
  const authority = message.authorities.find((record) => record.absenceSeconds !== undefined);
  return { kind: "absent", ttlSeconds: authority?.absenceSeconds };
}

interface Reader {
  readonly view: DataView;
  at: number;
  /** What pointers were found to lead to, so that a message full of them costs no more than another. */
  readonly tails: Map<number, NameTail>;
}

/** The end of a name, from where a pointer leads to. */
interface NameTail {
  readonly text: string;
  readonly octets: number;
  readonly pointers: number;
}

interface Records {
  readonly records: readonly DnsRecord[];
  readonly complete: boolean;
}

const NO_RECORDS: Records = { records: [], complete: false };

function readRecords(reader: Reader, count: number): Records {
  const records: DnsRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    const record = readRecord(reader);
    if (record === undefined) return { records, complete: false };
    records.push(record);
  }
  return { records, complete: true };
}

/** RFC 1035 section 4.1.3; undefined if the record is cut short or its name can't be read. */
function readRecord(reader: Reader): DnsRecord | undefined {
  const { view } = reader;
  const owner = readName(reader);
  if (owner === undefined || reader.at + 10 > view.byteLength) return undefined;
  const type = view.getUint16(reader.at);
  const isInternet = view.getUint16(reader.at + 2) === CLASS_INTERNET;
  // RFC 2181 section 8: a TTL with its highest bit set counts as zero.
  const ttl = view.getUint32(reader.at + 4);
  const ttlSeconds = ttl > 0x7fffffff ? 0 : ttl;
  const start = reader.at + 10;
  const end = start + view.getUint16(reader.at + 8);
  if (end > view.byteLength) return undefined;
  reader.at = end;
  const inside: Reader = { ...reader, at: start };
  const hasTarget = isInternet && (type === TYPE_PTR || type === TYPE_CNAME);
  const target = hasTarget ? readName(inside) : undefined;
  if (hasTarget && inside.at !== end) return undefined;
  const minimum = isInternet && type === TYPE_SOA ? readSoaMinimum(inside, end) : undefined;
  const absenceSeconds = minimum === undefined ? undefined : Math.min(minimum, ttlSeconds);
  const address = isInternet ? addressIn(view, type, start, end) : undefined;
  return { owner, type: isInternet ? type : -1, ttlSeconds, target, address, absenceSeconds };
}

/** Undefined also where the data has not the length of an address. */
function addressIn(view: DataView, type: number, start: number, end: number): string | undefined {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (type === TYPE_A && end - start === 4) return formatIpv4(bytes, start);
  return type === TYPE_AAAA && end - start === 16 ? formatIpv6(bytes, start) : undefined;
}

/** RFC 1035 section 3.3.13: two names and five numbers, the last of which is MINIMUM. */
function readSoaMinimum(reader: Reader, end: number): number | undefined {
  if (readName(reader) === undefined || readName(reader) === undefined) return undefined;
  return reader.at + 20 === end ? reader.view.getUint32(reader.at + 16) : undefined;
}

/**
 * A name at the reader's place, in lower case, without the final dot, with what is not a letter, digit, hyphen or
 * underscore escaped as in RFC 4343 section 2.1, so that two names are equal as text only if they are as names.
 * A pointer must lead to before where its part of the name began (RFC 1035 4.1.4: "a prior occurrence"), so that
 * following pointers always ends.
 */
function readName(reader: Reader): string | undefined {
  const { view, tails } = reader;
  let text = "";
  let at = reader.at;
  let partStart = at;
  let after: number | undefined;
  let octets = 1;
  let pointers = 0;
  let first: { readonly target: number; readonly from: number; readonly octets: number } | undefined;
  for (;;) {
    if (at >= view.byteLength) return undefined;
    const length = view.getUint8(at);
    if (length === 0) break;
    if ((length & 0xc0) === 0xc0) {
      if (at + 2 > view.byteLength) return undefined;
      const target = view.getUint16(at) & 0x3fff;
      const known = tails.get(target);
      pointers += 1 + (known?.pointers ?? 0);
      octets += known?.octets ?? 0;
      if (target >= partStart || pointers > POINTERS_MAX || octets > NAME_OCTETS_MAX) return undefined;
      after ??= at + 2;
      if (known !== undefined) {
        text += text === "" || known.text === "" ? known.text : `.${known.text}`;
        break;
      }
      first ??= { target, from: text.length, octets };
      at = target;
      partStart = target;
      continue;
    }
    octets += 1 + length;
    if (length > 63 || octets > NAME_OCTETS_MAX || at + 1 + length > view.byteLength) return undefined;
    text += (text === "" ? "" : ".") + labelText(view, at + 1, length);
    at += 1 + length;
  }
  reader.at = after ?? at + 1;
  if (first !== undefined) {
    const { target, from } = first;
    const tail = text.slice(from === 0 ? 0 : from + 1);
    tails.set(target, { text: tail, octets: octets - first.octets, pointers: pointers - 1 });
  }
  return text;
}

function labelText(view: DataView, start: number, length: number): string {
  let text = "";
  for (let index = start; index < start + length; index += 1)
    text += TEXT_OF_BYTE[view.getUint8(index)] ?? "";
  return text;
}

const TEXT_OF_BYTE: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[a-z0-9_-]/i.test(character) ? character.toLowerCase() : `\\${String(byte).padStart(3, "0")}`;
});
