/**
 * Signed telemetry. Every event has its place (stream, epoch, seq) and is chained to the one before it by hash; a batch is
 * a range without holes of one epoch: events, and in the place of lost ones a record of their loss. Its items are the leaves
 * of a Merkle tree (RFC 9162, section 2.1), whose root is signed by the agent, so that any single event can be proved alone.
 *
 * The chain of an event is its leaf's hash; the chain over a range of loss is the hash of the last event in it, where it is
 * known, so that what is lost later does not change the chain of what comes after it.
 */
import { z } from "zod";
import { canonicalBytes, canonicalHash } from "./canonical.ts";

export const STREAMS = ["process", "flow", "health"] as const;
export type StreamName = (typeof STREAMS)[number];

/** Limits of one batch and one event: both sides refuse more. */
export const BATCH_ITEMS_MAX = 1000;
export const PAYLOAD_BYTES_MAX = 256 * 1024;
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

const seq = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
/** 32 bytes in base64url; of the last digit two bits are unused, and zero, so that there is one text for them. */
export const Hash = z.string().regex(/^[\w-]{42}[AEIMQUYcgkosw048]$/);
/** Ed25519: 64 bytes in base64url, of which the same holds. */
export const Signature = z.string().regex(/^[\w-]{85}[AQgw]$/);
const hexId = z.string().regex(/^[0-9a-f]{32}$/);
/** Random for each epoch: 16 hexadecimal digits. */
const epoch = z.string().regex(/^[0-9a-f]{16}$/);
const timeMs = z.number().min(0).max(8.64e15);

export const LOSS_REASONS = [
  "quota", // older events made room for newer ones
  "disk_full", // no room to store it
  "corrupt", // the file that held it was damaged
  "restart", // it was in memory when the agent was killed
  "source", // the source itself (kernel, helper) dropped it
  "parent_lost", // the parent had acknowledged it and does not have it any more
  "refused", // the parent does not accept it
] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

/** One event as it travels. `payload` is JSON text, hashed and stored as it stands. */
export const EventItem = z.strictObject({
  seq,
  type: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[\w.:-]+$/),
  timestampMs: timeMs,
  provider: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[\w.:-]+$/),
  eventId: z.int().min(0).max(0xffff_ffff),
  payload: z.string().max(PAYLOAD_BYTES_MAX),
});
export type EventItem = z.infer<typeof EventItem>;

/** The events with `firstSeq` to `lastSeq` are lost. */
export const LossItem = z.strictObject({
  firstSeq: seq,
  lastSeq: seq,
  reason: z.enum(LOSS_REASONS),
  /** Of their payloads; null where nobody can know. */
  bytes: z.int().min(0).nullable(),
  /** Leaf hash of the event `lastSeq`; null where it is not known: the chain begins anew after it. */
  chain: Hash.nullable(),
  declaredAtMs: timeMs,
});
export type LossItem = z.infer<typeof LossItem>;

export const BatchItem = z.union([EventItem, LossItem]);
export type BatchItem = z.infer<typeof BatchItem>;

/** The epoch of this stream that this one follows, told in each batch of an epoch that follows one. */
export const EpochOrigin = z.strictObject({
  epoch,
  /** How many it had produced; null where nobody can know. What is neither stored nor declared up to there is lost. */
  produced: z.int().min(0).nullable(),
  reason: z.enum(["corrupt", "state_lost", "reboot", "conflict"]),
});
export type EpochOrigin = z.infer<typeof EpochOrigin>;

/** The clock of the agent when it sent: order and intervals use what never jumps. */
export const AgentClock = z.strictObject({
  wallMs: timeMs,
  monotonicMs: z.number().min(0),
  bootId: z.string().max(64),
});
export type AgentClock = z.infer<typeof AgentClock>;

export const BatchHeader = z.strictObject({
  parentId: hexId,
  agentId: hexId,
  stream: z.enum(STREAMS),
  epoch,
  firstSeq: seq,
  lastSeq: seq,
  /** Items, not seqs: leaves of the tree. */
  count: z.int().min(1).max(BATCH_ITEMS_MAX),
  /** Chain of the item before `firstSeq`; null at the beginning of an epoch or after a loss without a hash. */
  previousChain: Hash.nullable(),
  root: Hash,
  follows: EpochOrigin.nullable(),
});
export type BatchHeader = z.infer<typeof BatchHeader>;

export const SignedBatch = z.strictObject({
  header: BatchHeader,
  /** Over the header's canonical bytes. */
  signature: Signature,
  clock: AgentClock,
  items: z.array(BatchItem).min(1).max(BATCH_ITEMS_MAX),
});
export type SignedBatch = z.infer<typeof SignedBatch>;

/** What the parent answers once it has stored it. */
export const BatchAnswer = z.strictObject({
  /** The highest seq of this stream and epoch up to which all is stored or declared lost. */
  cursor: z.int().min(0),
  /** Declared lost in this batch, and yet stored before: they are acknowledged, not lost. */
  notLost: z.array(z.strictObject({ firstSeq: seq, lastSeq: seq })),
  /** How many bytes may be sent in the next batch. */
  creditBytes: z.int().min(0),
  /** Not before so many milliseconds. */
  waitMs: z.int().min(0),
});
export type BatchAnswer = z.infer<typeof BatchAnswer>;

export function isLoss(item: BatchItem): item is LossItem {
  return "firstSeq" in item;
}

export function lastSeqOf(item: BatchItem): number {
  return isLoss(item) ? item.lastSeq : item.seq;
}

/** Of whom an event is: what its hash covers beside the event itself. */
export interface Origin {
  readonly agentId: string;
  readonly stream: string;
  readonly epoch: string;
}

/** The leaf's hash of an event (also its chain): 32 bytes in base64url. RFC 9162 begins leaves with a zero byte. */
export function eventHash(origin: Origin, event: EventItem, previousChain: string | null): string {
  const { seq, type, timestampMs, provider, eventId, payload } = event;
  return canonicalHash(LEAF, "wirebound-event-v1", [
    origin.agentId,
    origin.stream,
    origin.epoch,
    seq,
    type,
    timestampMs,
    provider,
    eventId,
    previousChain,
    payload,
  ]);
}

export function lossHash(origin: Origin, loss: LossItem): string {
  const { firstSeq, lastSeq, reason, bytes, chain, declaredAtMs } = loss;
  const fields = [
    origin.agentId,
    origin.stream,
    origin.epoch,
    firstSeq,
    lastSeq,
    reason,
    bytes,
    chain,
    declaredAtMs,
  ];
  return canonicalHash(LEAF, "wirebound-loss-v1", fields);
}

const LEAF = 0;

/** What the agent signs. */
export function headerBytes(header: BatchHeader): Uint8Array {
  const { parentId, agentId, stream, epoch, firstSeq, lastSeq, count, previousChain, root, follows } = header;
  return canonicalBytes("wirebound-batch-v1", [
    parentId,
    agentId,
    stream,
    epoch,
    firstSeq,
    lastSeq,
    count,
    previousChain,
    root,
    follows?.epoch ?? null,
    follows?.produced ?? null,
    follows?.reason ?? null,
  ]);
}
