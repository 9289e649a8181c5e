/**
 * Reading a hash map of the kernel as a whole, in batches, into rows of key and value in a buffer that is used again: no
 * object is made per row. Never more than the map's own number of entries, and a little more that came while it was read.
 */
import { ptr } from "bun:ffi";
import { cInt, ERRNO, errnoName, libc } from "../../../../ffi/linux/libc.ts";
import { BPF_ANY, libbpf } from "../../../../ffi/linux/libbpf.ts";
import { WbError } from "../../../model/errors.ts";
import type { BpfMap } from "./object.ts";

const FIRST_BATCH_ROWS = 1024;
/** Linux gives out whole buckets of a hash table: a batch must have room for the fullest one. */
const BATCH_ROWS_MAX = 65_536;
/** Where the kernel keeps its place between two batches: a number of a bucket, or a whole key. */
const CURSOR_BYTES_MIN = 8;
const WORD_BYTES = 4;
/** Per-CPU values are this far aligned (Documentation/bpf/map_array.rst). */
const PER_CPU_ALIGNMENT = 8;

function fail(what: string, map: BpfMap, result: number): never {
  throw new WbError("unavailable", `${what} the map ${map.name}: ${errnoName(-result)}`);
}

/** Keys and values of a hash map whose sizes are multiples of 4 bytes. */
export class HashMapReader {
  readonly rowBytes: number;
  readonly #map: BpfMap;
  readonly #rowsMax: number;
  readonly #count = new Uint32Array(1);
  #cursors: readonly [Uint8Array, Uint8Array];
  #batchRows = 0;
  #keys = new Uint32Array(0);
  #values = new Uint32Array(0);
  #rows: Uint32Array;
  #rowCount = 0;
  #batchesRefused: boolean;

  /**
   * `batchRows` is what it begins with; with 0 it reads one entry at a time, as it does where the kernel refuses
   * batches. Then no one else may delete meanwhile: after a key that is gone, the kernel begins anew.
   */
  constructor(map: BpfMap, batchRows = FIRST_BATCH_ROWS) {
    if (map.keySize % WORD_BYTES !== 0 || map.valueSize % WORD_BYTES !== 0) {
      throw new Error(`${map.name}: ${map.keySize} + ${map.valueSize} bytes are not whole words`);
    }
    this.#map = map;
    this.#batchesRefused = batchRows === 0;
    this.rowBytes = map.keySize + map.valueSize;
    const cursorBytes = Math.max(map.keySize, CURSOR_BYTES_MIN);
    this.#cursors = [new Uint8Array(cursorBytes), new Uint8Array(cursorBytes)];
    // Entries may go and others come while it is read, so that more are seen than fit at one time.
    this.#rowsMax = map.maxEntries * 2;
    this.#growBatch(Math.max(1, batchRows));
    // Room for a full map: what is not used of it takes no memory, where growing step by step would leave garbage.
    this.#rows = new Uint32Array((map.maxEntries * this.rowBytes) / WORD_BYTES);
  }

