/** `wb doctor` as people run it: on this machine, as an ordinary user, without a network, with a broken configuration. */
import { expect } from "bun:test";
import { chmodSync, copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BINARY_PATH, testWith } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";

interface Finding {
  readonly id: string;
  readonly title: string;
  readonly status: string;
  readonly detail: string;
  readonly remedy: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Findings {
  readonly version: number;
  readonly ok: boolean;
  readonly checks: readonly Finding[];
}

const IDS = [
  "system",
  "program",
  "capture",
  "exact_bytes",
  "closed_connections",
  "udp_bytes",
  "processes",
  "interfaces",
  "namespaces",
  "helper",
  "helper_launch",
  "ebpf",
  "agent",
  "terminal",
  "name_server",
  "name_cache",
  "history",
  "disk",
  "configuration",
  "clock",
];

async function run(command: readonly string[], home: string, env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([...command], {
    env: { PATH: process.env["PATH"] ?? "", HOME: home, LC_ALL: "C.UTF-8", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stderr, stdout] = await Promise.all([
    new Response(child.stderr).text(),
    new Response(child.stdout).text(),
  ]);
  return { stderr, stdout, exitCode: await child.exited };
}

function findingsOf(stdout: string): Findings & { byId: (id: string) => Finding } {
  const findings = JSON.parse(stdout) as Findings;
  return {
    ...findings,
    byId: (id) => {
      const found = findings.checks.find((check) => check.id === id);
      if (found === undefined) throw new Error(`no check ${id}`);
      return found;
    },
  };
}

testWith(["binary"], "wb doctor --json proves exactness on this machine", async () => {
  await using home = await tmpdir();
  const { stderr, stdout, exitCode } = await run([BINARY_PATH, "doctor", "--json", "--no-dns"], home.path);
  expect(stderr).toBe("");
  const found = findingsOf(stdout);
  expect(Object.keys(found).sort()).toEqual([
    "byId",
    "checkedAtMs",
    "checks",
    "host",
    "ok",
    "version",
    "wbVersion",
  ]);
  expect(found.version).toBe(1);
  expect(found.checks.map(({ id }) => id)).toEqual(IDS);
  for (const check of found.checks) {
    expect(Object.keys(check)).toEqual(["id", "title", "status", "detail", "remedy", "data"]);
    expect(["ok", "warn", "skip"]).toContain(check.status);
  }
  expect(found.byId("capture").data["method"]).toBe("sock_diag");
  for (const id of ["exact_bytes", "closed_connections"]) {
    expect(found.byId(id)).toMatchObject({
      status: "ok",
      data: { offBytes: 0, declaredBytes: 0, meaning: "payload", ends: 2 },
    });
  }
  expect(found.byId("name_server").status).toBe("skip");
  expect(found.ok).toBe(true);
  expect(exitCode).toBe(0);
  expect(existsSync(join(home.path, ".local"))).toBe(false); // it looks, and makes nothing
  expect(existsSync(join(home.path, ".cache"))).toBe(false);
});

testWith(
  ["binary"],
  "for people: a line per check, and plain ASCII where the locale has no UTF-8",
  async () => {
    await using home = await tmpdir();
    const fine = await run([BINARY_PATH, "doctor", "--no-dns"], home.path);
    expect(fine.stderr).toBe("");
    expect(fine.stdout).toContain(
      "✓ Exact TCP bytes      150,024 bytes of a test connection counted exactly",
    );
    expect(fine.stdout).not.toContain("\u001b");
    expect(fine.exitCode).toBe(0);
    const plain = await run([BINARY_PATH, "doctor", "--no-dns"], home.path, { LC_ALL: "C" });
    expect(plain.stdout).toMatch(/^[\n -~]+$/);
    expect(plain.stdout).toContain("+ Exact TCP bytes");
  },
);

testWith(["binary", "root", "program:setpriv"], "an ordinary user is told what root would add", async () => {
  await using home = await tmpdir();
  const binary = join(home.path, "wb");
  copyFileSync(BINARY_PATH, binary);
  chmodSync(binary, 0o755);
  chmodSync(home.path, 0o755);
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const { stderr, stdout, exitCode } = await run(
    [...nobody, binary, "doctor", "--json", "--no-dns"],
    "/nonexistent",
  );
  expect(stderr).toBe("");
  const found = findingsOf(stdout);
  expect(found.byId("exact_bytes").status).toBe("ok");
  expect(found.byId("closed_connections").status).toBe("ok");
  expect(found.byId("processes").remedy).toContain("wb monitor --elevate");
  expect(found.byId("processes").data["visible"]).toBe("own");
  expect(found.byId("history").status).toBe("warn");
  expect(exitCode).toBe(0);
});

testWith(
  ["binary", "root", "program:unshare"],
  "without any network it says so and does not fail",
  async () => {
    await using home = await tmpdir();
    const { stderr, stdout, exitCode } = await run(
      ["unshare", "--net", BINARY_PATH, "doctor", "--json"],
      home.path,
    );
    expect(stderr).toBe("");
    const found = findingsOf(stdout);
    expect(found.byId("exact_bytes")).toMatchObject({
      status: "skip",
      remedy: "Bring loopback up: `ip link set lo up`",
    });
    expect(found.byId("name_server").status).toBe("warn");
    expect(exitCode).toBe(0);
  },
);

testWith(["binary"], "a configuration that can't be used is a failure, with its line", async () => {
  await using home = await tmpdir();
  const path = join(home.path, "wb.toml");
  writeFileSync(path, "[monitor]\ncolour = 1\n");
  const { stdout, exitCode } = await run([BINARY_PATH, "doctor", "--json", "--config", path], home.path);
  const found = findingsOf(stdout);
  expect(found.byId("configuration").status).toBe("fail");
  expect(found.byId("configuration").detail).toContain(`${path}:2`);
  // Nobody knows whether it would have allowed packets, so none was sent.
  expect(found.byId("name_server").status).toBe("skip");
  expect(found.ok).toBe(false);
  expect(exitCode).toBe(1);
});

testWith(["binary"], "what it does not know is a usage error", async () => {
  await using home = await tmpdir();
  const { stderr, stdout, exitCode } = await run([BINARY_PATH, "doctor", "everything"], home.path);
  expect(stderr).toStartWith("wb: ");
  expect([stdout, exitCode]).toEqual(["", 2]);
});
