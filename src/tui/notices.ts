/** What the person should know and may put away: a message of the program, losses, and what keeps the capture from being better. */
import type { CaptureMethod } from "../model/capture-status.ts";
import type { Loss } from "../model/loss.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Notice } from "./screen.ts";
import { exact } from "./text.ts";

/** Ways of capturing in words for a person. */
export const METHOD_WORDS: Readonly<Record<CaptureMethod, string>> = {
  ebpf_tracepoint: "eBPF (tracepoints)",
  ebpf_fentry: "eBPF (fentry)",
  ebpf_kprobe: "eBPF (kprobes)",
  sock_diag: "sock_diag",
  procfs: "procfs",
  simulated: "simulated",
  replay: "replay",
};

/** The causes of loss in words for a person. */
export const LOSS_WORDS: Readonly<Record<Loss["cause"], string>> = {
  netlink_overflow: "the kernel dropped notices of closed connections",
  dump_interrupted: "the list of sockets changed while it was read",
  dump_truncated: "a message of the kernel was cut short",
  final_counters_missing: "connections ended and their last counters were not seen",
  counters_erased: "counters were zeroed by a reset before they could be read",
  flow_evicted: "the table of connections was full",
  flow_merged: "a table of groups was full and some were summed up",
  socket_map_full: "the kernel's table of sockets was full",
  bytes_map_full: "the kernel's table of processes at sockets was full",
  event_ring_full: "the kernel's queue of process events was full",
  name_ring_full: "the kernel's queue of observed names was full",
  peer_merged: "remote ends of one socket were too many to be told apart",
  return_lost: "the kernel lost sight of calls before they returned",
  closed_row_missed: "connections ended faster than they could be told",
  event_dropped: "process events came faster than they could be taken",
  helper_interrupted: "nobody could count while the helper was away",
  process_unreadable: "processes vanished while they were read",
  malformed_record: "records could not be understood",
};

export function lossCount(snapshot: Snapshot): number {
  return snapshot.loss.reduce((sum, loss) => sum + loss.count, 0);
}

/** Bytes known to be lost, and whether more are by an unknown amount. */
export function lostBytes(snapshot: Snapshot): { bytes: number; atLeast: boolean } {
  let bytes = 0;
  let atLeast = false;
  for (const loss of snapshot.loss) {
    bytes += loss.bytes ?? 0;
    if (loss.bytes === undefined && loss.count > 0) atLeast = true;
  }
  return { bytes, atLeast };
}

/** How long it is told that the helper is back, in milliseconds. */
const BACK_MS = 10_000;

/** What becomes of the elevated helper from one snapshot to the next. */
export class HelperNews {
  #isGone = false;
  #backAtMs: number | undefined;

  /** Takes the next snapshot; returns the message that must be shown again, because what it says happened anew. */
  observe({ capture, sampledAtMs }: Snapshot): string | undefined {
    const gone = capture.degradations.find(({ code }) => code === "helper_gone");
    const wasGone = this.#isGone;
    this.#isGone = gone !== undefined;
    if (gone !== undefined) this.#backAtMs = undefined;
    else if (wasGone) this.#backAtMs = sampledAtMs;
    return wasGone ? undefined : gone?.message;
  }

  /** The good news, for a while. */
  notice({ sampledAtMs, capture }: Snapshot): Notice | undefined {
    if (this.#backAtMs === undefined || sampledAtMs - this.#backAtMs >= BACK_MS) return undefined;
    const counts = capture.capabilities.bytes === "all" ? ": everything is counted again" : "";
    return { role: "good", message: `The elevated helper is back${counts}.`, remedy: "" };
  }
}

/**
 * Everything there is to say, the worst first. `message`: what the program behind the screen has to say itself; `good`:
 * good news, which is told last.
 */
export function noticesOf(snapshot: Snapshot, message: string | undefined, good?: Notice): Notice[] {
  const notices: Notice[] = [];
  if (message !== undefined && message !== "") notices.push({ role: "error", message, remedy: "" });
  for (const { message, remedy } of snapshot.capture.degradations)
    notices.push({ role: "warning", message, remedy });
  if (good !== undefined) notices.push(good);
  return notices;
}

/** One line per cause of loss. */
export function lossLines(snapshot: Snapshot): string[] {
  return snapshot.loss
    .filter((loss) => loss.count > 0)
    .map((loss) => {
      const bytes = loss.bytes === undefined ? "bytes not known" : `${exact(loss.bytes)} bytes`;
      return `${exact(loss.count)} × ${LOSS_WORDS[loss.cause]} (${bytes})`;
    });
}

/** The first notice that was not put away. */
export function currentNotice(
  notices: readonly Notice[],
  dismissed: ReadonlySet<string>,
): Notice | undefined {
  return notices.find((notice) => !dismissed.has(notice.message));
}
