/**
 * The compiled program on older kernels: Debian's 5.10, 6.1 and 6.12 in QEMU, each booted once, each way of capturing
 * forced one after the other under traffic whose bytes are known.
 */
import { expect } from "bun:test";
import { bootAll, GUEST_DEADLINE_MS } from "./boots.ts";
import type { GuestResult } from "./guest.ts";
import { KERNELS, type KernelSeries } from "./packages.ts";
import { LADDERS, refusedMethods } from "./plan.ts";
import { Comparison, type Finding } from "../integration/accuracy/compare.ts";
import { excuse } from "../integration/accuracy/expectations.ts";
import { ToldStream } from "../integration/accuracy/rows.ts";
import { Account } from "../integration/accuracy/truth.ts";
import { reasonsAgainst, testUnless, type Need } from "../support/needs.ts";

const NEEDS: readonly Need[] = [
  "binary",
  "program:qemu-system-x86_64",
  "program:busybox",
  "program:cpio",
  "program:cc",
  "program:apt-get",
  "program:dpkg-deb",
  "program:xz",
];

const missing = reasonsAgainst(NEEDS);
const boots = missing.length === 0 ? await bootAll() : undefined;

/** A test about one guest's results; the first one of a guest waits for it, and it may wait for another guest. */
function about(series: KernelSeries, name: string, body: (guest: GuestResult) => void): void {
  const reason = boots?.reasonAgainst(series);
  testUnless(
    reason === undefined ? missing : [reason],
    `${series}: ${name}`,
    async () => {
      if (boots === undefined) throw new Error("no guest was started");
      body(await boots.guest(series));
    },
    2 * GUEST_DEADLINE_MS,
  );
}

interface Check {
  readonly id: string;
  readonly status: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Lines of standard error, but for the one that says what is waited for: a guest is slow. */
function wordsOf(stderr: string): string[] {
  return stderr
    .split("\n")
    .filter((line) => line !== "" && !line.includes("waiting for the elevated helper"));
}

/** The checks of a `wb doctor --json` that found nothing wrong, by their names. */
function soundChecks(guest: GuestResult, step: string): Map<string, Check> {
  const { stdout, stderr, exitCode } = guest.step(step);
  expect(wordsOf(stderr)).toEqual([]);
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  expect(checks.filter(({ status }) => status === "fail")).toEqual([]);
  expect(exitCode).toBe(0);
  return new Map(checks.map((check) => [check.id, check]));
}

/**
 * What an older kernel's method can't do, and its rows say so themselves: fexit misses a receive that had blocked before it
 * was attached, and a kretprobe can lose returns.
 */
function isDeclared(method: string, { scenario, outcome }: Finding): boolean {
  if (outcome !== "lower bound") return false;
  return method === "ebpf_kprobe" || (method === "ebpf_fentry" && scenario.endsWith("-blocked-reader"));
}

/** Counts that are neither exact nor excused by the table of expectations, in words. */
function unexcused(guest: GuestResult, method: string): string[] {
  const account = Account.parse(guest.file(`${method}.truth`));
  expect(account.failed).toEqual([]);
  expect(account.done).toBe(true);
  const told = ToldStream.parse(guest.step(method).stdout).told();
  return new Comparison(account, told).findings
    .filter((finding) => excuse(method, finding) === undefined && !isDeclared(method, finding))
    .map(({ scenario, outcome, text }) => `${scenario}: ${outcome}: ${text}`);
}

/** Of a forced method: it was the one that counted, it ended in order, and nothing of it is left in the kernel. */
function expectOrderly(guest: GuestResult, method: string): void {
  const { stdout, stderr, exitCode } = guest.step(method);
  expect(wordsOf(stderr)).toEqual([]);
  const stream = ToldStream.parse(stdout);
  expect([stream.method, stream.ended]).toEqual([method, true]);
  expect(exitCode).toBe(0);
  expect(guest.file(`${method}.left`)).toBe("");
}

for (const series of KERNELS) {
  about(series, "wb doctor knows the kernel, and finds its counts exact", (guest) => {
    const checks = soundChecks(guest, "doctor");
    expect(checks.get("system")?.data["kernel"]).toStartWith(`${series}.`);
    expect(checks.get("capture")?.data["method"]).toBe("sock_diag");
    for (const id of ["exact_bytes", "closed_connections"]) {
      expect(checks.get(id)).toMatchObject({ status: "ok", data: { offBytes: 0, ends: 2 } });
    }
  });

  about(series, `takes ${LADDERS[series][0]} by itself`, (guest) => {
    const checks = soundChecks(guest, "doctor-elevated");
    expect(checks.get("capture")?.data["method"]).toBe(LADDERS[series][0]);
  });

  for (const method of refusedMethods(series)) {
    about(series, `${method}: refused, with the reason`, (guest) => {
      const { stdout, stderr, exitCode } = guest.step(method);
      expect(stderr).toContain(method);
      expect(stderr).toContain("sock_send_length");
      expect([stdout, exitCode]).toEqual(["", 1]);
    });
  }

  for (const method of LADDERS[series]) {
    about(series, `${method}: every scenario, every byte`, (guest) => {
      expectOrderly(guest, method);
      expect(unexcused(guest, method)).toEqual([]);
    });
  }

  about(series, "sock_diag: TCP to the byte", (guest) => {
    expectOrderly(guest, "sock_diag");
    expect(unexcused(guest, "sock_diag")).toEqual([]);
  });

  about(series, "procfs: counts nothing, and says so", (guest) => {
    expectOrderly(guest, "procfs");
    const { rows } = ToldStream.parse(guest.step("procfs").stdout).told();
    expect(rows.filter((row) => row.bytesMeaning !== "none" || row.bytesSent !== null)).toEqual([]);
  });
}
