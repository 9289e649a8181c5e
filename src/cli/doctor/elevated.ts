/** What the doctor makes of the elevated helper: its service, whether one can be started, what the kernel allows. Pure. */
import { EBPF_METHODS, type EbpfMethod } from "../../model/capture-status.ts";
import type { WbError } from "../../model/errors.ts";
import { VERSION } from "../../model/version.ts";
import { cannotElevate, elevationWays, type ElevationFacts } from "../../platform/elevation.ts";
import type { StatusResponse } from "../../protocol/helper/messages.ts";
import { METHOD_WORDS } from "../../tui/notices.ts";
import { formatBytes } from "../../lib/format.ts";
import { counted, type Check } from "./check.ts";

/** What was found where a service of the helper would be. */
export type ServiceLook =
  | { readonly state: "absent"; readonly socketPath: string }
  /** There is one, and it can't be used: the secret may not be read, nobody answers, the handshake failed. */
  | { readonly state: "unusable"; readonly socketPath: string; readonly error: WbError }
  | { readonly state: "running"; readonly socketPath: string; readonly status: StatusResponse };

/** How one method of the ladder did when it was loaded. */
export interface MethodProbe {
  readonly method: EbpfMethod;
  /** Undefined: it works. */
  readonly problem: string | undefined;
}

export interface KernelLook {
  /** `Linux`; another system has no eBPF programs of ours. */
  readonly system: string;
  /** As uname tells it: `6.18.0-1-amd64`. */
  readonly kernel: string;
  /** The kernel's own description of its types, which the programs are fitted by. */
  readonly hasBtf: boolean;
  readonly hasCgroup2: boolean;
  /** The mode in force of the kernel's lockdown; undefined where there is none. */
  readonly lockdown: string | undefined;
  /** Whether this build has its eBPF programs. */
  readonly hasPrograms: boolean;
  /** Undefined where nothing could be loaded, for want of privilege. */
  readonly probes: readonly MethodProbe[] | undefined;
}

/** The service, if there is one. That there is none is nothing to complain about. */
export function serviceCheck(look: ServiceLook): Check {
  const base = { id: "helper", title: "Elevated helper" } as const;
  if (look.state === "absent") {
    const data = { state: look.state, socket: look.socketPath };
    return { ...base, status: "skip", detail: `no service of it runs (${look.socketPath})`, data };
  }
  if (look.state === "unusable") {
    const { message, hint } = look.error;
    const detail = `its service can't be used: ${message}`;
    const data = { state: look.state, socket: look.socketPath };
    return { ...base, status: "warn", detail, remedy: hint ?? "See `journalctl -u wirebound-helper`", data };
  }
  return runningCheck(look.socketPath, look.status);
}

function runningCheck(socketPath: string, status: StatusResponse): Check {
  const base = { id: "helper", title: "Elevated helper" } as const;
  const { method, programs, sessions, socketsMax, bytesMax, residentBytes, helperVersion } = status;
  const data = {
    state: "running",
    socket: socketPath,
    method,
    programs: programs.join(" "),
    sessions,
    socketsMax,
    bytesMax,
    residentBytes,
    startedAtMs: Math.round(status.startedAtMs),
    version: helperVersion,
    degradations: status.degradations.map(({ code }) => code).join(" "),
  };
  const detail =
    `its service counts by ${METHOD_WORDS[method]}: ${counted(programs.length, "program")} attached, room for ` +
    `${counted(socketsMax, "socket")} and ${counted(bytesMax, "process at them", "processes at them")}, ` +
    `${formatBytes(residentBytes)} resident`;
  if (helperVersion !== VERSION) {
    const remedy = "Start it again with the same wb: `sudo systemctl restart wirebound-helper`";
    return {
      ...base,
      status: "warn",
      detail: `${detail}; it is wb ${helperVersion}, this is ${VERSION}`,
      remedy,
      data,
    };
  }
  const worst = status.degradations[0];
  if (worst === undefined) return { ...base, status: "ok", detail, data };
  const missing = worst.message.replace(/\.$/, "");
  return { ...base, status: "warn", detail: `${detail}; ${missing}`, remedy: worst.remedy, data };
}

const WAY_WORDS = {
  direct: "directly, as wb is root",
  sudo: "by sudo, which may ask for a password",
  sudo_silent: "by sudo, if it asks for no password",
  pkexec: "by pkexec, which asks for a password",
} as const;

