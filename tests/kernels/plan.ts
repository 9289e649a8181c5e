/** What a guest does: the methods that each kernel must allow or refuse, and the shell script of the steps. */
import { EBPF_METHODS, type EbpfMethod } from "../../src/model/capture-status.ts";
import type { KernelSeries } from "./packages.ts";

/** The ladder of each kernel, best first: sock_send_length came with Linux 6.3. */
export const LADDERS: Readonly<Record<KernelSeries, readonly EbpfMethod[]>> = {
  "5.10": ["ebpf_fentry", "ebpf_kprobe"],
  "6.1": ["ebpf_fentry", "ebpf_kprobe"],
  "6.12": ["ebpf_tracepoint", "ebpf_fentry", "ebpf_kprobe"],
};

export function refusedMethods(series: KernelSeries): EbpfMethod[] {
  return EBPF_METHODS.filter((method) => !LADDERS[series].includes(method));
}

/** Each way to send and receive; IPv4 in IPv6 form is looked at on the host, which has the same code. */
const ALL_TRAFFIC = "all --families 46 --processes 5 --connections 5";
/** For what counts no calls. */
const SOME_TRAFFIC =
  "tcp-blocked-reader tcp-existing tcp-send-recv tcp-sendfile tcp-splice-both tcp-half-close udp-send-recv --families 46";
const LITTLE_TRAFFIC = "tcp-send-recv udp-send-recv --families 46";

const ONCE = "--once --json --no-dns --no-history";

/** The script: one step per question that kernels.test.ts asks, in the words of guest/init.sh. */
export function stepsFor(series: KernelSeries): string {
  return [
    "step doctor wb doctor --json --no-dns",
    "step doctor-elevated wb doctor --elevate --json --no-dns",
    ...refusedMethods(series).map(
      (method) => `step ${method} env WB_CAPTURE_METHOD=${method} wb monitor --elevate ${ONCE}`,
    ),
    ...LADDERS[series].flatMap((method) => forced(method, "--elevate", ALL_TRAFFIC)),
    ...forced("sock_diag", "--no-helper", SOME_TRAFFIC),
    ...forced("procfs", "--no-helper", LITTLE_TRAFFIC),
    "",
  ].join("\n");
}

function forced(method: string, flags: string, traffic: string): string[] {
  return [
    `export WB_CAPTURE_METHOD=${method}`,
    `watched ${method} ${flags} ${traffic}`,
    "unset WB_CAPTURE_METHOD",
  ];
}
