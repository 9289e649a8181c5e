/** What the capture can do on this machine, tried out rather than believed. */
import { formatDuration } from "../../lib/format.ts";
import type { CaptureStatus, Degradation } from "../../model/capture-status.ts";
import type { Batch, Capture } from "../../model/contracts.ts";
import { WbError } from "../../model/errors.ts";
import { hidePid, networkNamespaces, type SystemFacts } from "../../platform/system-facts.ts";
import { counted, reasonOf, type Check, type CheckId } from "./check.ts";
import { BACKWARD_BYTES, FORWARD_BYTES, selfTest, type SelfTest, type Verdict } from "./self-test.ts";

export interface CaptureProbe {
  readonly status: CaptureStatus;
  readonly batch: Batch;
  readonly sampleMs: number;
  readonly test: SelfTest | { readonly problem: string };
}

/** Opens the capture, looks once, and tries it on a connection of our own. A WbError is a finding, not a failure. */
export async function probeCapture(open: () => Capture | Promise<Capture>): Promise<CaptureProbe | WbError> {
  try {
    await using capture = await open();
    const startMs = performance.now();
    const batch = await capture.sample();
    const sampleMs = performance.now() - startMs;
    let test: CaptureProbe["test"];
    try {
      test = await selfTest(capture);
    } catch (error) {
      test = { problem: reasonOf(error) };
    }
    return { status: capture.status(), batch, sampleMs, test };
  } catch (error) {
    return error instanceof WbError ? error : new WbError("internal", reasonOf(error), { cause: error });
  }
}

const TITLES = {
  capture: "Capture",
  exact_bytes: "Exact TCP bytes",
  closed_connections: "Closed connections",
  udp_bytes: "UDP bytes",
  processes: "Processes",
  interfaces: "Interfaces",
} as const satisfies Partial<Record<CheckId, string>>;

const METHODS: Readonly<Record<CaptureStatus["method"], string>> = {
  ebpf_tracepoint: "eBPF, by the tracepoints sock_send_length and sock_recv_length",
  ebpf_fentry: "eBPF, by fentry and fexit",
  ebpf_kprobe: "eBPF, by kprobes",
  sock_diag: "sock_diag, the kernel's own list of sockets",
  procfs: "/proc/net, without bytes per connection",
  simulated: "a simulated world",
  replay: "a recording",
};

/** All checks that need the capture; where there is none, one that failed and the rest skipped. */
export function captureChecks(probe: CaptureProbe | WbError, facts: SystemFacts): Check[] {
  if (probe instanceof WbError) return withoutCapture(probe, facts);
  return [
    methodCheck(probe),
    liveCheck(probe),
    closedCheck(probe),
    udpCheck(probe),
    processCheck(probe, facts),
    interfaceCheck(probe),
  ];
}

function withoutCapture(error: WbError, facts: SystemFacts): Check[] {
  const isUnsupported = error.code === "unsupported";
  const detail = isUnsupported
    ? `unsupported: this version of wb can't capture on ${facts.system} ${facts.kernel}`
    : error.message;
  const skipped = (
    ["exact_bytes", "closed_connections", "udp_bytes", "processes", "interfaces"] as const
  ).map((id): Check => ({
    id,
    title: TITLES[id],
    status: "skip",
    detail: "not looked at without a capture",
  }));
  const remedy = error.hint ?? (isUnsupported ? "Use wb on Linux" : undefined);
  return [{ id: "capture", title: TITLES.capture, status: "fail", detail, remedy }, ...skipped];
}

/** The worst of these that the capture tells of, its message without the final stop. */
function degradationOf(
  status: CaptureStatus,
  ...codes: readonly Degradation["code"][]
): Degradation | undefined {
  const found = status.degradations.find(({ code }) => codes.includes(code));
  return found && { ...found, message: found.message.replace(/\.$/, "") };
}

