/** Records of struct wb_name as the kernel programs write them, around recorded or written payloads. */
import { recordedText } from "./recorded.ts";

export const DNS_UDP = 1;
export const DNS_TCP = 2;
export const CLIENT_HELLO = 3;

/** The programs' own, of ebpf/records.h: what is longer is cut. */
export const PAYLOAD_BYTES_MAX = 2048;
const RECORD_BYTES = 48;

export interface NameRecordParts {
  readonly type?: number;
  readonly size?: number;
  readonly payloadLength?: number;
  readonly cookie?: number;
  readonly networkNamespace?: number;
  /** Four bytes. */
  readonly remote?: readonly number[];
  readonly remotePort?: number;
}

/** A record of 192.0.2.53 port 53 and socket 7, cut as the kernel programs cut it. */
export function nameRecord(payload: Uint8Array, parts: NameRecordParts = {}): Uint8Array {
  const kept = payload.subarray(0, PAYLOAD_BYTES_MAX);
  const bytes = new Uint8Array(RECORD_BYTES + kept.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, parts.type ?? DNS_UDP, true);
  view.setUint16(2, parts.size ?? bytes.length, true);
  view.setUint32(4, parts.payloadLength ?? payload.length, true);
  view.setBigUint64(8, 1_000_000_000n, true);
  view.setBigUint64(16, BigInt(parts.cookie ?? 7), true);
  view.setUint32(24, parts.networkNamespace ?? 4_026_531_840, true);
  view.setUint16(28, parts.remotePort ?? 53, true);
  bytes.set([0xff, 0xff, ...(parts.remote ?? [192, 0, 2, 53])], 32 + 10);
  bytes.set(kept, RECORD_BYTES);
  return bytes;
}

export function joined(...records: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(records));
}

/** What tests/unit/decode/fixtures/observed-names.txt holds, by its labels. */
export function recordedNames(): (label: string) => Uint8Array {
  const recorded = new Map<string, Uint8Array>();
  for (const line of recordedText("observed-names.txt").split("\n")) {
    const [label, text] = line.split(" ");
    if (label === undefined || text === undefined || label === "#") continue;
    recorded.set(label, new Uint8Array(Buffer.from(text, "base64")));
  }
  return (label) => {
    const found = recorded.get(label);
    if (found === undefined) throw new Error(`${label} is not recorded`);
    return found;
  };
}
