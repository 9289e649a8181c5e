/**
 * What a capture told about connections over several samples, one row each: the newest word on every socket. It also
 * checks what must hold for every batch, so that each test that collects checks it.
 */
import type { Batch } from "../../../src/model/contracts.ts";
import type { SocketSample } from "../../../src/model/flow.ts";
import type { Counted } from "./sockets.ts";

export interface CollectedRow {
  readonly id: string;
  readonly local: string;
  readonly remote: string;
  readonly sent: number | undefined;
  readonly received: number | undefined;
  readonly uncertaintyBytes: number | undefined;
  readonly state: string;
  readonly attribution: string;
  readonly pids: readonly number[];
  readonly closed: boolean;
}

export class Collector {
  readonly #closed = new Map<string, CollectedRow>();
  #live = new Map<string, CollectedRow>();
  /** What was there before the traffic began: the TIME_WAITs of earlier tests can have this one's port. */
  #before: ReadonlySet<string> | undefined;
  readonly losses = new Map<string, number>();

  add(batch: Batch): void {
    this.#live = new Map();
    for (const socket of batch.sockets) {
      if (this.#live.has(socket.identity.id)) throw new Error(`${socket.identity.id} is told twice`);
      this.#live.set(socket.identity.id, toRow(socket, false));
    }
    for (const socket of batch.closed) {
      if (this.#live.has(socket.identity.id))
        throw new Error(`${socket.identity.id} is told live and closed`);
      this.#closed.set(socket.identity.id, toRow(socket, true));
    }
    this.#before ??= new Set(this.#live.keys());
    for (const { cause, count } of batch.loss) this.losses.set(cause, (this.losses.get(cause) ?? 0) + count);
  }

  /** TCP connections that began after the first batch, with this port at either end, listeners left out. */
  connections(port: number): CollectedRow[] {
    const rows = [...this.#closed.values()]
      .filter(({ id }) => !this.#live.has(id))
      .concat(...this.#live.values());
    return rows.filter(
      (row) =>
        row.id.startsWith("tcp:") &&
        this.#before?.has(row.id) !== true &&
        row.state !== "listen" &&
        !row.remote.endsWith("|0") &&
        (row.local.endsWith(`|${port}`) || row.remote.endsWith(`|${port}`)),
    );
  }
}

function toRow(socket: SocketSample, closed: boolean): CollectedRow {
  const { identity, counters } = socket;
  return {
    id: identity.id,
    local: `${identity.localAddress}|${identity.localPort}`,
    remote: `${identity.remoteAddress}|${identity.remotePort}`,
    sent: counters.bytesSent,
    received: counters.bytesReceived,
    uncertaintyBytes: counters.uncertaintyBytes,
    state: socket.state,
    attribution: socket.attribution,
    pids: socket.owners.map((key) => Number(key.split(":")[1])),
    closed,
  };
}

/** Comparable: one line per connection, sorted. */
export function lines(
  rows: readonly {
    readonly local: string;
    readonly remote: string;
    readonly sent: number | undefined;
    readonly received: number | undefined;
  }[],
): string[] {
  return rows.map((row) => `${row.local} ${row.remote} sent ${row.sent} received ${row.received}`).sort();
}

export type { Counted };
