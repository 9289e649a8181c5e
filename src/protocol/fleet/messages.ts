/** What agent and parent say to each other beside telemetry: joining, heartbeats, commands, errors. Schemas and their types. */
import { z } from "zod";
import { AgentClock } from "./envelope.ts";

const hexId = z.string().regex(/^[0-9a-f]{32}$/);
const key = z.string().regex(/^[\w-]{43}$/);
const text = (max: number) => z.string().max(max);
const count = z.int().min(0);

/** What a machine is, told when it joins and with each heartbeat. Attributes only: none of it proves anything. */
export const MachineFacts = z.strictObject({
  hostname: text(255),
  /** `linux-x64` and the name of the distribution. */
  platform: text(128),
  kernel: text(128),
  version: text(32),
  /** /etc/machine-id, hashed; null where there is none. */
  machineId: text(64).nullable(),
});
export type MachineFacts = z.infer<typeof MachineFacts>;

/**
 * Joining. With a token the answer is `active` at once (or `pending`, where the token asks for approval). Without, a person
 * approves after comparing a code, which nobody in between can forge: the agent commits to a nonce first, the parent tells
 * its own, then the agent reveals (as ZRTP does, RFC 6189 section 4.4.1).
 */
export const JoinRequest = z.strictObject({
  publicKey: key,
  machine: MachineFacts,
  /** `<id>.<secret>` of the join token; null: by approval. */
  token: text(200).nullable(),
  /** SHA-256 of the agent's nonce. */
  commitment: key,
  /** Ed25519 of `joinBytes`: the agent has the private key. */
  signature: z.string().regex(/^[\w-]{86}$/),
});
export type JoinRequest = z.infer<typeof JoinRequest>;

export const JoinAnswer = z.strictObject({
  agentId: hexId,
  state: z.enum(["active", "pending"]),
  parentId: hexId,
  parentKey: key,
  parentName: text(255),
  /** With `pending`: the parent's half of what the code is made of. */
  parentNonce: key,
});
export type JoinAnswer = z.infer<typeof JoinAnswer>;

/** Signed as every request is. */
export const JoinReveal = z.strictObject({ nonce: key });
export type JoinReveal = z.infer<typeof JoinReveal>;

export const JoinStatus = z.strictObject({ state: z.enum(["pending", "active", "quarantined", "removed"]) });
export type JoinStatus = z.infer<typeof JoinStatus>;

export const StreamReport = z.strictObject({
  stream: text(32),
  epoch: z.string().regex(/^[0-9a-f]{16}$/),
  produced: count,
  acked: count,
  pending: count,
  lost: count,
  unknownTails: count,
  /** Over all epochs of this installation. */
  pendingBytes: count,
});
export type StreamReport = z.infer<typeof StreamReport>;

export const Heartbeat = z.strictObject({
  agentId: hexId,
  clock: AgentClock,
  machine: MachineFacts,
  /** How the agent counts now, and what is worse than it could be. */
  captureMethod: text(32),
  notices: z.array(text(400)).max(16),
  health: z.strictObject({
    cpuPercent: z.number().min(0).max(100).nullable(),
    memoryTotalBytes: count,
    memoryAvailableBytes: count,
    diskTotalBytes: count,
    diskFreeBytes: count,
    uptimeSeconds: z.number().min(0),
    load: z.tuple([z.number(), z.number(), z.number()]),
  }),
  sessions: z
    .array(
      z.strictObject({
        user: text(256),
        terminal: text(64),
        host: text(255).nullable(),
        startedAtMs: z.number().nullable(),
      }),
    )
    .max(200),
  streams: z.array(StreamReport).max(16),
  runningProcesses: count,
  /** Resident memory of the agent itself. */
  residentBytes: count,
  configHash: text(64),
  /** The highest command that was carried out. */
  commandCursor: count,
  /** Of the last answer to a heartbeat; null at the first of this instance. */
  lease: text(64).nullable(),
  /** Answer to a challenge: proves that this instance is alive now. */
  challenge: text(64).nullable(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

export const HeartbeatAnswer = z.strictObject({
  serverTimeMs: z.number(),
  heartbeatIntervalMs: z.int().min(1000),
  lease: text(64),
  /** The highest command there is for this agent: where it is above the agent's, it asks for them. */
  commandCursor: count,
  /** What is stored, per stream and epoch, of the epochs named in the request. */
  cursors: z.array(z.strictObject({ stream: text(32), epoch: text(16), cursor: count })),
  creditBytes: count,
  waitMs: count,
});
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswer>;

export const COMMAND_KINDS = [
  "classifications", // payload: ClassificationUpdates
  "snapshot", // tell all running processes
  "watch", // payload: WatchPayload: tell flows more often for a while
  "heartbeat", // send one now
] as const;

/** Signed by the parent for one agent; the agent refuses what is expired, of another parent, or not above its cursor. */
export const Command = z.strictObject({
  agentId: hexId,
  seq: z.int().min(1),
  kind: z.enum(COMMAND_KINDS),
  issuedAtMs: z.number(),
  expiresAtMs: z.number(),
  /** JSON text. */
  payload: text(256 * 1024),
  /** By the parent's key, over `commandBytes`. */
  signature: z.string().regex(/^[\w-]{86}$/),
});
export type Command = z.infer<typeof Command>;

export const CommandsAnswer = z.strictObject({ commands: z.array(Command).max(100), cursor: count });
export type CommandsAnswer = z.infer<typeof CommandsAnswer>;

export const WatchPayload = z.strictObject({
  intervalMs: z.int().min(500).max(60_000),
  forMs: z.int().min(0).max(600_000),
});

/** Why a request of an agent was refused. */
export const ERROR_CODES = [
  "bad_request",
  "unauthenticated", // 401: no such agent, or a wrong signature
  "replayed", // 409: the counter has been used; `floor` says where to go on
  "superseded", // 409: another instance of this key is alive; `challenge` asks for a proof of life
  "quarantined", // 403
  "pending", // 403: not yet approved
  "removed", // 410: join anew
  "gap", // 409: `cursor` says where to go on
  "conflict", // 409: the same seq with another hash: begin a new epoch
  "token", // 403: no such join token, expired, or used up
  "forbidden", // 403: this role may not
  "not_found", // 404
  "method", // 405
  "too_large", // 413
  "too_slow", // 408: the body did not come in time; the way is slow, and nothing is wrong with what is in it
  "rate_limited", // 429 with Retry-After
  "overloaded", // 503 with Retry-After
  "storage_full", // 503 with Retry-After
  "internal", // 500
] as const;
export type FleetErrorCode = (typeof ERROR_CODES)[number];

export const ErrorAnswer = z.object({
  error: z.object({
    code: z.enum(ERROR_CODES),
    message: z.string(),
    hint: z.string().optional(),
    floor: count.optional(),
    challenge: z.string().optional(),
    cursor: count.optional(),
  }),
});
export type ErrorAnswer = z.infer<typeof ErrorAnswer>;
