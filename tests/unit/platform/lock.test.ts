/** The lock keeps others out, within a process and between processes, and dies with its holder. */
import { expect, test } from "bun:test";
import { existsSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFileLock } from "../../../src/platform/lock.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

test("one holder at a time; releasing lets the next in", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "made", "here", "x.lock");
  const [first, second] = [createFileLock(path), createFileLock(path)];
  expect(first.tryAcquire()).toBe(true);
  expect(first.tryAcquire()).toBe(true);
  expect(second.tryAcquire()).toBe(false);
  expect((statSync(join(directory.path, "made")).mode & 0o777).toString(8)).toBe("700");
  first.release();
  expect(second.tryAcquire()).toBe(true);
  second.release();
  second.release();
});

test("a killed holder lets go, although its children live on", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "x.lock");
  const module = new URL("../../../src/platform/lock.ts", import.meta.url).pathname;
  const script = `
    const { createFileLock } = await import(${JSON.stringify(module)});
    if (!createFileLock(${JSON.stringify(path)}).tryAcquire()) process.exit(1);
    const child = Bun.spawn(["sleep", "30"]);
    console.log(child.pid);
    await child.exited;
  `;
  const holder = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const { value } = await holder.stdout.getReader().read();
  const childPid = Number(new TextDecoder().decode(value));
  const mine = createFileLock(path);
  try {
    expect(mine.tryAcquire()).toBe(false);
    holder.kill("SIGKILL");
    await holder.exited;
    expect(existsSync(`/proc/${childPid}`)).toBe(true);
    await waitFor("the lock to be free", () => mine.tryAcquire());
  } finally {
    process.kill(childPid, "SIGKILL");
    mine.release();
  }
});

test("a lock on a file that is no longer there keeps nobody out", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "x.lock");
  const [first, second] = [createFileLock(path), createFileLock(path)];
  expect(first.tryAcquire()).toBe(true);
  renameSync(path, `${path}.moved`);
  expect(second.tryAcquire()).toBe(true);
  first.release();
  second.release();
});

test("where no lock can be made it says what to do", async () => {
  await using directory = await tmpdir();
  writeFileSync(join(directory.path, "file"), "");
  expect(() => createFileLock(join(directory.path, "file", "x.lock")).tryAcquire()).toThrow(
    /^cannot lock .*file\/x\.lock: /,
  );
});

test("touching leaves the time, taking the lock does not", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "x.lock");
  const lock = createFileLock(path);
  expect(lock.touchedAtMs()).toBeUndefined();
  expect(lock.tryAcquire()).toBe(true);
  utimesSync(path, 1000, 1000);
  lock.release();
  expect(lock.tryAcquire()).toBe(true);
  expect(lock.touchedAtMs()).toBe(1_000_000);
  lock.touch();
  expect(Math.abs((lock.touchedAtMs() ?? 0) - Date.now())).toBeLessThan(10_000);
  lock.release();
});
