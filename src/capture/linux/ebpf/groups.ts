/**
 * Which kernel programs belong together, by what they are attached to, and what is lost without them. One group counts
 * bytes: which one is the method. All others are the same for every method and can be missing.
 */
import { EBPF_METHODS, type EbpfMethod } from "../../../model/capture-status.ts";
import { DEGRADATIONS } from "../degradations.ts";
import type { BpfProgram } from "./object.ts";

export type ProgramGroup = "counting" | "base" | "process" | "cgroup" | "names";

/**
 * In the order of attaching. Counting comes first: a socket that a later program enters as new has had every byte
 * counted, and one that was there before is known to be so.
 */
export const GROUPS: readonly ProgramGroup[] = ["counting", "base", "process", "cgroup", "names"];

/**
 * The methods in the order in which a kernel is asked for them, by its release (`uname -r`). Linux 6.3 and 6.4 have the
 * tracepoints, but sendfile and splice still go past them.
 */
export function ladderOf(release: string): readonly EbpfMethod[] {
  return /^6\.[34]\D/.test(release) ? ["ebpf_fentry", "ebpf_kprobe"] : EBPF_METHODS;
}

/** What a group's missing program means to a person, worst first. */
export const GROUP_DEGRADATIONS = [
  ["cgroup", DEGRADATIONS.no_cgroup],
  ["names", DEGRADATIONS.no_names],
  ["process", DEGRADATIONS.no_process_events],
] as const;

interface Counting {
  /** Which sections are of this method. */
  readonly all: RegExp;
  /** Those without which something would go uncounted. */
  readonly required: readonly string[];
  /** Likewise, where the kernel has IPv6. */
  readonly required6: readonly string[];
}

/** The functions that carry pages, inet_sendpage and its like, are not required: Linux 6.5 and newer have none. */
const COUNTING: Readonly<Record<EbpfMethod, Counting>> = {
  ebpf_tracepoint: {
    all: /^raw_tp\/sock_(?:send|recv)_/,
    required: ["raw_tp/sock_send_length", "raw_tp/sock_recv_length"],
    required6: [],
  },
  ebpf_fentry: {
    all: /^f(?:entry|exit)\//,
    required: ["fexit/inet_sendmsg", "fexit/inet_recvmsg"],
    required6: ["fexit/inet6_sendmsg", "fexit/inet6_recvmsg"],
  },
  ebpf_kprobe: {
    all: /^k(?:ret)?probe\//,
    required: [
      "kprobe/tcp_release_cb",
      "kprobe/skb_consume_udp",
      "kprobe/inet_sendmsg",
      "kretprobe/inet_sendmsg",
      "kprobe/inet_recvmsg",
      "kretprobe/inet_recvmsg",
    ],
    required6: [
      "kprobe/inet6_sendmsg",
      "kretprobe/inet6_sendmsg",
      "kprobe/inet6_recvmsg",
      "kretprobe/inet6_recvmsg",
    ],
  },
};

const OTHERS: readonly (readonly [RegExp, ProgramGroup])[] = [
  [/^raw_tp\/sched_process_/, "process"],
  [/^cgroup_skb\//, "names"],
  [/^(?:cgroup\/|sockop)/, "cgroup"],
  [/^raw_tp\//, "base"],
];

/** The group of a program under a method; undefined where it belongs to another method. */
export function groupOf(program: BpfProgram, method: EbpfMethod): ProgramGroup | undefined {
  for (const [other, { all }] of Object.entries(COUNTING)) {
    if (all.test(program.section)) return other === method ? "counting" : undefined;
  }
  return OTHERS.find(([pattern]) => pattern.test(program.section))?.[1];
}

/** The sections that a method can't count without. */
export function requiredSections(method: EbpfMethod, hasIpv6: boolean): readonly string[] {
  const { required, required6 } = COUNTING[method];
  return hasIpv6 ? [...required, ...required6] : required;
}

/** Whether it is attached to a cgroup and not to one place in the kernel. */
export function isOfCgroup(program: BpfProgram): boolean {
  return /^(?:cgroup|sockop)/.test(program.section);
}

/** The tracepoint at which TCP's own count of what was taken is read. */
export const TAKEN_SECTION = "raw_tp/tcp_rcv_space_adjust";
