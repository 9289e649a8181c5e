/** The set of running processes: queries, its hash, and snapshots that fit into events. */
import { describe, expect, test } from "bun:test";
import { fingerprintHashOf } from "../../../../src/protocol/fleet/fingerprint.ts";
import { isNoise } from "../../../../src/agent/audit/noise.ts";
import { RunningProcesses, type KnownProcess } from "../../../../src/agent/audit/running.ts";
import { exitCodeOf } from "../../../../src/agent/audit/teller.ts";
import { PAYLOAD_BYTES_MAX } from "../../../../src/protocol/fleet/envelope.ts";
import { EMPTY_SET_HASH, ProcessSnapshot } from "../../../../src/protocol/fleet/payloads.ts";
import { createHash } from "node:crypto";

function known(pid: number, name: string, commandLine = name, isLocal = false): KnownProcess {
  const fingerprint = {
    name,
    path: `/usr/bin/${name}`,
    fileHash: null,
    signature: null,
    publisher: null,
    version: null,
    commandLinePattern: commandLine,
  };
  return {
    told: {
      processId: `${pid}_1000`,
      pid,
      parentPid: 1,
      parentProcessId: null,
      userId: 0,
      userName: "root",
      startedAtMs: 1000,
      isStartExact: true,
      memoryBytes: null,
      cpuTimeMs: null,
      fingerprintHash: fingerprintHashOf(fingerprint),
      fingerprint,
      category: "unknown",
    },
    isLocal,
    startNs: undefined,
    startTicks: 0,
  };
}

describe("queries", () => {
  const running = new RunningProcesses();
  for (const process of [
    known(1, "init"),
    known(2, "Steam"),
    known(3, "game.exe"),
    known(4, "local", "", true),
  ])
    running.put(process);

  test("by name, path or hash, in any case", () => {
    expect(running.isRunning("steam")).toBe(true);
    expect(running.isRunning("game")).toBe(true);
    expect(running.isRunning("/usr/bin/STEAM")).toBe(true);
    expect(running.isRunning(known(9, "init").told.fingerprintHash)).toBe(true);
    expect(running.isRunning("local")).toBe(true);
    expect(running.isRunning("stea")).toBe(false);
  });

  test("by category, once it is known", () => {
    const { fingerprintHash } = known(2, "Steam").told;
    running.classify([{ fingerprintHash, classification: "game", source: "builtin", updatedAt: "" }]);
    expect(running.running({ category: "game" }).map(({ pid }) => pid)).toEqual([2]);
    expect(running.running({ category: "game", name: "init" })).toEqual([]);
  });
});

describe("the set", () => {
  test("has a hash that forgets what is gone, and what is told to nobody", () => {
    const running = new RunningProcesses();
    expect(running.setHash).toBe(EMPTY_SET_HASH);
    running.put(known(1, "a"));
    const one = createHash("sha256").update("1_1000").digest("hex").slice(0, 32);
    expect(running.setHash).toBe(one);
    running.put(known(1, "b"));
    running.put(known(2, "local", "", true));
    expect(running.setHash).toBe(one);
    running.put(known(3, "c"));
    running.remove("1_1000");
    running.remove("3_1000");
    running.remove("unknown");
    expect(running.setHash).toBe(EMPTY_SET_HASH);
  });

  test("is told in parts that fit, all with the same hash", () => {
    const running = new RunningProcesses();
    for (let pid = 1; pid <= 700; pid += 1) running.put(known(pid, `p${pid}`, "\u{1f600}".repeat(250)));
    running.put(known(9999, "local", "", true));
    const parts = running.snapshot("0123456789abcdef", 5);
    for (const [index, part] of parts.entries()) {
      ProcessSnapshot.parse(part);
      expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX);
      expect([part.part, part.parts, part.setHash]).toEqual([index + 1, parts.length, running.setHash]);
    }
    expect(parts.flatMap(({ processes }) => processes.map(({ pid }) => pid))).toEqual(
      Array.from({ length: 700 }, (_, index) => index + 1),
    );
    expect(new RunningProcesses().snapshot("0123456789abcdef", 5)).toMatchObject([
      { part: 1, parts: 1, processes: [] },
    ]);
  });
});

test("a fingerprint's hash is the first design's", () => {
  const hash = fingerprintHashOf({
    name: "Steam.EXE",
    path: "C:\\Steam\\Steam.EXE",
    fileHash: "ab",
    publisher: "Valve",
  });
  expect(hash).toBe(createHash("sha256").update("steam.exe|c:\\steam\\steam.exe|ab|Valve").digest("hex"));
  const bare = fingerprintHashOf({ name: "x", path: null, fileHash: null, publisher: null });
  expect(bare).toBe(createHash("sha256").update("x|||").digest("hex"));
});

test("exit codes: what it returned, or minus the signal", () => {
  expect([0, 0x0700, 0xff00, 9, 0x8b, undefined].map(exitCodeOf)).toEqual([0, 7, 255, -9, -11, null]);
});

test("noise: nothing by default, and by name what every system runs", () => {
  expect(isNoise("systemd", "kernel_threads")).toBe(false);
  expect(["systemd", "systemd-udevd", "kworker/0:1"].every((name) => isNoise(name, "system_services"))).toBe(
    true,
  );
  expect(["initial", "systemdx", "bash"].some((name) => isNoise(name, "system_services"))).toBe(false);
});
