/**
 * How the helper starts and ends, in all its ways: from what surroundings it refuses to start, what it makes in the file
 * system, and that nothing is left.
 */
import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, chown, lchown, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NOBODY_ID } from "../support/as-nobody.ts";
import { HelperClient } from "../support/helper-client.ts";
import { FROM_SOURCE, HelperProcess } from "../support/helper-process.ts";
import { testWith, type Need } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

const NEEDS: readonly Need[] = ["root", "program:clang", "program:llvm-strip"];
const LAUNCHER = new URL("../support/helper-launcher.ts", import.meta.url).pathname;
const ATTACKER = new URL("../support/helper-attacker.ts", import.meta.url).pathname;
const RUN = "/run/wirebound";

/** A helper that is expected not to start: what it said, and its exit code. */
async function refused(
  start: Parameters<typeof HelperProcess.start>[0],
): Promise<{ text: string; code: number }> {
  await using helper = await HelperProcess.start(start);
  expect(helper.isReady).toBe(false);
  const code = await helper.child.exited;
  await waitFor("the end of its words", () => helper.log.length > 0);
  return { text: helper.log.join("\n"), code };
}

describe("a service, or one by hand", () => {
  testWith(NEEDS, "makes a socket and a secret for root alone, and removes both", async () => {
    await using directory = await tmpdir();
    await using helper = await HelperProcess.start({ directory: directory.path });
    expect(await helper.says("started")).toMatch(
      /method=ebpf_\w+ socket=\S+ pid=\d+ keeps=sysPtrace filter=on$/,
    );
    for (const [path, mode] of [
      [helper.socketPath, 0o600],
      [helper.secretPath, 0o600],
    ] as const) {
      const stats = statSync(path);
      expect([path, stats.uid, stats.mode & 0o7777]).toEqual([path, 0, mode]);
    }
    const first = Buffer.from(helper.secret).toString("hex");
    expect(readdirSync(directory.path).sort()).toEqual(["helper.sock", "secret"]);
    expect(await helper.end("SIGINT")).toBe(0);
    expect(readdirSync(directory.path)).toEqual([]);
    await using again = await HelperProcess.start({ directory: directory.path });
    expect(Buffer.from(again.secret).toString("hex")).not.toBe(first);
  });

  testWith(NEEDS, "leaves another one at work alone", async () => {
    await using directory = await tmpdir();
    await using helper = await HelperProcess.start({ directory: directory.path });
    const { text, code } = await refused({ directory: directory.path });
    expect(text).toContain("in use by another process");
    expect(code).toBe(1);
    using client = await helper.session();
    await client.ask({ type: "heartbeat" });
  });

  testWith(NEEDS, "takes over what a killed one left", async () => {
    await using directory = await tmpdir();
    await using killed = await HelperProcess.start({ directory: directory.path });
    await killed.end("SIGKILL");
    expect(readdirSync(directory.path).sort()).toEqual(["helper.sock", "secret"]);
    await using helper = await HelperProcess.start({ directory: directory.path });
    using client = await helper.session();
    await client.ask({ type: "heartbeat" });
  });

  for (const name of ["helper.sock", "secret"] as const) {
    testWith(NEEDS, `refuses a symlink in the place of ${name}, and does not follow it`, async () => {
      await using directory = await tmpdir();
      await using elsewhere = await tmpdir();
      const target = join(elsewhere.path, "precious");
      await writeFile(target, "untouched");
      await symlink(target, join(directory.path, name));
      const { text, code } = await refused({ directory: directory.path });
      expect(text).toContain("symbolic link");
      expect(code).toBe(1);
      expect(text).toContain("hint: ");
      expect(readFileSync(target, "utf8")).toBe("untouched");
      expect(readdirSync(directory.path)).toEqual([name]);
    });

    testWith(NEEDS, `refuses what another user has made in the place of ${name}`, async () => {
      await using directory = await tmpdir();
      const path = join(directory.path, name);
      using _ = name === "secret" ? undefined : listenAt(path);
      if (name === "secret") await writeFile(path, "mine");
      await lchown(path, NOBODY_ID, NOBODY_ID);
      const { text, code } = await refused({ directory: directory.path });
      expect(text).toContain(`of another user (${NOBODY_ID})`);
      expect(code).toBe(1);
      expect(existsSync(path)).toBe(true);
    });

    testWith(NEEDS, `refuses another kind of file in the place of ${name}`, async () => {
      await using directory = await tmpdir();
      await mkdir(join(directory.path, name));
      const { text, code } = await refused({ directory: directory.path });
      const what = name === "secret" ? "not a regular file" : "not a socket";
      expect(text).toContain(what);
      expect(code).toBe(1);
    });
  }

  testWith(NEEDS, "refuses a directory that others can write to, or that is another's", async () => {
    await using directory = await tmpdir();
    await chmod(directory.path, 0o777);
    const open = await refused({ directory: directory.path });
    expect(open.text).toContain("can be written by others");
    expect(open.code).toBe(1);
    await chmod(directory.path, 0o755);
    await chown(directory.path, NOBODY_ID, NOBODY_ID);
    const theirs = await refused({ directory: directory.path });
    expect(theirs.text).toContain("belongs to another user");
    expect(theirs.code).toBe(1);
    // Also where it is above: what is in a directory of theirs, they can move away.
    const inner = join(directory.path, "inner");
    await mkdir(inner);
    await chmod(directory.path, 0o1777);
    const above = await refused({ directory: inner });
    expect(above.text).toContain("belongs to another user");
    expect(above.code).toBe(1);
    expect(readdirSync(inner)).toEqual([]);
  });

  for (const variable of [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "BUN_INSPECT_NOTHING",
    "NODE_OPTIONS",
    "GCONV_PATH",
    "MALLOC_TRACE",
  ]) {
    testWith(NEEDS, `refuses ${variable} in its environment`, async () => {
      const { text, code } = await refused({ env: { [variable]: "" } });
      expect(text).toContain(`refused reason=environment variables=${variable}`);
      expect(text).toContain("hint: start it with a clean one");
      expect(code).toBe(1);
    });
  }

  testWith(NEEDS, "uses nothing of TMPDIR", async () => {
    await using temporary = await tmpdir();
    await using helper = await HelperProcess.start({ env: { TMPDIR: temporary.path } });
    using client = await helper.session();
    await client.ask({ type: "status" });
    expect(readdirSync(temporary.path)).toEqual([]);
  });

  testWith([...NEEDS, "program:setpriv"], "says what a root without power lacks", async () => {
    const powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    const { text, code } = await refused({ program: [...powerless, ...FROM_SOURCE] });
    expect(text).toContain("this root lacks CAP_BPF");
    expect(code).toBe(4);
  });
});