  /** All rows, valid until the next call. Throws WbError `unavailable` where the kernel refuses. */
  read(): Uint8Array {
    this.#rowCount = 0;
    if (this.#batchesRefused || !this.#readBatches()) this.#readSingly();
    return new Uint8Array(this.#rows.buffer, 0, this.#rowCount * this.rowBytes);
  }

  /** False where this kernel has no batches for the map. */
  #readBatches(): boolean {
    let [from, to] = this.#cursors;
    let first = true;
    while (this.#rowCount < this.#rowsMax) {
      this.#count[0] = this.#batchRows;
      const { fd } = this.#map;
      const result = libbpf().bpf_map_lookup_batch(
        fd,
        first ? null : from,
        to,
        this.#keys,
        this.#values,
        this.#count,
        null,
      );
      if (result === -ERRNO.ENOSPC && this.#batchRows < BATCH_ROWS_MAX) {
        this.#growBatch(this.#batchRows * 4); // the same place again, with more room
        continue;
      }
      if (first && (result === -ERRNO.EINVAL || result === -ERRNO.ENOTSUPP)) {
        this.#batchesRefused = true;
        return false;
      }
      if (result < 0 && result !== -ERRNO.ENOENT) fail("can't read", this.#map, result);
      this.#append(this.#count[0] ?? 0);
      if (result === -ERRNO.ENOENT) return true; // the end
      [from, to] = [to, from];
      first = false;
    }
    return true;
  }

  #readSingly(): void {
    const { fd } = this.#map;
    let [from, to] = this.#cursors;
    const native = libbpf();
    let result = native.bpf_map_get_next_key(fd, null, to);
    while (result === 0 && this.#rowCount < this.#rowsMax) {
      [from, to] = [to, from];
      this.#keys.set(new Uint32Array(from.buffer, 0, this.#map.keySize / WORD_BYTES));
      if (native.bpf_map_lookup_elem(fd, from, this.#values) === 0) this.#append(1);
      result = native.bpf_map_get_next_key(fd, from, to);
    }
    if (result < 0 && result !== -ERRNO.ENOENT) fail("can't read", this.#map, result);
  }

  #growBatch(rows: number): void {
    this.#batchRows = Math.min(rows, BATCH_ROWS_MAX);
    this.#keys = new Uint32Array((this.#batchRows * this.#map.keySize) / WORD_BYTES);
    this.#values = new Uint32Array((this.#batchRows * this.#map.valueSize) / WORD_BYTES);
  }

  /** Puts keys and values of one batch together, row by row. */
  #append(count: number): void {
    const needed = ((this.#rowCount + count) * this.rowBytes) / WORD_BYTES;
    if (needed > this.#rows.length) {
      const larger = new Uint32Array(Math.max(needed, this.#rows.length * 2));
      larger.set(this.#rows);
      this.#rows = larger;
    }
    // By the C library: four times as fast as a loop here, in a program that does without the optimizing compiler.
    const { memcpy } = libc();
    const { keySize, valueSize } = this.#map;
    let key = Number(ptr(this.#keys));
    let value = Number(ptr(this.#values));
    let to = Number(ptr(this.#rows)) + this.#rowCount * this.rowBytes;
    for (let row = 0; row < count; row++) {
      memcpy(to, key, keySize);
      memcpy(to + keySize, value, valueSize);
      key += keySize;
      value += valueSize;
      to += this.rowBytes;
    }
    this.#rowCount += count;
  }
}

/**
 * Deletes entries; those that are gone already count as deleted. `keys` holds them one after the other. Throws WbError
 * `unavailable` where the kernel refuses.
 */
export function deleteKeys(map: BpfMap, keys: Uint8Array): void {
  const total = Math.floor(keys.length / map.keySize);
  const count = new Uint32Array(1);
  let done = 0;
  while (done < total) {
    const rest = keys.subarray(done * map.keySize);
    count[0] = total - done;
    const result = libbpf().bpf_map_delete_batch(map.fd, rest, count, null);
    if (result === 0) return;
    if (result === -ERRNO.EINVAL || result === -ERRNO.ENOTSUPP) {
      deleteSingly(map, rest);
      return;
    }
    // It stops at a key that isn't there, and says how many it has deleted before.
    if (result !== -ERRNO.ENOENT) fail("can't delete from", map, result);
    done += (count[0] ?? 0) + 1;
  }
}

function deleteSingly(map: BpfMap, keys: Uint8Array): void {
  for (let offset = 0; offset + map.keySize <= keys.length; offset += map.keySize) {
    const result = libbpf().bpf_map_delete_elem(map.fd, keys.subarray(offset, offset + map.keySize));
    if (result < 0 && result !== -ERRNO.ENOENT) fail("can't delete from", map, result);
  }
}

/** Copies the value of one key into `value`; false where there is none. `value` has the map's value size. */
export function lookUp(map: BpfMap, key: Uint8Array, value: Uint8Array): boolean {
  check(map, key, value);
  const result = libbpf().bpf_map_lookup_elem(map.fd, key, value);
  if (result < 0 && result !== -ERRNO.ENOENT) fail("can't read", map, result);
  return result === 0;
}

/** Creates or replaces an entry. False where the map is full. */
export function update(map: BpfMap, key: Uint8Array, value: Uint8Array): boolean {
  check(map, key, value);
  const result = libbpf().bpf_map_update_elem(map.fd, key, value, BPF_ANY);
  if (result < 0 && result !== -ERRNO.E2BIG && result !== -ERRNO.ENOMEM) fail("can't write", map, result);
  return result === 0;
}

function check(map: BpfMap, key: Uint8Array, value: Uint8Array): void {
  if (key.length !== map.keySize || value.length !== map.valueSize) {
    throw new Error(
      `${map.name}: ${key.length} + ${value.length} bytes, not ${map.keySize} + ${map.valueSize}`,
    );
  }
}

/**
 * The first entry of a per-CPU array of 64-bit counters, summed over all CPUs. The caller adds up differences, so a sum is
 * exact below 2^53.
 */
export class PerCpuCounters {
  readonly #map: BpfMap;
  readonly #key = cInt(0);
  readonly #stride: number;
  readonly #words: Uint32Array;
  readonly #sums: Float64Array;

  constructor(map: BpfMap) {
    this.#map = map;
    this.#stride = Math.ceil(map.valueSize / PER_CPU_ALIGNMENT) * PER_CPU_ALIGNMENT;
    const cpus = libbpf().libbpf_num_possible_cpus();
    if (cpus < 1) fail("can't count the CPUs for", map, cpus);
    this.#words = new Uint32Array((this.#stride * cpus) / WORD_BYTES);
    this.#sums = new Float64Array(Math.floor(map.valueSize / 8));
  }

  /** The counters in the order of the struct; valid until the next call. */
  read(): Float64Array {
    const result = libbpf().bpf_map_lookup_elem(this.#map.fd, this.#key, this.#words);
    if (result < 0) fail("can't read", this.#map, result);
    const strideWords = this.#stride / WORD_BYTES;
    for (let index = 0; index < this.#sums.length; index++) {
      let sum = 0;
      for (let word = index * 2; word < this.#words.length; word += strideWords) {
        sum += (this.#words[word] ?? 0) + (this.#words[word + 1] ?? 0) * 0x1_0000_0000;
      }
      this.#sums[index] = sum;
    }
    return this.#sums;
  }
}
