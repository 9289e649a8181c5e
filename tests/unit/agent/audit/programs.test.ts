/** From what was seen of a program to what is told of it, where who runs it is gone or may not be looked into. */
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { expect, test } from "bun:test";
import { FileReader } from "../../../../src/agent/audit/file-facts.ts";
import { ProcessIds } from "../../../../src/agent/audit/process-ids.ts";
import { Programs } from "../../../../src/agent/audit/programs.ts";
import { Run, Tracked } from "../../../../src/agent/audit/tracked.ts";
import type { ProcessDescription, ProcessScanner } from "../../../../src/capture/linux/process-scan.ts";
import { bootTimeNs } from "../../../../src/platform/boot-time.ts";
import type { Fingerprint } from "../../../../src/protocol/fleet/payloads.ts";

const TRUE = "/bin/true";
const DESCRIPTION: ProcessDescription = {
  comm: "true",
  parentPid: 1,
  userId: 0,
  path: undefined,
  isReplaced: false,
  isForeign: undefined,
  commandLine: [],
  memoryBytes: 0,
  cpuTimeMs: 0,
  readNs: 0,
};

/** Of a process that the kernel has told to have started `TRUE`, and of which /proc says this; the helper knows no more. */
async function told(description: ProcessDescription | undefined, isForeign: boolean): Promise<Fingerprint> {
  const scanner = {
    describe: () => description,
    executableLink: () => "/proc/0/exe",
    runs: () => false,
  } as unknown as ProcessScanner;
  const store = { fileFacts: () => undefined, keepFileFacts: () => undefined };
  const files = new FileReader(store, () => Promise.resolve(undefined), Date.now);
  const state = { get: () => undefined, set: () => undefined };
  const ids = new ProcessIds("boot", 100, { now: Date.now, bootNs: bootTimeNs }, state);
  const programs = new Programs(scanner, files, ids);
  const run = new Run({ execNs: bootTimeNs(), comm: "true", fileName: TRUE, commandLine: [TRUE, "x"] });
  const start = { pid: 4711, startTicks: 1, startNs: 1, parentPid: 1, parentStartTicks: 0, userId: 0 };
  const process = new Tracked({ ...start, run, state: "told" });
  process.isForeign = isForeign;
  const row = { pid: 4711, startTime: 1, parentPid: 1, userId: 0, name: "true", path: undefined };
  const rows = [{ ...row, commandLine: [], memoryBytes: 0, cpuTimeMs: 0 }];
  programs.look([{ process, run }], () => Promise.resolve(rows));
  await programs.whenComplete(process, run);
  return programs.of(process, run).fingerprint;
}

const fileHash = createHash("sha256").update(readFileSync(TRUE)).digest("hex");
const expected = { name: "true", path: realpathSync(TRUE), fileHash, commandLinePattern: "/bin/true x" };

test("of one that is gone, or just ending, it is the file that it was started as, as its parent sees it", async () => {
  expect(await told(undefined, false)).toMatchObject(expected);
  expect(await told(DESCRIPTION, false)).toMatchObject(expected);
});

test("of one whose parent sees other files, or of whose parent nothing is known, only the path is told", async () => {
  const unknown = { path: TRUE, fileHash: null, publisher: null };
  expect(await told(undefined, true)).toMatchObject(unknown);
  expect(await told(DESCRIPTION, true)).toMatchObject(unknown);
});
