/**
 * Parts the rows of the two maps into those of open sockets and those of closed ones. In place, by the sockets' cookies;
 * nothing is allocated per row but a number for each socket that is closed.
 */
import { cookieNumber, SOCKET, SOCKET_KEY } from "../../../decode/ebpf-records.ts";

/** Of a key of either map, which begins with it. */
export function cookieAt(view: DataView, offset: number): number {
  return cookieNumber(view.getUint32(offset, true), view.getUint32(offset + 4, true));
}

export interface Parted {
  /** The front of the given rows, whose order changes. */
  readonly open: Uint8Array;
  /** The rest of them. */
  readonly rest: Uint8Array;
}

/** Moves the rows for which `isOpen` holds to the front. */
export function part(
  rows: Uint8Array,
  rowBytes: number,
  isOpen: (view: DataView, offset: number) => boolean,
): Parted {
  const words = new Uint32Array(rows.buffer, rows.byteOffset, rows.byteLength / 4);
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const rowWords = rowBytes / 4;
  let front = 0;
  let back = rows.byteLength;
  while (front < back) {
    if (isOpen(view, front)) {
      front += rowBytes;
      continue;
    }
    back -= rowBytes;
    for (
      let word = 0, left = front / 4, right = back / 4;
      word < rowWords;
      word += 1, left += 1, right += 1
    ) {
      const kept = words[left] ?? 0;
      words[left] = words[right] ?? 0;
      words[right] = kept;
    }
  }
  return { open: rows.subarray(0, front), rest: rows.subarray(front) };
}

const CLOSED_OFFSET = SOCKET_KEY.size + SOCKET.offsetOf.closedNs;

export function isClosed(view: DataView, offset: number): boolean {
  return (
    view.getUint32(offset + CLOSED_OFFSET, true) !== 0 ||
    view.getUint32(offset + CLOSED_OFFSET + 4, true) !== 0
  );
}

export function changedNs(view: DataView, offset: number): number {
  return SOCKET.get.changedNs(view, offset + SOCKET_KEY.size);
}

export function protocolAt(view: DataView, offset: number): number {
  return SOCKET.get.protocol(view, offset + SOCKET_KEY.size);
}

/** The cookies of all rows. */
export function cookiesOf(rows: Uint8Array, rowBytes: number, into: Set<number>): Set<number> {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  for (let offset = 0; offset + rowBytes <= rows.byteLength; offset += rowBytes)
    into.add(cookieAt(view, offset));
  return into;
}

/** The keys of the rows, one after the other, as a deletion takes them. */
export function keysOf(rows: Uint8Array, rowBytes: number, keyBytes: number): Uint8Array {
  const keys = new Uint8Array((rows.byteLength / rowBytes) * keyBytes);
  for (let offset = 0, to = 0; offset < rows.byteLength; offset += rowBytes, to += keyBytes) {
    keys.set(rows.subarray(offset, offset + keyBytes), to);
  }
  return keys;
}
