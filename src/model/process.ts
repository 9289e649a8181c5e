/** A process of this machine, named so that a reused pid is never mistaken for the one before it. */

/**
 * `<boot id>:<pid>:<start time>`, the start time in the kernel's own units (clock ticks since boot on Linux).
 * Never compare bare pids: they are reused.
 */
export type ProcessKey = string;

export function processKey(bootId: string, pid: number, startTime: number): ProcessKey {
  return `${bootId}:${pid}:${startTime}`;
}

/** What is known of a process. Immutable: a changed process is a new object. */
export interface ProcessInfo {
  readonly key: ProcessKey;
  readonly pid: number;
  readonly parentPid: number | undefined;
  /** File name of the executable where the path is known, else the kernel's short name (comm). */
  readonly name: string;
  /** Absolute path of the executable; undefined where it may not be read or there is none (kernel threads). */
  readonly path: string | undefined;
  /** Arguments kept apart, argv[0] first; empty where they may not be read. */
  readonly commandLine: readonly string[];
  readonly userId: number | undefined;
  readonly userName: string | undefined;
  /** Unix milliseconds. */
  readonly startedAtMs: number | undefined;
}

/** What a process uses at the moment of a sample. */
export interface ProcessUsage {
  readonly key: ProcessKey;
  /** Resident set. */
  readonly memoryBytes: number;
  /** User and system time since the process began, in milliseconds. */
  readonly cpuTimeMs: number;
}
