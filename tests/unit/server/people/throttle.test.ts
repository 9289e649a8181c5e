/** Login throttling: what is free, how the wait grows and ends, who is not kept out, and that it is bounded. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { LoginThrottle } from "../../../../src/server/people/throttle.ts";

const MINUTE_MS = 60_000;

/** So many attempts that fail, each made as soon as it may be; the waits before them. */
function failures(throttle: LoginThrottle, count: number, name = "anna", address = "192.0.2.1"): number[] {
  let nowMs = 0;
  return Array.from({ length: count }, () => {
    const waitMs = throttle.begin(name, address, nowMs);
    nowMs += waitMs;
    if (waitMs > 0) expect(throttle.begin(name, address, nowMs)).toBe(0);
    return waitMs;
  });
}

test("five failures of a name are free, then each doubles the wait up to a minute", () => {
  expect(failures(new LoginThrottle(), 13)).toEqual([
    0, 0, 0, 0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
  ]);
});

test("attempts at once count before they are answered", () => {
  const throttle = new LoginThrottle();
  const waits = Array.from({ length: 1000 }, () => throttle.begin("anna", "192.0.2.1", 0));
  expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(5);
});

test("an address that tries many names waits too, up to a quarter of an hour", () => {
  const throttle = new LoginThrottle();
  let nowMs = 0;
  let waitMs = 0;
  for (let index = 0; index < 40; index += 1) {
    waitMs = throttle.begin(`user${index}`, "192.0.2.1", nowMs);
    nowMs += waitMs;
    if (waitMs > 0) throttle.begin(`user${index}`, "192.0.2.1", nowMs);
  }
  expect(waitMs).toBe(15 * MINUTE_MS);
  expect(throttle.begin("user0", "192.0.2.2", nowMs)).toBe(0);
});

test("a success forgives the name, and takes back only itself from the address", () => {
  const throttle = new LoginThrottle();
  failures(throttle, 5);
  expect(throttle.begin("anna", "192.0.2.1", 500)).toBe(500);
  expect(throttle.begin("anna", "192.0.2.1", 1000)).toBe(0);
  throttle.succeeded("anna", "192.0.2.1");
  expect(throttle.begin("anna", "192.0.2.1", 1000)).toBe(0);
  // 5 failures and this one stand against the address; 14 more are free, and the next one waits.
  for (let index = 0; index < 14; index += 1) throttle.begin(`user${index}`, "192.0.2.1", 1000);
  expect(throttle.begin("other", "192.0.2.1", 1000)).toBe(1000);
});

test("who logged in from an address is not kept out there by strangers elsewhere", () => {
  const throttle = new LoginThrottle();
  throttle.begin("anna", "192.0.2.1", 0);
  throttle.succeeded("anna", "192.0.2.1");
  for (let index = 0; index < 50; index += 1) throttle.begin("anna", `198.51.100.${index}`, 0);
  expect(throttle.begin("anna", "198.51.100.200", 0)).toBeGreaterThan(0);
  expect(throttle.begin("anna", "192.0.2.1", 0)).toBe(0);
});

test("the case of a name is no way around it, and an hour of quiet forgets", () => {
  const throttle = new LoginThrottle();
  for (const name of ["anna", "Anna", "ANNA", "aNNa", "annA"]) throttle.begin(name, "192.0.2.1", 0);
  expect(throttle.begin("anna", "192.0.2.9", 0)).toBe(1000);
  expect(throttle.begin("anna", "192.0.2.9", 3_600_001)).toBe(0);
});

test("an attempt that was not answered counts as none", () => {
  const throttle = new LoginThrottle();
  for (let index = 0; index < 100; index += 1) {
    expect(throttle.begin("anna", "192.0.2.1", 0)).toBe(0);
    throttle.abandoned("anna", "192.0.2.1");
  }
});

test("no name and no time breaks it, and a wait is never longer than a quarter of an hour", () => {
  const attempts = fc.array(
    fc.record({
      name: fc.string({ unit: "binary" }),
      address: fc.string(),
      afterMs: fc.nat(100_000),
      outcome: fc.constantFrom("failed", "succeeded", "abandoned"),
    }),
  );
  fc.assert(
    fc.property(attempts, (all) => {
      const throttle = new LoginThrottle();
      let nowMs = 0;
      for (const { name, address, afterMs, outcome } of all) {
        nowMs += afterMs;
        const waitMs = throttle.begin(name, address, nowMs);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(15 * MINUTE_MS);
        if (waitMs === 0 && outcome === "succeeded") throttle.succeeded(name, address);
        if (waitMs === 0 && outcome === "abandoned") throttle.abandoned(name, address);
      }
    }),
  );
});
