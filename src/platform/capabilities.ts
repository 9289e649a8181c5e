/**
 * Capabilities of this process (capabilities(7)): what there are, which the calling thread may use now, and giving them up
 * for good, in every thread. Linux keeps them per thread, and Bun has threads of its own: what is given up in one alone
 * would still be there in the others.
 */
import { ptr } from "bun:ffi";
import { errno, ERRNO, errnoName, libc } from "../../ffi/linux/libc.ts";
import { WbError } from "../model/errors.ts";

/** linux/capability.h */
export const CAPABILITY = {
  setpcap: 8,
  setuid: 7,
  netAdmin: 12,
  sysPtrace: 19,
  sysAdmin: 21,
  perfmon: 38,
  bpf: 39,
} as const;

export type Capability = keyof typeof CAPABILITY;

/** The version with two words of 32 bits for each set, since Linux 2.6.26; the header's second word 0 is this thread. */
const VERSION_3 = 0x2008_0522;
/** linux/prctl.h */
const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** More than any kernel has; those that it does not know are refused with EINVAL, which is what is waited for. */
const CAPABILITIES_MAX = 64;
/**
 * A user that no system has: those from 2^31 on are given to none (systemd's UIDS-GIDS). Not `nobody`, as whom real programs
 * run: each of them could send signals to these threads, and so stop or end all of this process (kill(2)).
 */
const UNUSED_USER = 2 ** 31 + 0x5742;
const SETRESUID_CALL = process.arch === "arm64" ? 147 : 117;
const BPF_CALL = process.arch === "arm64" ? 280 : 321;
/** linux/bpf.h */
const BPF_MAP_LOOKUP_ELEM = 1;

export interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
}

const header = Uint32Array.of(VERSION_3, 0);
/** effective, permitted, inheritable: first the lower words of all three, then the upper ones. */
const data = new Uint32Array(6);

/** Of the calling thread. Throws WbError("unsupported") on a system without capabilities. */
export function capabilities(): CapabilitySets {
  if (process.platform !== "linux") {
    throw new WbError("unsupported", "the elevated helper needs Linux", {
      hint: "wb monitor works without it",
    });
  }
  checked("capget", libc().capget(header, data));
  const set = (index: number): bigint => BigInt(data[index] ?? 0) | (BigInt(data[index + 3] ?? 0) << 32n);
  return { effective: set(0), permitted: set(1) };
}

function setCapabilities(effective: bigint, permitted: bigint): void {
  const word = (set: bigint, index: bigint): number => Number((set >> (32n * index)) & 0xffff_ffffn);
  data.set([word(effective, 0n), word(permitted, 0n), 0, word(effective, 1n), word(permitted, 1n), 0]);
  checked("capset", libc().capset(header, data));
}

function maskOf(capabilities: readonly Capability[]): bigint {
  return capabilities.reduce((mask, name) => mask | (1n << BigInt(CAPABILITY[name])), 0n);
}

export function hasCapability(set: bigint, capability: Capability): boolean {
  return (set & maskOf([capability])) !== 0n;
}

function checked(call: string, result: number): void {
  if (result === 0) return;
  throw new WbError(
    "unavailable",
    `the kernel refused to give up privileges: ${call}: ${errnoName(errno())}`,
    {
      hint: "This machine runs the helper in surroundings that it does not know; please report it with `wb doctor --json`.",
    },
  );
}

/** No program that this process might ever start gains anything, and nobody may look into its memory. For good. */
export function refuseNewPrivileges(): void {
  checked("PR_SET_NO_NEW_PRIVS", libc().prctl(PR_SET_NO_NEW_PRIVS, 1n, null, 0n, 0n));
  checked("PR_SET_DUMPABLE", libc().prctl(PR_SET_DUMPABLE, 0n, null, 0n, 0n));
}

/**
 * Gives up every capability but these, in all sets and threads, for good. `effective` may be used at any time; `permitted`
 * only within `withCapability`. Other threads than the calling one keep none and become a user that there is not; this one
 * stays root, without what makes root mighty, because the files that it has to remove at its end are root's.
 *
 * How: glibc's setresuid changes all threads, and the kernel clears the capabilities of those that cease to be root
 * (capabilities(7), "Effect of user ID changes"). This thread alone keeps its permitted ones (PR_SET_KEEPCAPS), and goes
 * back by the system call itself, which is this thread's only.
 * @throws WbError("unavailable") where the kernel refuses a step; the process must end then.
 */
export function keepOnly(effective: readonly Capability[], permitted: readonly Capability[]): void {
  const had = capabilities().permitted;
  const keep = maskOf([...effective, ...permitted]) & had;
  const way = maskOf(["setuid", "setpcap"]);
  const c = libc();
  checked("PR_SET_KEEPCAPS", c.prctl(PR_SET_KEEPCAPS, 1n, null, 0n, 0n));
  checked("setresuid", c.setresuid(UNUSED_USER, UNUSED_USER, UNUSED_USER));
  setCapabilities(keep | (way & had), keep | (way & had));
  for (let number = 0; number < CAPABILITIES_MAX; number += 1) {
    if (c.prctl(PR_CAPBSET_DROP, BigInt(number), null, 0n, 0n) !== 0) break;
  }
  checked("setresuid of one thread", c.syscall(SETRESUID_CALL, 0n, 0n, 0n, 0n));
  setCapabilities(maskOf(effective) & keep, keep);
  // Where a kernel has no ambient set (before 4.3) there is nothing to clear; capset has cleared what they rest on.
  c.prctl(PR_CAP_AMBIENT, BigInt(PR_CAP_AMBIENT_CLEAR_ALL), null, 0n, 0n);
  checked("PR_SET_KEEPCAPS", c.prctl(PR_SET_KEEPCAPS, 0n, null, 0n, 0n));
  refuseNewPrivileges(); // the change of user ids may have made it dumpable again, by fs.suid_dumpable
}

/** Runs `read` with one more capability in effect, if this thread may have it. Not for anything that awaits. */
export function withCapability<T>(capability: Capability, read: () => T): T {
  const { effective, permitted } = capabilities();
  const raised = effective | (maskOf([capability]) & permitted);
  if (raised === effective) return read();
  setCapabilities(raised, permitted);
  try {
    return read();
  } finally {
    setCapabilities(effective, permitted);
  }
}

/**
 * Whether the bpf system call answers a thread without CAP_BPF that has the descriptor of a map. It depends on the kernel
 * (before 5.19, kernel.unprivileged_bpf_disabled shuts it wholly), so it is tried, with a descriptor that there is not:
 * EBADF says yes.
 */
export function mapsNeedPrivilege(): boolean {
  const { effective, permitted } = capabilities();
  setCapabilities(effective & ~maskOf(["bpf", "sysAdmin"]), permitted);
  try {
    const attributes = new Uint8Array(64);
    new DataView(attributes.buffer).setInt32(0, -1, true);
    const address = BigInt(ptr(attributes));
    const result = libc().syscall(BPF_CALL, BPF_MAP_LOOKUP_ELEM, address, BigInt(attributes.length), 0n);
    return result < 0 && errno() === ERRNO.EPERM;
  } finally {
    setCapabilities(effective, permitted);
  }
}
