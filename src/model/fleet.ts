/**
 * The nouns of a fleet as its parent tells them to people: what the read API, the command line and the page show. JSON as it
 * stands: no field is undefined, absence is null. Times are Unix milliseconds of the clock that the name says.
 */
import type { ClassificationSource, ProcessCategory } from "./categories.ts";

/** `pending`: waits for a person's approval. `quarantined`: its key was seen alive twice. */
export const AGENT_STATES = ["pending", "active", "quarantined", "removed"] as const;
export type AgentState = (typeof AGENT_STATES)[number];

export const ROLES = ["viewer", "operator", "admin"] as const;
/** viewer reads; operator also decides about agents, tokens and classifications; admin also about users and keys. */
export type Role = (typeof ROLES)[number];

/** One page of an answer. `nextCursor` is opaque; null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** produced = acked + pending + lost, of one stream over all its epochs. */
export interface StreamAccount {
  readonly stream: string;
  readonly produced: number;
  readonly acked: number;
  readonly pending: number;
  readonly lost: number;
  /** Ends of epochs whose number of lost events nobody can know. */
  readonly unknownTails: number;
}

/** What an agent tells of its machine with each heartbeat. */
export interface MachineHealth {
  /** 0 to 100 over all cores, since the heartbeat before; null at the first. */
  readonly cpuPercent: number | null;
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  /** Of the file system that holds the agent's state. */
  readonly diskTotalBytes: number;
  readonly diskFreeBytes: number;
  readonly uptimeSeconds: number;
  /** 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number];
}

export interface UserSession {
  readonly user: string;
  /** `tty2`, `pts/0`, `seat0`. */
  readonly terminal: string;
  /** Where from, for a remote one. */
  readonly host: string | null;
  readonly startedAtMs: number | null;
}

export interface AgentSummary {
  readonly id: string;
  readonly hostname: string;
  readonly state: AgentState;
  readonly online: boolean;
  readonly platform: string;
  readonly version: string;
  /** How it counts: ebpf_tracepoint, sock_diag… */
  readonly captureMethod: string;
  readonly joinedAtMs: number;
  /** Of the parent's clock; null: never heard of since it joined. */
  readonly lastSeenAtMs: number | null;
  /** The agent's clock minus the parent's, estimated. */
  readonly clockOffsetMs: number | null;
  readonly runningProcesses: number;
  readonly health: MachineHealth | null;
  readonly sessions: readonly UserSession[];
  /** As the agent says. */
  readonly streams: readonly StreamAccount[];
  /** What is wrong or worse than it could be, for a person; worst first. */
  readonly notices: readonly string[];
}

export interface ProcessRecord {
  readonly agentId: string;
  /** `<pid>_<start in Unix ms>`. */
  readonly processId: string;
  readonly pid: number;
  readonly name: string;
  readonly path: string | null;
  readonly commandLine: string;
  readonly parentPid: number | null;
  readonly parentProcessId: string | null;
  readonly userName: string | null;
  readonly fingerprintHash: string;
  readonly category: ProcessCategory;
  readonly categorySource: ClassificationSource | null;
  readonly publisher: string | null;
  readonly version: string | null;
  /** The agent's clock. */
  readonly startedAtMs: number;
  /** Null while it runs. */
  readonly stoppedAtMs: number | null;
  /** False where the start or end was seen by a scan: then the time is that of the scan at the latest. */
  readonly isEndExact: boolean;
}

/** What one process exchanged with one remote address in one interval. */
export interface ConnectionRecord {
  readonly agentId: string;
  readonly processId: string | null;
  readonly processName: string;
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly remotePort: number | null;
  readonly remoteHost: string | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** ± so many bytes; 0 is exact, null is a lower bound. */
  readonly uncertaintyBytes: number | null;
  readonly meaning: string;
  readonly connections: number;
  readonly intervalStartMs: number;
  readonly intervalEndMs: number;
}

export interface StoredEvent {
  readonly agentId: string;
  readonly stream: string;
  readonly epoch: string;
  readonly seq: number;
  readonly type: string;
  readonly provider: string;
  readonly eventId: number;
  readonly timestampMs: number;
  readonly receivedAtMs: number;
  readonly payload: unknown;
}

export interface LossRecord {
  readonly agentId: string;
  readonly stream: string;
  readonly epoch: string;
  readonly firstSeq: number;
  /** Null: nobody can know where it ends. */
  readonly lastSeq: number | null;
  readonly bytes: number | null;
  readonly reason: string;
  readonly declaredAtMs: number;
}

export interface ClassificationEntry {
  readonly fingerprintHash: string;
  readonly processName: string;
  readonly path: string | null;
  readonly publisher: string | null;
  readonly version: string | null;
  readonly category: ProcessCategory;
  readonly source: ClassificationSource;
  /** 0 to 1; null where a person said so. */
  readonly confidence: number | null;
  /** What it was before a person said otherwise. */
  readonly originalCategory: ProcessCategory | null;
  readonly overriddenBy: string | null;
  readonly reason: string | null;
  readonly agents: number;
  readonly updatedAtMs: number;
}

export interface ClassificationChange {
  readonly fingerprintHash: string;
  readonly oldCategory: ProcessCategory | null;
  readonly newCategory: ProcessCategory;
  readonly source: ClassificationSource;
  /** A person's name, or which agents or plugins. */
  readonly changedBy: string | null;
  readonly reason: string | null;
  readonly changedAtMs: number;
}

export interface AuditEntry {
  readonly id: number;
  readonly atMs: number;
  /** Who: a user's name, `key:NAME`, `agent:ID`, or `system`. */
  readonly actor: string;
  /** `classification.override`, `token.create`, `agent.approve`… */
  readonly action: string;
  /** What it was done to. */
  readonly subject: string;
  readonly details: unknown;
  /** Where from. */
  readonly address: string | null;
}

export interface JoinTokenSummary {
  readonly id: string;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly usesLeft: number;
  readonly usesTotal: number;
  readonly requiresApproval: boolean;
  readonly revoked: boolean;
}

/** An agent that waits for a person. */
export interface JoinRequestSummary {
  readonly agentId: string;
  readonly hostname: string;
  readonly platform: string;
  readonly address: string;
  /** To be compared with what the agent shows, before approving. */
  readonly code: string;
  readonly requestedAtMs: number;
}

export interface UserSummary {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly disabled: boolean;
  readonly createdAtMs: number;
  readonly lastLoginAtMs: number | null;
}

export interface ApiKeySummary {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  readonly revoked: boolean;
}

/** What the live stream (SSE) tells: `id` is the SSE id to resume after. */
export type LiveEvent =
  | { readonly type: "agent"; readonly agentId: string; readonly change: string }
  | {
      readonly type: "process_started" | "process_stopped";
      readonly agentId: string;
      readonly process: ProcessRecord;
    }
  | {
      readonly type: "connections";
      readonly agentId: string;
      readonly connections: readonly ConnectionRecord[];
    }
  | { readonly type: "classification"; readonly entry: ClassificationEntry }
  | { readonly type: "loss"; readonly agentId: string; readonly loss: LossRecord }
  | { readonly type: "audit"; readonly entry: AuditEntry }
  /** This subscriber was too slow, or asked for what is no longer kept: so many were not told; -1 is unknown. */
  | { readonly type: "gap"; readonly missed: number };
