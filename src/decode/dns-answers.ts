/**
 * What a name server's answer says of addresses: which name was asked for, which aliases lead on from it, and the A and
 * AAAA records at their end (RFC 1034 section 3.6.2, RFC 1035, RFC 3596), over UDP and over TCP (RFC 7766). Pure, total and
 * bounded. Only records whose owner is the name asked for, or is reached from it by CNAME records, are believed.
 */
import { hostName } from "../lib/host-name.ts";
import {
  decodeMessage,
  HEADER_LENGTH,
  TYPE_A,
  TYPE_AAAA,
  TYPE_CNAME,
  type DnsMessage,
  type DnsRecord,
} from "./dns.ts";

/** Resolvers follow fewer: BIND 16, unbound 12, glibc's own 16. */
const ALIASES_MAX = 16;

export interface AnsweredAddress {
  /** Canonical text. */
  readonly address: string;
  /** The smallest on the way to the address: of its own record and of the aliases before it. */
  readonly ttlSeconds: number;
}

export interface AddressAnswer {
  /** What was asked for: a host name. */
  readonly name: string;
  /** What the name stands for, in order; the last one owns the addresses. Empty where the name itself does. */
  readonly chain: readonly string[];
  /** At least one. */
  readonly addresses: readonly AnsweredAddress[];
}

export type DecodedAnswer =
  | ({ readonly kind: "answer" } & AddressAnswer)
  /** A right answer that tells no address: another type, an error, an absence. */
  | { readonly kind: "none" }
  /** Cut before its first address, truncated by the server (TC: it is asked for again by TCP), or no answer at all. */
  | { readonly kind: "undecoded" };

const NONE: DecodedAnswer = { kind: "none" };
const UNDECODED: DecodedAnswer = { kind: "undecoded" };

/**
 * One message. `isWhole` says whether the bytes are all of it; of one that was cut, the records that are whole count: each
 * is true by itself.
 */
export function decodeAnswer(bytes: Uint8Array, isWhole: boolean): DecodedAnswer {
  // Nobody asks more than one question in a message (RFC 9619), so no answer has more: it isn't even read.
  if (bytes.length < HEADER_LENGTH || bytes[4] !== 0 || bytes[5] !== 1) return UNDECODED;
  const message = decodeMessage(bytes);
  // OPCODE 0 is a standard query, and a response has its question's.
  if (message?.isReply !== true || message.operation !== 0) return UNDECODED;
  const [question] = message.questions;
  if (question === undefined) return UNDECODED;
  if (question.type !== TYPE_A && question.type !== TYPE_AAAA) return NONE;
  if (message.code !== 0) return NONE;
  if (message.truncated) return UNDECODED;
  const answer = followChain(message, question.name, question.type);
  if (answer !== undefined) return { kind: "answer", ...answer };
  return isWhole && message.complete ? NONE : UNDECODED;
}

/**
 * The messages of one TCP segment, each with its length in front (RFC 1035 section 4.2.2). `isWhole` says whether the
 * segment was captured to its end. What goes on in another segment, or comes from an earlier one, is undecoded: bytes that
 * are no message at once end it, because nothing says where the next one begins.
 */
export function decodeStreamAnswers(bytes: Uint8Array, isWhole: boolean): DecodedAnswer[] {
  const decoded: DecodedAnswer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    const message = bytes.subarray(at + 2, at + 2 + length);
    const isMessageWhole = message.length === length;
    const answer = length < HEADER_LENGTH ? UNDECODED : decodeAnswer(message, isMessageWhole);
    decoded.push(answer);
    if (!isMessageWhole || answer.kind === "undecoded") return decoded;
    at += 2 + length;
  }
  if (!isWhole) decoded.push(UNDECODED);
  return decoded;
}

function followChain(message: DnsMessage, asked: string, type: number): AddressAnswer | undefined {
  const name = hostName(asked);
  if (name === undefined) return undefined;
  const seen = new Set([asked]);
  const chain: string[] = [];
  let owner = asked;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (;;) {
    const own = message.answers.filter((record) => record.owner === owner);
    const addresses = addressesIn(own, type, ttlSeconds);
    if (addresses.length > 0) return { name, chain, addresses };
    const alias = own.find((record) => record.type === TYPE_CNAME);
    // A chain that comes back to itself or never ends leads nowhere, whatever else the message holds.
    if (alias?.target === undefined || seen.has(alias.target) || seen.size > ALIASES_MAX) return undefined;
    owner = alias.target;
    seen.add(owner);
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
    const shown = hostName(owner);
    if (shown !== undefined) chain.push(shown);
  }
}

function addressesIn(records: readonly DnsRecord[], type: number, ttlSeconds: number): AnsweredAddress[] {
  const found = new Map<string, AnsweredAddress>();
  for (const record of records) {
    if (record.type !== type || record.address === undefined) continue;
    const { address } = record;
    found.set(address, { address, ttlSeconds: Math.min(ttlSeconds, record.ttlSeconds) });
  }
  return [...found.values()];
}
