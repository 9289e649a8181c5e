/** Descriptors asked for by number are the same as those that are listed: our own, with gaps, in the real proc. */
import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { expect, test } from "bun:test";
import { ProcFiles } from "../../../../src/capture/linux/proc-files.ts";

/** The inodes by way of the file system's functions. */
function inodesByLinks(): number[] {
  const inodes: number[] = [];
  for (const name of readdirSync("/proc/self/fd")) {
    try {
      const found = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${name}`));
      if (found?.[1] !== undefined) inodes.push(Number(found[1]));
    } catch {
      // the descriptor of the directory itself, closed by now
    }
  }
  return inodes.sort((a, b) => a - b);
}

const TRIES_MAX = 50;

/** Looked at anew where another thread of this process opened or closed something meanwhile. */
function expectEverySocket(files: ProcFiles, expected: number | undefined): void {
  for (let tries = 1; ; tries += 1) {
    const inodes: number[] = [];
    const before = inodesByLinks();
    const count = files.sockets(process.pid, (inode) => inodes.push(inode), expected);
    // Its own directory is open while it looks.
    const listed = readdirSync("/proc/self/fd").length;
    const isQuiet = count === listed && Bun.deepEquals(before, inodesByLinks());
    if (!isQuiet && tries < TRIES_MAX) continue;
    expect(count).toBe(listed);
    expect(inodes.sort((a, b) => a - b)).toEqual(before);
    return;
  }
}

test("by number or by listing, with or without gaps, every socket is found once", () => {
  using files = new ProcFiles();
  const listeners: Disposable[] = [];
  const plain: number[] = [];
  const listen = (): void => {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    listeners.push({ [Symbol.dispose]: () => listener.stop(true) });
  };
  try {
    for (let index = 0; index < 40; index += 1) {
      plain.push(openSync("/dev/null", "r"));
      if (index % 10 === 9) listen();
    }
    expect(inodesByLinks().length).toBeGreaterThanOrEqual(4);
    expectEverySocket(files, undefined);
    expectEverySocket(files, files.descriptorCount(process.pid));
    // Few gaps, then so many that the rest is listed; and a count that is older than the descriptors.
    const before = files.descriptorCount(process.pid);
    for (const [kept, few] of [
      [36, true],
      [4, false],
    ] as const) {
      while (plain.length > kept) closeSync(plain.splice(few ? plain.length >> 1 : 0, 1)[0] ?? -1);
      expectEverySocket(files, files.descriptorCount(process.pid));
      expectEverySocket(files, before);
      expectEverySocket(files, 16);
    }
  } finally {
    for (const fd of plain) closeSync(fd);
    for (const listener of listeners) listener[Symbol.dispose]();
  }
});

test("a process that is not there has no descriptors to count", () => {
  using files = new ProcFiles();
  expect(files.descriptorCount(2 ** 22 + 1)).toBeUndefined();
  expect(files.sockets(2 ** 22 + 1, () => undefined, undefined)).toBe("gone");
});
