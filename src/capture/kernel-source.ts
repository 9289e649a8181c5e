/**
 * What kernel programs count and tell, as the helper serves it: implemented by linux/ebpf/source.ts, by ETW later. All
 * rows are bytes as the kernel made them.
 */
import type { CaptureMethod, Degradation } from "../model/capture-status.ts";
import type { KernelLoss } from "../protocol/helper/messages.ts";

export interface Collection {
  /** CLOCK_BOOTTIME nanoseconds before anything was read. */
  readonly timeNs: number;
  /** Open sockets, 144 bytes a row; valid until the next call of `collect`. */
  readonly sockets: Uint8Array;
  /** Processes at open sockets, 96 bytes a row; valid until the next call of `collect`. */
  readonly bytes: Uint8Array;
  /** Sockets that were found closed and are forgotten by the kernel now, with their final counts. Copies. */
  readonly closedSockets: Uint8Array;
  readonly closedBytes: Uint8Array;
  readonly loss: KernelLoss;
}

export interface KernelRecords {
  readonly events: Uint8Array;
  readonly names: Uint8Array;
}

export interface HelperSource extends Disposable {
  readonly method: CaptureMethod;
  readonly degradations: readonly Degradation[];
  readonly programs: readonly string[];
  readonly attachedNs: number;
  readonly socketsMax: number;
  readonly bytesMax: number;
  collect(): Collection;
  /** Everything in the ring buffers, without waiting; copies. */
  drain(): KernelRecords;
}
