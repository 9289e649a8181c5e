/** Credits: a fair share, less under pressure, nothing while nothing can be stored. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { CREDIT_BYTES_MAX, RecentAgents, creditOf } from "../../../../src/server/agents/credit.ts";

const MIB = 1024 * 1024;
const empty = { queuedBytes: 0, queueBytesMax: 64 * MIB, drainMs: 0, isBroken: false, agents: 1 };

describe("credit", () => {
  test("is the whole of what one may have while there is room", () => {
    expect(creditOf(empty)).toEqual({ creditBytes: CREDIT_BYTES_MAX, waitMs: 0 });
  });

  test("is a share of what is free", () => {
    expect(creditOf({ ...empty, agents: 256 })).toEqual({ creditBytes: MIB / 4, waitMs: 0 });
    const halfFull = creditOf({ ...empty, agents: 128, queuedBytes: 32 * MIB, drainMs: 400 });
    expect(halfFull.creditBytes).toBe(MIB / 4);
    expect(halfFull.waitMs).toBeWithin(400, 601);
  });

  test("is nothing while storing fails", () => {
    const { creditBytes, waitMs } = creditOf({ ...empty, isBroken: true });
    expect(creditBytes).toBe(0);
    expect(waitMs).toBeWithin(30_000, 45_001);
  });

  test("never asks for more than a bound, whatever the queue holds", () => {
    fc.assert(
      fc.property(fc.nat(200 * MIB), fc.nat(1e9), fc.nat(1e6), (queuedBytes, drainMs, agents) => {
        const { creditBytes, waitMs } = creditOf({ ...empty, queuedBytes, drainMs, agents });
        expect(creditBytes).toBeWithin(32 * 1024, CREDIT_BYTES_MAX + 1);
        expect(waitMs).toBeWithin(0, 10_001);
      }),
    );
  });
});

test("agents are counted over the last seconds, and forgotten after", () => {
  const recent = new RecentAgents(0);
  for (const id of ["a", "b", "a", "c"]) recent.note(id, 1000);
  expect(recent.count(1000)).toBe(3);
  recent.note("a", 6000);
  expect(recent.count(6000)).toBe(3);
  expect(recent.count(11_500)).toBe(1);
  expect(recent.count(60_000)).toBe(0);
});
