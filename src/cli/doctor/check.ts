/** What one look of `wb doctor` found. */

/**
 * `ok`: works. `warn`: works, but less well than it could; nothing is wrong by it. `fail`: something that WireBound needs
 * does not work. `skip`: could not be looked at, or does not apply here.
 */
export type CheckStatus = "ok" | "warn" | "fail" | "skip";

/** Stable and machine-readable; docs/doctor.md tells of each. */
export type CheckId =
  | "system"
  | "program"
  | "capture"
  | "exact_bytes"
  | "closed_connections"
  | "udp_bytes"
  | "processes"
  | "namespaces"
  | "helper"
  | "helper_launch"
  | "ebpf"
  | "agent"
  | "interfaces"
  | "terminal"
  | "name_server"
  | "name_cache"
  | "history"
  | "disk"
  | "configuration"
  | "clock";

export interface Check {
  readonly id: CheckId;
  readonly title: string;
  readonly status: CheckStatus;
  /** What was found, for a person: one sentence or less. */
  readonly detail: string;
  /** What to do about it: one sentence that names the command. Only where there is something to do. */
  readonly remedy?: string | undefined;
  /** What was found, for a program. */
  readonly data?: Readonly<Record<string, string | number | boolean | null>>;
}

/** The text of anything that was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `1 socket`, `2 sockets`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? noun : plural}`;
}
