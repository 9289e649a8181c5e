/** The elevated helper in the compiled binary: what it says to whom, what it has loaded, how large it is, and its end. */
import { describe, expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { nobodysPlace } from "../support/as-nobody.ts";
import { HelperProcess } from "../support/helper-process.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { runWb } from "../support/run-wb.ts";
import { waitFor } from "../support/wait-for.ts";

const PROGRAM = [BINARY_PATH];
const RESIDENT_BYTES_MAX = 40 * 1024 * 1024;

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0") * 1024;
}

/** Processor time in clock ticks. */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** Empty of a descriptor that was closed after it was listed: the helper reads files of its own now and then. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** Maps, programs and links that the process has descriptors of, by the kernel's ids (proc_pid_fdinfo(5)). */
function heldInKernel(pid: number): [kind: string, id: string][] {
  return readdirSync(`/proc/${pid}/fdinfo`).flatMap((descriptor): [string, string][] => {
    const text = textOf(`/proc/${pid}/fdinfo/${descriptor}`);
    const link = /^link_id:\t(\d+)$/m.exec(text)?.[1];
    if (link !== undefined) return [["link", link]];
    const found = /^(map|prog)_id:\t(\d+)$/m.exec(text);
    return found === null ? [] : [[found[1] ?? "", found[2] ?? ""]];
  });
}

function isInKernel(kind: string, id: string): boolean {
  return Bun.spawnSync(["bpftool", kind, "show", "id", id], { stderr: "ignore" }).exitCode === 0;
}

describe("wb helper", () => {
  testWith(["binary"], "does nothing without --elevated", async () => {
    const { stdout, stderr, code } = await runWb(["helper"]);
    expect(stderr).toBe(
      "wb: the helper works as root: say that you mean it with --elevated\n" +
        "hint: sudo wb helper --elevated; or let the monitor start it: wb monitor --elevate\n",
    );
    expect([stdout, code]).toEqual(["", 2]);
  });

  testWith(["binary", "root", "program:setpriv"], "says who may, where it is not root", async () => {
    await using place = await nobodysPlace();
    const wb = await place.install(BINARY_PATH, "wb");
    const child = Bun.spawn(place.command(wb, "helper", "--elevated"), {
      stdout: "pipe",
      stderr: "pipe",
      cwd: "/",
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    expect(stderr).toBe(
      "wb: the helper has to be root, to load its programs into the kernel\nhint: sudo wb helper --elevated\n",
    );
    expect([stdout, code]).toEqual(["", 4]);
  });

  for (const [args, message] of [
    [["--method", "sock_diag"], "--method"],
    [["--sockets-max", "0"], "--sockets-max must be a whole number from 1 to"],
    [["--session-lifetime", "9h"], "--session-lifetime must be between 1 s and 8h 00m"],
    [["--launched", "--socket", "/run/x"], "--launched chooses its own socket"],
    [["--log-level", "loud"], "--log-level"],
  ] as const) {
    testWith(["binary"], `refuses ${args.join(" ")}`, async () => {
      const { stdout, stderr, code } = await runWb(["helper", "--elevated", ...args]);
      expect(stderr).toContain(message);
      expect([stdout, code]).toEqual(["", 2]);
    });
  }

  testWith(
    ["binary", "root"],
    "has loaded nothing that it does not need, and is small and still",
    async () => {
      await using helper = await HelperProcess.start({ program: PROGRAM });
      await helper.says("started");
      const maps = readFileSync(`/proc/${helper.pid}/maps`, "utf8");
      const libraries = [...new Set(maps.match(/\/\S+\.so[.\d]*/g))].map((path) => path.replace(/^.*\//, ""));
      expect(libraries.filter((name) => /opentui|sqlite|cbor|core/i.test(name))).toEqual([]);
      expect(libraries.filter((name) => /^lib(bpf|elf|z)\.so/.test(name)).sort()).toEqual([
        "libbpf.so.1",
        "libelf.so.1",
        "libz.so.1",
      ]);
      await waitFor("it to be small", () => residentBytes(helper.pid) <= RESIDENT_BYTES_MAX);
      // Nobody is there: it reads the maps each other second, and does nothing else.
      const before = ticks(helper.pid);
      const begun = performance.now();
      await waitFor("some seconds", () => performance.now() - begun > 4000);
      expect(ticks(helper.pid) - before).toBeLessThanOrEqual(20); // of four hundred
      expect(await helper.end()).toBe(0);
    },
  );

  testWith(["binary", "root"], "refuses the right secret from another program", async () => {
    await using helper = await HelperProcess.start({ program: PROGRAM });
    using client = await helper.connect();
    client.send(await client.handshake(helper.secret, { executable: BINARY_PATH }));
    expect(await client.refusal()).toBe("refused");
    await helper.says("refused", "reason=executable", `pid=${process.pid}`);
    expect(helper.child.exitCode).toBeNull();
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    testWith(
      ["binary", "root", "program:bpftool"],
      `leaves nothing in the kernel after ${signal}`,
      async () => {
        await using helper = await HelperProcess.start({ program: PROGRAM });
        await helper.says("started");
        const held = heldInKernel(helper.pid);
        expect(new Set(held.map(([kind]) => kind))).toEqual(new Set(["map", "prog", "link"]));
        expect(held.every(([kind, id]) => isInKernel(kind, id))).toBe(true);
        await helper.end(signal);
        await waitFor("the kernel to have let go", () => !held.some(([kind, id]) => isInKernel(kind, id)));
      },
    );
  }

  testWith(["binary", "root"], "logs as JSON where that is wanted", async () => {
    await using helper = await HelperProcess.start({ program: PROGRAM, args: ["--json-log"] });
    const line = await helper.says('"event":"started"');
    const { timeMs, method, keeps, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect(rest).toEqual({
      level: "info",
      event: "started",
      socket: helper.socketPath,
      pid: helper.pid,
      filter: "on",
    });
    expect([typeof timeMs, String(method).split("_")[0], typeof keeps]).toEqual(["number", "ebpf", "string"]);
  });
});