function methodCheck({ status, batch, sampleMs }: CaptureProbe): Check {
  const { enumerateMs } = batch.timings;
  const base = { id: "capture", title: TITLES.capture } as const;
  const data = { method: status.method, sockets: batch.sockets.length, enumerateMs, sampleMs };
  const found = `${METHODS[status.method]}: ${counted(batch.sockets.length, "socket")} in ${enumerateMs.toFixed(1)} ms`;
  const missing = degradationOf(status, "no_helper", "helper_gone", "no_sock_diag", "procfs_forced");
  if (missing === undefined) return { ...base, status: "ok", detail: found, data };
  return {
    ...base,
    status: "warn",
    detail: `${found}; ${missing.message.charAt(0).toLowerCase()}${missing.message.slice(1)}`,
    remedy: missing.remedy,
    data,
  };
}

/** What a verdict means: only a count that is wrong without saying so is a failure. */
function judged(verdict: Verdict): Pick<Check, "status" | "detail"> {
  const { offBytes, declaredBytes, meaning, ends, countedEnds } = verdict;
  const bytes = `${counted(FORWARD_BYTES + BACKWARD_BYTES, "byte")} of a test connection`;
  if (ends < 2) return { status: "warn", detail: `of the two ends of a test connection ${ends} was told` };
  if (countedEnds < 2) return { status: "warn", detail: `the ${bytes} were not counted` };
  if (offBytes === 0) return { status: "ok", detail: `${bytes} counted exactly, at both ends (${meaning})` };
  const off = `${bytes} counted ${counted(offBytes ?? 0, "byte")} off`;
  if (declaredBytes === undefined) return { status: "warn", detail: `${off}, and marked as a lower bound` };
  if ((offBytes ?? 0) <= declaredBytes)
    return { status: "warn", detail: `${off}, and marked so (${meaning})` };
  return { status: "fail", detail: `${off}, without saying so` };
}

const REPORT_IT = "This must never be: report it, with the output of `wb doctor --json`";

function testCheck(
  probe: CaptureProbe,
  id: "exact_bytes" | "closed_connections",
  missing?: Degradation,
): Check {
  const base = { id, title: TITLES[id] };
  if ("problem" in probe.test) {
    const detail = `not tried: loopback can't be used (${probe.test.problem})`;
    return { ...base, status: "skip", detail, remedy: "Bring loopback up: `ip link set lo up`" };
  }
  const verdict = id === "exact_bytes" ? probe.test.live : probe.test.closed;
  const { status, detail } = judged(verdict);
  const data = {
    offBytes: verdict.offBytes ?? null,
    declaredBytes: verdict.declaredBytes ?? null,
    meaning: verdict.meaning,
    ends: verdict.ends,
    ...(id === "closed_connections" ? { noticeMs: probe.test.noticeMs } : {}),
  };
  if (status === "fail") return { ...base, status, detail, remedy: REPORT_IT, data };
  if (status === "ok") return { ...base, status, detail, data };
  // That there is no sock_diag at all is told once, by the check of the method.
  const because =
    missing?.code === "no_sock_diag" || missing?.code === "procfs_forced" ? undefined : missing?.message;
  return { ...base, status, detail: because ?? detail, remedy: missing?.remedy, data };
}

function liveCheck(probe: CaptureProbe): Check {
  return testCheck(
    probe,
    "exact_bytes",
    degradationOf(probe.status, "no_sock_diag", "procfs_forced", "old_kernel"),
  );
}

function closedCheck(probe: CaptureProbe): Check {
  const check = testCheck(
    probe,
    "closed_connections",
    degradationOf(probe.status, "no_destroy_groups", "no_sock_diag", "procfs_forced"),
  );
  if (check.status !== "ok" || "problem" in probe.test) return check;
  return { ...check, detail: `${check.detail}, told ${formatDuration(probe.test.noticeMs)} after the close` };
}

function udpCheck({ status }: CaptureProbe): Check {
  const base = { id: "udp_bytes", title: TITLES.udp_bytes } as const;
  if (status.capabilities.bytes === "all") {
    const missing = degradationOf(status, "kernel_returns", "no_cgroup");
    const detail = "counted per socket, process and remote end, as every other protocol is";
    if (missing === undefined) return { ...base, status: "ok", detail };
    return { ...base, status: "warn", detail: missing.message, remedy: missing.remedy };
  }
  return {
    ...base,
    status: "skip",
    detail:
      "not countable per socket this way: the kernel keeps no count; UDP sockets are shown without bytes",
  };
}

