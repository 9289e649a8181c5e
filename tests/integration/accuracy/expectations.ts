/**
 * What each method is known to fall short of, with the reason: everything that is not named here must be told exactly.
 * A wrong count is excused by nothing.
 */
import type { Finding, Outcome } from "./compare.ts";

export interface Shortcoming {
  /** Scenarios, by the beginning of their names. */
  readonly scenarios: readonly string[];
  readonly outcomes: readonly Outcome[];
  readonly reason: string;
}

const EVERY_EBPF: readonly Shortcoming[] = [
  {
    scenarios: ["udp-recv-without-name"],
    outcomes: ["ends merged"],
    reason: "the program asks for no address, so no message names the remote end",
  },
  {
    scenarios: ["udp-blocked-reader"],
    outcomes: ["lower bound"],
    reason: "a UDP socket that is older than the capture: what it carried before was counted by nobody",
  },
  {
    scenarios: ["ktls"],
    outcomes: ["lower bound"],
    reason: "what is spliced out of a kTLS socket passes no hook; what calls returned is exact",
  },
  {
    scenarios: ["icmp", "raw"],
    outcomes: ["ends merged"],
    reason: "the remote ends of ping and raw sockets are not told apart",
  },
];

/** sock_diag knows sockets, not calls: TCP only, in its own namespace, for whoever was seen to hold the socket. */
const SOCK_DIAG: readonly Shortcoming[] = [
  {
    scenarios: ["udp", "uring-udp", "raw", "icmp", "mptcp", "sctp"],
    outcomes: ["not counted", "no row", "other process"],
    reason: "sock_diag has no counters for it",
  },
  {
    scenarios: ["netns-"],
    outcomes: ["not counted", "no row", "other process"],
    reason: "another network namespace",
  },
  {
    scenarios: ["tcp", "uring", "ktls"],
    outcomes: ["bounded", "lower bound", "other process", "no row"],
    reason:
      "the end of a connection is inferred, and the process is the one that was seen to hold the socket",
  },
];

export const SHORTCOMINGS: Readonly<Record<string, readonly Shortcoming[]>> = {
  ebpf_tracepoint: EVERY_EBPF,
  ebpf_fentry: EVERY_EBPF,
  ebpf_kprobe: EVERY_EBPF,
  sock_diag: SOCK_DIAG,
};

/** Why it was to be expected; undefined where it was not. */
export function excuse(method: string, { scenario, outcome }: Finding): string | undefined {
  if (outcome === "exact") return "";
  return (SHORTCOMINGS[method] ?? []).find(
    (one) =>
      one.scenarios.some((name) => scenario.startsWith(name)) &&
      one.outcomes.some((expected) => expected === outcome),
  )?.reason;
}
