/** A source of rows without a kernel: what a test puts in is what the helper serves. */
import {
  BYTES,
  BYTES_KEY,
  BYTES_ROW_BYTES,
  SOCKET,
  SOCKET_KEY,
  SOCKET_ROW_BYTES,
} from "../../src/decode/ebpf-records.ts";
import type { Collection, HelperSource, KernelRecords } from "../../src/helper/source.ts";
import { joinBytes } from "../../src/lib/bytes.ts";

const NOTHING = new Uint8Array(0);

/** A row of a socket with a cookie, changed at a time. */
export function socketRow(cookie: number, changedNs: number): Uint8Array {
  const row = new Uint8Array(SOCKET_ROW_BYTES);
  const view = new DataView(row.buffer);
  SOCKET_KEY.set.cookie(view, 0, cookie);
  SOCKET.set.changedNs(view, SOCKET_KEY.size, changedNs);
  return row;
}

/** A row of a process at it, with its counts. */
export function bytesRow(cookie: number, changedNs: number, sent: number, received: number): Uint8Array {
  const row = new Uint8Array(BYTES_ROW_BYTES);
  const view = new DataView(row.buffer);
  BYTES_KEY.set.cookie(view, 0, cookie);
  BYTES.set.sent(view, BYTES_KEY.size, sent);
  BYTES.set.received(view, BYTES_KEY.size, received);
  BYTES.set.changedNs(view, BYTES_KEY.size, changedNs);
  return row;
}

export class ScriptedSource implements HelperSource {
  readonly method = "ebpf_tracepoint";
  readonly degradations = [];
  readonly programs = ["one", "two"];
  readonly attachedNs = 17;
  readonly socketsMax: number = 100;
  readonly bytesMax = 100;
  timeNs = 5e9;
  collections = 0;
  sockets: Uint8Array[] = [];
  bytes: Uint8Array[] = [];
  closedSockets: Uint8Array[] = [];
  closedBytes: Uint8Array[] = [];
  events: Uint8Array[] = [];
  failure: Error | undefined;

  collect(): Collection {
    this.collections += 1;
    if (this.failure !== undefined) throw this.failure;
    const closedSockets = joinBytes(this.closedSockets.splice(0));
    const closedBytes = joinBytes(this.closedBytes.splice(0));
    return {
      timeNs: this.timeNs,
      sockets: joinBytes(this.sockets),
      bytes: joinBytes(this.bytes),
      closedSockets,
      closedBytes,
      loss: {
        socketsFull: 1,
        bytesFull: 2,
        lostSent: 3,
        lostReceived: 4,
        eventsFull: 5,
        namesFull: 6,
        peersMerged: 7,
        returnsLost: 8,
      },
    };
  }

  drain(): KernelRecords {
    return { events: joinBytes(this.events.splice(0)), names: NOTHING };
  }

  [Symbol.dispose](): void {
    this.failure = new Error("it is closed");
  }
}