/** Whether `wb monitor --elevate` could start one. `tried` is what happened when `wb doctor --elevate` did. */
export function launchCheck(facts: ElevationFacts, tried: WbError | "started" | undefined): Check {
  const base = { id: "helper_launch", title: "Starting a helper" } as const;
  const ways = elevationWays(facts);
  const data = { ways: ways.join(" "), tried: tried === undefined ? null : tried === "started" };
  if (tried === "started")
    return { ...base, status: "ok", detail: "tried: it was started and ended again", data };
  if (tried !== undefined) {
    return { ...base, status: "fail", detail: `tried: ${tried.message}`, remedy: tried.hint, data };
  }
  if (ways.length === 0) {
    const error = cannotElevate(facts);
    return { ...base, status: "skip", detail: error.message, data };
  }
  return {
    ...base,
    status: "ok",
    detail: `possible ${ways.map((way) => WAY_WORDS[way]).join(", or ")}`,
    remedy: "For every byte of every process: `wb monitor --elevate`",
    data,
  };
}

/** What the kernel allows: tried where that was possible, else reasoned from what anybody may see. */
export function kernelCheck(look: KernelLook): Check {
  const base = { id: "ebpf", title: "eBPF" } as const;
  const { system, kernel, hasBtf, hasCgroup2, lockdown, hasPrograms, probes } = look;
  const data = {
    kernel,
    btf: hasBtf,
    cgroup2: hasCgroup2,
    lockdown: lockdown ?? null,
    programs: hasPrograms,
    ...Object.fromEntries((probes ?? []).map(({ method, problem }) => [method, problem ?? "works"])),
  };
  if (system !== "Linux") return { ...base, status: "skip", detail: `there is none on ${system}`, data };
  if (!hasPrograms) {
    const remedy =
      "Build it where clang, llvm and libbpf-dev are installed, or take a release: `npm run build`";
    return { ...base, status: "warn", detail: "this build has no eBPF programs", remedy, data };
  }
  if (probes !== undefined) return { ...base, ...probed(probes), data };
  const found = `Linux ${kernel} ${hasBtf ? "with" : "without"} BTF, ${hasCgroup2 ? "with" : "without"} cgroup v2`;
  const obstacle = obstacleOf(look);
  if (obstacle !== undefined) {
    return { ...base, status: "warn", detail: `${found}: ${obstacle.detail}`, remedy: obstacle.remedy, data };
  }
  const best = METHOD_WORDS[bestByVersion(kernel)];
  return {
    ...base,
    status: "ok",
    detail: `${found}: ${best} should work; only root can try: \`sudo wb doctor\``,
    data,
  };
}

function probed(probes: readonly MethodProbe[]): Pick<Check, "status" | "detail" | "remedy"> {
  const works = probes
    .filter(({ problem }) => problem === undefined)
    .map(({ method }) => METHOD_WORDS[method]);
  const refused = probes.flatMap(({ method, problem }) =>
    problem === undefined ? [] : [`${METHOD_WORDS[method]}: ${problem}`],
  );
  const detail = [
    works.length === 0
      ? "tried: none works"
      : `tried: ${works.join(", ")} ${works.length === 1 ? "works" : "work"}`,
    ...refused,
  ].join("; ");
  if (works.length > 0) return { status: "ok", detail };
  return { status: "warn", detail, remedy: "Use Linux 5.5 or newer with BTF, best 6.3 or newer" };
}

function obstacleOf({ hasBtf, lockdown }: KernelLook): { detail: string; remedy: string } | undefined {
  if (!hasBtf) {
    const remedy =
      "Use a kernel that was built with CONFIG_DEBUG_INFO_BTF, as those of all distributions are";
    return { detail: "the programs can't be fitted to a kernel without BTF", remedy };
  }
  if (lockdown === "confidentiality") {
    const remedy = "Start the kernel with lockdown=integrity or without it";
    return { detail: "its lockdown (confidentiality) lets no program look into the kernel", remedy };
  }
  return undefined;
}

/** Since which version there is what a method hangs on: sock_send_length is of 6.3, BPF trampolines of 5.5. */
const SINCE: readonly (readonly [EbpfMethod, number, number])[] = [
  ["ebpf_tracepoint", 6, 3],
  ["ebpf_fentry", 5, 5],
];

/** The method that a kernel of this version has, as far as its version tells. */
export function bestByVersion(kernel: string): EbpfMethod {
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  const found = SINCE.find(
    ([, sinceMajor, sinceMinor]) =>
      Number(major) > sinceMajor || (Number(major) === sinceMajor && Number(minor) >= sinceMinor),
  );
  return found?.[0] ?? EBPF_METHODS[2];
}
