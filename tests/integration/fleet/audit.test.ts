/**
 * The auditor over this machine's own processes, by scans and by the real helper: programs that are started for it, as nobody
 * too, hundreds that live for milliseconds, and a helper that is killed and comes back.
 */
import { chmod, copyFile, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "bun:test";
import { parseProcStat } from "../../../src/decode/proc-pid.ts";
import type { ProcessStarted } from "../../../src/protocol/fleet/payloads.ts";
import { NOBODY_ID } from "../../support/as-nobody.ts";
import { problemsOf, startAudit, type AuditWorld } from "../../support/fleet/audit-world.ts";
import { HelperProcess } from "../../support/helper-process.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const SLEEP = "/usr/bin/sleep";

function named(payloads: readonly ProcessStarted[], pid: number): ProcessStarted | undefined {
  return payloads.findLast(({ eventData }) => eventData.pid === pid);
}

/** Its start; on a slow machine that is told before its file was read, and a change when it was. */
function withFile(world: AuditWorld, ofPid: number): Promise<ProcessStarted> {
  return waitFor("what its file is", () =>
    [...world.starts(), ...world.changes()].find(
      ({ eventData: { pid, fingerprint } }) => pid === ofPid && fingerprint.fileHash !== null,
    ),
  );
}

function problems(world: AuditWorld): string[] {
  return problemsOf(world.outbox.told.map(({ payload }) => payload));
}

function startOf(pid: number): number {
  return parseProcStat(readFileSync(`/proc/${pid}/stat`))?.startTicks ?? -1;
}

async function ready(world: AuditWorld): Promise<void> {
  await waitFor("the first snapshot", () => world.snapshots().length > 0);
}

async function live(world: AuditWorld): Promise<void> {
  await ready(world);
  await waitFor("the helper to be found", () => world.gaps().some(({ reason }) => reason === "scan_only"));
}

describe("by scans", () => {
  test("a program is told with its parent, user, file and package, and once when it is gone", async () => {
    await using directory = await tmpdir();
    await using world = startAudit({ directory: directory.path });
    await ready(world);
    const child = Bun.spawn([SLEEP, "60"]);
    const { eventData } = await withFile(world, child.pid);
    const bytes = readFileSync(SLEEP);
    const own = world.auditor.running().find(({ pid }) => pid === process.pid);
    expect(eventData).toMatchObject({
      pid: child.pid,
      parentPid: process.pid,
      parentProcessId: own?.processId ?? "the test itself was not told",
      userId: process.getuid?.() ?? -1,
      isStartExact: false,
      fingerprint: {
        name: "sleep",
        path: SLEEP,
        fileHash: createHash("sha256").update(bytes).digest("hex"),
        signature: null,
        commandLinePattern: "/usr/bin/sleep 60",
      },
    });
    expect(Math.abs(eventData.startedAtMs - Date.now())).toBeLessThan(10_000);
    expect(world.auditor.isRunning("sleep")).toBe(true);
    expect(world.auditor.running({ name: "SLEEP" }).map(({ pid }) => pid)).toContain(child.pid);
    expect(world.auditor.running({ category: "game", name: "sleep" })).toEqual([]);
    child.kill("SIGKILL");
    const stopped = await waitFor("the end", () =>
      world.stops().find(({ processId }) => processId === eventData.processId),
    );
    expect(stopped.eventData).toMatchObject({ isEndExact: false, exitCode: null, name: "sleep" });
    expect(stopped.eventData.stoppedAtMs).toBeGreaterThanOrEqual(eventData.startedAtMs);
    expect(problems(world)).toEqual([]);
  });

  testWith(["program:dpkg-query"], "the maker and version are those of the package", async () => {
    await using directory = await tmpdir();
    await using world = startAudit({ directory: directory.path });
    const child = Bun.spawn([SLEEP, "60"]);
    const { eventData } = await withFile(world, child.pid);
    child.kill();
    const asked = Bun.spawnSync(["dpkg-query", "-W", "-f", "${Maintainer}\t${Version}", "coreutils"]);
    const [maintainer = "", version = ""] = asked.stdout.toString().split("\t");
    expect(eventData.fingerprint).toMatchObject({
      publisher: maintainer.replace(/ <.*/, ""),
      version,
    });
  });

  test("a file that was replaced while it runs is hashed all the same, and one that is the same is read once", async () => {
    await using directory = await tmpdir();
    const program = `${directory.path}/program`;
    await copyFile(SLEEP, program);
    await chmod(program, 0o755);
    const child = Bun.spawn([program, "60"]);
    await waitFor(
      "the program to run",
      () => readFileSync(`/proc/${child.pid}/comm`, "utf8") === "program\n",
    );
    await Bun.file(program).delete();
    await writeFile(program, "another");
    await using world = startAudit({ directory: directory.path });
    const { eventData } = await withFile(world, child.pid);
    child.kill();
    expect(eventData.fingerprint).toMatchObject({
      path: program,
      fileHash: createHash("sha256").update(readFileSync(SLEEP)).digest("hex"),
      publisher: null,
    });
  });

  test("an exec is a change of the same process", async () => {
    await using directory = await tmpdir();
    await using world = startAudit({ directory: directory.path });
    await ready(world);
    const child = Bun.spawn(["sh", "-c", "read go; exec sleep 60"], { stdin: "pipe" });
    const started = await waitFor("the start", () => named(world.starts(), child.pid));
    await child.stdin.write("go\n");
    await child.stdin.flush();
    const changed = await waitFor("the change", () =>
      world.changes().find(({ eventData: { pid, fingerprint } }) => {
        return pid === child.pid && fingerprint.name === "sleep";
      }),
    );
    child.kill();
    expect(changed.processId).toBe(started.processId);
    await waitFor("the end", () => world.stops().some(({ processId }) => processId === started.processId));
    expect(problems(world)).toEqual([]);
  });

  test("what a person said of a program is what its processes are, and is asked for once", async () => {
    await using directory = await tmpdir();
    const program = `${directory.path}/nobody-knows-this`;
    await copyFile(SLEEP, program);
    await chmod(program, 0o755);
    await using world = startAudit({
      directory: directory.path,
      answers: (requests) =>
        requests
          .filter(({ name }) => name === "nobody-knows-this")
          .map(({ fingerprintHash }) => ({
            fingerprintHash,
            classification: "media",
            source: "upstream",
            updatedAt: new Date().toISOString(),
          })),
    });
    await ready(world);
    const children = [Bun.spawn([program, "60"]), Bun.spawn([program, "61"])];
    await waitFor("the answer", () => world.auditor.running({ category: "media" }).length === 2);
    const [one] = world.auditor.running({ category: "media" });
    const fingerprintHash = one?.fingerprintHash ?? "";
    const update = { fingerprintHash, updatedAt: new Date().toISOString() };
    world.auditor.applyClassifications([{ ...update, classification: "game", source: "parent_override" }]);
    expect(world.auditor.running({ category: "game" })).toHaveLength(2);
    world.auditor.applyClassifications([{ ...update, classification: "browser", source: "community" }]);
    expect(world.auditor.running({ category: "game" })).toHaveLength(2);
    expect(world.auditor.isRunning(fingerprintHash)).toBe(true);
    for (const child of children) child.kill();
    expect(world.asked.filter(({ name }) => name === "nobody-knows-this")).toHaveLength(1);
  });
});

/** A helper whose service this auditor finds. */
function helped(helper: HelperProcess): Pick<Parameters<typeof startAudit>[0], "helper" | "helperRetryMs"> {
  return {
    helper: { socketPath: helper.socketPath, secretPath: helper.secretPath },
    helperRetryMs: { first: 50, last: 200 },
  };
}

describe("with the helper", () => {
  const needs = ["root", "program:setpriv"] as const;

  testWith(
    needs,
    "three hundred that live for milliseconds are each told once, in order, with parent and times",
    async () => {
      await using directory = await tmpdir();
      await using helper = await HelperProcess.start();
      await using world = startAudit({ directory: directory.path, ...helped(helper) });
      await live(world);
      const beganMs = Date.now();
      const script = "i=0; while [ $i -lt 300 ]; do /bin/true burst-$i; i=$((i+1)); done; exit 7";
      const shell = Bun.spawn(["sh", "-c", script]);
      expect(await shell.exited).toBe(7);
      const endedMs = Date.now();
      const shellStart = await waitFor("the shell", () => named(world.starts(), shell.pid));
      const shellStop = await waitFor("the shell's end", () =>
        world.stops().find(({ processId }) => processId === shellStart.processId),
      );
      expect(shellStop.eventData).toMatchObject({ exitCode: 7, isEndExact: true });
      // Where the machine is so busy that the exec comes later than is waited for, it is told as a change.
      const changes = new Map(world.changes().map((change) => [change.processId, change]));
      const burst = world
        .starts()
        .filter(({ eventData }) => eventData.parentProcessId === shellStart.processId)
        .map((start) => changes.get(start.processId) ?? start);
      expect(burst.map(({ eventData }) => eventData.fingerprint.commandLinePattern)).toEqual(
        Array.from({ length: 300 }, (_, index) => `/bin/true burst-${index}`),
      );
      const [hash] = burst.map(({ fingerprintHash }) => fingerprintHash);
      const fileHash = createHash("sha256").update(readFileSync("/bin/true")).digest("hex");
      for (const { eventData, fingerprintHash } of burst) {
        expect(eventData).toMatchObject({ isStartExact: true, parentPid: shell.pid, userId: 0 });
        expect(eventData.fingerprint).toMatchObject({ name: "true", fileHash });
        expect(fingerprintHash).toBe(hash ?? "");
        expect(eventData.startedAtMs).toBeGreaterThan(beganMs - 50);
        const stops = world.stops().filter(({ processId }) => processId === eventData.processId);
        expect(stops).toHaveLength(1);
        expect(stops[0]?.eventData).toMatchObject({ exitCode: 0, isEndExact: true });
        const stoppedAtMs = stops[0]?.eventData.stoppedAtMs ?? Infinity;
        expect(stoppedAtMs).toBeLessThan(endedMs + 50);
        expect(stoppedAtMs).toBeGreaterThanOrEqual(eventData.startedAtMs);
      }
      const times = burst.map(({ eventData }) => eventData.startedAtMs);
      expect(times).toEqual(times.toSorted((one, other) => one - other));
      expect(problems(world)).toEqual([]);
    },
  );

  testWith(
    needs,
    "an exec as nobody, a fork without an exec, a signal, and the same ids as by /proc",
    async () => {
      await using directory = await tmpdir();
      await using helper = await HelperProcess.start();
      await using world = startAudit({ directory: directory.path, ...helped(helper) });
      await live(world);
      const nobody = Bun.spawn([
        "setpriv",
        `--reuid=${NOBODY_ID}`,
        `--regid=${NOBODY_ID}`,
        "--clear-groups",
        "sleep",
        "60",
      ]);
      const became = await waitFor("the exec", () => named(world.changes(), nobody.pid));
      expect(named(world.starts(), nobody.pid)?.eventData.fingerprint.name).toBe("setpriv");
      expect(became.eventData).toMatchObject({
        userId: NOBODY_ID,
        userName: "nobody",
        fingerprint: { name: "sleep" },
      });
      const key = `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim().replaceAll("-", "")}:${nobody.pid}:${startOf(nobody.pid)}`;
      expect(world.auditor.processIdOf(key)).toBe(became.processId);
      nobody.kill("SIGKILL");
      const killed = await waitFor("the kill", () =>
        world.stops().find(({ processId }) => processId === became.processId),
      );
      expect(killed.eventData.exitCode).toBe(-9);

      const shell = Bun.spawn(["sh", "-c", "(read nothing; exit 3) & wait $!"], { stdin: "pipe" });
      const shellStart = await waitFor("the shell", () => named(world.starts(), shell.pid));
      const fork = await waitFor("the fork", () =>
        world.starts().find(({ eventData }) => eventData.parentProcessId === shellStart.processId),
      );
      expect(fork.eventData.fingerprint).toEqual(shellStart.eventData.fingerprint);
      await shell.stdin.end();
      const ended = await waitFor("its end", () =>
        world.stops().find(({ processId }) => processId === fork.processId),
      );
      expect(ended.eventData.exitCode).toBe(3);
      await shell.exited;
      expect(problems(world)).toEqual([]);
    },
  );

  testWith(needs, "a helper that is killed and comes back: gaps say so, nothing is told twice", async () => {
    await using directory = await tmpdir();
    await using place = await tmpdir();
    const first = await HelperProcess.start({ directory: place.path });
    await using world = startAudit({ directory: directory.path, ...helped(first) });
    await live(world);
    const before = Bun.spawn([SLEEP, "61"]);
    await waitFor("the one before", () => named(world.starts(), before.pid));
    first.child.kill("SIGKILL");
    await first.child.exited;
    await waitFor("the gap", () => world.gaps().some(({ reason }) => reason === "helper_away"));
    const between = Bun.spawn([SLEEP, "62"]);
    const short = Bun.spawn(["true"]);
    await short.exited;
    before.kill();
    const seen = await waitFor("the one between", () => named(world.starts(), between.pid));
    expect(seen.eventData.isStartExact).toBe(false);
    const gone = named(world.starts(), before.pid)?.processId;
    const ended = await waitFor("the end while it is away", () =>
      world.stops().find(({ processId }) => processId === gone),
    );
    expect(ended.eventData.isEndExact).toBe(false);
    await using _second = await HelperProcess.start({ directory: place.path });
    await waitFor(
      "the helper to be back",
      () => world.gaps().filter(({ reason }) => reason === "scan_only").length > 1,
    );
    between.kill();
    const last = await waitFor("the end by the new helper", () =>
      world.stops().find(({ processId }) => processId === seen.processId),
    );
    expect(last.eventData).toMatchObject({ isEndExact: true, exitCode: -15 });
    const after = Bun.spawn(["sh", "-c", "exit 9"]);
    const afterEnd = await waitFor("one after", () =>
      world.stops().find(({ eventData }) => eventData.pid === after.pid),
    );
    expect(afterEnd.eventData.exitCode).toBe(9);
    for (const { fromMs, toMs } of world.gaps()) expect(fromMs).toBeLessThanOrEqual(toMs);
    expect(problems(world)).toEqual([]);
  });
});