describe("a place where nothing can be made is told, with what to do:", () => {
  /** Words before the helper's: it runs in a mount namespace of its own. */
  const within = (mount: string): string[] => ["unshare", "-m", "sh", "-c", `${mount} && exec "$@"`, "sh"];

  testWith([...NEEDS, "program:unshare"], "a full file system", async () => {
    await using directory = await tmpdir();
    const { path } = directory;
    const full = `mount -t tmpfs -o size=4k,mode=0755 none ${path} && printf %04096d 0 > ${path}/all`;
    const { text, code } = await refused({ program: [...within(full), ...FROM_SOURCE], directory: path });
    expect(text).toContain(`wb: the helper can't make ${path}/secret: its file system is full`);
    expect(text).toContain(`hint: free some space in ${path};`);
    expect(code).toBe(1);
  });

  testWith([...NEEDS, "program:unshare"], "a read-only /run", async () => {
    const words = [...within("mount -t tmpfs -o ro none /run"), ...FROM_SOURCE, "helper", "--elevated"];
    await using helper = new HelperProcess(words, "/nonexistent");
    await helper.says("wb: the helper can't make /run/wirebound: its file system is read-only");
    await helper.says("hint: let root write to /run;");
    expect(await helper.child.exited).toBe(1);
  });
});

/** A socket of somebody else's, who listens. */
function listenAt(path: string): Disposable {
  const listener = Bun.listen({ unix: path, socket: { data: () => undefined } });
  return { [Symbol.dispose]: () => listener.stop(true) };
}

/** A helper in the launched mode, with this order on its standard input; what it answered. */
async function launched(order: unknown): Promise<{ helper: HelperProcess; answer: Record<string, unknown> }> {
  const helper = new HelperProcess([...FROM_SOURCE, "helper", "--elevated", "--launched"], "/nonexistent");
  await helper.child.stdin.write(typeof order === "string" ? order : `${JSON.stringify(order)}\n`);
  await helper.child.stdin.flush();
  const reader = helper.child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return { helper, answer: JSON.parse(new TextDecoder().decode(value)) as Record<string, unknown> };
}

const SECRET = Buffer.alloc(32, 7);
const ORDER = { secret: SECRET.toString("base64"), clientPid: process.pid, userId: 0 };

