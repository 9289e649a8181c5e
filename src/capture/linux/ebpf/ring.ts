/**
 * A BPF ring buffer emptied by libbpf into a buffer that is used again: records one after the other, no object per
 * record. Reading the mapped pages from JavaScript is not safe: its atomic loads may be compiled to instructions that
 * write, and the producer's pages are read-only.
 */
import { JSCallback, ptr, read, type Pointer } from "bun:ffi";
import { errno, errnoName, libc } from "../../../../ffi/linux/libc.ts";
import { libbpf } from "../../../../ffi/linux/libbpf.ts";
import { WbError } from "../../../model/errors.ts";
import type { BpfMap } from "./object.ts";

/** The first fields of each record are its type and its own size, u16 each (ebpf/records.h). */
const SIZE_OFFSET = 2;
const RECORD_BYTES_MIN = 4;
/** What the buffer begins with, and what is kept of a larger one: most turns have little, and a burst has a megabyte. */
const OUTPUT_BYTES_MIN = 128 * 1024;
/** Tells libbpf to stop after this record. */
const STOP = -1;

export class RingBuffer implements Disposable {
  #output = new Uint8Array(OUTPUT_BYTES_MIN);
  #address: number = ptr(this.#output);
  /** A ring's worth; a turn ends with the record that reaches it, so that a busy kernel can't keep the reader longer. */
  readonly #limit: number;
  readonly #callback: JSCallback;
  #ring: Pointer | undefined;
  #length = 0;

  /** Throws WbError `unavailable` where the kernel refuses it. The map must stay open for as long. */
  constructor(map: BpfMap) {
    this.#limit = map.maxEntries;
    this.#callback = new JSCallback(
      (_context: Pointer, record: Pointer, reserved: number) => this.#take(record, reserved),
      { args: ["ptr", "ptr", "u32"], returns: "i32" }, // a size_t below 2^30
    );
    const ring = libbpf().ring_buffer__new(map.fd, this.#callback.ptr, null, null) as Pointer | null;
    if (ring === null) {
      const error = errno();
      this.#callback.close();
      throw new WbError("unavailable", `the ring buffer ${map.name} can't be opened: ${errnoName(error)}`);
    }
    this.#ring = ring;
  }

  /** All records that are finished, each as long as its own size field says; valid until the next call. */
  drain(): Uint8Array {
    this.#length = 0;
    if (this.#output.length > OUTPUT_BYTES_MIN) this.#resize(OUTPUT_BYTES_MIN);
    if (this.#ring !== undefined) libbpf().ring_buffer__consume(this.#ring);
    return this.#output.subarray(0, this.#length);
  }

  [Symbol.dispose](): void {
    if (this.#ring === undefined) return;
    libbpf().ring_buffer__free(this.#ring);
    this.#ring = undefined;
    this.#callback.close();
  }

  /** Called by libbpf for each record, in order. */
  #take(record: Pointer, reserved: number): number {
    const size = reserved < RECORD_BYTES_MIN ? 0 : read.u16(record, SIZE_OFFSET);
    // No program of ours writes a record that is longer than what it reserved; then it is not one of ours.
    if (size < RECORD_BYTES_MIN || size > reserved) return 0;
    if (this.#length + size > this.#output.length)
      this.#resize(Math.max(this.#length + size, this.#output.length * 2));
    libc().memcpy(this.#address + this.#length, record, size);
    this.#length += size;
    return this.#length >= this.#limit ? STOP : 0;
  }

  /** Another buffer, with what has been taken so far. */
  #resize(sizeBytes: number): void {
    const output = new Uint8Array(sizeBytes);
    output.set(this.#output.subarray(0, this.#length));
    this.#output = output;
    this.#address = ptr(output);
  }
}
