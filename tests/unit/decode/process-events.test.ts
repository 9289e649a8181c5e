/** Records of the kernel as events of processes: every field, exact times, and no bytes that crash it. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodeProcessEvents } from "../../../src/decode/process-events.ts";
import { EXIT, wholeTicks } from "../../../src/decode/ebpf-records.ts";
import { joinBytes } from "../../../src/lib/bytes.ts";
import { execEvent, exitEvent, forkEvent, TICK_NS } from "../../support/helper-rows.ts";
import { eventRecord } from "../../support/kernel-records.ts";

describe("events of processes", () => {
  test("a fork, an exec and an exit", () => {
    const parent = [10, 5 * TICK_NS + 3] as const;
    const parts = { pid: 11, startNs: 6 * TICK_NS + 7, timeNs: 99, parent, uid: 33 };
    const exit = exitEvent(parts);
    EXIT.set.code(new DataView(exit.buffer), 0, 0x0700);
    const bytes = joinBytes([forkEvent(parts), execEvent(parts, "/bin/x", ["x", "", "-v"], "x"), exit]);
    const common = {
      pid: 11,
      startTicks: 6,
      startNs: 6 * TICK_NS + 7,
      timeNs: 99,
      parentPid: 10,
      parentStartTicks: 5,
      userId: 33,
    };
    expect(decodeProcessEvents(bytes, 100)).toEqual({
      isWhole: true,
      events: [
        { type: "fork", ...common },
        { type: "exec", ...common, fileName: "/bin/x", commandLine: ["x", "", "-v"], comm: "x" },
        { type: "exit", ...common, waitStatus: 0x0700 },
      ],
    });
  });

  test("other records are passed over, and a record that is cut off ends it", () => {
    const fork = forkEvent({ pid: 1, startNs: 0 });
    expect(decodeProcessEvents(joinBytes([eventRecord(96), fork]), 100).events).toHaveLength(1);
    const cut = joinBytes([fork, fork.subarray(0, 39)]);
    expect(decodeProcessEvents(cut, 100)).toMatchObject({ isWhole: false, events: [{ pid: 1 }] });
    expect(decodeProcessEvents(joinBytes([fork, eventRecord(39)]), 100).isWhole).toBe(false);
  });

  test("ticks are exact for all times that 64 bits can hold", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n }), fc.constantFrom(100, 250, 1000), (ns, rate) => {
        const ticks = wholeTicks(Number(ns % 2n ** 32n), Number(ns / 2n ** 32n), 1e9 / rate);
        expect(ticks).toBe(Number(ns / BigInt(1e9 / rate)));
      }),
    );
  });

  test("no bytes crash it", () => {
    const records = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        fc.integer({ min: 0, max: 600 }).map((size) => eventRecord(Math.max(4, size))),
        fc.constant(execEvent({ pid: 1, startNs: 1 }, "/bin/x", ["x"], "x")),
      ),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(records, fc.uint8Array({ maxLength: 64 }), fc.nat({ max: 600 }), (parts, noise, at) => {
        const bytes = joinBytes(parts).slice();
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
        const { events } = decodeProcessEvents(bytes, 100);
        expect(events.length).toBeLessThanOrEqual(bytes.length / 40);
      }),
      { numRuns: 1000 },
    );
  });
});
