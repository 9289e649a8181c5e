/** Facts about the machine that `wb doctor` tells. Only looks; whatever can't be seen is undefined. */
import { readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from "node:fs";
import { arch, release, type as systemType } from "node:os";
import { dirname } from "node:path";

export interface SystemFacts {
  /** `Linux`, `Darwin`, `Windows_NT`. */
  readonly system: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly isRoot: boolean;
}

export function systemFacts(): SystemFacts {
  return { system: systemType(), kernel: release(), architecture: arch(), isRoot: process.getuid?.() === 0 };
}

/** How /proc hides other users' processes, by proc(5): `0` or undefined is not at all. */
export function hidePid(mounts = readText("/proc/self/mounts")): string | undefined {
  for (const line of mounts?.split("\n") ?? []) {
    const [, place, kind, options = ""] = line.split(" ");
    if (place !== "/proc" || kind !== "proc") continue;
    return /(?:^|,)hidepid=(\w+)/.exec(options)?.[1];
  }
  return undefined;
}

export interface NetworkNamespaces {
  /** Network namespaces other than this process's in which a visible process lives. */
  readonly others: number;
  /** The first process of the one that has most; undefined if there is none. */
  readonly examplePid: number | undefined;
  /** Processes whose namespace may not be seen. */
  readonly hiddenProcesses: number;
}

/** By the links /proc/PID/ns/net (namespaces(7)); undefined where there is no /proc. */
export function networkNamespaces(proc = "/proc"): NetworkNamespaces | undefined {
  const own = readLink(`${proc}/self/ns/net`);
  const entries = readNames(proc);
  if (typeof own !== "string" || entries === undefined) return undefined;
  const others = new Map<string, { pid: number; count: number }>();
  let hiddenProcesses = 0;
  const pids = entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
  for (const pid of pids.sort((left, right) => left - right)) {
    const namespace = readLink(`${proc}/${pid}/ns/net`);
    if (namespace === FORBIDDEN) hiddenProcesses += 1;
    if (namespace === undefined || namespace === FORBIDDEN || namespace === own) continue;
    const known = others.get(namespace);
    others.set(namespace, { pid: known?.pid ?? pid, count: (known?.count ?? 0) + 1 });
  }
  const largest = Array.from(others.values()).sort((left, right) => right.count - left.count)[0];
  return { others: others.size, examplePid: largest?.pid, hiddenProcesses };
}

/** Inode of this process's own network namespace (namespaces(7)), as kernel programs name it; undefined without /proc. */
export function ownNetworkNamespace(proc = "/proc"): number | undefined {
  try {
    return statSync(`${proc}/self/ns/net`).ino;
  } catch {
    return undefined; // no /proc, or no namespaces in this kernel
  }
}

/** Size in bytes; undefined where there is nothing, or nothing that may be looked at. */
export function sizeOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size;
  } catch {
    return undefined; // behind a directory that this user may not enter
  }
}

/** Bytes that this user may still write on the file system of the path, or of its nearest directory that exists. */
export function freeBytes(path: string): number | undefined {
  for (let place = path; ; place = dirname(place)) {
    try {
      const { bavail, bsize } = statfsSync(place);
      return bavail * bsize;
    } catch {
      // Not there yet, or not to be looked at: the directory above it is on the file system where it would be made.
      if (place === dirname(place)) return undefined;
    }
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // not this system, or forbidden: nothing is known
  }
}

const FORBIDDEN = Symbol("forbidden");

function readLink(path: string): string | typeof FORBIDDEN | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    return code === "EACCES" || code === "EPERM" ? FORBIDDEN : undefined; // else it is gone, or was never there
  }
}

function readNames(path: string): string[] | undefined {
  try {
    return readdirSync(path);
  } catch {
    return undefined; // no /proc here
  }
}
