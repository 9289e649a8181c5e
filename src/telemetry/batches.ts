/**
 * The next batch of an epoch: its oldest events and losses, without holes, within the limits of one request, every hash made
 * again from what was read (so that a flipped bit is found before it is signed), and the whole signed.
 */
import {
  BATCH_BYTES_MAX,
  BATCH_ITEMS_MAX,
  headerBytes,
  lastSeqOf,
  type AgentClock,
  type BatchItem,
  type Origin,
  type SignedBatch,
} from "../protocol/fleet/envelope.ts";
import { toBase64Url } from "../protocol/fleet/canonical.ts";
import type { Signer } from "../protocol/fleet/identity.ts";
import { hashItems, rootOf } from "../protocol/fleet/verify-batch.ts";
import { DamagedRowsError, type OutboxDatabase } from "../store/outbox.ts";
import type { EpochRow, StoredEvent, StoredLoss } from "../store/outbox-schema.ts";

/** Names, numbers and braces of one item as JSON, beside its payload: at most. */
const ITEM_BYTES_MAX = 400;
/** Header, clock and signature as JSON. */
const ENVELOPE_BYTES_MAX = 2048;

export interface BatchLimits {
  readonly itemsMax: number;
  /** Of payloads; one event at least is taken. */
  readonly bytesMax: number;
}

/** Where a batch begins: after this seq, with this chain. */
export interface Position {
  readonly seq: number;
  readonly chain: string | null;
}

export type PickedItems =
  | { readonly items: readonly BatchItem[] }
  /** Events whose content is not what was hashed. */
  | { readonly damaged: readonly StoredEvent[] };

interface Piece {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly loss: StoredLoss | undefined;
}

/** What a batch is made of, by sizes alone. Throws DamagedRowsError where there is a hole. */
function planBatch(
  database: OutboxDatabase,
  row: EpochRow,
  after: number,
  { itemsMax, bytesMax }: BatchLimits,
): Piece[] {
  const limit = Math.min(itemsMax, BATCH_ITEMS_MAX);
  const sizes = database.eventSizes(row.id, after + 1, limit);
  const losses = database.losses(row.id, after + 1, limit);
  const pieces: Piece[] = [];
  let next = after + 1;
  let bytes = 0;
  let [event, loss] = [0, 0];
  while (pieces.length < limit && next <= row.produced) {
    const size = sizes[event];
    const range = losses[loss];
    if (size?.seq === next && range?.firstSeq !== next) {
      bytes += size.bytes;
      if (bytes > bytesMax && pieces.length > 0) break;
      pieces.push({ firstSeq: next, lastSeq: next, loss: undefined });
      event += 1;
    } else if (range?.firstSeq === next && size?.seq !== next) {
      pieces.push({ firstSeq: next, lastSeq: range.lastSeq, loss: range });
      loss += 1;
    } else
      throw new DamagedRowsError(`nothing, or too much, is stored at ${row.stream} ${row.epoch} ${next}`);
    next = (pieces.at(-1)?.lastSeq ?? next) + 1;
  }
  return pieces;
}

/** Reads what was planned; fewer where it would be too large as JSON. */
function readItems(
  database: OutboxDatabase,
  row: EpochRow,
  pieces: readonly Piece[],
): (StoredEvent | StoredLoss)[] {
  const [first, last] = [pieces[0], pieces.at(-1)];
  if (first === undefined || last === undefined) return [];
  const events = new Map(
    database.events(row.id, first.firstSeq, last.lastSeq).map((event) => [event.seq, event]),
  );
  const items: (StoredEvent | StoredLoss)[] = [];
  let left = BATCH_BYTES_MAX - ENVELOPE_BYTES_MAX;
  for (const piece of pieces) {
    const item = piece.loss ?? events.get(piece.firstSeq);
    if (item === undefined)
      throw new DamagedRowsError(`${row.stream} ${row.epoch} ${piece.firstSeq} is gone`);
    left -= ITEM_BYTES_MAX + ("payload" in item ? Buffer.byteLength(JSON.stringify(item.payload)) : 0);
    if (left < 0 && items.length > 0) break;
    items.push(item);
  }
  return items;
}

function withoutChain(item: StoredEvent | StoredLoss): BatchItem {
  if (!("payload" in item)) return item;
  const { chain: _chain, ...event } = item;
  return event;
}

export function pickItems(
  database: OutboxDatabase,
  origin: Origin,
  row: EpochRow,
  after: Position,
  limits: BatchLimits,
): PickedItems {
  const stored = readItems(database, row, planBatch(database, row, after.seq, limits));
  const damaged: StoredEvent[] = [];
  let chain = after.chain;
  for (const item of stored) {
    const { chains } = hashItems(origin, [withoutChain(item)], chain);
    if ("payload" in item && chains[0] !== item.chain) damaged.push(item);
    chain = item.chain;
  }
  return damaged.length > 0 ? { damaged } : { items: stored.map(withoutChain) };
}

export function signBatch(
  signer: Signer,
  parentId: string,
  row: EpochRow,
  after: Position,
  items: readonly BatchItem[],
  clock: AgentClock,
): SignedBatch {
  const last = items.at(-1);
  if (last === undefined) throw new RangeError("a batch has one item at least");
  const origin: Origin = { agentId: signer.id, stream: row.stream, epoch: row.epoch };
  const header = {
    parentId,
    agentId: signer.id,
    stream: row.stream,
    epoch: row.epoch,
    firstSeq: after.seq + 1,
    lastSeq: lastSeqOf(last),
    count: items.length,
    previousChain: after.chain,
    root: rootOf(hashItems(origin, items, after.chain).leaves),
    follows: row.follows,
  };
  return { header, signature: toBase64Url(signer.sign(headerBytes(header))), clock, items: [...items] };
}
