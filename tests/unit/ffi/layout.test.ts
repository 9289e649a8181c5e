/** defineLayout: reading and writing at the declared offsets, and refusing declarations that contradict themselves. */
import { describe, expect, test } from "bun:test";
import { defineLayout } from "../../../ffi/layout.ts";

const sample = defineLayout("sample", 40, {
  small: [0, "u8"],
  negative: [1, "i8"],
  port: [2, "u16be"],
  word: [4, "u32"],
  big: [8, "u64"],
  signed: [16, "i64"],
  list: [24, "u16", 4],
  address: [32, "u32be"],
});

describe("defineLayout", () => {
  test("writes and reads every type at its offset", () => {
    const view = new DataView(new ArrayBuffer(50));
    sample.set.small(view, 8, 200);
    sample.set.negative(view, 8, -3);
    sample.set.port(view, 8, 0x1234);
    sample.set.word(view, 8, 0xdead_beef);
    sample.set.big(view, 8, 2 ** 40 + 5);
    sample.set.signed(view, 8, -(2 ** 40) - 7);
    sample.set.list(view, 8, 77, 3);
    sample.set.address(view, 8, 0x7f000001);
    expect(sample.get.small(view, 8)).toBe(200);
    expect(sample.get.negative(view, 8)).toBe(-3);
    expect([view.getUint8(10), view.getUint8(11)]).toEqual([0x12, 0x34]);
    expect(sample.get.port(view, 8)).toBe(0x1234);
    expect(sample.get.word(view, 8)).toBe(0xdead_beef);
    expect(sample.get.big(view, 8)).toBe(2 ** 40 + 5);
    expect(view.getBigUint64(16, true)).toBe(2n ** 40n + 5n);
    expect(sample.get.signed(view, 8)).toBe(-(2 ** 40) - 7);
    expect(view.getBigInt64(24, true)).toBe(-(2n ** 40n) - 7n);
    expect(view.getUint16(8 + 24 + 6, true)).toBe(77);
    expect(sample.get.list(view, 8, 3)).toBe(77);
    expect([view.getUint8(40), view.getUint8(43)]).toEqual([127, 1]);
  });

  test("never reads outside the view", () => {
    expect(() => sample.get.word(new DataView(new ArrayBuffer(6)), 0)).toThrow(RangeError);
  });

  test.each([
    ["an overlap", { a: [0, "u32"], b: [2, "u16"] }, "s.b: offset 2 overlaps"],
    ["a misaligned field", { a: [2, "u32"] }, "s.a: offset 2 is not aligned to 4"],
    ["a field beyond the end", { a: [8, "u64"] }, "s.a: ends at 16, beyond the struct's 12 bytes"],
    ["no elements", { a: [0, "u8", 0] }, "s.a: 0 elements"],
  ] as const)("refuses %s", (_what, fields, message) => {
    expect(() => defineLayout("s", 12, fields)).toThrow(message);
  });
});
