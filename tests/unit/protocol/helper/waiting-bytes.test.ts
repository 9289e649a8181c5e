/** The queue of bytes to be written, against a plain array of numbers; several at once, since they share a spare buffer. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { WaitingBytes } from "../../../../src/protocol/helper/waiting-bytes.ts";

const LIMIT = 20_000;

test("what comes out is what went in, in order, and never more than the limit waits", () => {
  const size = fc.oneof(fc.nat(50), fc.nat(9000));
  const step = fc.record({ queue: fc.nat(2), add: fc.boolean(), size });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queues = [0, 1, 2].map(() => ({ real: new WaitingBytes(LIMIT), model: [] as number[] }));
      let written = 0;
      for (const { queue, add, size } of steps) {
        const one = queues[queue];
        if (one === undefined) continue;
        if (add) {
          const bytes = Uint8Array.from({ length: size }, () => (written += 1));
          const fits = one.model.length + size <= LIMIT;
          expect(one.real.add(bytes)).toBe(fits);
          bytes.fill(0); // it is copied
          if (fits)
            one.model.push(...Array.from({ length: size }, (_, index) => (written - size + 1 + index) & 255));
        } else {
          const count = Math.min(size, one.model.length);
          one.real.remove(count);
          one.model.splice(0, count);
        }
        for (const { real, model } of queues) {
          expect(real.length).toBe(model.length);
          expect(Buffer.compare(real.peek(), Uint8Array.from(model))).toBe(0);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("an emptied queue's buffer serves the next one, unless it is very large", () => {
  const buffers = [1, 2].map(() => {
    const queue = new WaitingBytes(1 << 30);
    queue.add(new Uint8Array(3_000_000));
    const { buffer } = queue.peek();
    queue.remove(3_000_000);
    return buffer;
  });
  expect(buffers[1]).toBe(buffers[0] ?? new ArrayBuffer(0));
  const large = new WaitingBytes(1 << 30);
  large.add(new Uint8Array(20_000_000));
  const { buffer } = large.peek();
  large.clear();
  large.add(new Uint8Array(20_000_000));
  expect(large.peek().buffer).not.toBe(buffer);
});
