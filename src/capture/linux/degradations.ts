/** Why a capture on Linux is not as good as it could be, each with one thing to do about it. */
import type { Degradation } from "../../model/capture-status.ts";

export const DEGRADATIONS = {
  no_sock_diag: {
    code: "no_sock_diag",
    message:
      "The kernel refuses sock_diag, so there are no byte counts and no final counters of closed connections.",
    remedy:
      "Load the kernel modules, as root: modprobe -a tcp_diag udp_diag; in a sandbox, allow AF_NETLINK sockets.",
  },
  procfs_forced: {
    code: "procfs_forced",
    message: "/proc/net was asked for: it has no byte counts and no final counters of closed connections.",
    remedy: "Leave WB_CAPTURE_METHOD unset, so that sock_diag is used where the kernel allows it.",
  },
  no_procfs: {
    code: "no_procfs",
    message: "There is no readable /proc, so no socket can be tied to a process.",
    remedy: "Mount it, as root: mount -t proc proc /proc",
  },
  no_destroy_groups: {
    code: "no_destroy_groups",
    message: "The kernel doesn't tell of destroyed sockets: counts of closed connections are a lower bound.",
    remedy:
      "Shorten the interval (--interval 250ms), so that less happens after the last look at a connection.",
  },
  old_kernel: {
    code: "old_kernel",
    message: "This kernel doesn't count sent payload: what the peers acknowledged is shown in its place.",
    remedy: "Use Linux 4.19 or newer.",
  },
  other_users_processes: {
    code: "other_users_processes",
    message: "The processes of other users are not visible; their connections and bytes are.",
    remedy: "Let the elevated helper tell: wb monitor --elevate",
  },
  udp_bytes: {
    code: "udp_bytes",
    message: "UDP bytes are not counted: the kernel keeps no count per socket.",
    remedy: "Let the elevated helper count them: wb monitor --elevate",
  },
  helper_gone: {
    code: "helper_gone",
    message: "The elevated helper is gone: this goes on without it, with TCP bytes only, until it is back.",
    remedy:
      "One that --elevate started is started again by itself; a service: sudo systemctl restart wirebound-helper",
  },
  no_helper: {
    code: "no_helper",
    message: "The elevated helper can't be used.",
    remedy: "See what is missing: wb doctor",
  },
  kernel_returns: {
    code: "kernel_returns",
    message: "This kernel lets kretprobes count what is neither TCP nor UDP; they can lose returns.",
    remedy: "Use Linux 5.5 or newer with BTF, best 6.3 or newer.",
  },
  no_cgroup: {
    code: "no_cgroup",
    message: "There is no cgroup v2: remote ends of unconnected UDP sockets are not told apart.",
    remedy: "Mount it, as root: mount -t cgroup2 none /sys/fs/cgroup",
  },
  no_names: {
    code: "no_names",
    message: "DNS answers and TLS server names can't be observed here.",
    remedy: "It needs cgroup v2 and cgroup_skb programs: mount -t cgroup2 none /sys/fs/cgroup",
  },
  no_process_events: {
    code: "no_process_events",
    message: "The kernel doesn't tell of new processes: those that end at once may have only a short name.",
    remedy: "It needs the tracepoints sched_process_exec, fork and exit in the kernel.",
  },
} as const satisfies Record<Degradation["code"], Degradation>;
