/** Drives a socket table with records as the kernel sends them, one sample at a time. */
import { SocketTable } from "../../src/capture/linux/socket-table.ts";
import type { ClosedSocket, SocketSample } from "../../src/model/flow.ts";
import { diagRecord, type DiagFields } from "./diag-message.ts";

export const TCP = 6;
export const UDP = 17;
export const LISTEN = 10;
export const ESTABLISHED = 1;
export const CLOSE = 7;
/** The notices of a sample came between these two moments; its dump is at 2000. */
export const WINDOW = { fromMs: 900, toMs: 1000 };

const CLIENT = ["127.0.0.1", 40_000] as const;
const SERVER = ["127.0.0.1", 443] as const;
export const clientEnds = { local: CLIENT, remote: SERVER };
export const serverEnds = { local: SERVER, remote: CLIENT };
export const remoteEnds = { local: CLIENT, remote: ["192.0.2.1", 443] as const };

export interface Told {
  readonly live: SocketSample[];
  readonly closed: ClosedSocket[];
  readonly vanished: number;
  readonly erased: number;
}

export class TableSampler {
  readonly table = new SocketTable([32_768, 60_999]);

  /** Notices before the dump, the dump, notices during it. */
  sample(
    dump: readonly DiagFields[],
    notices: readonly DiagFields[] = [],
    late: readonly DiagFields[] = [],
  ): Told {
    const { table } = this;
    for (const fields of notices) table.close(diagRecord(fields), TCP, 5000, WINDOW);
    table.beginDump(2000);
    for (const fields of dump) table.see(diagRecord(fields), TCP);
    for (const fields of late) table.close(diagRecord(fields), TCP, 5000, WINDOW);
    table.endDump(5000);
    const { vanishedCount: vanished, erasedCount: erased } = table;
    const { closings, vanished: gone } = table.takeClosed();
    const closed = gone.concat(closings.map((closing) => closing.toClosedSocket()));
    const live = [...table.live()].map((socket) => socket.sample());
    table.endSample();
    return { live, closed, vanished, erased };
  }
}

/** Sent, received, uncertainty. */
export function counts(socket: SocketSample | undefined): unknown[] {
  const counters = socket?.counters;
  return [counters?.bytesSent, counters?.bytesReceived, counters?.uncertaintyBytes];
}
