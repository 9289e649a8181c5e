/**
 * What the parent keeps, as rooms of one store. Every method that decides something writes its line of the audit log in the
 * same transaction. Methods throw WbError("storage") where the disk is full or the database can't be used; absence is undefined.
 */
import type { ClassificationSource, ProcessCategory } from "../../model/categories.ts";
import type {
  AgentState,
  AgentSummary,
  ApiKeySummary,
  AuditEntry,
  ClassificationChange,
  ClassificationEntry,
  ConnectionRecord,
  JoinRequestSummary,
  JoinTokenSummary,
  LossRecord,
  Page,
  ProcessRecord,
  Role,
  StoredEvent,
  UserSummary,
} from "../../model/fleet.ts";
import type { Heartbeat, MachineFacts, Command } from "../../protocol/fleet/messages.ts";
import type { BatchHeader, BatchItem, SignedBatch } from "../../protocol/fleet/envelope.ts";
import type { ClassificationRequest, ClassificationUpdate } from "../../protocol/fleet/classification.ts";

/** Who decided, and from where. */
export interface Actor {
  readonly name: string;
  readonly address: string | null;
}

export interface PageQuery {
  readonly cursor?: string | undefined;
  /** 1 to 1000. */
  readonly limit: number;
}

export interface AgentRecord {
  readonly id: string;
  readonly publicKey: string;
  readonly state: AgentState;
  readonly hostname: string;
  readonly machine: MachineFacts;
  readonly joinedAtMs: number;
  /** The instance that is believed to be alive, and the highest counter that was stored of it. */
  readonly instance: string | null;
  readonly counterFloor: number;
  /** Instances before it: one of them coming back alive is a clone. Newest first, at most 16. */
  readonly retiredInstances: readonly string[];
}

export interface AgentStore {
  get(id: string): Promise<AgentRecord | undefined>;
  list(
    query: PageQuery & { state?: AgentState; search?: string; onlineSinceMs: number },
  ): Promise<Page<AgentSummary>>;
  summary(id: string, onlineSinceMs: number): Promise<AgentSummary | undefined>;
  counts(onlineSinceMs: number): Promise<Record<AgentState | "online", number>>;
  /**
   * A new agent, or one that comes again with the same key. With a token its use is counted in the same transaction; "token"
   * where it is unknown, expired, revoked or used up.
   */
  join(request: {
    readonly agentId: string;
    readonly publicKey: string;
    readonly machine: MachineFacts;
    readonly token: { readonly id: string; readonly secretHash: string } | null;
    readonly commitment: string;
    readonly parentNonce: string;
    readonly address: string;
    readonly nowMs: number;
  }): Promise<"active" | "pending" | "token" | "quarantined">;
  /** What is needed to make the code once the agent reveals its nonce. */
  pendingJoin(
    agentId: string,
  ): Promise<{ commitment: string; parentNonce: string; code: string | null } | undefined>;
  setJoinCode(agentId: string, code: string): Promise<void>;
  joinRequests(): Promise<JoinRequestSummary[]>;
  /** False where there is no such agent, or it is in a state that this can't follow, or in none of `from`, where they are named. */
  setState(
    id: string,
    state: AgentState,
    reason: string,
    actor: Actor,
    nowMs: number,
    from?: readonly AgentState[],
  ): Promise<boolean>;
  setInstance(id: string, instance: string, retired: readonly string[], counterFloor: number): Promise<void>;
  /** Many at once, in one transaction: off the hot row by batches. */
  storeHeartbeats(
    beats: readonly {
      readonly agentId: string;
      readonly heartbeat: Heartbeat;
      readonly receivedAtMs: number;
      readonly clockOffsetMs: number;
      readonly counter: number;
    }[],
  ): Promise<void>;
}

export interface TokenStore {
  create(token: {
    readonly id: string;
    readonly secretHash: string;
    readonly uses: number;
    readonly expiresAtMs: number;
    readonly requiresApproval: boolean;
    readonly actor: Actor;
    readonly nowMs: number;
  }): Promise<JoinTokenSummary>;
  /** The newest 1000. */
  list(): Promise<JoinTokenSummary[]>;
  revoke(id: string, actor: Actor, nowMs: number): Promise<boolean>;
}

