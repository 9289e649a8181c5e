/** Facts of the machine, from made-up files where the real ones can't be chosen. */
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { freeBytes, hidePid, networkNamespaces, sizeOf } from "../../../src/platform/system-facts.ts";
import { tmpdir } from "../../support/tmpdir.ts";

test("hidepid is that of /proc itself", () => {
  const mounts = (options: string) => `sysfs /sys sysfs rw,hidepid=9 0 0\nproc /proc proc ${options} 0 0\n`;
  expect(hidePid(mounts("rw,nosuid"))).toBeUndefined();
  expect(hidePid(mounts("rw,hidepid=2,gid=5"))).toBe("2");
  expect(hidePid(mounts("hidepid=invisible"))).toBe("invisible");
  expect(hidePid("")).toBeUndefined();
});

test("other network namespaces are counted once each, with a process of the fullest", async () => {
  await using directory = await tmpdir();
  const process = (name: string, namespace: string): void => {
    mkdirSync(join(directory.path, name, "ns"), { recursive: true });
    symlinkSync(namespace, join(directory.path, name, "ns", "net"));
  };
  expect(networkNamespaces(directory.path)).toBeUndefined();
  process("self", "net:[1]");
  process("10", "net:[1]");
  process("11", "net:[2]");
  process("12", "net:[3]");
  process("13", "net:[3]");
  process("not-a-pid", "net:[4]");
  mkdirSync(join(directory.path, "14"));
  expect(networkNamespaces(directory.path)).toEqual({ others: 2, examplePid: 12, hiddenProcesses: 0 });
});

test("what may not be looked at is not there", () => {
  expect(sizeOf("/proc/self/status/below-a-file")).toBeUndefined();
  expect(sizeOf(import.meta.path)).toBeGreaterThan(0);
});

test("free space is that of the nearest directory that exists", async () => {
  await using directory = await tmpdir();
  const free = freeBytes(join(directory.path, "a", "b", "c"));
  expect(free).toBeGreaterThan(0);
  expect(Number.isSafeInteger(free)).toBe(true);
});
