/** Long work in parts: who has worked for a while lets timers, answers and signals have their turn before it goes on. */

const WORK_MS = 20;
const PART_VALUES = 1024;

/** Resolves when all that waits by now has had its turn. */
export function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Does the work to its end, with a breath whenever it has worked for 20 ms. */
export async function withBreaths<Result>(parts: Generator<void, Result>): Promise<Result> {
  let sinceMs = performance.now();
  for (;;) {
    const { done, value } = parts.next();
    if (done === true) return value;
    if (performance.now() - sinceMs < WORK_MS) continue;
    await breath();
    sinceMs = performance.now();
  }
}

/** Does the work to its end at once. */
export function withoutBreath<Result>(parts: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = parts.next();
    if (done === true) return value;
  }
}

/** Calls `each` for every value. A part is so many of them that it takes some milliseconds. */
export function* inParts<Value>(values: Iterable<Value>, each: (value: Value) => void): Generator<void> {
  let count = 0;
  for (const value of values) {
    each(value);
    count += 1;
    if (count % PART_VALUES === 0) yield;
  }
}
