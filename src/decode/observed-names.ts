/**
 * Turns the kernel programs' records of answers and ClientHellos (struct wb_name of ebpf/records.h, each followed by its
 * payload) into observations. Pure and total: nothing that it is given makes it throw or read outside, and the work is
 * bounded by the bytes. What can't be used is counted.
 */
import { formatIpv6 } from "../lib/ip.ts";
import type { NameObservation } from "../model/names.ts";
import { serverNameOf } from "./client-hello.ts";
import { decodeAnswer, decodeStreamAnswers, type DecodedAnswer } from "./dns-answers.ts";
import { NAME, NAME_TYPES } from "./ebpf-records.ts";

/** WB_PAYLOAD_MAX of ebpf/records.h. */
const PAYLOAD_BYTES_MAX = 2048;

export interface DecodedNames {
  readonly observations: readonly NameObservation[];
  /** Records that break their format. After a wrong size nothing more can be read: that counts once. */
  readonly malformed: number;
  /** Payloads of which a name could have been learned, but that were cut, go on elsewhere or are something else. */
  readonly undecoded: number;
}

/** Records one after the other, each `size` bytes long. */
export function decodeNames(bytes: Uint8Array): DecodedNames {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const observations: NameObservation[] = [];
  let malformed = 0;
  let undecoded = 0;
  for (let at = 0; at < bytes.length;) {
    const size = at + NAME.size <= bytes.length ? NAME.get.size(view, at) : 0;
    const isSized = size >= NAME.size && size <= NAME.size + PAYLOAD_BYTES_MAX && at + size <= bytes.length;
    if (!isSized) return { observations, malformed: malformed + 1, undecoded };
    const found = decodeRecord(bytes, view, at, size);
    at += size;
    if (found === undefined) {
      malformed += 1;
      continue;
    }
    undecoded += found.undecoded;
    for (const observation of found.observations) observations.push(observation);
  }
  return { observations, malformed, undecoded };
}

type DecodedRecord = Omit<DecodedNames, "malformed">;

/** Undefined: of a type that there is not. */
function decodeRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  size: number,
): DecodedRecord | undefined {
  const length = NAME.get.payloadLength(view, at);
  const start = at + NAME.size;
  const payload = bytes.subarray(start, start + Math.min(size - NAME.size, length));
  const isWhole = payload.length === length;
  const place = placeOf(bytes, view, at);
  switch (NAME.get.type(view, at)) {
    case NAME_TYPES.dnsUdp:
      return fromAnswers([decodeAnswer(payload, isWhole)], { ...place, socket: `udp:${place.cookie}` });
    case NAME_TYPES.dnsTcp:
      return fromAnswers(decodeStreamAnswers(payload, isWhole), { ...place, socket: `tcp:${place.cookie}` });
    case NAME_TYPES.clientHello:
      return fromClientHello(payload, { ...place, socket: `tcp:${place.cookie}` });
    default:
      return undefined;
  }
}

interface Place {
  readonly socket: string;
  readonly networkNamespace: number;
  readonly timeNs: number;
  readonly server: string;
  readonly serverPort: number;
}

function placeOf(
  bytes: Uint8Array,
  view: DataView,
  at: number,
): Omit<Place, "socket"> & { readonly cookie: number } {
  return {
    cookie: NAME.get.cookie(view, at),
    networkNamespace: NAME.get.netns(view, at),
    timeNs: NAME.get.timeNs(view, at),
    server: formatIpv6(bytes, at + NAME.offsetOf.remote),
    serverPort: NAME.get.remotePort(view, at),
  };
}

function fromAnswers(answers: readonly DecodedAnswer[], place: Place): DecodedRecord {
  const observations: NameObservation[] = [];
  let undecoded = 0;
  for (const answer of answers) {
    if (answer.kind === "undecoded") undecoded += 1;
    if (answer.kind !== "answer") continue;
    const { name, chain, addresses } = answer;
    observations.push(observationOf("dns", { name, chain, addresses }, place));
  }
  return { observations, undecoded };
}

function fromClientHello(payload: Uint8Array, place: Place): DecodedRecord {
  const found = serverNameOf(payload);
  if (found.kind === "absent") return NOTHING;
  if (found.kind !== "name") return { observations: [], undecoded: 1 };
  const addresses = [{ address: place.server, ttlSeconds: 0 }];
  return {
    observations: [observationOf("sni", { name: found.name, chain: [], addresses }, place)],
    undecoded: 0,
  };
}

const NOTHING: DecodedRecord = { observations: [], undecoded: 0 };

function observationOf(
  source: NameObservation["source"],
  said: Pick<NameObservation, "name" | "chain" | "addresses">,
  { socket, networkNamespace, timeNs, server, serverPort }: Place,
): NameObservation {
  return { source, ...said, socket, networkNamespace, timeNs, server, serverPort };
}
