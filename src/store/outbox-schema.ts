/**
 * The tables of an agent's outbox, version by version, and its rows. A migration is never changed once released.
 *
 * Events are kept in the order of their places, each row in one page with its sizes before its payload, so that the oldest
 * can be measured and dropped without reading payloads.
 */
import type { DatabaseDefinition } from "./database.ts";
import type { EpochOrigin, EventItem, LossItem, StreamName } from "../protocol/fleet/envelope.ts";

const VERSION_1 = `
  CREATE TABLE epoch (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    epoch TEXT NOT NULL,
    ordinal INTEGER NOT NULL, -- the order of a stream's epochs
    is_current INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    produced INTEGER NOT NULL,
    last_chain TEXT, -- after the last that was produced
    cursor INTEGER NOT NULL, -- all up to here is at the parent
    cursor_chain TEXT,
    acked INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    pending_bytes INTEGER NOT NULL,
    unknown_tail INTEGER NOT NULL, -- 1: nobody knows how many were lost at its end
    follows_epoch TEXT,
    follows_produced INTEGER,
    follows_reason TEXT,
    UNIQUE (stream, epoch)
  ) STRICT;

  CREATE TABLE event (
    epoch_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL, -- of the payload
    chain TEXT NOT NULL,
    type TEXT NOT NULL,
    timestamp_ms REAL NOT NULL,
    provider TEXT NOT NULL,
    event_id INTEGER NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (epoch_id, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE loss (
    epoch_id INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    bytes INTEGER,
    chain TEXT,
    declared_at_ms REAL NOT NULL,
    PRIMARY KEY (epoch_id, first_seq)
  ) STRICT, WITHOUT ROWID;

  -- Epochs that are at the parent as a whole and no longer kept one by one.
  CREATE TABLE past (
    stream TEXT PRIMARY KEY,
    produced INTEGER NOT NULL,
    acked INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    unknown_tails INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE owner (agent_id TEXT NOT NULL, parent_id TEXT NOT NULL) STRICT;
`;

export const OUTBOX: DatabaseDefinition = {
  applicationId: 0x57426f75, // "WBou"
  migrations: [VERSION_1],
  tables: ["epoch", "event", "loss", "past", "owner"],
  what: "outbox",
};

export interface EpochRow {
  readonly id: number;
  readonly stream: StreamName;
  readonly epoch: string;
  ordinal: number;
  isCurrent: boolean;
  bootId: string;
  produced: number;
  lastChain: string | null;
  cursor: number;
  cursorChain: string | null;
  acked: number;
  lost: number;
  pending: number;
  pendingBytes: number;
  unknownTail: boolean;
  follows: EpochOrigin | null;
}

/** Totals of epochs that are no longer kept one by one. */
export interface PastRow {
  readonly stream: StreamName;
  readonly produced: number;
  readonly acked: number;
  readonly lost: number;
  readonly unknownTails: number;
}

/** `chain` is the event's own hash. */
export interface StoredEvent extends EventItem {
  readonly chain: string;
}

export type StoredLoss = LossItem;

export interface Owner {
  readonly agentId: string;
  readonly parentId: string;
}
