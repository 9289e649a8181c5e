/** The screen and the doctor with a helper that runs as a service: it goes, and it comes back. */
import { expect } from "bun:test";
import { join } from "node:path";
import { kernelObjectsOf, waitUntilFreed } from "../support/elevated.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { runWb, wbEnvironment } from "../support/run-wb.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { TmuxTerminal } from "../support/tmux.ts";
import { waitFor } from "../support/wait-for.ts";

interface Service {
  readonly pid: number;
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
}

/** A helper as a service would run it, in a directory of the test's own. */
async function startService(directory: string): Promise<Service> {
  const paths = ["--socket", join(directory, "helper.sock"), "--secret-file", join(directory, "secret")];
  const child = Bun.spawn([BINARY_PATH, "helper", "--elevated", ...paths], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: { PATH: "/usr/bin:/bin" },
  });
  let said = "";
  for await (const chunk of child.stderr) {
    said += new TextDecoder().decode(chunk);
    if (said.includes("started")) break;
  }
  return {
    pid: child.pid,
    kill: async (signal) => {
      child.kill(signal);
      await child.exited;
    },
  };
}

function places(directory: string): Record<string, string> {
  return {
    WB_HELPER_SOCKET: join(directory, "helper.sock"),
    WB_HELPER_SECRET_FILE: join(directory, "secret"),
  };
}

testWith(
  ["binary", "root", "program:tmux", "program:bpftool"],
  "the header says that the helper is gone, and that it is back",
  async () => {
    await using home = await tmpdir();
    let service = await startService(home.path);
    const held = await kernelObjectsOf(service.pid);
    const env = { ...wbEnvironment({ home: home.path, env: places(home.path) }), TERM: "xterm-256color" };
    {
      await using terminal = await TmuxTerminal.open({ width: 120, height: 30, env });
      await terminal.type(`${BINARY_PATH} monitor --interval 250ms --no-history; echo "ended with $?"`);
      await terminal.keys("Enter");
      const [first = ""] = await terminal.waitForText("eBPF (");
      expect(first).toMatch(/WireBound  eBPF \(\w+\) \(all bytes, all processes\)/);
      await service.kill("SIGKILL");
      await waitUntilFreed(held);
      // The picture may be taken while the terminal is half-way from one frame to the next.
      const shows = (head: string, word: string) => (lines: readonly string[]) =>
        (lines[0] ?? "").includes(head) && lines.some((line) => line.includes(word));
      await terminal.waitForScreen("that it is gone", shows("sock_diag", "The elevated helper is gone"));
      service = await startService(home.path);
      const isBack = shows("eBPF (", "● The elevated helper is back: everything is counted again.");
      await terminal.waitForScreen(
        "that it is back, and gone no more",
        (lines) => isBack(lines) && !lines.join("\n").includes("is gone"),
      );
      await terminal.keys("q");
      await terminal.waitForText("ended with 0");
    }
    const again = await kernelObjectsOf(service.pid);
    await service.kill("SIGTERM");
    await waitUntilFreed(again);
    await waitFor("socket and secret to be removed", async () => {
      const left = await Promise.all(Object.values(places(home.path)).map((path) => Bun.file(path).exists()));
      return !left.includes(true);
    });
  },
);

testWith(["binary", "root"], "a service is used by itself, and the doctor tells of it", async () => {
  await using home = await tmpdir();
  const service = await startService(home.path);
  try {
    const options = { home: home.path, env: places(home.path) };
    // A helper that is kept from answering by a busy machine is done without.
    await waitFor("a monitor that uses it", async () => {
      const monitor = await runWb(["monitor", "--once", "--json", "--no-dns"], options);
      expect(monitor.stderr).toBe("");
      return monitor.stdout.includes('"capture":{"method":"ebpf_');
    });
    const without = await runWb(["monitor", "--once", "--json", "--no-dns", "--no-helper"], options);
    expect(without.stdout).toContain('"capture":{"method":"sock_diag"');
    const { stdout, stderr, code } = await runWb(["doctor", "--json", "--no-dns"], options);
    expect(stderr).toBe("");
    const { checks } = JSON.parse(stdout) as { checks: { id: string; status: string; data: object }[] };
    const byId = Object.fromEntries(checks.map((check) => [check.id, check]));
    expect(byId["helper"]).toMatchObject({ status: "ok", data: { state: "running", degradations: "" } });
    for (const id of ["capture", "exact_bytes", "closed_connections", "udp_bytes"]) {
      expect(byId[id]).toMatchObject({ status: "ok" });
    }
    expect(byId["ebpf"]).toMatchObject({ status: "ok" });
    expect(code).toBe(0);
  } finally {
    await service.kill("SIGTERM");
  }
});

testWith(
  ["binary", "root"],
  "a secret that is not to be believed is told, and the monitor goes on without",
  async () => {
    await using home = await tmpdir();
    const service = await startService(home.path);
    try {
      await Bun.spawn(["chmod", "o+r", join(home.path, "secret")]).exited;
      const options = { home: home.path, env: places(home.path) };
      const { stdout, code } = await runWb(["monitor", "--once", "--json", "--no-dns"], options);
      const { capture } = JSON.parse(stdout) as { capture: { method: string; degradation: object } };
      expect(capture.method).toBe("sock_diag");
      expect(capture.degradation).toMatchObject({
        code: "no_helper",
        message: `The elevated helper can't be used: the secret in ${join(home.path, "secret")} is not to be trusted: everybody may use it.`,
        remedy: `chmod o= ${join(home.path, "secret")}`,
      });
      expect(code).toBe(0);
    } finally {
      await service.kill("SIGTERM");
    }
  },
);
