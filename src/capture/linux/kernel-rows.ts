/**
 * What the helper has to know of the rows and records that the kernel programs write, without decoding them: when a row
 * changed, how many bytes it counts, how many records there are. Reading is in place; nothing allocates per row.
 */
import {
  BYTES,
  BYTES_KEY,
  BYTES_ROW_BYTES,
  EVENT,
  SOCKET,
  SOCKET_KEY,
  SOCKET_ROW_BYTES,
} from "../../decode/ebpf-records.ts";
import { offerSpareBuffer } from "../../lib/spare-buffers.ts";

export { BYTES_ROW_BYTES, SOCKET_ROW_BYTES };

/** A kind of row: its length, and where it says when it last changed. */
export interface RowKind {
  readonly sizeBytes: number;
  readonly changedOffset: number;
}

export const SOCKET_ROWS: RowKind = {
  sizeBytes: SOCKET_ROW_BYTES,
  changedOffset: SOCKET_KEY.size + SOCKET.offsetOf.changedNs,
};

export const BYTES_ROWS: RowKind = {
  sizeBytes: BYTES_ROW_BYTES,
  changedOffset: BYTES_KEY.size + BYTES.offsetOf.changedNs,
};

/** The least that a filter's buffer holds. */
const ROWS_MIN = 64;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A time as the kernel wrote it; exact up to 2^53 ns, which is 104 days, and to a microsecond for centuries. */
function timeAt(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

/** Chooses rows by the time of their last change, into a buffer that is used again. */
export class RowFilter {
  readonly #kind: RowKind;
  #chosen = new Uint8Array(0);

  constructor(kind: RowKind) {
    this.#kind = kind;
    offerSpareBuffer(() => this.#chosen);
  }

  /**
   * Of the rows, those that changed at or after a time (CLOCK_BOOTTIME nanoseconds), in their order; 0 is before
   * everything. Valid until the next call, and as long as `rows` are. A row that is cut off at the end is left out.
   */
  changedSince(rows: Uint8Array, sinceNs: number): Uint8Array {
    const { sizeBytes, changedOffset } = this.#kind;
    const whole = rows.length - (rows.length % sizeBytes);
    if (sinceNs <= 0) return rows.subarray(0, whole);
    const view = viewOf(rows);
    let end = 0;
    for (let start = 0; start < whole; start += sizeBytes) {
      if (timeAt(view, start + changedOffset) < sinceNs) continue;
      if (end + sizeBytes > this.#chosen.length) this.#grow();
      this.#chosen.set(rows.subarray(start, start + sizeBytes), end);
      end += sizeBytes;
    }
    return this.#chosen.subarray(0, end);
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(ROWS_MIN * this.#kind.sizeBytes, this.#chosen.length * 2));
    larger.set(this.#chosen);
    this.#chosen = larger;
  }
}

/** Sent and received bytes of all rows of wb_bytes together. */
export function trafficOf(rows: Uint8Array): number {
  const view = viewOf(rows);
  let sum = 0;
  for (let start = 0; start + BYTES_ROW_BYTES <= rows.length; start += BYTES_ROW_BYTES) {
    sum += BYTES.get.sent(view, start + BYTES_KEY.size) + BYTES.get.received(view, start + BYTES_KEY.size);
  }
  return sum;
}

/**
 * How many records follow each other: of wb_event or wb_name, which both have their own length at the same place. What is
 * no record any more ends the count.
 */
export function countRecords(records: Uint8Array): number {
  const view = viewOf(records);
  let count = 0;
  for (let start = 0; start + EVENT.size <= records.length; count += 1) {
    const size = EVENT.get.size(view, start);
    if (size < EVENT.size || start + size > records.length) break;
    start += size;
  }
  return count;
}
