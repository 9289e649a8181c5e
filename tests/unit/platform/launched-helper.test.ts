/** The child that is started elevated: what reaches it and what doesn't, every way of its failing, and that it ends. */
import { describe, expect, test } from "bun:test";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WbError } from "../../../src/model/errors.ts";
import type { ElevationFacts } from "../../../src/platform/elevation.ts";
import { launchHelper, type LaunchOptions } from "../../../src/platform/launched-helper.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const ROOT: ElevationFacts = {
  isRoot: true,
  hasTerminal: false,
  hasDisplay: false,
  sudo: undefined,
  pkexec: undefined,
  noNewPrivileges: false,
};

/** A shell script in place of a program. */
async function script(directory: string, name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, `#!/bin/bash\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Answers as a helper does, then waits for the end of its input. */
const ANSWER = `echo "{\\"socket\\": \\"/run/wirebound/x/helper.sock\\", \\"pid\\": $$}"`;
const TILL_THE_END = `while read -r more; do :; done; echo ended > "$0.ended"`;

async function failure(options: LaunchOptions): Promise<WbError> {
  try {
    await using launched = await launchHelper(options);
    throw new Error(`it was started: ${launched.way}`);
  } catch (error) {
    if (error instanceof WbError) return error;
    throw error;
  }
}

describe("the secret and the line of life", () => {
  test("the secret is on standard input only, and the end of input ends the helper", async () => {
    await using directory = await tmpdir();
    const own = await script(
      directory.path,
      "wb",
      `read -r line; echo "$line" > "$0.line"
pwd > "$0.place"; echo "$@" > "$0.words"
${ANSWER}; echo "a second line, which nobody reads"; ${TILL_THE_END}`,
    );
    const env = { PATH: "/tmp", LANG: "C", LD_PRELOAD: "/tmp/evil.so", BUN_OPTIONS: "x", HOME: "/root" };
    const read = (what: string): Promise<string> => readFile(`${own}.${what}`, "utf8");
    {
      await using launched = await launchHelper({
        facts: ROOT,
        own: [own],
        words: ["--method", "ebpf_fentry"],
        env,
      });
      expect(launched.way).toBe("direct");
      expect(launched.isAlive).toBe(true);
      expect(launched.socketPath).toBe("/run/wirebound/x/helper.sock");
      expect(launched.secret).toHaveLength(32);
      const greeting = JSON.parse(await read("line")) as Record<string, unknown>;
      const text = Buffer.from(launched.secret).toString("base64");
      expect(greeting).toEqual({ secret: text, clientPid: process.pid, userId: process.geteuid?.() ?? -1 });
      expect(await read("words")).toBe("helper --elevated --launched --method ebpf_fentry\n");
      expect(await read("place")).toBe("/\n");
      const environment = await readFile(`/proc/${launched.pid}/environ`, "utf8");
      expect(environment).toBe("PATH=/usr/sbin:/usr/bin:/sbin:/bin\0LANG=C\0");
      expect(await readFile(`/proc/${launched.pid}/cmdline`, "utf8")).not.toContain(text);
    }
    expect(await read("ended")).toBe("ended\n");
  });

  test("two launches have two secrets", async () => {
    await using directory = await tmpdir();
    const own = await script(directory.path, "wb", `read -r line; ${ANSWER}; ${TILL_THE_END}`);
    await using one = await launchHelper({ facts: ROOT, own: [own] });
    await using other = await launchHelper({ facts: ROOT, own: [own] });
    expect(Buffer.from(one.secret).equals(other.secret)).toBe(false);
  });

  test("it ends with a launcher that is killed", async () => {
    await using directory = await tmpdir();
    const own = await script(directory.path, "wb", `read -r line; ${ANSWER}; ${TILL_THE_END}`);
    const launcher = join(directory.path, "launcher.ts");
    const module = new URL("../../../src/platform/launched-helper.ts", import.meta.url).pathname;
    await writeFile(
      launcher,
      `import { launchHelper } from ${JSON.stringify(module)};
const launched = await launchHelper({ facts: ${JSON.stringify(ROOT)}, own: [${JSON.stringify(own)}] });
console.log(launched.pid);
setInterval(() => {}, 1000);`,
    );
    const child = Bun.spawn([process.execPath, launcher], { stdout: "pipe", stderr: "inherit" });
    for await (const chunk of child.stdout) {
      expect(Number(new TextDecoder().decode(chunk))).toBeGreaterThan(1);
      break;
    }
    child.kill("SIGKILL");
    await child.exited;
    await waitFor("the helper to end", () => Bun.file(`${own}.ended`).exists());
  });

  test("`ended` resolves when it goes by itself", async () => {
    await using directory = await tmpdir();
    const own = await script(directory.path, "wb", `read -r line; ${ANSWER}; exit 3`);
    await using launched = await launchHelper({ facts: ROOT, own: [own] });
    await launched.ended;
    expect(launched.isAlive).toBe(false);
  });
});

describe("what goes wrong", () => {
  test("an answer that says why not is told as it is", async () => {
    await using directory = await tmpdir();
    const say = (answer: string): Promise<string> =>
      script(directory.path, "wb", `read -r line; echo '${answer}'; exit 1`);
    const own = [await say('{"error": "no eBPF here", "hint": "use a newer kernel"}')];
    expect(await failure({ facts: ROOT, own })).toMatchObject({
      code: "unavailable",
      message: "no eBPF here",
      hint: "use a newer kernel",
    });
    await say('{"error": "CAP_BPF is missing", "hint": "give it", "code": "permission"}');
    expect(await failure({ facts: ROOT, own })).toMatchObject({ code: "permission", exitCode: 4 });
    await say('{"error": "x", "code": "internal"}');
    expect(await failure({ facts: ROOT, own })).toMatchObject({ code: "unavailable", exitCode: 1 });
  });

  test("answers that mean nothing", async () => {
    await using directory = await tmpdir();
    for (const answer of [
      "",
      "hello",
      "[]",
      "null",
      '{"socket": "relative", "pid": 1}',
      '{"socket": "/x"}',
    ]) {
      const own = [await script(directory.path, "wb", `read -r line; echo '${answer}'; cat > /dev/null`)];
      expect(await failure({ facts: ROOT, own })).toMatchObject({ code: "protocol" });
    }
    // One that never ends is cut.
    const own = [await script(directory.path, "wb", `read -r line; printf "%070000d" 0; ${TILL_THE_END}`)];
    expect(await failure({ facts: ROOT, own })).toMatchObject({ code: "protocol" });
  });

  test("a helper that ends without an answer: its exit code and its last words", async () => {
    await using directory = await tmpdir();
    const own = [await script(directory.path, "wb", "echo first >&2; echo 'wb: the sky fell' >&2; exit 7")];
    expect((await failure({ facts: ROOT, own })).message).toBe(
      "the elevated helper ended before it answered (exit code 7): wb: the sky fell",
    );
  });

  test("a helper that says nothing is given up, and ended", async () => {
    await using directory = await tmpdir();
    const own = [await script(directory.path, "wb", TILL_THE_END)];
    const waits: string[] = [];
    const options = { facts: ROOT, own, startMsMax: 1200, onWait: (way: string) => waits.push(way) };
    expect(await failure(options)).toMatchObject({
      code: "unavailable",
      message: "the elevated helper did not answer within 1.2 s",
    });
    expect(waits).toEqual(["direct"]);
    expect(await Bun.file(`${own[0]}.ended`).exists()).toBe(true);
  });
});

describe("sudo and pkexec", () => {
  const SILENT = { ...ROOT, isRoot: false };

  test("a silent sudo that says no leads to pkexec, which may ask", async () => {
    await using directory = await tmpdir();
    const own = [await script(directory.path, "wb", `read -r line; ${ANSWER}; ${TILL_THE_END}`)];
    const sudo = await script(directory.path, "sudo", "echo 'sudo: a password is required' >&2; exit 1");
    const pkexec = await script(directory.path, "pkexec", 'exec "$@"');
    await using launched = await launchHelper({ facts: { ...SILENT, sudo, pkexec, hasDisplay: true }, own });
    expect(launched.way).toBe("pkexec");
    const failed = await failure({
      facts: { ...SILENT, sudo, pkexec, hasDisplay: true },
      own,
      mayAsk: false,
    });
    expect(failed).toMatchObject({ code: "permission", exitCode: 4 });
    expect(failed.message).toBe("sudo did not start the elevated helper: a password is required");
  });

  test("sudo runs it, and what the helper then says is final", async () => {
    await using directory = await tmpdir();
    const own = [await script(directory.path, "wb", "echo 'wb: broken' >&2; exit 1")];
    const sudo = await script(directory.path, "sudo", '[ "$1" = -n ] && shift; shift; exec "$@"');
    const pkexec = await script(directory.path, "pkexec", 'echo "asked" > "$0.asked"');
    const failed = await failure({ facts: { ...SILENT, sudo, pkexec, hasDisplay: true }, own });
    expect(failed.message).toBe("the elevated helper ended before it answered (exit code 1): wb: broken");
    expect(await Bun.file(`${pkexec}.asked`).exists()).toBe(false);
  });

  test("a dialog that is dismissed, a prompt that is left", async () => {
    await using directory = await tmpdir();
    const pkexec = await script(
      directory.path,
      "pkexec",
      "echo 'Error executing command: dismissed' >&2; exit 126",
    );
    expect(await failure({ facts: { ...SILENT, pkexec, hasDisplay: true }, own: ["/x"] })).toMatchObject({
      code: "permission",
      message: "pkexec did not start the elevated helper: Error executing command: dismissed",
    });
    const sudo = await script(directory.path, "sudo", "exit 1");
    expect(await failure({ facts: { ...SILENT, sudo, hasTerminal: true }, own: ["/x"] })).toMatchObject({
      code: "permission",
      message: "elevating was given up (exit code 1)",
    });
  });

  test("where nobody can be asked nothing is started", async () => {
    expect(await failure({ facts: SILENT, own: ["/nonexistent"] })).toMatchObject({
      code: "permission",
      message: "the elevated helper can't be started: there is neither sudo nor pkexec",
    });
  });
});
