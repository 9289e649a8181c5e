/** What the parent has stored, read from its database after it has ended: without any of its own code. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { BatchHeader, BatchItem } from "../../../../src/protocol/fleet/envelope.ts";

export interface EpochRecord {
  readonly key: number;
  readonly agentId: string;
  readonly stream: string;
  readonly epoch: string;
  readonly cursor: number;
  readonly chain: string | null;
  readonly stored: number;
  readonly lost: number;
  readonly isEnded: boolean;
  readonly produced: number | null;
}

export interface EventRecord {
  /** In the order in which they were stored. */
  readonly id: number;
  readonly epochKey: number;
  readonly seq: number;
  readonly type: string;
  readonly provider: string;
  readonly eventId: number;
  readonly timestampMs: number;
  readonly receivedAtMs: number;
  readonly chain: string;
  readonly payload: string;
}

export interface LossRecord {
  readonly epochKey: number;
  readonly firstSeq: number;
  readonly lastSeq: number | null;
  readonly reason: string;
  readonly isHole: boolean;
}

export interface BatchRecord {
  readonly epochKey: number;
  readonly header: BatchHeader;
  readonly signature: string;
  /** Items that are not in the table of events as they were sent. */
  readonly ownItems: readonly BatchItem[];
}

export interface ProcessRow {
  readonly agentId: string;
  readonly processId: string;
  readonly name: string;
  readonly stoppedAtMs: number | null;
}

export interface Records {
  readonly agents: ReadonlyMap<string, { readonly publicKey: string; readonly state: string }>;
  readonly epochs: readonly EpochRecord[];
  readonly events: ReadonlyMap<number, readonly EventRecord[]>;
  readonly losses: ReadonlyMap<number, readonly LossRecord[]>;
  readonly batches: ReadonlyMap<number, readonly BatchRecord[]>;
  readonly processes: readonly ProcessRow[];
}

interface RawEpoch extends Omit<EpochRecord, "isEnded"> {
  readonly isEnded: number;
}

interface RawBatch {
  readonly epochKey: number;
  readonly header: string;
  readonly signature: string;
  readonly ownItems: string | null;
}

function grouped<T extends { readonly epochKey: number }>(rows: readonly T[]): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const row of rows) {
    const group = groups.get(row.epochKey);
    if (group === undefined) groups.set(row.epochKey, [row]);
    else group.push(row);
  }
  return groups;
}

export function readRecords(stateDirectory: string): Records {
  const database = new Database(join(stateDirectory, "fleet.db"), { readonly: true });
  try {
    return {
      agents: new Map(
        database
          .query<{ id: string; publicKey: string; state: string }, []>(
            "SELECT id, public_key AS publicKey, state FROM agents",
          )
          .all()
          .map(({ id, publicKey, state }) => [id, { publicKey, state }]),
      ),
      epochs: database
        .query<RawEpoch, []>(
          `SELECT e.epoch_key AS key, a.id AS agentId, e.stream, e.epoch, e.cursor_seq AS cursor, e.chain, e.stored, e.lost,
             e.is_ended AS isEnded, e.produced FROM event_epochs e JOIN agents a ON a.agent_key = e.agent_key ORDER BY key`,
        )
        .all()
        .map(({ isEnded, ...row }) => Object.assign(row, { isEnded: isEnded === 1 })),
      events: grouped(
        database
          .query<EventRecord, []>(
            `SELECT id, epoch_key AS epochKey, seq, event_type AS type, provider, event_id AS eventId,
               event_timestamp_ms AS timestampMs, received_at_ms AS receivedAtMs, chain, payload
             FROM agent_process_events ORDER BY epoch_key, seq, id`,
          )
          .all(),
      ),
      losses: grouped(
        database
          .query<Omit<LossRecord, "isHole"> & { isHole: number }, []>(
            `SELECT epoch_key AS epochKey, first_seq AS firstSeq, last_seq AS lastSeq, reason, is_hole AS isHole
             FROM event_losses ORDER BY epoch_key, first_seq`,
          )
          .all()
          .map(({ isHole, ...row }) => Object.assign(row, { isHole: isHole === 1 })),
      ),
      batches: grouped(
        database
          .query<RawBatch, []>(
            `SELECT epoch_key AS epochKey, header, signature, own_items AS ownItems FROM event_batches
             ORDER BY epoch_key, last_seq`,
          )
          .all()
          .map(({ header, ownItems, ...row }) =>
            Object.assign(row, {
              header: JSON.parse(header) as BatchHeader,
              ownItems: ownItems === null ? [] : (JSON.parse(ownItems) as BatchItem[]),
            }),
          ),
      ),
      processes: database
        .query<ProcessRow, []>(
          `SELECT a.id AS agentId, p.process_id AS processId, p.process_name AS name, p.stopped_at_ms AS stoppedAtMs
           FROM agent_processes p JOIN agents a ON a.agent_key = p.agent_key`,
        )
        .all(),
    };
  } finally {
    database.close();
  }
}
