/**
 * While the helper is away: what another capture tells, fitted to the rows that the helper told, so that each goes on
 * under its name and no count goes back or is told twice.
 *
 * A TCP socket's whole total is known to both, so its rows go on exactly but for what lies in its buffers (told-count.ts).
 * What the other capture can't count stays as it was told, as a lower bound; what it can't even see (other network
 * namespaces, other protocols) stays as long as one of its processes lives. A socket that the helper did not know is
 * younger than the helper's last answer, so all of it was observed.
 */
import type { ClosedSocket, ObservedCounts, SocketCounters, SocketSample } from "../../model/flow.ts";
import type { HelperSocket, OtherLook } from "./helper-socket.ts";
import type { RowTable } from "./row-table.ts";

const FROM_ITS_BEGINNING: ObservedCounts = { bytesSent: 0, bytesReceived: 0 };

export class Interim {
  readonly #table: RowTable;
  readonly #known = new Map<string, HelperSocket>();
  readonly #hidden: HelperSocket[] = [];
  /** Of sockets that only the other capture knows: what it has told of them. */
  #others = new Map<string, ObservedCounts>();
  /** Where the observation of sockets begins that are new. */
  #newFrom: ObservedCounts | undefined;

  /** `hasAnswered`: whether the helper ever told what there is. Before that, what is new may be old. */
  constructor(table: RowTable, hasAnswered: boolean) {
    this.#table = table;
    this.#newFrom = hasAnswered ? FROM_ITS_BEGINNING : undefined;
    table.rebase();
    for (const socket of table.sockets()) {
      if (socket.isInSight) this.#known.set(socket.id, socket);
      else if (socket.isShown) this.#hidden.push(socket);
    }
  }

  /** Where the helper's rows of these sockets have to go on, by id. */
  get told(): ReadonlyMap<string, ObservedCounts> {
    return this.#others;
  }

  /** The live rows, from the other capture's; called before `closed`. */
  live(samples: readonly SocketSample[]): SocketSample[] {
    const rows: SocketSample[] = [];
    const others = new Map<string, ObservedCounts>();
    for (const sample of samples) {
      const { id } = sample.identity;
      const socket = this.#known.get(id);
      if (socket !== undefined) {
        look(socket, sample);
        for (const row of socket.rows) rows.push(row.sample());
      } else if (!this.#table.recentlyClosed.has(id)) {
        others.set(id, countsOf(sample.counters) ?? FROM_ITS_BEGINNING);
        rows.push(this.#others.has(id) ? sample : { ...sample, observedFrom: this.#newFrom });
      }
    }
    this.#others = others;
    for (const socket of this.#hidden) {
      if (!isHeld(socket)) continue;
      socket.lookFrom(unseen(socket), undefined);
      for (const row of socket.rows) rows.push(row.sample());
    }
    return rows;
  }

  /** The closed rows, from the other capture's. */
  closed(sockets: readonly ClosedSocket[]): ClosedSocket[] {
    const rows: ClosedSocket[] = [];
    for (const closed of sockets) {
      const { id } = closed.identity;
      const socket = this.#known.get(id);
      if (socket !== undefined) {
        look(socket, closed);
        this.#known.delete(id);
        rows.push(...this.#table.closeSocket(socket, closed.closedAtMs, closed.state));
      } else if (!this.#table.recentlyClosed.has(id)) {
        rows.push(this.#others.has(id) ? closed : { ...closed, observedFrom: this.#newFrom });
      }
    }
    this.#newFrom = FROM_ITS_BEGINNING;
    return rows;
  }

  /** The helper is back: its own looks count again. */
  end(): void {
    for (const socket of this.#table.sockets()) socket.lookBack();
    this.#table.rebase();
  }
}

function look(socket: HelperSocket, sample: SocketSample): void {
  const counts = countsOf(sample.counters);
  socket.lookFrom(
    {
      state: sample.state,
      meaning: counts === undefined ? "payload" : sample.counters.meaning,
      uncertaintyBytes: counts === undefined ? undefined : sample.counters.uncertaintyBytes,
      owners: sample.owners,
      attribution: sample.attribution,
    },
    counts,
  );
}

function unseen(socket: HelperSocket): OtherLook {
  return (
    socket.other ?? {
      state: socket.stateName,
      meaning: "payload",
      uncertaintyBytes: undefined,
      owners: [],
      attribution: "unknown",
    }
  );
}

function countsOf({ bytesSent, bytesReceived }: SocketCounters): ObservedCounts | undefined {
  return bytesSent === undefined || bytesReceived === undefined ? undefined : { bytesSent, bytesReceived };
}

/** Whether a process that used it, or opened it, still lives as far as is known. */
function isHeld(socket: HelperSocket): boolean {
  if (socket.opener !== undefined && socket.opener.exitedNs === undefined) return true;
  return socket.rows.some(({ process }) => process !== undefined && process.exitedNs === undefined);
}
