/** What the person should know and may put away: a message of the program, losses, and what keeps the capture from being better. */
import type { Loss } from "../model/loss.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Notice } from "./screen.ts";
import { exact } from "./text.ts";

/** The causes of loss in words for a person. */
export const LOSS_WORDS: Readonly<Record<Loss["cause"], string>> = {
  netlink_overflow: "the kernel dropped notices of closed connections",
  dump_interrupted: "the list of sockets changed while it was read",
  dump_truncated: "a message of the kernel was cut short",
  final_counters_missing: "connections ended and their last counters were not seen",
  counters_erased: "counters were zeroed by a reset before they could be read",
  flow_evicted: "the table of connections was full",
  flow_merged: "a table of groups was full and some were summed up",
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

/** Everything there is to say, the worst first. `message`: what the program behind the screen has to say itself. */
export function noticesOf(snapshot: Snapshot, message: string | undefined): Notice[] {
  const notices: Notice[] = [];
  if (message !== undefined && message !== "") notices.push({ role: "error", message, remedy: "" });
  for (const { message, remedy } of snapshot.capture.degradations)
    notices.push({ role: "warning", message, remedy });
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
