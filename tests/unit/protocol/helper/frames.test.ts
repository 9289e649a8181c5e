/** Frames on a stream: cut anywhere, many at once, too long, empty, stopped in between. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { frameParts, FrameReader } from "../../../../src/protocol/helper/frames.ts";

const BYTES_MAX = 65_536;

function streamOf(frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(frames.flatMap((frame) => [...frameParts(frame)])));
}

/** A reader that keeps copies, since the bytes are only valid during the call. */
function collector(bytesMax = BYTES_MAX): { reader: FrameReader; frames: Uint8Array[] } {
  const frames: Uint8Array[] = [];
  return { reader: new FrameReader(bytesMax, (frame) => frames.push(frame.slice())), frames };
}

/** Far less than the frames have, and room for what other threads of this process reserve meanwhile. */
const GROWTH_BYTES_MAX = 2 ** 30;

/** VmSize of proc_pid_status(5): what is allocated counts, also where nothing was written to it. */
function addressSpaceBytes(): number {
  return Number(/^VmSize:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}

describe("frames", () => {
  test("are four bytes of length in network order and the message", () => {
    expect(streamOf([Uint8Array.of(1, 2, 3)])).toEqual(Uint8Array.of(0, 0, 0, 3, 1, 2, 3));
    const long = new Uint8Array(70_000).fill(7);
    const parts = frameParts(long);
    expect(parts[0]).toEqual(Uint8Array.of(0, 1, 0x11, 0x70));
    expect(parts[1]).toBe(long); // not copied
  });

  test("come out as they went in, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ minLength: 1, maxLength: 40 }),
            fc.nat({ max: 40_000 }).map((size) => new Uint8Array(size + 1).fill(size)),
          ),
          { maxLength: 12 },
        ),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 70_000 })), {
          minLength: 1,
        }),
        (sent, cuts) => {
          const stream = streamOf(sent);
          const { reader, frames } = collector();
          for (let position = 0, turn = 0; position < stream.length; turn += 1) {
            const end = position + (cuts[turn % cuts.length] ?? 1);
            expect(reader.push(stream.slice(position, end))).toBeUndefined();
            position = end;
          }
          expect(frames).toEqual(sent);
          expect(reader.isMidFrame).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("that lie whole in a chunk are not copied, many in one chunk in their order", () => {
    const chunk = Buffer.from(streamOf([Uint8Array.of(1), Uint8Array.of(2, 2), Uint8Array.of(3)]));
    const seen: Uint8Array[] = [];
    const reader = new FrameReader(BYTES_MAX, (frame) => seen.push(frame));
    expect(reader.push(chunk)).toBeUndefined();
    expect(seen.map((frame) => [...frame])).toEqual([[1], [2, 2], [3]]);
    expect(seen.every((frame) => frame.buffer === chunk.buffer && frame.constructor === Uint8Array)).toBe(
      true,
    );
  });

  test("of 4 GB are refused before anything is allocated", () => {
    const before = addressSpaceBytes();
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const { reader, frames } = collector(64 * 1024 * 1024);
      const reason = reader.push(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3));
      expect(reason).toBe("a frame of 4294967295 bytes, where 67108864 are allowed");
      expect(reader.push(streamOf([Uint8Array.of(1)]))).toBe(reason);
      expect(frames).toEqual([]);
    }
    expect(addressSpaceBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("that are allowed and never come take no memory either", () => {
    const announced = Uint8Array.of(0x03, 0xff, 0xff, 0xff, 9); // 64 MB, one byte of them
    const readers = Array.from({ length: 100 }, () => collector(64 * 1024 * 1024).reader);
    const before = addressSpaceBytes();
    for (const reader of readers) expect(reader.push(announced)).toBeUndefined();
    expect(readers.every((reader) => reader.isMidFrame)).toBe(true);
    expect(addressSpaceBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("one byte longer than allowed are refused, those before them are not lost", () => {
    const { reader, frames } = collector(8);
    const stream = streamOf([new Uint8Array(8), new Uint8Array(9), Uint8Array.of(1)]);
    expect(reader.push(stream)).toBe("a frame of 9 bytes, where 8 are allowed");
    expect(frames).toEqual([new Uint8Array(8)]);
  });

  test("without content are refused", () => {
    const { reader } = collector();
    expect(reader.push(new Uint8Array(4))).toBe("a frame without content");
  });

  test("end in the middle where the stream does", () => {
    const stream = streamOf([Uint8Array.of(1, 2, 3)]);
    for (let length = 0; length <= stream.length; length += 1) {
      const { reader } = collector();
      expect(reader.push(stream.slice(0, length))).toBeUndefined();
      expect(reader.isMidFrame).toBe(length > 0 && length < stream.length);
    }
  });

  test("stop at once when the reader is stopped, also within a chunk", () => {
    const seen: number[] = [];
    const reader = new FrameReader(BYTES_MAX, (frame) => {
      seen.push(frame[0] ?? 0);
      if (seen.length === 2) reader.stop();
    });
    reader.push(streamOf([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]));
    reader.push(streamOf([Uint8Array.of(4)]));
    expect(seen).toEqual([1, 2]);
  });

  test("go on after one whose handler threw", () => {
    const seen: number[] = [];
    const reader = new FrameReader(BYTES_MAX, (frame) => {
      seen.push(frame[0] ?? 0);
      if (frame[0] === 1) throw new Error("handler");
    });
    const [first, second] = [streamOf([Uint8Array.of(1, 1)]), streamOf([Uint8Array.of(2, 2)])];
    reader.push(first.slice(0, 5));
    expect(() => reader.push(first.slice(5))).toThrow("handler");
    expect(reader.push(second)).toBeUndefined();
    expect(seen).toEqual([1, 2]);
  });
});
