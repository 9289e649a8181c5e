/** The payloads of the core's events: what stands as JSON text in an envelope, by its type. Schemas and their types. */
import { z } from "zod";
import { fingerprintHash } from "./classification.ts";
import { CATEGORIES } from "../../model/categories.ts";

/** `<pid>_<start in Unix ms>`; the start may have three decimals. */
const processId = z.string().regex(/^\d{1,10}_\d{1,16}(?:\.\d{1,3})?$/);
const pid = z.int().min(0).max(4_194_304);
const setHash = z.string().regex(/^[0-9a-f]{32}$/);
const timeMs = z.number().min(0).max(8.64e15);

export const Fingerprint = z.strictObject({
  name: z.string().max(255),
  /** Sanitized; null where it may not be read. */
  path: z.string().max(4096).nullable(),
  /** SHA-256 of the file, hexadecimal. */
  fileHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  signature: z.string().max(255).nullable(),
  publisher: z.string().max(255).nullable(),
  version: z.string().max(255).nullable(),
  commandLinePattern: z.string().max(500),
});
export type Fingerprint = z.infer<typeof Fingerprint>;

/** What is told of a process that runs. */
export const RunningProcess = z.strictObject({
  processId,
  pid,
  parentPid: pid.nullable(),
  parentProcessId: processId.nullable(),
  userId: z.int().min(0).nullable(),
  userName: z.string().max(256).nullable(),
  startedAtMs: timeMs,
  /** False: seen by a scan; then it is the kernel's start time, in steps of 10 ms, and short ones may be missing. */
  isStartExact: z.boolean(),
  memoryBytes: z.int().min(0).nullable(),
  cpuTimeMs: z.number().min(0).nullable(),
  fingerprintHash,
  fingerprint: Fingerprint,
  /** What the agent takes it for at this moment. */
  category: z.enum(CATEGORIES),
});
export type RunningProcess = z.infer<typeof RunningProcess>;

/** Types `process_started` and `process_changed`. `baseHash`: of the set of running processes (sum of hashes of their ids) before it. */
export const ProcessStarted = z.strictObject({
  /** `changed`: it executed another program under the same id. */
  eventType: z.enum(["started", "changed"]),
  processId,
  fingerprintHash,
  eventData: RunningProcess,
  /** ISO 8601. */
  timestamp: z.string().max(40),
  baseHash: setHash,
});
export type ProcessStarted = z.infer<typeof ProcessStarted>;

/** Type `process_stopped`. */
export const ProcessStopped = z.strictObject({
  eventType: z.literal("stopped"),
  processId,
  fingerprintHash,
  eventData: z.strictObject({
    processId,
    pid,
    name: z.string().max(255),
    startedAtMs: timeMs,
    stoppedAtMs: timeMs,
    /** False: it was gone at a scan; it ended between the scan before and `stoppedAtMs`. */
    isEndExact: z.boolean(),
    exitCode: z.int().nullable(),
  }),
  timestamp: z.string().max(40),
  baseHash: setHash,
});
export type ProcessStopped = z.infer<typeof ProcessStopped>;

/**
 * Type `process_snapshot`, in parts of at most 200: at the start of an agent and when the parent asks. Who is not in a
 * snapshot and was running in the parent's view has ended unseen.
 */
export const ProcessSnapshot = z.strictObject({
  eventType: z.literal("snapshot"),
  snapshotId: z.string().regex(/^[0-9a-f]{16}$/),
  part: z.int().min(1).max(1000),
  parts: z.int().min(1).max(1000),
  /** Of the whole snapshot. */
  setHash,
  takenAtMs: timeMs,
  processes: z.array(RunningProcess).max(200),
});
export type ProcessSnapshot = z.infer<typeof ProcessSnapshot>;

/** Type `observation_gap` (any stream): the source saw nothing, or not all, in this time. How many, nobody can know, or `lost`. */
export const ObservationGap = z.strictObject({
  eventType: z.literal("gap"),
  fromMs: timeMs,
  toMs: timeMs,
  reason: z.enum([
    "agent_stopped",
    "capture_failed", // flows could not be watched
    "helper_away",
    "helper_dropped",
    "kernel_dropped",
    "scan_only",
    "table_full", // more connections at once than the agent has room for; `lost` of them were not told
  ]),
  lost: z.int().min(0).nullable(),
});
export type ObservationGap = z.infer<typeof ObservationGap>;

/** Type `flow_summary`: what one process exchanged with one remote address in one interval. */
export const FlowSummary = z.strictObject({
  intervalStartMs: timeMs,
  intervalEndMs: timeMs,
  processId: processId.nullable(),
  processName: z.string().max(255),
  protocol: z.string().max(16),
  remoteAddress: z.string().max(64),
  /** Null where there were several. */
  remotePort: z.int().min(0).max(65_535).nullable(),
  remoteHost: z.string().max(255).nullable(),
  bytesSent: z.int().min(0),
  bytesReceived: z.int().min(0),
  /** ± so many bytes; 0 is exact, null is a lower bound. */
  uncertaintyBytes: z.int().min(0).nullable(),
  /** payload, acked or wire. */
  meaning: z.string().max(16),
  connections: z.int().min(0),
});
export type FlowSummary = z.infer<typeof FlowSummary>;

/** Type `provider_health`, stream `health`: each provider of events, regularly and at each change. */
export const ProviderHealth = z.strictObject({
  provider: z.string().max(64),
  state: z.enum(["live", "stalled", "restarting", "failed", "stopped"]),
  eventsTotal: z.int().min(0),
  eventsPerSecond: z.number().min(0),
  restarts: z.int().min(0),
  /** Events that the source itself lost, since the agent started; null where it can't tell. */
  lost: z.int().min(0).nullable(),
  detail: z.string().max(400),
});
export type ProviderHealth = z.infer<typeof ProviderHealth>;

/** The set hash: sum modulo 2^128 of the first 128 bits of SHA-256 of each process id, as 32 hexadecimal digits. */
export const EMPTY_SET_HASH = "0".repeat(32);
