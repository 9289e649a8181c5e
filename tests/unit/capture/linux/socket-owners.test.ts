/** Inodes to processes, over a made-up proc file system: who holds what, in which order, and how that changes. */
import { readdirSync } from "node:fs";
import { mkdir, rm, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { ProcFiles, type ProcAbsence } from "../../../../src/capture/linux/proc-files.ts";
import { SocketOwners } from "../../../../src/capture/linux/socket-owners.ts";
import { ProcessTable } from "../../../../src/capture/linux/process-table.ts";
import { Users } from "../../../../src/capture/linux/users.ts";
import { tmpdir, type TemporaryDirectory } from "../../../support/tmpdir.ts";

class FakeProc implements AsyncDisposable {
  readonly root: string;
  readonly #directory: TemporaryDirectory;

  private constructor(directory: TemporaryDirectory) {
    this.#directory = directory;
    this.root = directory.path;
  }

  static async create(): Promise<FakeProc> {
    const proc = new FakeProc(await tmpdir());
    await Bun.write(join(proc.root, "stat"), "cpu 1\nbtime 1700000000\n");
    await Bun.write(join(proc.root, "passwd"), "alice:x:1000:1000::/:\n");
    await Bun.write(join(proc.root, "version"), "not a process");
    return proc;
  }

  async process(pid: number, startTicks: number, sockets: readonly number[], comm = "prog"): Promise<void> {
    await mkdir(join(this.root, `${pid}/fd`), { recursive: true });
    await this.stat(pid, startTicks, comm);
    await Bun.write(join(this.root, `${pid}/cmdline`), `${comm}\0--flag\0`);
    await Bun.write(join(this.root, `${pid}/status`), "Name:\tx\nUid:\t1000\t1000\t1000\t1000\n");
    await this.hold(pid, sockets);
    await this.executable(pid, `/usr/bin/${comm}`);
  }

  async stat(pid: number, startTicks: number, comm: string): Promise<void> {
    await Bun.write(
      join(this.root, `${pid}/stat`),
      `${pid} (${comm}) S 7 1 1 0 -1 0 1 2 3 4 150 50 0 0 20 0 7 0 ${startTicks} 999 10 0\n`,
    );
  }

  async executable(pid: number, path: string): Promise<void> {
    await rm(join(this.root, `${pid}/exe`), { force: true });
    await symlink(path, join(this.root, `${pid}/exe`));
  }

  async hold(pid: number, sockets: readonly number[]): Promise<void> {
    await rm(join(this.root, `${pid}/fd`), { recursive: true, force: true });
    await mkdir(join(this.root, `${pid}/fd`));
    await symlink("/dev/null", join(this.root, `${pid}/fd/0`));
    await symlink("pipe:[5]", join(this.root, `${pid}/fd/1`));
    for (const [index, inode] of sockets.entries()) {
      await symlink(`socket:[${inode}]`, join(this.root, `${pid}/fd/${index + 3}`));
    }
  }

  async end(pid: number): Promise<void> {
    await rm(join(this.root, `${pid}`), { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** One sample at a time of the test's choosing; returns the owners of each inode. */
function look(
  files: ProcFiles,
  owners: SocketOwners,
  inodes: readonly number[],
  nowMs: number,
): (readonly string[])[] {
  owners.begin();
  const entries = inodes.map((inode) => owners.use(inode, nowMs));
  owners.search(files.pids(), () => nowMs);
  return entries.map((entry) => entry.owners);
}

test("every holder is kept, the one who started first in front, and holders that let go are dropped", async () => {
  await using proc = await FakeProc.create();
  await proc.process(10, 500, [1, 2, 2]);
  await proc.process(11, 400, [2, 99]);
  using files = new ProcFiles(proc.root);
  const owners = new SocketOwners(files, "boot");
  expect(files.pids().sort((a, b) => a - b)).toEqual([10, 11]);
  expect(look(files, owners, [1, 2, 3], 0)).toEqual([["boot:10:500"], ["boot:11:400", "boot:10:500"], []]);
  const counts = new Map([...owners.holders()].map(({ pid, liveCount }) => [pid, liveCount]));
  expect([counts.get(10), counts.get(11), counts.size]).toEqual([2, 1, 2]);
  await proc.hold(11, []);
  // Looked at again only after a while.
  expect(look(files, owners, [1, 2], 100)).toEqual([["boot:10:500"], ["boot:11:400", "boot:10:500"]]);
  expect(look(files, owners, [1, 2], 5000)).toEqual([["boot:10:500"], ["boot:10:500"]]);
});

test("a glance finds one holder of what is new, and the next sample the others", async () => {
  await using proc = await FakeProc.create();
  await proc.process(10, 500, [1]);
  using files = new ProcFiles(proc.root);
  const owners = new SocketOwners(files, "boot");
  expect(look(files, owners, [1], 0)).toEqual([["boot:10:500"]]);
  await proc.process(11, 600, [7]);
  await proc.process(12, 700, [7]);
  owners.begin(true);
  const entry = owners.use(7, 50);
  expect(owners.isSearching).toBe(true);
  owners.search(files.pids(), () => 50);
  expect([entry.owners, owners.isSearching]).toEqual([["boot:12:700"], false]);
  expect(look(files, owners, [1, 7], 100)).toEqual([["boot:10:500"], ["boot:11:600", "boot:12:700"]]);
  // What a glance does not find is looked for again at once, and is a miss only then.
  owners.begin(true);
  owners.use(8, 110);
  owners.search(files.pids(), () => 110);
  expect(owners.missedCount).toBe(0);
  await proc.process(13, 800, [8]);
  expect(look(files, owners, [8], 120)).toEqual([["boot:13:800"]]);
  expect(look(files, owners, [9], 130)).toEqual([[]]);
  expect(owners.missedCount).toBe(1);
});

/** A kernel that tells how many descriptors a process has. */
class CountingFiles extends ProcFiles {
  looks = 0;

  override descriptorCount(pid: number): number {
    return readdirSync(join(this.root, `${pid}/fd`)).length;
  }

  override sockets(pid: number, visit: (inode: number) => void): number | ProcAbsence {
    this.looks += 1;
    return super.sockets(pid, visit, undefined);
  }
}

test("where the kernel counts descriptors, an unchanged process is looked at less often, a changed one soon", async () => {
  await using proc = await FakeProc.create();
  await proc.process(10, 500, [1, 2]);
  await proc.process(11, 400, [2, 99]);
  using files = new CountingFiles(proc.root);
  const owners = new SocketOwners(files, "boot");
  expect(look(files, owners, [1, 2], 0)).toEqual([["boot:10:500"], ["boot:11:400", "boot:10:500"]]);
  expect(files.looks).toBe(2);
  look(files, owners, [1, 2], 2000);
  expect(files.looks).toBe(2);
  // As many descriptors as before, but another one.
  await proc.hold(11, [98, 99]);
  expect(look(files, owners, [1, 2], 4000)[1]).toEqual(["boot:11:400", "boot:10:500"]);
  expect(look(files, owners, [1, 2], 5000)[1]).toEqual(["boot:10:500"]);
  expect(files.looks).toBe(4);
  await proc.hold(11, [2, 98, 99]);
  expect(look(files, owners, [1, 2], 7000)[1]).toEqual(["boot:11:400", "boot:10:500"]);
  expect(files.looks).toBe(5);
});

test("of holders that started in the same tick the lower pid is the opener", async () => {
  await using proc = await FakeProc.create();
  for (const pid of [12, 10, 11]) await proc.process(pid, 500, [1]);
  using files = new ProcFiles(proc.root);
  const owners = new SocketOwners(files, "boot");
  expect(look(files, owners, [1], 0)).toEqual([["boot:10:500", "boot:11:500", "boot:12:500"]]);
});

test("a new socket is found at once, a socket without a holder is looked for less and less often", async () => {
  await using proc = await FakeProc.create();
  await proc.process(10, 500, [1]);
  using files = new ProcFiles(proc.root);
  const owners = new SocketOwners(files, "boot");
  expect(look(files, owners, [1], 0)).toEqual([["boot:10:500"]]);
  await proc.hold(10, [1, 7]);
  expect(look(files, owners, [1, 7], 10)).toEqual([["boot:10:500"], ["boot:10:500"]]);
  look(files, owners, [1, 7, 8], 20);
  const entry = owners.use(8, 30);
  expect([entry.searches, entry.searchAgainAtMs]).toEqual([1, 920]);
  look(files, owners, [1, 7, 8], 1000);
  expect([entry.searches, entry.searchAgainAtMs]).toEqual([2, 2800]);
});

test("a process that is gone holds nothing, and one with its pid is another", async () => {
  await using proc = await FakeProc.create();
  await proc.process(10, 500, [1]);
  await proc.process(12, 600, [2]);
  using files = new ProcFiles(proc.root);
  const owners = new SocketOwners(files, "boot");
  look(files, owners, [1, 2], 0);
  await proc.end(12);
  await proc.end(10);
  await proc.process(10, 900, [1]);
  expect(look(files, owners, [1, 2], 5000)).toEqual([["boot:10:900"], []]);
});

test("details, usage, exec and exit of the holders", async () => {
  await using proc = await FakeProc.create();
  await proc.process(10, 500, [1], "first");
  using files = new ProcFiles(proc.root);
  const owners = new SocketOwners(files, "boot");
  const users = new Users(join(proc.root, "passwd"));
  users.refresh();
  const table = new ProcessTable(files, users);
  const update = (): ReturnType<ProcessTable["update"]> =>
    table.update(owners.holders(), new Set(files.pids()));
  look(files, owners, [1], 0);
  const first = update();
  expect(first.processes).toEqual([
    {
      key: "boot:10:500",
      pid: 10,
      parentPid: 7,
      name: "first",
      path: "/usr/bin/first",
      commandLine: ["first", "--flag"],
      userId: 1000,
      userName: "alice",
      startedAtMs: 1_700_000_000_000 + 5000,
    },
  ]);
  expect(first.usage).toEqual([{ key: "boot:10:500", memoryBytes: 40_960, cpuTimeMs: 2000 }]);
  expect(update().processes).toEqual([]);
  await proc.executable(10, "/opt/second (deleted)");
  await proc.stat(10, 500, "second");
  expect(update().processes.map(({ name, path }) => [name, path])).toEqual([["second", "/opt/second"]]);
  await unlink(join(proc.root, "10/exe"));
  expect(update().processes.map(({ name, path }) => [name, path])).toEqual([["second", undefined]]);
  await proc.stat(10, 501, "other");
  const reused = update();
  expect([reused.exited, reused.stale.map(({ pid }) => pid)]).toEqual([["boot:10:500"], [10]]);
  expect(update().exited).toEqual([]);
});

test("no proc file system is an error that says what to do", () => {
  expect(() => new ProcFiles("/nonexistent/proc")).toThrow("/nonexistent/proc can't be opened");
});
