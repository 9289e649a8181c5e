/**
 * 100,000 hostile frames at each reader: random bytes, and valid messages with bytes replaced, cut out, doubled and cut
 * off. None may throw or take long; what is accepted must be what its sender could have sent.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  type Decoded,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../../../src/protocol/helper/codec.ts";
import { FrameReader } from "../../../../src/protocol/helper/frames.ts";
import { anyRequest, anyResponse } from "../../../support/helper-messages.ts";

const FRAMES = 100_000;
const MILLISECONDS_MAX = 30_000;
/** What a mutation likes to write: heads of containers, lengths, tags, ends. */
const TELLING = [
  0, 0x17, 0x18, 0x1b, 0x3b, 0x5a, 0x5f, 0x7a, 0x81, 0x9a, 0x9f, 0xa1, 0xbb, 0xd9, 0xf7, 0xfb, 0xff,
];

/** Numbers below `limit`, the same at every run: xorshift32 (Marsaglia 2003). */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

function hostileFrame(next: (limit: number) => number, valid: readonly Uint8Array[]): Uint8Array {
  const original = valid[next(valid.length)] ?? new Uint8Array(1);
  if (next(4) === 0) return Uint8Array.from({ length: next(200) }, () => next(256));
  const bytes = original.slice();
  for (let change = next(4); change >= 0; change -= 1) {
    const value = next(2) === 0 ? (TELLING[next(TELLING.length)] ?? 0) : next(256);
    bytes[next(bytes.length)] = value;
  }
  const [start, end] = [next(bytes.length), next(bytes.length)];
  if (next(6) === 0) return bytes.subarray(0, end);
  if (next(6) === 0) return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  return bytes;
}

function attack<M>(
  valid: readonly Uint8Array[],
  decode: (frame: Uint8Array) => Decoded<M>,
  encode: (message: M) => Uint8Array,
): { accepted: number; refused: number } {
  const next = numbers(20_260_101);
  const count = { accepted: 0, refused: 0 };
  for (let index = 0; index < FRAMES; index += 1) {
    const frame = hostileFrame(next, valid);
    const decoded = decode(frame);
    if (decoded.ok) {
      count.accepted += 1;
      // One message has one encoding: the frame is what its sender would have made of the message.
      expect(Buffer.compare(encode(decoded.message), frame)).toBe(0);
    } else {
      count.refused += 1;
      expect(decoded.reason).toMatch(/^[\x20-\x7e]{1,120}$/);
    }
  }
  return count;
}

describe("100,000 hostile frames", () => {
  test(
    "at the helper's reader",
    () => {
      const valid = fc.sample(anyRequest, { seed: 1, numRuns: 200 }).map(encodeRequest);
      const count = attack(valid, decodeRequest, encodeRequest);
      expect(count.accepted).toBeGreaterThan(1000); // mutations within tokens and numbers
      expect(count.refused).toBeGreaterThan(30_000);
    },
    MILLISECONDS_MAX,
  );

  test(
    "at the client's reader",
    () => {
      const valid = fc.sample(anyResponse, { seed: 1, numRuns: 200 }).map(encodeResponse);
      const count = attack(valid, decodeResponse, encodeResponse);
      expect(count.accepted).toBeGreaterThan(1000);
      expect(count.refused).toBeGreaterThan(30_000);
    },
    MILLISECONDS_MAX,
  );

  test(
    "as a stream of random bytes",
    () => {
      const next = numbers(7);
      let frames = 0;
      for (let stream = 0; stream < FRAMES; stream += 1) {
        const reader = new FrameReader(65_536, (frame) => {
          frames += 1;
          decodeRequest(frame);
        });
        for (let chunk = next(4); chunk >= 0; chunk -= 1) {
          // Every other one begins like a length that is allowed.
          const bytes = Uint8Array.from({ length: next(40) }, (_, index) =>
            index < 3 && stream % 2 === 0 ? 0 : next(256),
          );
          if (reader.push(bytes) !== undefined) break;
        }
      }
      expect(frames).toBeGreaterThan(5000);
    },
    MILLISECONDS_MAX,
  );
});

test("nothing hostile leaves a trace in Object.prototype or in the next message", () => {
  const next = numbers(99);
  const valid = fc.sample(anyRequest, { seed: 2, numRuns: 50 }).map(encodeRequest);
  const before = Object.getOwnPropertyNames(Object.prototype);
  for (let index = 0; index < 2000; index += 1) {
    decodeRequest(hostileFrame(next, valid));
    const request = { type: "heartbeat", id: index, token: new Uint8Array(32).fill(index) } as const;
    expect(decodeRequest(encodeRequest(request))).toEqual({ ok: true, message: request });
  }
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
});
