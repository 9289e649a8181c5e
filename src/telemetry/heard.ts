/**
 * What is known in memory about the batches that were handed out: answers that could not be written yet, and, after the parent
 * said that it has other events under the same numbers, how small batches must be to find out from which number on.
 */
import { BATCH_ITEMS_MAX, type BatchAnswer, type SignedBatch } from "../protocol/fleet/envelope.ts";
import type { OutboxDatabase } from "../store/outbox.ts";
import type { EpochRow } from "../store/outbox-schema.ts";
import {
  applyAcknowledgement,
  joinAcknowledgements,
  readAgreement,
  readAnswer,
  type Acknowledgement,
} from "./acknowledging.ts";
import type { Position } from "./batches.ts";
import type { Work } from "./work.ts";

export class HeardAnswers {
  readonly #answers = new Map<string, Acknowledgement>();
  /** Items in the batch of an epoch that was handed out last. */
  readonly #handedOut = new Map<string, number>();
  readonly #itemsMax = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#answers.size === 0;
  }

  /** Where the next batch of an epoch begins. */
  positionOf(row: EpochRow): Position {
    const heard = this.#answers.get(row.epoch);
    return heard !== undefined && heard.upTo > row.cursor
      ? { seq: heard.upTo, chain: heard.chain }
      : { seq: row.cursor, chain: row.cursorChain };
  }

  hear(database: OutboxDatabase, row: EpochRow, batch: SignedBatch, answer: BatchAnswer): void {
    const heard = readAnswer(database, row, this.positionOf(row).seq, batch, answer);
    if (heard === undefined) return;
    this.#answers.set(row.epoch, joinAcknowledgements(this.#answers.get(row.epoch), heard));
    this.#widen(row);
  }

  /** The parent has the same events up to there. */
  agree(database: OutboxDatabase, row: EpochRow, seq: number): void {
    const { epoch, stream, produced } = row;
    const heard = readAgreement(database, row, this.positionOf(row).seq, Math.min(seq, produced));
    if (heard === undefined) return;
    const answer: Acknowledgement = { stream, epoch, ...heard, stored: [] };
    this.#answers.set(epoch, joinAcknowledgements(this.#answers.get(epoch), answer));
  }

  apply(work: Work): void {
    for (const heard of this.#answers.values()) applyAcknowledgement(work, heard);
  }

  clear(): void {
    this.#answers.clear();
  }

  itemsMax(row: EpochRow): number {
    return this.#itemsMax.get(row.epoch) ?? BATCH_ITEMS_MAX;
  }

  handOut(row: EpochRow, items: number): void {
    for (const map of [this.#handedOut, this.#itemsMax]) {
      // Old epochs are sent before newer ones of their stream, so a few names are all that can matter.
      const [oldest] = map.keys();
      if (map.size > 32 && oldest !== undefined && oldest !== row.epoch) map.delete(oldest);
    }
    this.#handedOut.set(row.epoch, items);
  }

  #widen(row: EpochRow): void {
    const items = this.#itemsMax.get(row.epoch);
    if (items !== undefined) this.#itemsMax.set(row.epoch, Math.min(items * 2, BATCH_ITEMS_MAX));
  }

  /**
   * After a conflict: whether there is a smaller batch that tells more. The parent takes what it has already, so that in the
   * end a batch of one event says exactly which is the first that differs, and nothing is sent under two numbers.
   */
  narrow(row: EpochRow): boolean {
    const items = this.#handedOut.get(row.epoch) ?? 1;
    if (items <= 1) {
      this.#itemsMax.delete(row.epoch);
      return false;
    }
    this.#itemsMax.set(row.epoch, Math.ceil(items / 2));
    return true;
  }
}
