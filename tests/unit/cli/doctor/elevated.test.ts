/** What the doctor says of the elevated helper: no service, a bad one, a good one; what can be started; what a kernel allows. */
import { describe, expect, test } from "bun:test";
import {
  bestByVersion,
  kernelCheck,
  launchCheck,
  serviceCheck,
  type KernelLook,
} from "../../../../src/cli/doctor/elevated.ts";
import { lockdownOf, lookAtKernel } from "../../../../src/cli/doctor/kernel-look.ts";
import { WbError } from "../../../../src/model/errors.ts";
import { VERSION } from "../../../../src/model/version.ts";
import type { ElevationFacts } from "../../../../src/platform/elevation.ts";
import type { StatusResponse } from "../../../../src/protocol/helper/messages.ts";

const SOCKET = "/run/wirebound/helper.sock";
const STATUS: StatusResponse = {
  type: "status",
  id: 1,
  helperVersion: VERSION,
  method: "ebpf_tracepoint",
  degradations: [],
  programs: ["wb_sent", "wb_received"],
  startedAtMs: 1_700_000_000_000.4,
  attachedNs: 5,
  sessions: 1,
  socketsMax: 65_536,
  bytesMax: 131_072,
  residentBytes: 33_554_432,
};

describe("the service", () => {
  test("that there is none is no fault", () => {
    expect(serviceCheck({ state: "absent", socketPath: SOCKET })).toEqual({
      id: "helper",
      title: "Elevated helper",
      status: "skip",
      detail: `no service of it runs (${SOCKET})`,
      data: { state: "absent", socket: SOCKET },
    });
  });

  test("one that can't be used says why, and what to do", () => {
    const error = new WbError("unavailable", "its secret may not be read", { hint: "join the group" });
    expect(serviceCheck({ state: "unusable", socketPath: SOCKET, error })).toMatchObject({
      status: "warn",
      detail: "its service can't be used: its secret may not be read",
      remedy: "join the group",
    });
  });

  test("one that runs tells its method, its programs and its room", () => {
    const check = serviceCheck({ state: "running", socketPath: SOCKET, status: STATUS });
    expect(check).toMatchObject({
      status: "ok",
      detail:
        "its service counts by eBPF (tracepoints): 2 programs attached, room for 65,536 sockets and 131,072 processes at them, 32.0 MiB resident",
      data: {
        method: "ebpf_tracepoint",
        programs: "wb_sent wb_received",
        startedAtMs: 1_700_000_000_000,
        sessions: 1,
      },
    });
    expect(check.remedy).toBeUndefined();
  });

  test("another version and what it lacks are told", () => {
    const running = (changes: Partial<StatusResponse>) =>
      serviceCheck({ state: "running", socketPath: SOCKET, status: { ...STATUS, ...changes } });
    expect(running({ helperVersion: "9.9.9" })).toMatchObject({
      status: "warn",
      remedy: "Start it again with the same wb: `sudo systemctl restart wirebound-helper`",
    });
    const degradations = [
      { code: "no_cgroup", message: "There is no cgroup v2.", remedy: "mount it" },
    ] as const;
    const lacking = running({ degradations });
    expect(lacking).toMatchObject({
      status: "warn",
      remedy: "mount it",
      data: { degradations: "no_cgroup" },
    });
    expect(lacking.detail).toEndWith("; There is no cgroup v2");
  });
});

