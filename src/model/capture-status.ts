/** What a way of capturing can and can not do, and what would make it better. */

/** How the elevated helper counts, best first; what each kernel allows differs. */
export const EBPF_METHODS = ["ebpf_tracepoint", "ebpf_fentry", "ebpf_kprobe"] as const;

export type EbpfMethod = (typeof EBPF_METHODS)[number];

export type CaptureMethod = EbpfMethod | "sock_diag" | "procfs" | "simulated" | "replay";

export interface CaptureCapabilities {
  /** Which traffic can be counted per connection. */
  readonly bytes: "none" | "tcp" | "all";
  /** Whether final counters of closed connections are delivered. */
  readonly closedConnections: boolean;
  /** Whose sockets can be tied to a process. */
  readonly processes: "none" | "own" | "all";
  /** Whether names come from observed traffic. */
  readonly names: boolean;
  /** Which network namespaces are seen. */
  readonly namespaces: "current" | "all";
}

/** Why a capture is not as good as it could be, and what would make it so. */
export interface Degradation {
  /** Stable and machine-readable. */
  readonly code:
    | "no_sock_diag"
    | "procfs_forced"
    | "no_destroy_groups"
    | "other_users_processes"
    | "old_kernel"
    | "udp_bytes"
    | "no_procfs"
    | "helper_gone" // the elevated helper was there and is not any more
    | "no_helper" // it was asked for and can't be used
    | "kernel_returns" // counted by kretprobes, which can lose returns
    | "no_cgroup" // no cgroup v2: remote ends of unconnected sockets are not told apart
    | "no_names" // DNS answers and TLS names can't be observed
    | "no_process_events"; // short-lived processes may have no name
  readonly message: string;
  /** One thing a person can do, usually a command. */
  readonly remedy: string;
}

export interface CaptureStatus {
  readonly method: CaptureMethod;
  readonly capabilities: CaptureCapabilities;
  /** Worst first; empty when nothing is missing. */
  readonly degradations: readonly Degradation[];
}