function processCheck({ status, batch }: CaptureProbe, facts: SystemFacts): Check {
  const base = { id: "processes", title: TITLES.processes } as const;
  const notVisible = batch.sockets.filter(({ attribution }) => attribution === "not_visible").length;
  const hidden = hidePid();
  const data = {
    visible: status.capabilities.processes,
    notVisibleSockets: notVisible,
    hidePid: hidden ?? "0",
  };
  const missing = degradationOf(status, "no_procfs", "other_users_processes");
  if (status.capabilities.processes === "none") {
    const detail = missing?.message ?? "no process can be seen";
    return {
      ...base,
      status: "warn",
      detail,
      remedy: missing?.remedy ?? "Mount it, as root: `mount -t proc proc /proc`",
      data,
    };
  }
  if (status.capabilities.processes === "all") {
    const detail = `of all users; ${counted(batch.processes.length, "process holds", "processes hold")} a socket now`;
    return { ...base, status: "ok", detail, data };
  }
  const because = hidden === undefined || hidden === "0" ? "" : ` (/proc is mounted with hidepid=${hidden})`;
  const sockets = `${counted(notVisible, "socket")} of others ${notVisible === 1 ? "has" : "have"} no process`;
  const loss =
    notVisible === 0 ? "no process is missing now" : `${sockets}; their bytes are exact all the same`;
  return {
    ...base,
    status: facts.isRoot || notVisible > 0 ? "warn" : "ok",
    detail: `your own only${because}: ${loss}`,
    remedy: missing?.remedy ?? "To name the processes of other users run it as root: `sudo wb monitor`",
    data,
  };
}

function interfaceCheck({ batch }: CaptureProbe): Check {
  const base = { id: "interfaces", title: TITLES.interfaces } as const;
  const total = batch.interfaces.filter(({ counted }) => counted).map(({ name }) => name);
  const data = { interfaces: batch.interfaces.length, counted: total.length };
  if (batch.interfaces.length === 0) {
    const remedy = "See what `ip -s link` says";
    return {
      ...base,
      status: "warn",
      detail: "no counters can be read, so totals have no check",
      remedy,
      data,
    };
  }
  const others = batch.interfaces.length - total.length;
  const names =
    total.length > 4 ? `${total.slice(0, 4).join(", ")} and ${total.length - 4} more` : total.join(", ");
  const detail = `${names === "" ? "none" : names} counted${others > 0 ? `, ${others} left out of the total` : ""}`;
  return { ...base, status: "ok", detail, data };
}

/** What can't be seen because it is another container's. */
export function namespaceCheck(probe: CaptureProbe | WbError): Check {
  const base = { id: "namespaces", title: "Containers" } as const;
  if (!(probe instanceof WbError) && probe.status.capabilities.namespaces === "all") {
    return { ...base, status: "ok", detail: "the connections of all network namespaces are seen" };
  }
  const found = networkNamespaces();
  if (found === undefined)
    return { ...base, status: "skip", detail: "network namespaces can't be looked at here" };
  const data = { otherNamespaces: found.others, hiddenProcesses: found.hiddenProcesses };
  if (found.others > 0) {
    const detail = `connections in ${counted(found.others, "other network namespace")} are not seen`;
    const remedy = `To watch one of them: \`sudo nsenter --net=/proc/${found.examplePid}/ns/net wb monitor\``;
    return { ...base, status: "warn", detail, remedy, data };
  }
  const hidden = found.hiddenProcesses;
  const detail =
    hidden === 0
      ? "no other network namespace is in use: nothing is missing"
      : `no other network namespace seen, but ${counted(hidden, "process", "processes")} of others can't be looked at`;
  return { ...base, status: "ok", detail, data };
}
