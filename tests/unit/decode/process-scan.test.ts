/** The quick reading of /proc/PID/stat: the same as the careful one, whatever the name holds, and no byte crashes it. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { parseProcStat, scanProcStat, type ScannedStat } from "../../../src/decode/proc-pid.ts";

function empty(): ScannedStat {
  return {
    comm: "",
    parentPid: 0,
    startTicks: 0,
    cpuTicks: 0,
    residentPages: 0,
    isKernelThread: false,
    hasEnded: false,
  };
}

function line(parts: { comm?: string; state?: string; flags?: number; threads?: number }): Uint8Array {
  const { comm = "program", state = "S", flags = 0x400000, threads = 1 } = parts;
  const text = `7 (${comm}) ${state} 5 7 7 0 -1 ${flags} 1 2 3 4 11 22 0 0 20 0 ${threads} 0 4242 1000 99 1 1`;
  return new TextEncoder().encode(`${text}\n`);
}

describe("/proc/PID/stat, quickly", () => {
  test("reads the same as the other way, of every process there is", () => {
    const into = empty();
    let count = 0;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      let bytes: Uint8Array;
      try {
        bytes = readFileSync(`/proc/${pid}/stat`);
      } catch {
        continue; // it ended meanwhile
      }
      expect(scanProcStat(bytes, into)).toBe(true);
      const { comm, parentPid, cpuTicks, startTicks, residentPages } = into;
      expect({ comm, parentPid, cpuTicks, startTicks, residentPages }).toEqual(parseProcStat(bytes) as never);
      count += 1;
    }
    expect(count).toBeGreaterThan(1);
  });

  test("a name may hold anything", () => {
    const into = empty();
    expect(scanProcStat(line({ comm: ") Z 1 (" }), into)).toBe(true);
    expect(into).toEqual({
      comm: ") Z 1 (",
      parentPid: 5,
      startTicks: 4242,
      cpuTicks: 33,
      residentPages: 99,
      isKernelThread: false,
      hasEnded: false,
    });
  });

  test.each([
    ["a zombie", { state: "Z" }, false, true],
    ["dead", { state: "X" }, false, true],
    ["a first thread that ended before the others", { state: "Z", threads: 2 }, false, false],
    ["a thread of the kernel", { flags: 0x208040 }, true, false],
  ])("%s", (_what, parts, isKernelThread, hasEnded) => {
    const into = empty();
    expect(scanProcStat(line(parts), into)).toBe(true);
    expect([into.isKernelThread, into.hasEnded]).toEqual([isKernelThread, hasEnded]);
  });

  test("what is cut short is refused, and no bytes crash it", () => {
    const whole = line({});
    for (let length = 0; length < whole.length - 8; length += 1)
      expect(scanProcStat(whole.subarray(0, length), empty())).toBe(false);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(typeof scanProcStat(bytes, empty())).toBe("boolean");
      }),
    );
  });
});