describe("starting one", () => {
  const NOBODY: ElevationFacts = {
    isRoot: false,
    hasTerminal: true,
    hasDisplay: false,
    sudo: undefined,
    pkexec: undefined,
    noNewPrivileges: false,
  };

  test("is possible by what is there, and then the command is named", () => {
    expect(launchCheck({ ...NOBODY, sudo: "/usr/bin/sudo" }, undefined)).toMatchObject({
      status: "ok",
      detail: "possible by sudo, which may ask for a password",
      remedy: "For every byte of every process: `wb monitor --elevate`",
      data: { ways: "sudo", tried: null },
    });
    expect(launchCheck({ ...NOBODY, isRoot: true }, undefined).detail).toBe(
      "possible directly, as wb is root",
    );
    expect(launchCheck(NOBODY, undefined)).toMatchObject({
      status: "skip",
      detail: "the elevated helper can't be started: there is neither sudo nor pkexec",
    });
  });

  test("that was tried is told as it went", () => {
    expect(launchCheck(NOBODY, "started")).toMatchObject({ status: "ok", data: { tried: true } });
    const error = new WbError("permission", "sudo said no", { hint: "ask somebody" });
    expect(launchCheck(NOBODY, error)).toMatchObject({
      status: "fail",
      detail: "tried: sudo said no",
      remedy: "ask somebody",
      data: { tried: false },
    });
  });
});

describe("the kernel", () => {
  const LOOK: KernelLook = {
    system: "Linux",
    kernel: "6.12.0-1-amd64",
    hasBtf: true,
    hasCgroup2: true,
    lockdown: "integrity",
    hasPrograms: true,
    probes: undefined,
  };

  test("without privilege: what its version and its files promise", () => {
    expect(kernelCheck(LOOK)).toMatchObject({
      status: "ok",
      detail:
        "Linux 6.12.0-1-amd64 with BTF, with cgroup v2: eBPF (tracepoints) should work; only root can try: `sudo wb doctor`",
    });
    expect(kernelCheck({ ...LOOK, hasBtf: false })).toMatchObject({ status: "warn", data: { btf: false } });
    expect(kernelCheck({ ...LOOK, lockdown: "confidentiality" }).status).toBe("warn");
    expect(kernelCheck({ ...LOOK, hasPrograms: false }).detail).toBe("this build has no eBPF programs");
    expect(kernelCheck({ ...LOOK, system: "Darwin" })).toMatchObject({ status: "skip" });
  });

  test("by its version", () => {
    const best = [
      "6.18.44",
      "6.3.0-rc1",
      "6.2.9",
      "5.10.0-30-amd64",
      "5.5.0",
      "5.4.9",
      "4.19.0",
      "7.0.1",
      "?",
    ];
    expect(best.map(bestByVersion)).toEqual([
      "ebpf_tracepoint",
      "ebpf_tracepoint",
      "ebpf_fentry",
      "ebpf_fentry",
      "ebpf_fentry",
      "ebpf_kprobe",
      "ebpf_kprobe",
      "ebpf_tracepoint",
      "ebpf_kprobe",
    ]);
  });

  test("as root: each method as it was tried, and why not", () => {
    const probes = [
      { method: "ebpf_tracepoint", problem: undefined },
      { method: "ebpf_fentry", problem: "fexit/inet_sendmsg: EPERM" },
      { method: "ebpf_kprobe", problem: undefined },
    ] as const;
    expect(kernelCheck({ ...LOOK, probes })).toMatchObject({
      status: "ok",
      detail: "tried: eBPF (tracepoints), eBPF (kprobes) work; eBPF (fentry): fexit/inet_sendmsg: EPERM",
      data: { ebpf_tracepoint: "works", ebpf_fentry: "fexit/inet_sendmsg: EPERM", ebpf_kprobe: "works" },
    });
    const none = probes.map(({ method }) => ({ method, problem: "no" }));
    expect(kernelCheck({ ...LOOK, probes: none })).toMatchObject({
      status: "warn",
      remedy: "Use Linux 5.5 or newer with BTF, best 6.3 or newer",
    });
  });

  test("its lockdown is the word in brackets", () => {
    expect(lockdownOf("none [integrity] confidentiality\n")).toBe("integrity");
    expect(lockdownOf("")).toBeUndefined();
  });

  test("this one is looked at without loading anything", async () => {
    const look = await lookAtKernel(false);
    expect(look.probes).toBeUndefined();
    expect(look.kernel).not.toBe("");
  });
});
