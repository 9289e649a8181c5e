/** What an agent answers when it is asked which programs run. */
import { expect, test } from "bun:test";
import type { ProcessCategory } from "../../../src/model/categories.ts";
import { runningAnswer } from "../../../src/agent/running-answer.ts";
import { RunningProcesses } from "../../../src/agent/audit/running.ts";

function filled(
  ...programs: readonly (readonly [name: string, category: ProcessCategory, words?: string])[]
) {
  const running = new RunningProcesses();
  for (const [index, [name, category, words = name]] of programs.entries()) {
    const told = {
      processId: `${index + 1}_${1000 + index}`,
      pid: index + 1,
      parentPid: null,
      parentProcessId: null,
      userId: 0,
      userName: "root",
      startedAtMs: 1000 + index,
      isStartExact: true,
      memoryBytes: null,
      cpuTimeMs: null,
      fingerprintHash: String(index).repeat(64),
      fingerprint: {
        name,
        path: `/opt/${name}`,
        fileHash: null,
        signature: null,
        publisher: null,
        version: null,
        commandLinePattern: words,
      },
      category,
    };
    running.put({ told, isLocal: false, startNs: undefined, startTicks: 0 });
  }
  return { running: running.running.bind(running), isRunning: running.isRunning.bind(running) };
}

function pids(...[auditor, filter]: Parameters<typeof runningAnswer>): number[] {
  return runningAnswer(auditor, filter).processes.map(({ pid }) => pid);
}

test("by name, path, fingerprint and category, the newest first", () => {
  const auditor = filled(["steam", "game"], ["bash", "system"], ["steam", "unknown"]);
  expect(pids(auditor, {})).toEqual([3, 2, 1]);
  expect(pids(auditor, { program: "Steam" })).toEqual([3, 1]);
  expect(pids(auditor, { program: "/opt/bash" })).toEqual([2]);
  expect(pids(auditor, { program: "1".repeat(64) })).toEqual([2]);
  expect(pids(auditor, { category: "game" })).toEqual([1]);
  expect(pids(auditor, { category: "game", program: "bash" })).toEqual([]);
});

test("so many as fit a frame; how many there are is told", () => {
  const many = Array.from(
    { length: 5000 },
    (_, index) => [`p${index}`, "unknown", "x".repeat(1500)] as const,
  );
  const { matching, processes } = runningAnswer(filled(...many), {});
  expect(matching).toBe(5000);
  expect(processes.length).toBeGreaterThan(1000);
  expect(JSON.stringify(processes).length).toBeLessThan(4 * 1024 * 1024 - 10_000);
  expect(processes[0]?.pid).toBe(5000);
});
