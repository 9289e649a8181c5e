/** The end of a sample, the same for sock_diag and /proc/net: interfaces, what was lost, and how long the parts took. */
import type { Clock } from "../../lib/clock.ts";
import type { Batch } from "../../model/contracts.ts";
import type { ClosedSocket, SocketSample } from "../../model/flow.ts";
import type { Interfaces } from "./interfaces.ts";
import type { LossTally } from "./loss-tally.ts";
import type { ProcessReading } from "./process-side.ts";

export interface BatchParts {
  readonly sampledAtMs: number;
  /** When the sample began, and when the sockets had been listed. */
  readonly monotonicMs: number;
  readonly enumeratedMs: number;
  readonly sockets: readonly SocketSample[];
  readonly closed: readonly ClosedSocket[];
  /** Undefined where there is no usable /proc. */
  readonly processes: ProcessReading | undefined;
}

/** Samples the interfaces, empties the tally, and puts the batch together; the sockets have been attributed. */
export function completeBatch(
  parts: BatchParts,
  interfaces: Interfaces,
  loss: LossTally,
  clock: Clock,
): Batch {
  const { sampledAtMs, monotonicMs, enumeratedMs, sockets, closed, processes } = parts;
  const attributedMs = clock.monotonicMs();
  const sampled = interfaces.sample();
  loss.add("malformed_record", sampled.malformed);
  loss.add("process_unreadable", processes?.vanished ?? 0);
  return {
    sampledAtMs,
    monotonicMs,
    sockets,
    closed,
    processes: processes?.processes ?? [],
    exited: processes?.exited ?? [],
    usage: processes?.usage ?? [],
    interfaces: sampled.interfaces,
    loss: loss.take(),
    timings: {
      enumerateMs: enumeratedMs - monotonicMs,
      processesMs: attributedMs - enumeratedMs,
      interfacesMs: clock.monotonicMs() - attributedMs,
    },
  };
}
