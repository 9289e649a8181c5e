/** Records and rows as the kernel programs write them, for tests without a kernel. */
import { EVENT } from "../../src/decode/ebpf-records.ts";

/** A record of the events ring buffer with nothing but its length. */
export function eventRecord(size: number): Uint8Array {
  const record = new Uint8Array(size);
  EVENT.set.size(new DataView(record.buffer), 0, size);
  return record;
}
