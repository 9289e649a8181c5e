/**
 * Batches of agents into the account of events: what is known is passed over, what is new is stored exactly once, what is
 * lost is stored as a range, and what does not agree with what is stored is refused. All that one call stores becomes
 * visible, and durable, at once with its transaction.
 *
 * Where a chain begins anew it is taken: after the parent went back to an older state, the agent does not have the hash any
 * more of what it deleted. Where both have a hash and they differ, it is a conflict.
 */
import type { ConnectionRecord } from "../../model/fleet.ts";
import { isLoss, lastSeqOf, type BatchItem, type EventItem } from "../../protocol/fleet/envelope.ts";
import { agentKeyOf } from "./agent-rows.ts";
import { ConnectionProjection } from "./connection-projection.ts";
import type { IngestOutcome, VerifiedBatch } from "./contract.ts";
import { EpochBook, type EpochState } from "./epochs.ts";
import { PayloadError, readPayload, type KnownPayload } from "./event-payloads.ts";
import { EventWriter } from "./event-writer.ts";
import { FingerprintProjection } from "./fingerprint-projection.ts";
import { ProcessProjection, type ToldProcess } from "./process-projection.ts";
import type { Sql } from "./sql.ts";

type Stored = Extract<IngestOutcome, { kind: "stored" }>;

/** An outcome whose processes have no category yet. */
interface Draft extends Omit<Stored, "processes"> {
  readonly told: readonly ToldProcess[];
}

/** Inside a transaction. The outcomes in the order of the batches. */
export async function ingestBatches(sql: Sql, batches: readonly VerifiedBatch[]): Promise<IngestOutcome[]> {
  const run = new IngestRun(sql);
  const outcomes: (Draft | Exclude<IngestOutcome, Stored>)[] = [];
  for (const batch of batches) outcomes.push(await run.take(batch));
  await run.write();
  return run.withCategories(outcomes);
}

