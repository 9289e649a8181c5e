/** What can be known of the kernel's eBPF: by files that anybody may read, and as root by loading the programs. */
import { existsSync, readFileSync } from "node:fs";
import { release, type as systemType } from "node:os";
import { cgroup2Directory } from "../../decode/mountinfo.ts";
import { EBPF_METHODS, type EbpfMethod } from "../../model/capture-status.ts";
import { reasonOf } from "./check.ts";
import type { KernelLook, MethodProbe } from "./elevated.ts";

/** Small maps are enough to see whether a method works. */
const PROBE_MAPS = { socketsMax: 64, bytesMax: 64, eventsBytes: 4096, namesBytes: 4096 } as const;

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // not there, or not for everybody: nothing is known
  }
}

/** `none [integrity] confidentiality`: the one in brackets is in force (kernel_lockdown(7)). */
export function lockdownOf(text: string): string | undefined {
  return /\[(\w+)\]/.exec(text)?.[1];
}

/**
 * Loads and attaches each method's programs and takes them out again.
 * @returns undefined on a system or in a build that has none.
 */
async function loadEach(): Promise<MethodProbe[] | undefined> {
  const { openEbpf } = await import("../../capture/linux/ebpf/ladder.ts");
  return EBPF_METHODS.map((method) => {
    try {
      openEbpf({ method, ...PROBE_MAPS })[Symbol.dispose]();
      return { method, problem: undefined };
    } catch (error) {
      return { method, problem: withoutMethod(method, reasonOf(error)) };
    }
  });
}

/** The ladder names the method before each reason; the list of the doctor does so too. */
export function withoutMethod(method: EbpfMethod, reason: string): string {
  const at = reason.indexOf(`${method}: `);
  return at < 0 ? reason : reason.slice(at + method.length + 2);
}

/** Never throws. */
export async function lookAtKernel(mayLoad: boolean): Promise<KernelLook> {
  const system = systemType();
  const isLinux = system === "Linux";
  const hasPrograms = isLinux && (await import("../../capture/linux/ebpf/ladder.ts")).hasEbpf();
  return {
    system,
    kernel: release(),
    hasBtf: existsSync("/sys/kernel/btf/vmlinux"),
    hasCgroup2: cgroup2Directory(textOf("/proc/self/mountinfo")) !== undefined,
    lockdown: lockdownOf(textOf("/sys/kernel/security/lockdown")),
    hasPrograms,
    probes: mayLoad && hasPrograms ? await loadEach() : undefined,
  };
}