describe("launched by a monitor", () => {
  testWith(NEEDS, "serves it alone, in a directory of its own, and ends with its input", async () => {
    const { helper, answer } = await launched(ORDER);
    await using _ = helper;
    const path = String(answer["socket"]);
    expect(answer["pid"]).toBe(helper.pid);
    expect(path).toMatch(new RegExp(`^${RUN}/launched-${helper.pid}-\\d+-[0-9a-f]{16}/helper.sock$`));
    expect([statSync(RUN).mode & 0o7777, statSync(dirname(path)).mode & 0o7777]).toEqual([0o755, 0o711]);
    expect([statSync(path).uid, statSync(path).mode & 0o7777]).toEqual([0, 0o600]);
    using client = await HelperClient.connect(path);
    await client.authenticate(SECRET);
    await client.ask({ type: "status" });
    // The same user, the same executable, the right secret, and yet not the monitor.
    await using directory = await tmpdir();
    await writeFile(join(directory.path, "secret"), ORDER.secret, { mode: 0o600 });
    const other = Bun.spawn([process.execPath, ATTACKER, path, join(directory.path, "secret")], {
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(await other.stdout.text()).toBe("refused\n");
    await helper.says("refused", "reason=not_the_launcher", `pid=${other.pid}`);
    await client.ask({ type: "heartbeat" });
    await helper.child.stdin.end();
    expect(await helper.child.exited).toBe(0);
    expect(existsSync(dirname(path))).toBe(false);
    expect(helper.log.join("\n")).not.toContain(ORDER.secret.slice(0, 16));
  });

  testWith(NEEDS, "refuses an order of a process that did not start it", async () => {
    const { helper: stranger } = await launched(ORDER);
    await using _stranger = stranger;
    const { helper, answer } = await launched({ ...ORDER, clientPid: stranger.pid });
    await using _ = helper;
    expect(answer).toMatchObject({ code: "permission" });
    expect(await helper.child.exited).toBe(4);
  });

  for (const [what, order, code, exit] of [
    ["in the name of another user", { ...ORDER, userId: NOBODY_ID }, "permission", 4],
    ["without a secret", { ...ORDER, secret: "short" }, "protocol", 1],
    ["that is no order", "x".repeat(5000), "protocol", 1],
    ["that is garbage", "{]\n", "protocol", 1],
  ] as const) {
    testWith(NEEDS, `refuses an order ${what}`, async () => {
      const { helper, answer } = await launched(order);
      await using _ = helper;
      expect(answer).toEqual({ error: expect.any(String), hint: expect.any(String), code });
      expect(await helper.child.exited).toBe(exit);
      expect(`${JSON.stringify(answer)}${helper.log.join()}`).not.toContain(ORDER.secret);
    });
  }

  testWith(NEEDS, "ends when its monitor is killed, and leaves nothing", async () => {
    const monitor = Bun.spawn([process.execPath, LAUNCHER, ...FROM_SOURCE], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const { value } = await monitor.stdout.getReader().read();
    const { socketPath, pid } = JSON.parse(new TextDecoder().decode(value)) as {
      socketPath: string;
      pid: number;
    };
    expect(existsSync(socketPath)).toBe(true);
    monitor.kill("SIGKILL");
    await waitFor("the helper's end", () => !existsSync(`/proc/${pid}`));
    expect(existsSync(dirname(socketPath))).toBe(false);
  });

  testWith(NEEDS, "leaves nothing for long where it is killed itself", async () => {
    const { helper, answer } = await launched(ORDER);
    const directory = dirname(String(answer["socket"]));
    await helper.end("SIGKILL");
    expect(existsSync(directory)).toBe(true);
    const { helper: next, answer: nextAnswer } = await launched(ORDER);
    await using _ = next;
    expect(existsSync(directory)).toBe(false);
    expect(existsSync(String(nextAnswer["socket"]))).toBe(true);
    await next.says("removed what killed helpers left");
  });

  testWith([...NEEDS, "program:cc", "program:setpriv"], "by a user, through a stand-in of sudo", async () => {
    await using place = await tmpdir();
    await chmod(place.path, 0o755);
    // What sudo does to the kernel: a set-user-ID program that becomes root and runs the words that follow.
    const sudo = join(place.path, "sudo");
    await writeFile(
      `${sudo}.c`,
      "#include <unistd.h>\nint main(int n, char **v) { return setresuid(0, 0, 0) || setresgid(0, 0, 0) || execv(v[1], v + 1); }\n",
    );
    expect(Bun.spawnSync(["cc", "-o", sudo, `${sudo}.c`]).exitCode).toBe(0);
    await chmod(sudo, 0o4755);
    // Bundled into the program: nobody may not read the checkout.
    const wb = join(place.path, "wb");
    const launcher = join(place.path, "launcher.js");
    const bundle = await Bun.build({
      entrypoints: [LAUNCHER],
      target: "bun",
      outdir: place.path,
      naming: "launcher.js",
    });
    expect(bundle.success).toBe(true);
    await Bun.write(wb, Bun.file(process.execPath));
    await chmod(wb, 0o755);
    const user = [
      "setpriv",
      `--reuid=${NOBODY_ID}`,
      `--regid=${NOBODY_ID}`,
      "--clear-groups",
      "--inh-caps=-all",
    ];
    const monitor = Bun.spawn([...user, wb, launcher, sudo, wb, FROM_SOURCE[1] ?? ""], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
    });
    const { value } = await monitor.stdout.getReader().read();
    const told = JSON.parse(new TextDecoder().decode(value)) as Record<string, unknown>;
    expect(told["sockets"]).toBeGreaterThan(0);
    const path = String(told["socketPath"]);
    expect([statSync(path).uid, statSync(path).mode & 0o7777]).toEqual([NOBODY_ID, 0o600]);
    expect(statSync(`/proc/${String(told["pid"])}`).uid).toBe(0);
    await monitor.stdin.end();
    expect(await monitor.exited).toBe(0);
    expect(existsSync(dirname(path))).toBe(false);
  });
});