class IngestRun {
  readonly #sql: Sql;
  readonly #epochs: EpochBook;
  readonly #events: EventWriter;
  readonly #processes: ProcessProjection;
  readonly #connections: ConnectionProjection;
  readonly #fingerprints: FingerprintProjection;
  readonly #agentKeys = new Map<string, number | undefined>();

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#epochs = new EpochBook(sql);
    this.#events = new EventWriter(sql);
    this.#fingerprints = new FingerprintProjection(sql);
    this.#processes = new ProcessProjection(sql, this.#fingerprints);
    this.#connections = new ConnectionProjection(sql);
  }

  async take(verified: VerifiedBatch): Promise<Draft | Exclude<IngestOutcome, Stored>> {
    const { header, items } = verified.batch;
    const agentKey = await this.#agentKey(header.agentId);
    if (agentKey === undefined) return { kind: "refused", message: "there is no such agent" };
    if (header.follows?.epoch === header.epoch)
      return { kind: "refused", message: "an epoch can't follow itself" };
    if (!isContiguous(items, header.firstSeq, header.lastSeq))
      return { kind: "refused", message: "the items of the batch are not one after the other" };

    const epoch = await this.#epochs.find(agentKey, header.stream, header.epoch);
    const cursor = epoch?.cursor ?? 0;
    if (header.firstSeq > cursor + 1) return { kind: "gap", cursor };
    const overlap = await this.#overlap(epoch, verified);
    if (overlap.conflictAt !== undefined) return { kind: "conflict", atSeq: overlap.conflictAt };

    const fresh = freshItems(items, cursor);
    const notLost = epoch === undefined ? [] : await this.#events.notLost(epoch, items);
    const nothing = { notLost, fresh: [], told: [], connections: [], needsSnapshot: false };
    if (fresh.length === 0) return { kind: "stored", cursor, ...nothing };
    const payloads = readPayloads(header.stream, fresh);
    if (typeof payloads === "string") return { kind: "refused", message: payloads };

    const { stream, follows } = header;
    // The one before it first: epochs are told in the order in which they were.
    if (epoch === undefined && follows !== null)
      await this.#epochs.findOrAdd(agentKey, stream, follows.epoch);
    const state = epoch ?? (await this.#epochs.findOrAdd(agentKey, stream, header.epoch));
    await this.#store(state, verified, fresh, overlap.storedSeqs);
    const projected = await this.#project(agentKey, verified, payloads);
    return { kind: "stored", cursor: state.cursor, notLost, fresh, ...projected };
  }

  async #agentKey(agentId: string): Promise<number | undefined> {
    if (!this.#agentKeys.has(agentId)) this.#agentKeys.set(agentId, await agentKeyOf(this.#sql, agentId));
    return this.#agentKeys.get(agentId);
  }

  /** Compares what is known with what is told again, event by event: the hash of each covers what came before it. */
  async #overlap(
    epoch: EpochState | undefined,
    { batch, chains }: VerifiedBatch,
  ): Promise<{ conflictAt: number | undefined; storedSeqs: ReadonlySet<number> }> {
    const { firstSeq, previousChain } = batch.header;
    const cursor = epoch?.cursor ?? 0;
    if (firstSeq === cursor + 1) {
      const before = epoch?.chain ?? null;
      const differs = previousChain !== null && before !== null && previousChain !== before;
      return { conflictAt: differs ? firstSeq : undefined, storedSeqs: new Set() };
    }
    if (epoch === undefined) return { conflictAt: undefined, storedSeqs: new Set() };
    // By number and not by range: a single loss may say that it reaches over everything that is stored.
    const told = batch.items.map(lastSeqOf).filter((seq) => seq <= cursor);
    const stored = await this.#events.chains(epoch, told);
    const differing = batch.items.findIndex((item, index) => {
      const chain = stored.get(lastSeqOf(item));
      const told = chains[index] ?? null;
      return chain !== undefined && told !== null && chain !== told;
    });
    const item = batch.items[differing];
    return {
      conflictAt: item === undefined ? undefined : lastSeqOf(item),
      storedSeqs: new Set(stored.keys()),
    };
  }

  async #store(
    state: EpochState,
    verified: VerifiedBatch,
    fresh: readonly BatchItem[],
    storedSeqs: ReadonlySet<number>,
  ): Promise<void> {
    const { batch, chains, receivedAtMs } = verified;
    const { header } = batch;
    if (header.follows !== null) await this.#epochs.end(state, header.stream, header.follows, receivedAtMs);
    const chainOf = new Map(batch.items.map((item, index) => [lastSeqOf(item), chains[index] ?? null]));
    for (const item of fresh) {
      if (isLoss(item)) {
        this.#events.addLoss(state, item, receivedAtMs);
        state.lost += item.lastSeq - item.firstSeq + 1;
      } else {
        this.#events.addEvent(state, item, chainOf.get(item.seq) ?? "", receivedAtMs);
        state.stored += 1;
      }
    }
    const cursorBefore = state.cursor;
    // What can't be read back from the table of events: losses as they were sent, and events that were declared lost before.
    const own = batch.items.filter(
      (item) => isLoss(item) || (item.seq <= cursorBefore && !storedSeqs.has(item.seq)),
    );
    this.#events.addBatch(state, batch, own, receivedAtMs);
    state.cursor = header.lastSeq;
    state.chain = chains.at(-1) ?? null;
    state.isChanged = true;
    if (state.isEnded) await this.#epochs.shrinkHole(state);
  }

  async #project(
    agentKey: number,
    verified: VerifiedBatch,
    payloads: readonly KnownPayload[],
  ): Promise<{ told: readonly ToldProcess[]; connections: ConnectionRecord[]; needsSnapshot: boolean }> {
    const { agentId, stream } = verified.batch.header;
    if (stream === "flow") {
      const connections = this.#connections.add({ agentKey, agentId }, payloads, verified.receivedAtMs);
      return { told: [], connections, needsSnapshot: false };
    }
    if (stream !== "process") return { told: [], connections: [], needsSnapshot: false };
    const agent = { agentKey, agentId };
    return { ...(await this.#processes.apply(agent, payloads, verified.receivedAtMs)), connections: [] };
  }

  async write(): Promise<void> {
    await this.#epochs.write();
    await this.#events.write();
    await this.#processes.write();
    await this.#connections.write();
    await this.#fingerprints.write();
  }

  async withCategories(
    outcomes: readonly (Draft | Exclude<IngestOutcome, Stored>)[],
  ): Promise<IngestOutcome[]> {
    const told = outcomes.flatMap((outcome) => (outcome.kind === "stored" ? outcome.told : []));
    const toRecord = await this.#processes.recorder(told);
    return outcomes.map((outcome) => {
      if (outcome.kind !== "stored") return outcome;
      const { told, ...rest } = outcome;
      return { ...rest, processes: told.map(toRecord) };
    });
  }
}

function isContiguous(items: readonly BatchItem[], firstSeq: number, lastSeq: number): boolean {
  let next = firstSeq;
  for (const item of items) {
    const first = isLoss(item) ? item.firstSeq : item.seq;
    if (first !== next || lastSeqOf(item) < first) return false;
    next = lastSeqOf(item) + 1;
  }
  return next === lastSeq + 1;
}

/** Those above the cursor; of a loss that begins before it, the rest. */
function freshItems(items: readonly BatchItem[], cursor: number): BatchItem[] {
  const fresh: BatchItem[] = [];
  for (const item of items) {
    if (lastSeqOf(item) <= cursor) continue;
    if (isLoss(item) && item.firstSeq <= cursor) fresh.push({ ...item, firstSeq: cursor + 1, bytes: null });
    else fresh.push(item);
  }
  return fresh;
}

/** What each event says, in order; or why one of them is refused. */
function readPayloads(stream: string, fresh: readonly BatchItem[]): KnownPayload[] | string {
  try {
    return fresh
      .filter((item): item is EventItem => !isLoss(item))
      .map((event) => readPayload(stream, event));
  } catch (error) {
    if (error instanceof PayloadError) return error.message;
    throw error;
  }
}
