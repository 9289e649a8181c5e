/** Maps of the kernel, read and written for real: whole, in batches and one by one, deleted in part, summed over CPUs. */
import { describe, expect } from "bun:test";
import * as fc from "fast-check";
import { libbpf } from "../../ffi/linux/libbpf.ts";
import { openLibbpf } from "../../src/capture/linux/ebpf/libraries.ts";
import {
  deleteKeys,
  HashMapReader,
  lookUp,
  PerCpuCounters,
  update,
} from "../../src/capture/linux/ebpf/maps.ts";
import { BpfObject, type BpfMap } from "../../src/capture/linux/ebpf/object.ts";
import { compiledPrograms } from "../support/ebpf-object.ts";
import { testWith, type Need } from "../support/needs.ts";

const NEEDS: readonly Need[] = ["root", "program:clang", "program:llvm-strip"];
const KEY_BYTES = 16;
const VALUE_BYTES = 128;

/** The maps alone: no program is loaded, so that nothing but the test writes to them. */
function emptyMaps(socketsMax: number): { object: BpfObject; sockets: BpfMap; losses: BpfMap } {
  openLibbpf(undefined);
  const object = new BpfObject(compiledPrograms());
  object.setMaxEntries("wb_sockets", socketsMax);
  expect(object.load(new Set())).toBeUndefined();
  const maps = object.maps();
  const [sockets, losses] = [maps.get("wb_sockets"), maps.get("wb_losses")];
  if (sockets === undefined || losses === undefined) throw new Error("maps are missing");
  return { object, sockets, losses };
}

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  new DataView(key.buffer).setUint32(0, number, true);
  return key;
}

function valueOf(number: number): Uint8Array {
  const value = new Uint8Array(VALUE_BYTES);
  for (let index = 0; index < VALUE_BYTES; index++) value[index] = (number * 31 + index * 7) & 255;
  return value;
}

/** Rows by the number in their key, each checked to hold the value that belongs to it. */
function numbersIn(rows: Uint8Array): number[] {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const numbers: number[] = [];
  for (let at = 0; at < rows.length; at += KEY_BYTES + VALUE_BYTES) {
    const number = view.getUint32(at, true);
    expect(rows.subarray(at, at + KEY_BYTES)).toEqual(keyOf(number));
    expect(rows.subarray(at + KEY_BYTES, at + KEY_BYTES + VALUE_BYTES)).toEqual(valueOf(number));
    numbers.push(number);
  }
  return numbers.sort((left, right) => left - right);
}

function fill(map: BpfMap, numbers: Iterable<number>): void {
  for (const number of numbers) expect(update(map, keyOf(number), valueOf(number))).toBe(true);
}

function together(numbers: readonly number[]): Uint8Array {
  return Buffer.concat(numbers.map(keyOf));
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe("a hash map", () => {
  testWith(NEEDS, "is read whole, in batches of any size and one by one", () => {
    const { object, sockets } = emptyMaps(5000);
    using _ = object;
    fill(sockets, range(3000));
    // A batch of one row has no room for a bucket of two: it must grow until the fullest one fits.
    for (const batchRows of [1, 2, 64, 1024, 0]) {
      const reader = new HashMapReader(sockets, batchRows);
      expect(numbersIn(reader.read())).toEqual(range(3000));
      expect(numbersIn(reader.read())).toEqual(range(3000));
    }
  });

  testWith(NEEDS, "is full when it is, and says so", () => {
    const { object, sockets } = emptyMaps(64);
    using _ = object;
    fill(sockets, range(64));
    expect(update(sockets, keyOf(64), valueOf(64))).toBe(false);
    expect(update(sockets, keyOf(3), valueOf(3))).toBe(true);
    expect(numbersIn(new HashMapReader(sockets).read())).toEqual(range(64));
  });

  testWith(NEEDS, "is empty when it is", () => {
    const { object, sockets } = emptyMaps(64);
    using _ = object;
    for (const batchRows of [0, 16]) expect(new HashMapReader(sockets, batchRows).read().length).toBe(0);
    deleteKeys(sockets, new Uint8Array(0));
    deleteKeys(sockets, keyOf(1));
  });

  testWith(NEEDS, "agrees with a model after any updates and deletions", () => {
    const { object, sockets } = emptyMaps(512);
    using _ = object;
    const model = new Set<number>();
    const readers = [
      new HashMapReader(sockets, 1),
      new HashMapReader(sockets),
      new HashMapReader(sockets, 0),
    ];
    const numbers = fc.array(fc.nat(400), { maxLength: 120 });
    fc.assert(
      fc.property(numbers, numbers, (added, deleted) => {
        fill(sockets, added);
        for (const number of added) model.add(number);
        deleteKeys(sockets, together(deleted)); // some are not there, some are named twice
        for (const number of deleted) model.delete(number);
        const expected = [...model].sort((left, right) => left - right);
        for (const reader of readers) expect(numbersIn(reader.read())).toEqual(expected);
        const value = new Uint8Array(VALUE_BYTES);
        expect(lookUp(sockets, keyOf(7), value)).toBe(model.has(7));
        if (model.has(7)) expect([...value]).toEqual([...valueOf(7)]);
      }),
      { numRuns: 40 },
    );
  });

  testWith(NEEDS, "refuses keys and values of another size", () => {
    const { object, sockets } = emptyMaps(64);
    using _ = object;
    expect(() => update(sockets, new Uint8Array(15), valueOf(0))).toThrow("15 + 128 bytes, not 16 + 128");
    expect(() => lookUp(sockets, keyOf(0), new Uint8Array(4))).toThrow("16 + 4 bytes, not 16 + 128");
  });

  testWith(NEEDS, "that is closed is an error, and not nothing", () => {
    const { object, sockets } = emptyMaps(64);
    const reader = new HashMapReader(sockets);
    object[Symbol.dispose]();
    expect(() => reader.read()).toThrow("can't read the map wb_sockets: EBADF");
  });
});

describe("counters of each CPU", () => {
  testWith(NEEDS, "are summed, beyond 32 bits", () => {
    const { object, losses } = emptyMaps(64);
    using _ = object;
    const cpus = libbpf().libbpf_num_possible_cpus();
    expect(cpus).toBeGreaterThan(0);
    const values = new BigUint64Array(8 * cpus);
    for (let cpu = 0; cpu < cpus; cpu++)
      for (let index = 0; index < 8; index++)
        values[cpu * 8 + index] = BigInt(index) * 5_000_000_000n + BigInt(cpu);
    expect(libbpf().bpf_map_update_elem(losses.fd, new Uint32Array(1), values, 0)).toBe(0);
    const cpuSum = (cpus * (cpus - 1)) / 2;
    expect([...new PerCpuCounters(losses).read()]).toEqual(
      range(8).map((index) => index * 5_000_000_000 * cpus + cpuSum),
    );
  });
});
