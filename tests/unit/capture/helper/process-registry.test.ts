/** Processes as the kernel's events tell them: their keys are those of /proc, what they run, and when they end. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { libc } from "../../../../ffi/linux/libc.ts";
import { ProcessRegistry } from "../../../../src/capture/helper/process-registry.ts";
import { SC_CLK_TCK } from "../../../../src/capture/linux/process-table.ts";
import { parseProcStat } from "../../../../src/decode/proc-pid.ts";
import { execEvent, exitEvent, forkEvent, TICK_NS } from "../../../support/helper-rows.ts";

const TWO_TO_32 = 2n ** 32n;

function words(ns: bigint): readonly [number, number] {
  return [Number(ns % TWO_TO_32), Number(ns / TWO_TO_32)];
}

describe("process keys", () => {
  test("are those of /proc: 100 ticks a second, and the start time of this process", () => {
    expect(libc().sysconf(SC_CLK_TCK)).toBe(100);
    const stat = parseProcStat(readFileSync("/proc/self/stat"));
    const ticks = stat?.startTicks ?? -1;
    const registry = new ProcessRegistry("boot", 100);
    const [low, high] = words(BigInt(ticks) * BigInt(TICK_NS) + 9_999_999n);
    expect(registry.obtain(process.pid, low, high).key).toBe(`boot:${process.pid}:${ticks}`);
  });

  test("are exact for every time that 64 bits can hold", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n }), (ns) => {
        const [low, high] = words(ns);
        const registry = new ProcessRegistry("boot", 100);
        expect(registry.obtain(1, low, high).ticks).toBe(Number(ns / 10_000_000n));
      }),
    );
  });
});

describe("events", () => {
  test("exec, fork and exit one after the other in one frame", () => {
    const registry = new ProcessRegistry("boot", 100);
    const parent = { pid: 10, startNs: 5 * TICK_NS };
    const child = { pid: 11, startNs: 6 * TICK_NS, parent: [10, 5 * TICK_NS] as const };
    const records = Buffer.concat([
      execEvent(parent, "/usr/bin/server", ["server", "", "-v"], "server"),
      forkEvent(child),
      exitEvent({ ...child, timeNs: 77 }),
    ]);
    expect(registry.take(records)).toBe(true);
    const server = registry.obtain(10, 5 * TICK_NS, 0);
    expect([server.comm, server.program, server.exitedNs]).toEqual([
      "server",
      { fileName: "/usr/bin/server", commandLine: ["server", "", "-v"] },
      undefined,
    ]);
    const worker = registry.obtain(11, 6 * TICK_NS, 0);
    expect([worker.comm, worker.program, worker.exitedNs, worker.parentPid]).toEqual([
      "server",
      server.program,
      77,
      10,
    ]);
  });

  test("an exec in place keeps the key", () => {
    const registry = new ProcessRegistry("boot", 100);
    const parts = { pid: 10, startNs: 5 * TICK_NS };
    registry.take(execEvent(parts, "/bin/sh", ["sh"], "sh"));
    const process = registry.obtain(10, 5 * TICK_NS, 0);
    registry.take(execEvent(parts, "/usr/bin/curl", ["curl"], "curl"));
    expect(registry.obtain(10, 5 * TICK_NS, 0)).toBe(process);
    expect([process.program?.fileName, process.version]).toEqual(["/usr/bin/curl", 2]);
  });

  test("are bounded: the oldest that nobody refers to are forgotten first", () => {
    const registry = new ProcessRegistry("boot", 100, 10);
    const held = registry.obtain(1, 0, 0);
    registry.hold(held);
    for (let pid = 2; pid < 100; pid += 1) registry.take(forkEvent({ pid, startNs: 0 }));
    expect(registry.size).toBe(11);
    expect(registry.obtain(1, 0, 0)).toBe(held);
  });

  test("those that have ended are fewer, and found until then; one that a row refers to stays", () => {
    const registry = new ProcessRegistry("boot", 100, 1000, 3);
    const held = registry.obtain(1, 0, 0);
    registry.hold(held);
    registry.end(held, 5);
    const lives = registry.obtain(2, 0, 0);
    for (let pid = 10; pid < 20; pid += 1) registry.end(registry.obtain(pid, 0, 0), pid);
    expect(registry.size).toBe(5);
    const last = registry.obtain(19, 0, 0);
    expect(last.exitedNs).toBe(19);
    expect(registry.obtain(1, 0, 0)).toBe(held);
    expect(registry.obtain(2, 0, 0)).toBe(lives);
    registry.hold(last);
    registry.release(last);
    registry.letGo();
    expect(registry.obtain(19, 0, 0)).toBe(last);
    registry.release(held);
    registry.letGo();
    expect(registry.size).toBe(4);
  });

  test("of whatever bytes never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(600), (bytes, size) => {
        const registry = new ProcessRegistry("boot", 100);
        registry.take(bytes);
        const exec = execEvent({ pid: 1, startNs: 1 }, "/bin/true", ["true"], "true");
        exec.set(bytes.subarray(0, 8), 40);
        registry.take(exec.subarray(0, size));
        registry.take(exec);
      }),
    );
  });
});
