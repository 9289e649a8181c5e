/** What an agent says of its machine: against files as the kernel and logind write them, and against this machine. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHealthReader } from "../../../src/agent/health.ts";
import { tmpdir } from "../../support/tmpdir.ts";

function writeCpu(procRoot: string, busy: number, idle: number): void {
  writeFileSync(join(procRoot, "stat"), `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 2 3 4\n`);
}

test("the processor's load is that between two looks", async () => {
  await using directory = await tmpdir();
  const procRoot = directory.path;
  writeFileSync(join(procRoot, "meminfo"), "MemTotal:  100 kB\nMemFree:  10 kB\nMemAvailable:      64 kB\n");
  writeCpu(procRoot, 1000, 9000);
  const reader = createHealthReader({ directory: directory.path, procRoot });
  const first = reader.health();
  expect(first.cpuPercent).toBeNull();
  expect(first.memoryAvailableBytes).toBe(65_536);
  writeCpu(procRoot, 1025, 9075);
  expect(reader.health().cpuPercent).toBe(25);
  writeCpu(procRoot, 5, 5);
  expect(reader.health().cpuPercent).toBeNull();
});

test("this machine has memory, a disk and an uptime", async () => {
  await using directory = await tmpdir();
  const health = createHealthReader({ directory: directory.path }).health();
  expect(health.memoryAvailableBytes).toBeGreaterThan(0);
  expect(health.memoryTotalBytes).toBeGreaterThan(health.memoryAvailableBytes);
  expect(health.diskTotalBytes).toBeGreaterThan(health.diskFreeBytes);
  expect(health.uptimeSeconds).toBeGreaterThan(0);
});

test("sessions come from logind where it runs, else from utmp, else there are none", async () => {
  await using directory = await tmpdir();
  const reader = createHealthReader({ directory: directory.path, runRoot: directory.path });
  expect(await reader.sessions()).toEqual([]);
  const record = Buffer.alloc(400);
  record.writeInt16LE(7, 0);
  record.write("tty2", 8);
  record.write("ben", 44);
  writeFileSync(join(directory.path, "utmp"), record);
  expect(await reader.sessions()).toEqual([{ user: "ben", terminal: "tty2", host: null, startedAtMs: null }]);
  const sessions = join(directory.path, "systemd", "sessions");
  mkdirSync(sessions, { recursive: true });
  writeFileSync(
    join(sessions, "3"),
    "USER=anna\nCLASS=user\nTTY=pts/0\nREMOTE_HOST=192.0.2.9\nREALTIME=1700000000000000\n",
  );
  expect(await reader.sessions()).toEqual([
    { user: "anna", terminal: "pts/0", host: "192.0.2.9", startedAtMs: 1_700_000_000_000 },
  ]);
});
