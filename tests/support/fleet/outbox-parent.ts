/**
 * A parent as the outbox sees it: verifies every batch, keeps what is new, compares what it has already, and answers as the
 * protocol says. It remembers everything, so that a test can ask what arrived, in which order, and how often.
 */
import {
  isLoss,
  lastSeqOf,
  type BatchAnswer,
  type EpochOrigin,
  type EventItem,
  type SignedBatch,
} from "../../../src/protocol/fleet/envelope.ts";
import { verifyBatch } from "../../../src/protocol/fleet/verify-batch.ts";

export type ParentVerdict =
  | { readonly kind: "stored"; readonly answer: BatchAnswer }
  | { readonly kind: "gap"; readonly cursor: number }
  | { readonly kind: "conflict"; readonly atSeq: number };

export interface ParentEpoch {
  cursor: number;
  readonly events: Map<number, { readonly chain: string | null; readonly event: EventItem }>;
  readonly lost: Map<number, string>;
  readonly chains: Map<number, string | null>;
  follows: EpochOrigin | null;
}

export class FleetParent {
  readonly #publicKey: string;
  readonly epochs = new Map<string, ParentEpoch>();
  /** In the order of their arrival. */
  readonly arrived: { readonly stream: string; readonly epoch: string; readonly event: EventItem }[] = [];

  constructor(publicKey: string) {
    this.#publicKey = publicKey;
  }

  epoch(stream: string, epoch: string): ParentEpoch {
    const key = `${stream}/${epoch}`;
    const known = this.epochs.get(key);
    if (known !== undefined) return known;
    const made: ParentEpoch = {
      cursor: 0,
      events: new Map(),
      lost: new Map(),
      chains: new Map([[0, null]]),
      follows: null,
    };
    this.epochs.set(key, made);
    return made;
  }

  /** Throws where the batch does not verify: no outbox may ever make such a one. */
  receive(batch: SignedBatch): ParentVerdict {
    const verified = verifyBatch(batch, this.#publicKey);
    if ("problem" in verified) throw new Error(verified.problem);
    const { stream, epoch, firstSeq, lastSeq, previousChain, follows } = batch.header;
    const state = this.epoch(stream, epoch);
    if (firstSeq > state.cursor + 1) return { kind: "gap", cursor: state.cursor };
    const conflict = this.#conflict(state, batch, verified.chains);
    if (conflict !== undefined) return { kind: "conflict", atSeq: conflict };
    const before = state.chains.get(firstSeq - 1);
    if (previousChain !== null && before !== undefined && before !== null && before !== previousChain)
      return { kind: "conflict", atSeq: firstSeq };
    state.follows = follows;
    const notLost = this.#store(state, batch, verified.chains);
    state.cursor = Math.max(state.cursor, lastSeq);
    return {
      kind: "stored",
      answer: { cursor: state.cursor, notLost, creditBytes: 1_000_000, waitMs: 0 },
    };
  }

  #conflict(
    state: ParentEpoch,
    { items }: SignedBatch,
    chains: readonly (string | null)[],
  ): number | undefined {
    for (const [index, item] of items.entries()) {
      if (isLoss(item) || item.seq > state.cursor) continue;
      if (state.events.get(item.seq)?.chain !== chains[index]) return item.seq;
    }
    return undefined;
  }

  #store(
    state: ParentEpoch,
    { header, items }: SignedBatch,
    chains: readonly (string | null)[],
  ): BatchAnswer["notLost"] {
    const notLost: { firstSeq: number; lastSeq: number }[] = [];
    for (const [index, item] of items.entries()) {
      const chain = chains[index] ?? null;
      if (isLoss(item)) {
        for (let seq = item.firstSeq; seq <= item.lastSeq; seq += 1) {
          if (!state.events.has(seq)) state.lost.set(seq, item.reason);
          else if (notLost.at(-1)?.lastSeq === seq - 1) {
            const range = notLost.at(-1);
            if (range !== undefined) range.lastSeq = seq;
          } else notLost.push({ firstSeq: seq, lastSeq: seq });
        }
      } else if (item.seq > state.cursor) {
        state.events.set(item.seq, { chain, event: item });
        this.arrived.push({ stream: header.stream, epoch: header.epoch, event: item });
      }
      const last = lastSeqOf(item);
      if (last > state.cursor) state.chains.set(last, chain);
    }
    return notLost;
  }

  /** Forgets what is above this cursor: a database that was restored from an older copy. */
  forget(stream: string, epoch: string, cursor: number): void {
    const state = this.epoch(stream, epoch);
    state.cursor = Math.min(state.cursor, cursor);
    for (const map of [state.events, state.lost, state.chains])
      for (const seq of map.keys()) if (seq > cursor) map.delete(seq);
  }

  count(what: "events" | "lost", stream?: string): number {
    let sum = 0;
    for (const [key, state] of this.epochs)
      if (stream === undefined || key.startsWith(`${stream}/`)) sum += state[what].size;
    return sum;
  }
}
