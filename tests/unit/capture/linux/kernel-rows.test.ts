/** Rows and records that are handed on undecoded: chosen by time, summed, counted; never read out of bounds. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  BYTES_ROWS,
  countRecords,
  RowFilter,
  SOCKET_ROWS,
  trafficOf,
} from "../../../../src/capture/linux/kernel-rows.ts";
import { joinBytes } from "../../../../src/lib/bytes.ts";
import { eventRecord } from "../../../support/kernel-records.ts";

/** Rows that changed at these times; the first byte of each is its number. */
function rowsAt(kind: typeof SOCKET_ROWS, timesNs: readonly number[]): Uint8Array {
  const rows = new Uint8Array(timesNs.length * kind.sizeBytes);
  const view = new DataView(rows.buffer);
  timesNs.forEach((timeNs, index) => {
    rows[index * kind.sizeBytes] = index;
    view.setBigUint64(index * kind.sizeBytes + kind.changedOffset, BigInt(timeNs), true);
  });
  return rows;
}

function numbersOf(rows: Uint8Array, sizeBytes: number): number[] {
  return Array.from({ length: rows.length / sizeBytes }, (_, index) => rows[index * sizeBytes] ?? -1);
}

describe("rows", () => {
  for (const [name, kind, sizeBytes] of [
    ["of sockets", SOCKET_ROWS, 144],
    ["of processes at sockets", BYTES_ROWS, 96],
  ] as const) {
    test(`${name}: those that changed at a time or after it`, () => {
      expect(kind).toEqual({ sizeBytes, changedOffset: 64 });
      const filter = new RowFilter(kind);
      const rows = rowsAt(kind, [5, 1e15, 7, 2 ** 52, 6]);
      expect(numbersOf(filter.changedSince(rows, 7), sizeBytes)).toEqual([1, 2, 3]);
      expect(numbersOf(filter.changedSince(rows, 0), sizeBytes)).toEqual([0, 1, 2, 3, 4]);
      expect(filter.changedSince(rows, 2 ** 53)).toEqual(new Uint8Array(0));
      const many = rowsAt(
        kind,
        Array.from({ length: 1000 }, (_, index) => index),
      );
      expect(filter.changedSince(many, 100)).toEqual(many.subarray(100 * sizeBytes));
    });
  }

  test("nothing crashes them, and what is chosen is whole rows", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), fc.nat(), (bytes, sinceNs) => {
        for (const kind of [SOCKET_ROWS, BYTES_ROWS]) {
          expect(new RowFilter(kind).changedSince(bytes, sinceNs).length % kind.sizeBytes).toBe(0);
        }
        expect(trafficOf(bytes)).toBeGreaterThanOrEqual(0);
        expect(countRecords(bytes)).toBeLessThanOrEqual(bytes.length / 40);
      }),
    );
  });
});

test("records are counted by their own lengths, up to what is none", () => {
  const joined = joinBytes([eventRecord(40), eventRecord(96), eventRecord(64)]);
  expect(countRecords(joined)).toBe(3);
  expect(countRecords(joined.subarray(0, joined.length - 1))).toBe(2);
  expect(countRecords(new Uint8Array(100))).toBe(0);
});
