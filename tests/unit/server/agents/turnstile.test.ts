/** The turnstile: in order, a few at a time, and what fails hurts only itself. */
import { expect, test } from "bun:test";
import { Turnstile } from "../../../../src/server/agents/turnstile.ts";

test("work passes in order, and others come in between", async () => {
  let nowMs = 0;
  const turnstile = new Turnstile(() => nowMs);
  const seen: string[] = [];
  const work = Array.from({ length: 4 }, (_, index) =>
    turnstile.run(() => {
      nowMs += 3; // two of them fill a turn
      seen.push(`work ${index}`);
      return index;
    }),
  );
  setImmediate(() => seen.push("other"));
  expect(await Promise.all(work)).toEqual([0, 1, 2, 3]);
  expect(seen.filter((what) => what !== "other")).toEqual(["work 0", "work 1", "work 2", "work 3"]);
  expect(seen.indexOf("other")).toBe(3);
});

test("what throws is told to who asked, and the rest goes on", async () => {
  const turnstile = new Turnstile(() => performance.now());
  const failed = turnstile.run(() => {
    throw new RangeError("no");
  });
  const fine = turnstile.run(() => "yes");
  expect(failed).rejects.toThrow("no");
  expect(await fine).toBe("yes");
  expect(await turnstile.run(() => "later")).toBe("later");
});
