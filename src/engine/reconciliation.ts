/** Holds what the interfaces counted against what the flows account for. */
import type { Reconciliation, ReconciliationSide, Traffic } from "../model/snapshot.ts";
import type { TrafficSums } from "./retired-flows.ts";

/**
 * Per direction, interface bytes = attributed + unattributed + overhead + lost. `sums` holds the traffic of the machine
 * with itself apart: no counted interface carries it, so it is on neither side. What is lost is 0 here, because no
 * capture of today can tell how many bytes it lost in which direction; such bytes are part of the overhead.
 */
export function reconcile(interfaces: Traffic, sums: TrafficSums): Reconciliation {
  return {
    sent: side(interfaces.bytesSent, sums.sent.attributed, sums.sent.unattributed),
    received: side(interfaces.bytesReceived, sums.received.attributed, sums.received.unattributed),
  };
}

function side(
  interfaceBytes: number,
  attributedBytes: number,
  unattributedBytes: number,
): ReconciliationSide {
  return {
    interfaceBytes,
    attributedBytes,
    unattributedBytes,
    lostBytes: 0,
    overheadBytes: interfaceBytes - attributedBytes - unattributedBytes,
  };
}
