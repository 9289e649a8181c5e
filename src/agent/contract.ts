/** What the parts of an agent are handed, and what they promise each other. */
import type { ProcessCategory } from "../model/categories.ts";
import type { WbError } from "../model/errors.ts";
import type { MachineHealth, UserSession } from "../model/fleet.ts";
import type { Identity } from "../protocol/fleet/identity.ts";
import type { ClassificationRequest, ClassificationUpdate } from "../protocol/fleet/classification.ts";
import type { ErrorAnswer } from "../protocol/fleet/messages.ts";
import type { RunningProcess } from "../protocol/fleet/payloads.ts";

export interface AgentClock {
  now(): number;
  monotonicMs(): number;
}

export interface AgentLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** The parent that this agent has joined, as kept in its state directory. */
export interface JoinedParent {
  /** `host:port`, the one that worked last first. */
  readonly addresses: readonly string[];
  readonly pin: string;
  readonly parentId: string;
  readonly parentKey: string;
  readonly parentName: string;
  readonly state: "pending" | "active";
  /** What to compare, while pending. */
  readonly code: string | null;
}

/** What the agent keeps beside the outbox: state.db, opened under a lock, one agent per state directory. */
export interface AgentState {
  readonly directory: string;
  readonly identity: Identity;
  readonly parent: JoinedParent | undefined;
  setParent(parent: JoinedParent | undefined): void;
  /** Never the same twice, also after a crash: blocks are reserved on disk before they are used. */
  nextCounter(): number;
  /** The parent says that lower ones are used. */
  raiseCounter(floor: number): void;
  readonly commandCursor: number;
  setCommandCursor(cursor: number): void;
  /** Small values by name: the wall time of this boot, the position of the classifications. */
  get(name: string): string | undefined;
  set(name: string, value: string): void;
  close(): void;
}

/** An answer of the parent: `ok` with what it said, `refused` with its error, or `unreachable`. */
export type ParentAnswer<T> =
  | { readonly kind: "ok"; readonly value: T }
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly error: ErrorAnswer["error"];
      /** Of Retry-After. */
      readonly retryAfterMs: number | undefined;
    }
  | { readonly kind: "unreachable"; readonly error: WbError };

/** Signed requests over pinned TLS, through a proxy where one is set. Never throws for what the network or the parent does. */
export interface ParentClient {
  /** `read` checks the shape of the answer (a zod schema's parse); what it refuses is `unreachable` with code "protocol". */
  request<T>(
    method: "GET" | "POST",
    path: string,
    body: unknown,
    read: (value: unknown) => T,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<ParentAnswer<T>>;
  readonly instance: string;
}

/** What the auditor knows of what runs. */
export interface ProcessQueries {
  running(filter?: { category?: ProcessCategory; name?: string }): readonly RunningProcess[];
  /** By the name of a program (`steam`), its path, or its fingerprint's hash. */
  isRunning(nameOrHash: string): boolean;
}

/** Watches processes and tells of them to the outbox. */
export interface ProcessAuditor extends ProcessQueries {
  /** Until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Tell all running processes in the outbox now. */
  requestSnapshot(): void;
  applyClassifications(updates: readonly ClassificationUpdate[]): void;
  readonly runningCount: number;
}

/** Asks for categories: local cache, then the parent, in batches. */
export interface ClassificationAsker {
  ask(requests: readonly ClassificationRequest[]): Promise<readonly ClassificationUpdate[]>;
}

/** Watches flows and tells summaries to the outbox. */
export interface FlowMonitor {
  run(signal: AbortSignal): Promise<void>;
  /** Summaries so often for a while: somebody is watching. */
  watch(intervalMs: number, forMs: number): void;
  readonly captureMethod: string;
  /** For a person, worst first. */
  readonly notices: readonly string[];
}

export interface HealthReader {
  health(): MachineHealth;
  sessions(): Promise<UserSession[]>;
}
