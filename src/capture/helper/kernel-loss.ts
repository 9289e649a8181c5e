/**
 * What the helper says was lost, as losses since the last answer. Its counts are cumulative: those of one instance go on
 * from session to session, those of another begin at 0, and what a helper had lost before this program began is not ours.
 */
import type { Loss } from "../../model/loss.ts";
import type { ConnectionStatsResponse, KernelLoss } from "../../protocol/helper/messages.ts";

const NOTHING: KernelLoss = {
  socketsFull: 0,
  bytesFull: 0,
  lostSent: 0,
  lostReceived: 0,
  eventsFull: 0,
  namesFull: 0,
  peersMerged: 0,
  returnsLost: 0,
};

type Told = Pick<ConnectionStatsResponse, "loss" | "missedRows" | "missedBytes">;

export class HelperLosses {
  #kernel: KernelLoss | undefined;
  #missedRows = 0;
  #missedBytes = 0;
  #droppedEvents = 0;
  #untoldEvents = 0;
  /** Whether there was ever no room for a socket. */
  hasLostSockets = false;

  /** Another session begins. `instance`: of the same helper, of another one, or of the first that this program meets. */
  beginSession(instance: "same" | "other" | "first"): void {
    if (instance === "other") this.#kernel = NOTHING;
    if (instance === "first") this.#kernel = undefined;
    this.#missedRows = 0;
    this.#missedBytes = 0;
    this.#droppedEvents = 0;
  }

  /** The cumulative count of events that were dropped for this session. */
  noteDroppedEvents(count: number): void {
    this.#untoldEvents += Math.max(0, count - this.#droppedEvents);
    this.#droppedEvents = Math.max(this.#droppedEvents, count);
  }

  /** `stray`: rows of closed sockets whose other half was missed. */
  take(told: Told, stray: { readonly rows: number; readonly bytes: number }): Loss[] {
    this.hasLostSockets ||= told.loss.socketsFull > 0;
    const before = this.#kernel ?? told.loss;
    const now = told.loss;
    const grown = (name: keyof KernelLoss): number => Math.max(0, now[name] - before[name]);
    const missedRows = Math.max(0, told.missedRows - this.#missedRows) + stray.rows;
    const missedBytes = Math.max(0, told.missedBytes - this.#missedBytes) + stray.bytes;
    const losses = fullMaps(
      grown("socketsFull"),
      grown("bytesFull"),
      grown("lostSent") + grown("lostReceived"),
    );
    losses.push(
      { cause: "event_ring_full", count: grown("eventsFull"), bytes: 0 },
      { cause: "name_ring_full", count: grown("namesFull"), bytes: 0 },
      { cause: "peer_merged", count: grown("peersMerged"), bytes: 0 },
      { cause: "return_lost", count: grown("returnsLost"), bytes: undefined },
      {
        cause: "closed_row_missed",
        count: missedBytes > 0 ? Math.max(1, missedRows) : missedRows,
        bytes: missedBytes,
      },
      { cause: "event_dropped", count: this.#untoldEvents, bytes: 0 },
    );
    this.#kernel = now;
    this.#missedRows = told.missedRows;
    this.#missedBytes = told.missedBytes;
    this.#untoldEvents = 0;
    return losses.filter(({ count }) => count > 0);
  }
}

/**
 * The kernel programs count lost bytes without their cause. They are told once: with the table of processes at sockets,
 * unless only the table of sockets was full.
 */
function fullMaps(socketsFull: number, bytesFull: number, lostBytes: number): Loss[] {
  const onlySockets = socketsFull > 0 && bytesFull === 0;
  const hasLost = lostBytes > 0 && !onlySockets;
  return [
    { cause: "socket_map_full", count: socketsFull, bytes: onlySockets ? lostBytes : 0 },
    {
      cause: "bytes_map_full",
      count: hasLost ? Math.max(1, bytesFull) : bytesFull,
      bytes: hasLost ? lostBytes : 0,
    },
  ];
}
