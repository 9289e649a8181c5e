/** The rows that the kernel programs tell of, read where they lie: where each begins, whose it is, and with whom. */
import { BYTES_KEY } from "../../decode/ebpf-records.ts";
import { sharedIpv6 } from "../../lib/ip.ts";
import type { HelperRow, Peer } from "./helper-socket.ts";

const PEER_WORDS = 4;

/** Of each whole row. */
export function* startsOf(rows: Uint8Array, rowBytes: number): Generator<number> {
  for (let start = 0; start + rowBytes <= rows.byteLength; start += rowBytes) yield start;
}

/** Whether the row of wb_bytes at `start` is this one. */
export function isRowOf(row: HelperRow, view: DataView, start: number): boolean {
  const { socket, peer } = row;
  const startAt = start + BYTES_KEY.offsetOf.startNs;
  const isSame =
    socket.cookieLow === view.getUint32(start, true) &&
    socket.cookieHigh === view.getUint32(start + 4, true) &&
    socket.netns === BYTES_KEY.get.netns(view, start) &&
    row.tgid === BYTES_KEY.get.tgid(view, start) &&
    row.startLow === view.getUint32(startAt, true) &&
    row.startHigh === view.getUint32(startAt + 4, true) &&
    (peer?.port ?? 0) === BYTES_KEY.get.peerPort(view, start);
  if (!isSame) return false;
  for (let index = 0; index < PEER_WORDS; index += 1) {
    if ((peer?.words[index] ?? 0) !== view.getUint32(start + BYTES_KEY.offsetOf.peer + index * 4, true))
      return false;
  }
  return true;
}

/** Undefined where the key names the socket's own remote end. */
export function peerAt(view: DataView, start: number): Peer | undefined {
  const at = start + BYTES_KEY.offsetOf.peer;
  const word = (index: number): number => view.getUint32(at + index * 4, true);
  const words = [word(0), word(1), word(2), word(3)] as const;
  const port = BYTES_KEY.get.peerPort(view, start);
  if (port === 0 && words.every((each) => each === 0)) return undefined;
  const address = sharedIpv6(new Uint8Array(view.buffer, view.byteOffset + at, 16));
  return { words, address, port };
}
