/**
 * Where each epoch of a stream stands: its cursor moves forward only, and at any moment cursor = stored + declared lost.
 *
 * The hole of an epoch that ended: what follows it tells how many events it had produced. What lies between its cursor and
 * there is a loss *as of now*: batches of the old epoch may still be under way, so the cursor is not moved. Each that comes
 * later makes the hole smaller, until nothing of it is left. Where nobody knows how many there were, the hole has no end, and
 * stays: nobody can know that it is closed.
 */
import type { EpochOrigin } from "../../protocol/fleet/envelope.ts";
import type { Sql } from "./sql.ts";
import { reserveNumbers } from "./statements.ts";

export interface EpochState {
  readonly key: number;
  readonly agentKey: number;
  cursor: number;
  /** Of what stands at the cursor; null at the beginning and after a loss without a hash. */
  chain: string | null;
  stored: number;
  lost: number;
  followsEpoch: string | null;
  isEnded: boolean;
  /** As the epoch that follows says; null: unknown, or not ended. */
  produced: number | null;
  isChanged: boolean;
}

interface EpochRow {
  readonly epoch_key: number;
  readonly agent_key: number;
  readonly cursor_seq: number;
  readonly chain: string | null;
  readonly stored: number;
  readonly lost: number;
  readonly follows_epoch: string | null;
  readonly is_ended: number;
  readonly produced: number | null;
}

/** The epochs that one transaction deals with. */
export class EpochBook {
  readonly #sql: Sql;
  readonly #states = new Map<string, EpochState>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Undefined where nothing of it is stored. */
  async find(agentKey: number, stream: string, epoch: string): Promise<EpochState | undefined> {
    const name = `${agentKey} ${stream} ${epoch}`;
    const known = this.#states.get(name);
    if (known !== undefined) return known;
    const row = await this.#sql.one<EpochRow>(
      `SELECT epoch_key, agent_key, cursor_seq, chain, stored, lost, follows_epoch, is_ended, produced
       FROM event_epochs WHERE agent_key = $1 AND stream = $2 AND epoch = $3`,
      [agentKey, stream, epoch],
    );
    if (row === undefined) return undefined;
    const state: EpochState = {
      key: row.epoch_key,
      agentKey: row.agent_key,
      cursor: row.cursor_seq,
      chain: row.chain,
      stored: row.stored,
      lost: row.lost,
      followsEpoch: row.follows_epoch,
      isEnded: row.is_ended === 1,
      produced: row.produced,
      isChanged: false,
    };
    this.#states.set(name, state);
    return state;
  }

  async findOrAdd(agentKey: number, stream: string, epoch: string): Promise<EpochState> {
    const known = await this.find(agentKey, stream, epoch);
    if (known !== undefined) return known;
    const key = await reserveNumbers(this.#sql, "epochs", 1);
    await this.#sql.run(
      `INSERT INTO event_epochs (epoch_key, agent_key, stream, epoch, cursor_seq, chain, stored, lost, follows_epoch,
         is_ended, produced) VALUES ($1, $2, $3, $4, 0, NULL, 0, 0, NULL, 0, NULL)`,
      [key, agentKey, stream, epoch],
    );
    const state: EpochState = {
      key,
      agentKey,
      cursor: 0,
      chain: null,
      stored: 0,
      lost: 0,
      followsEpoch: null,
      isEnded: false,
      produced: null,
      isChanged: false,
    };
    this.#states.set(`${agentKey} ${stream} ${epoch}`, state);
    return state;
  }

  /** `next` says how the epoch before it ended. Told with every batch; done once, and again where more is known by then. */
  async end(next: EpochState, stream: string, origin: EpochOrigin, nowMs: number): Promise<void> {
    if (next.followsEpoch === null) {
      next.followsEpoch = origin.epoch;
      next.isChanged = true;
    }
    const old = await this.findOrAdd(next.agentKey, stream, origin.epoch);
    if (old.isEnded && (old.produced !== null || origin.produced === null)) return;
    const hadHole = old.isEnded;
    old.isEnded = true;
    old.produced = origin.produced;
    old.isChanged = true;
    if (hadHole) await this.#removeHole(old);
    if (old.produced !== null && old.produced <= old.cursor) return;
    const id = await reserveNumbers(this.#sql, "losses", 1);
    await this.#sql.run(
      `INSERT INTO event_losses (id, epoch_key, agent_key, first_seq, last_seq, bytes, reason, declared_at_ms,
         received_at_ms, is_hole) VALUES ($1, $2, $3, $4, $5, NULL, $6, $7, $8, 1)`,
      [id, old.key, old.agentKey, old.cursor + 1, old.produced, origin.reason, nowMs, nowMs],
    );
  }

  /** After the cursor of an epoch that has ended moved. */
  async shrinkHole(state: EpochState): Promise<void> {
    if (state.produced !== null && state.cursor >= state.produced) {
      await this.#removeHole(state);
      return;
    }
    await this.#sql.run("UPDATE event_losses SET first_seq = $2 WHERE epoch_key = $1 AND is_hole = 1", [
      state.key,
      state.cursor + 1,
    ]);
  }

  async #removeHole(state: EpochState): Promise<void> {
    await this.#sql.run("DELETE FROM event_losses WHERE epoch_key = $1 AND is_hole = 1", [state.key]);
  }

  async write(): Promise<void> {
    for (const state of this.#states.values()) {
      if (!state.isChanged) continue;
      await this.#sql.run(
        `UPDATE event_epochs SET cursor_seq = $2, chain = $3, stored = $4, lost = $5, follows_epoch = $6, is_ended = $7,
           produced = $8 WHERE epoch_key = $1 AND cursor_seq <= $2`,
        [
          state.key,
          state.cursor,
          state.chain,
          state.stored,
          state.lost,
          state.followsEpoch,
          state.isEnded ? 1 : 0,
          state.produced,
        ],
      );
      state.isChanged = false;
    }
  }
}
