/**
 * Who uses a socket, and how well that is known: a process that was seen holding it, else the listener that it was
 * accepted from, else why nobody is named.
 */
import type { AttributionQuality, SocketIdentity } from "../../model/flow.ts";
import type { ProcessKey } from "../../model/process.ts";
import type { Closing } from "./closing.ts";
import type { TrackedSocket } from "./tracked-socket.ts";

const NOBODY: readonly ProcessKey[] = [];

/** What this user may see. */
export interface Sight {
  readonly allProcesses: boolean;
  readonly userId: number | undefined;
}

export interface ListenerLookup {
  listenerOf(identity: SocketIdentity): TrackedSocket | undefined;
}

/** Ties a live socket to its holders; called after the search. */
export function attributeLive(socket: TrackedSocket, listeners: ListenerLookup, sight: Sight): void {
  if (socket.inode !== 0 && socket.kind === "full") {
    const found = socket.holders?.owners ?? NOBODY;
    if (found.length > 0) socket.attribute(found, "exact");
    else socket.attribute(NOBODY, unseen(socket.identity, sight));
    return;
  }
  // An orphan keeps the process that it was seen with; TIME_WAIT and the kernel's own have none.
  if (socket.owners.length > 0 || socket.attribution === "not_visible") return;
  if (!socket.isConnection) return;
  const listener = listeners.listenerOf(socket.identity);
  if (listener !== undefined) inferFrom(listener, (found, quality) => socket.attribute(found, quality));
}

/** Ties a closed connection that no dump had with a process to its listener's process. */
export function attributeClosing(closing: Closing, listeners: ListenerLookup): void {
  if (closing.owners.length > 0 || closing.attribution === "not_visible") return;
  const listener = listeners.listenerOf(closing.identity);
  if (listener === undefined || !closing.isConnection) return;
  inferFrom(listener, (found, quality) => {
    closing.owners = found;
    closing.attribution = quality;
  });
}

function inferFrom(
  listener: TrackedSocket,
  take: (owners: readonly ProcessKey[], quality: AttributionQuality) => void,
): void {
  if (listener.owners.length > 0) take(listener.owners, "inferred");
  else if (listener.attribution === "not_visible") take(NOBODY, "not_visible");
}

function unseen(identity: SocketIdentity, sight: Sight): AttributionQuality {
  return !sight.allProcesses && identity.userId !== sight.userId ? "not_visible" : "unknown";
}
