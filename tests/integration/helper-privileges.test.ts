/** What the helper still may do once it serves, thread by thread, and that no other process has power over it. */
import { expect } from "bun:test";
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { NOBODY_ID } from "../support/as-nobody.ts";
import { HelperProcess } from "../support/helper-process.ts";
import { testWith, type Need } from "../support/needs.ts";
import { waitFor } from "../support/wait-for.ts";

const NEEDS: readonly Need[] = ["root", "program:clang", "program:llvm-strip", "program:setpriv"];

interface Thread {
  readonly name: string;
  readonly isMain: boolean;
  readonly facts: Readonly<Record<string, string>>;
}

function threadsOf(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((id) => {
    const text = statusOf(pid, id);
    if (text === undefined) return [];
    const lines = text.split("\n");
    const facts = Object.fromEntries(lines.map((line) => line.split(":\t", 2) as [string, string]));
    return [{ name: facts["Name"] ?? "", isMain: Number(id) === pid, facts }];
  });
}

/** Undefined of a thread that has ended since it was listed. */
function statusOf(pid: number, thread: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
  } catch {
    return undefined;
  }
}

testWith(NEEDS, "privileges are gone in every thread, but for looking at other processes", async () => {
  await using helper = await HelperProcess.start();
  // Nobody wonders who this is, although it has started itself anew by /proc/self/exe.
  expect(readFileSync(`/proc/${helper.pid}/comm`, "utf8")).toBe("wb helper\n");
  using client = await helper.session();
  // What it still may do, it does: name the executable of another user's process.
  const sleep = ["setpriv", `--reuid=${NOBODY_ID}`, "--clear-groups", "sleep", "60"];
  const other = Bun.spawn(sleep, { env: { PATH: "/usr/bin:/bin" } });
  const row = await waitFor("the other process", async () => {
    const { processes } = await client.ask({ type: "processStats", pids: [other.pid, 2 ** 22] });
    expect(processes.length).toBe(1);
    return processes[0]?.commandLine[0] === "sleep" ? processes[0] : undefined;
  });
  expect([row.path, row.userId, row.parentPid]).toEqual([realpathSync("/bin/sleep"), NOBODY_ID, process.pid]);
  other.kill();
  const SYS_PTRACE = (1n << 19n).toString(16).padStart(16, "0");
  const NONE = "0".repeat(16);
  const threads = threadsOf(helper.pid);
  expect(threads.length).toBeGreaterThan(1);
  for (const { name, isMain, facts } of threads) {
    const isRoot = facts["Uid"]?.startsWith("0\t");
    const inherited = isRoot ? SYS_PTRACE : NONE;
    expect([name, facts["CapEff"], facts["CapInh"], facts["CapAmb"]]).toEqual([name, NONE, NONE, NONE]);
    expect([name, facts["CapPrm"]]).toEqual([name, isMain ? SYS_PTRACE : inherited]);
    expect([name, facts["NoNewPrivs"], facts["Seccomp"]]).toEqual([name, "1", "2"]);
    if (isMain) expect(facts["CapBnd"]).toBe(NONE);
  }
  // Nobody but root may look into it: it is not dumpable.
  expect(statSync(`/proc/${helper.pid}/environ`).uid).toBe(0);
});

testWith(
  NEEDS,
  "other threads have a user that no account has, so that no process can stop them",
  async () => {
    await using helper = await HelperProcess.start();
    const others = threadsOf(helper.pid).filter(({ facts }) => !facts["Uid"]?.startsWith("0\t"));
    expect(others.length).toBeGreaterThan(0);
    for (const { facts } of others) {
      const userId = facts["Uid"]?.split("\t")[0] ?? "";
      // Who has a thread's user id may send signals to it, and each ends or stops the whole process (kill(2)).
      expect(Number(userId)).toBeGreaterThanOrEqual(2 ** 31);
      expect(readFileSync("/etc/passwd", "utf8")).not.toContain(`:${userId}:`);
      const stop = ["setpriv", `--reuid=${NOBODY_ID}`, "--clear-groups", "kill", "-STOP", facts["Pid"] ?? ""];
      expect(Bun.spawnSync(stop, { env: { PATH: "/usr/bin:/bin" } }).exitCode).not.toBe(0);
    }
    using client = await helper.session();
    await client.ask({ type: "heartbeat" });
  },
);