/** What a batch did. */
export type IngestOutcome =
  | {
      readonly kind: "stored";
      readonly cursor: number;
      readonly notLost: readonly { firstSeq: number; lastSeq: number }[];
      /** Items that were new, for the live stream and the projections. */
      readonly fresh: readonly BatchItem[];
      /** What the projections changed. */
      readonly processes: readonly ProcessRecord[];
      readonly connections: readonly ConnectionRecord[];
      /** The parent's view of running processes does not agree with the agent's: a snapshot is to be asked for. */
      readonly needsSnapshot: boolean;
    }
  | { readonly kind: "gap"; readonly cursor: number }
  | { readonly kind: "conflict"; readonly atSeq: number }
  /** An item that the schema of its type refuses; nothing of the batch was stored. */
  | { readonly kind: "refused"; readonly message: string };

/** A batch whose signature, root and chain have been verified. `chains[i]` is the chain after item i. */
export interface VerifiedBatch {
  readonly batch: SignedBatch;
  readonly chains: readonly (string | null)[];
  readonly receivedAtMs: number;
}

export interface EventProof {
  readonly agentId: string;
  readonly publicKey: string;
  readonly header: BatchHeader;
  readonly signature: string;
  readonly items: readonly BatchItem[];
  readonly index: number;
}

export interface EventStore {
  /**
   * Several batches in one synced transaction (group commit); the outcomes in their order. Inserts unless known, keeps
   * processes and connections up to date, moves cursors forward only.
   */
  ingest(batches: readonly VerifiedBatch[]): Promise<IngestOutcome[]>;
  cursors(
    agentId: string,
    of: readonly { stream: string; epoch: string }[],
  ): Promise<{ stream: string; epoch: string; cursor: number }[]>;
  events(
    query: PageQuery & {
      agentId?: string;
      stream?: string;
      type?: string;
      sinceMs?: number;
      untilMs?: number;
    },
  ): Promise<Page<StoredEvent>>;
  losses(query: PageQuery & { agentId?: string }): Promise<Page<LossRecord>>;
  /** Stored, declared lost, and produced as the agent says, per agent, stream and epoch: what must agree. */
  reconciliation(agentId: string): Promise<
    {
      stream: string;
      epoch: string;
      cursor: number;
      stored: number;
      lost: number;
      /** As the epoch that follows says, or the last heartbeat; null: unknown. */
      produced: number | null;
    }[]
  >;
  /** The batch that an event came in. */
  proof(agentId: string, stream: string, epoch: string, seq: number): Promise<EventProof | undefined>;
  processes(
    query: PageQuery & {
      agentId?: string;
      running?: boolean;
      category?: ProcessCategory;
      search?: string;
      sinceMs?: number;
      untilMs?: number;
    },
  ): Promise<Page<ProcessRecord>>;
  connections(
    query: PageQuery & { agentId?: string; sinceMs?: number; untilMs?: number; search?: string },
  ): Promise<Page<ConnectionRecord>>;
  /** Deletes events older than this; processes and connections likewise. How many rows. */
  prune(beforeMs: number, rowsMax: number): Promise<number>;
}

export interface CommandStore {
  /** Adds with the next seq of this agent; signing needs it, so `sign` is called inside. A `coalesceKey` replaces one that waits. */
  add(
    agentId: string,
    command: {
      kind: Command["kind"];
      payload: string;
      issuedAtMs: number;
      expiresAtMs: number;
      coalesceKey: string | null;
    },
    sign: (seq: number) => string,
  ): Promise<Command>;
  /** Above the cursor and not expired, oldest first. */
  after(agentId: string, cursor: number, nowMs: number, limit: number): Promise<Command[]>;
  cursor(agentId: string): Promise<number>;
  /**
   * Numbers go on above this one, which the agent has carried out: a store that was put back from a copy would give numbers anew
   * that the agent takes for old. What waits below gets a new number. The highest number then.
   */
  raise(
    agentId: string,
    above: number,
    nowMs: number,
    sign: (command: Omit<Command, "signature">) => string,
  ): Promise<number>;
  /** Those that the agent says it has carried out. */
  forget(agentId: string, upTo: number): Promise<void>;
}

