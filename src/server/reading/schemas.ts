/** The nouns of a fleet as the OpenAPI document tells them; the types of model/fleet.ts, which the compiler compares with these. */
import { z } from "@hono/zod-openapi";
import { CATEGORIES, CLASSIFICATION_SOURCES } from "../../model/categories.ts";
import {
  AGENT_STATES,
  type AgentSummary,
  type AuditEntry,
  type ClassificationChange,
  type ClassificationEntry,
  type ConnectionRecord,
  type JoinRequestSummary,
  type JoinTokenSummary,
  type LiveEvent,
  type LossRecord,
  type ProcessRecord,
  type StoredEvent,
} from "../../model/fleet.ts";

const timeMs = z.number().openapi({ description: "Unix milliseconds" });
const count = z.int().min(0);
const category = z.enum(CATEGORIES);
const source = z.enum(CLASSIFICATION_SOURCES);

const StreamAccountSchema = z.object({
  stream: z.string(),
  produced: count,
  acked: count,
  pending: count,
  lost: count,
  unknownTails: count,
});

const HealthSchema = z.object({
  cpuPercent: z.number().nullable(),
  memoryTotalBytes: count,
  memoryAvailableBytes: count,
  diskTotalBytes: count,
  diskFreeBytes: count,
  uptimeSeconds: z.number(),
  load: z.tuple([z.number(), z.number(), z.number()]).openapi({ type: "array", items: { type: "number" } }),
});

const SessionSchema = z.object({
  user: z.string(),
  terminal: z.string(),
  host: z.string().nullable(),
  startedAtMs: timeMs.nullable(),
});

export const AgentSchema: z.ZodType<AgentSummary> = z
  .object({
    id: z.string(),
    hostname: z.string(),
    state: z.enum(AGENT_STATES),
    online: z.boolean(),
    platform: z.string(),
    version: z.string(),
    captureMethod: z.string(),
    joinedAtMs: timeMs,
    lastSeenAtMs: timeMs.nullable(),
    clockOffsetMs: z.number().nullable(),
    runningProcesses: count,
    health: HealthSchema.nullable(),
    sessions: z.array(SessionSchema),
    streams: z.array(StreamAccountSchema),
    notices: z.array(z.string()),
  })
  .openapi("Agent");

/** Stored, declared lost, and produced as the agent says: what must agree. */
export const ReconciliationSchema = z
  .object({
    stream: z.string(),
    epoch: z.string(),
    cursor: count,
    stored: count,
    lost: count,
    produced: count.nullable(),
  })
  .openapi("StreamReconciliation");

export const ProcessSchema: z.ZodType<ProcessRecord> = z
  .object({
    agentId: z.string(),
    processId: z.string(),
    pid: count,
    name: z.string(),
    path: z.string().nullable(),
    commandLine: z.string(),
    parentPid: count.nullable(),
    parentProcessId: z.string().nullable(),
    userName: z.string().nullable(),
    fingerprintHash: z.string(),
    category,
    categorySource: source.nullable(),
    publisher: z.string().nullable(),
    version: z.string().nullable(),
    startedAtMs: timeMs,
    stoppedAtMs: timeMs.nullable(),
    isEndExact: z.boolean(),
  })
  .openapi("Process");

export const ConnectionSchema: z.ZodType<ConnectionRecord> = z
  .object({
    agentId: z.string(),
    processId: z.string().nullable(),
    processName: z.string(),
    protocol: z.string(),
    remoteAddress: z.string(),
    remotePort: count.nullable(),
    remoteHost: z.string().nullable(),
    bytesSent: count,
    bytesReceived: count,
    uncertaintyBytes: count.nullable(),
    meaning: z.string(),
    connections: count,
    intervalStartMs: timeMs,
    intervalEndMs: timeMs,
  })
  .openapi("Connection");

export const EventSchema: z.ZodType<StoredEvent> = z
  .object({
    agentId: z.string(),
    stream: z.string(),
    epoch: z.string(),
    seq: count,
    type: z.string(),
    provider: z.string(),
    eventId: count,
    timestampMs: timeMs,
    receivedAtMs: timeMs,
    payload: z.unknown().openapi({ description: "JSON, by the type of the event" }),
  })
  .openapi("Event");

export const LossSchema: z.ZodType<LossRecord> = z
  .object({
    agentId: z.string(),
    stream: z.string(),
    epoch: z.string(),
    firstSeq: count,
    lastSeq: count.nullable().openapi({ description: "null: nobody can know where it ends" }),
    bytes: count.nullable(),
    reason: z.string(),
    declaredAtMs: timeMs,
  })
  .openapi("Loss");

export const ClassificationSchema: z.ZodType<ClassificationEntry> = z
  .object({
    fingerprintHash: z.string(),
    processName: z.string(),
    path: z.string().nullable(),
    publisher: z.string().nullable(),
    version: z.string().nullable(),
    category,
    source,
    confidence: z.number().nullable(),
    originalCategory: category.nullable(),
    overriddenBy: z.string().nullable(),
    reason: z.string().nullable(),
    agents: count,
    updatedAtMs: timeMs,
  })
  .openapi("Classification");

export const ChangeSchema: z.ZodType<ClassificationChange> = z
  .object({
    fingerprintHash: z.string(),
    oldCategory: category.nullable(),
    newCategory: category,
    source,
    changedBy: z.string().nullable(),
    reason: z.string().nullable(),
    changedAtMs: timeMs,
  })
  .openapi("ClassificationChange");

export const AuditSchema: z.ZodType<AuditEntry> = z
  .object({
    id: count,
    atMs: timeMs,
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    details: z.unknown(),
    address: z.string().nullable(),
  })
  .openapi("AuditEntry");

export const TokenSchema: z.ZodType<JoinTokenSummary> = z
  .object({
    id: z.string(),
    createdBy: z.string(),
    createdAtMs: timeMs,
    expiresAtMs: timeMs,
    usesLeft: count,
    usesTotal: count,
    requiresApproval: z.boolean(),
    revoked: z.boolean(),
  })
  .openapi("JoinToken");

export const JoinRequestSchema: z.ZodType<JoinRequestSummary> = z
  .object({
    agentId: z.string(),
    hostname: z.string(),
    platform: z.string(),
    address: z.string(),
    code: z.string(),
    requestedAtMs: timeMs,
  })
  .openapi("JoinRequest");

const agentId = z.string();

export const LiveEventSchema: z.ZodType<LiveEvent> = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("agent"), agentId, change: z.string() }),
    z.object({ type: z.enum(["process_started", "process_stopped"]), agentId, process: ProcessSchema }),
    z.object({ type: z.literal("connections"), agentId, connections: z.array(ConnectionSchema) }),
    z.object({ type: z.literal("classification"), entry: ClassificationSchema }),
    z.object({ type: z.literal("loss"), agentId, loss: LossSchema }),
    z.object({ type: z.literal("audit"), entry: AuditSchema }),
    z.object({
      type: z.literal("gap"),
      missed: z.int().openapi({ description: "so many were not told; -1: nobody knows how many" }),
    }),
  ])
  .openapi({ description: "What is told live" });
