/** What the parent makes of an event's payload: which types it knows in which stream, and what their schemas say. */
import type { z } from "zod";
import type { EventItem } from "../../protocol/fleet/envelope.ts";
import {
  FlowSummary,
  ObservationGap,
  ProcessSnapshot,
  ProcessStarted,
  ProcessStopped,
  ProviderHealth,
} from "../../protocol/fleet/payloads.ts";

export type KnownPayload =
  | { readonly kind: "started"; readonly value: ProcessStarted }
  | { readonly kind: "stopped"; readonly value: ProcessStopped }
  | { readonly kind: "snapshot"; readonly value: ProcessSnapshot }
  | { readonly kind: "flow"; readonly value: FlowSummary }
  /** Stored, and nothing else is made of it. */
  | { readonly kind: "other" };

/** Levels of arrays and objects in a payload of no known type. */
const DEPTH_MAX = 64;

/** Thrown for a payload that its schema refuses; the message names the event. */
export class PayloadError extends Error {}

/** An event type in a stream that it does not belong to is stored like one that is not known. @throws PayloadError */
export function readPayload(stream: string, event: EventItem): KnownPayload {
  const value = parseJson(event);
  switch (`${stream} ${event.type}`) {
    case "process process_started":
    case "process process_changed":
      return { kind: "started", value: checked(ProcessStarted, value, event) };
    case "process process_stopped":
      return { kind: "stopped", value: checked(ProcessStopped, value, event) };
    case "process process_snapshot":
      return { kind: "snapshot", value: checked(ProcessSnapshot, value, event) };
    case "flow flow_summary":
      return { kind: "flow", value: checked(FlowSummary, value, event) };
    case "health provider_health":
      checked(ProviderHealth, value, event);
      break;
    default:
      // Of what it has no shape for, it is told to people as it stands: what can be read must be writable again.
      if (isDeeperThan(value, DEPTH_MAX)) {
        throw new PayloadError(
          `the payload of event ${event.seq} (${event.type}) is nested deeper than ${DEPTH_MAX}`,
        );
      }
      if (event.type === "observation_gap") checked(ObservationGap, value, event);
  }
  return { kind: "other" };
}

/** Level by level, so that no depth costs a call. */
function isDeeperThan(value: unknown, depthMax: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthMax) return true;
    const next: unknown[] = [];
    for (const each of level) {
      if (typeof each !== "object" || each === null) continue;
      for (const inner of Object.values(each))
        if (typeof inner === "object" && inner !== null) next.push(inner);
    }
    level = next;
  }
  return false;
}

function parseJson(event: EventItem): unknown {
  try {
    return JSON.parse(event.payload) as unknown;
  } catch {
    throw new PayloadError(`the payload of event ${event.seq} (${event.type}) is not JSON`);
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown, event: EventItem): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
  throw new PayloadError(
    `the payload of event ${event.seq} (${event.type}) is not as it should be${where}: ${issue?.message ?? "unknown"}`,
  );
}