export interface ClassificationStore {
  get(fingerprintHash: string): Promise<ClassificationEntry | undefined>;
  getMany(fingerprintHashes: readonly string[]): Promise<Map<string, ClassificationEntry>>;
  list(
    query: PageQuery & { category?: ProcessCategory; source?: ClassificationSource; search?: string },
  ): Promise<Page<ClassificationEntry>>;
  history(fingerprintHash: string): Promise<ClassificationChange[]>;
  /** Of a source that is not weaker than the one stored; false where a stronger one stands. History is kept. */
  classify(
    process: ClassificationRequest,
    category: ProcessCategory,
    source: Exclude<ClassificationSource, "parent_override">,
    confidence: number,
    changedBy: string | null,
    nowMs: number,
  ): Promise<boolean>;
  /** A person's word. Undefined where no such fingerprint was ever seen. */
  override(
    fingerprintHash: string,
    category: ProcessCategory,
    reason: string | null,
    actor: Actor,
    nowMs: number,
  ): Promise<ClassificationEntry | undefined>;
  /** Counts independent suggestions (one per agent and per `suggestedBy`); applied at three. The entry where it was applied now. */
  suggest(
    suggestion: {
      fingerprintHash: string;
      category: ProcessCategory;
      suggestedBy: string;
      agentId: string;
      confidence: number | null;
    },
    nowMs: number,
  ): Promise<{ count: number; applied: ClassificationEntry | undefined }>;
  /** Changed after this position, for one agent's programs; `next` is the position to go on from. */
  updatesSince(since: string, limit: number): Promise<{ updates: ClassificationUpdate[]; next: string }>;
  agentsWith(fingerprintHash: string): Promise<string[]>;
}

export interface SessionRecord {
  readonly tokenHash: string;
  readonly userId: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface PeopleStore {
  userByName(name: string): Promise<(UserSummary & { readonly passwordHash: string }) | undefined>;
  users(): Promise<UserSummary[]>;
  /** False where the name is taken. */
  createUser(
    user: { id: string; name: string; role: Role; passwordHash: string },
    actor: Actor,
    nowMs: number,
  ): Promise<boolean>;
  /** "last_admin": the last admin can't be disabled, lowered or removed. Ends the user's sessions where it matters. */
  updateUser(
    id: string,
    change: { role?: Role; disabled?: boolean; passwordHash?: string },
    actor: Actor,
    nowMs: number,
  ): Promise<"done" | "absent" | "last_admin">;
  removeUser(id: string, actor: Actor, nowMs: number): Promise<"done" | "absent" | "last_admin">;
  createSession(session: SessionRecord, actor: Actor): Promise<void>;
  /** Undefined where there is none, it expired, or its user is disabled. */
  session(
    tokenHash: string,
    nowMs: number,
  ): Promise<{ user: UserSummary; session: SessionRecord } | undefined>;
  endSession(tokenHash: string, actor: Actor, nowMs: number): Promise<void>;
  createKey(
    key: { id: string; name: string; role: Role; secretHash: string; expiresAtMs: number | null },
    actor: Actor,
    nowMs: number,
  ): Promise<ApiKeySummary>;
  key(id: string): Promise<(ApiKeySummary & { readonly secretHash: string }) | undefined>;
  keys(): Promise<ApiKeySummary[]>;
  touchKey(id: string, nowMs: number): Promise<void>;
  revokeKey(id: string, actor: Actor, nowMs: number): Promise<boolean>;
  /** Also a login that failed: the log holds what a person tried. */
  audit(entry: {
    actor: Actor;
    action: string;
    subject: string;
    details: unknown;
    atMs: number;
  }): Promise<void>;
  auditLog(
    query: PageQuery & { action?: string; actor?: string; subject?: string },
  ): Promise<Page<AuditEntry>>;
}

export interface FleetStore {
  readonly agents: AgentStore;
  readonly tokens: TokenStore;
  readonly events: EventStore;
  readonly commands: CommandStore;
  readonly classifications: ClassificationStore;
  readonly people: PeopleStore;
  /** A value that is set once: the parent's own name, id… */
  setting(name: string): Promise<string | undefined>;
  setSetting(name: string, value: string): Promise<void>;
  /** Whether it can be written to now; the reason where not. */
  check(): Promise<string | undefined>;
  close(): Promise<void>;
}
