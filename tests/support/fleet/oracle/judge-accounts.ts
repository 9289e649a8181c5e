/**
 * The first judgement: of every agent, stream and epoch each number from 1 to what was produced is stored exactly once or lies in
 * exactly one declared loss, and no event in two epochs; agent and parent say the same; and each batch is signed, has its root
 * and continues the chain.
 */
import type { AgentStatus } from "../../../../src/agent/status.ts";
import type { EventItem } from "../../../../src/protocol/fleet/envelope.ts";
import { isLoss, lastSeqOf } from "../../../../src/protocol/fleet/envelope.ts";
import { verifyBatch } from "../../../../src/protocol/fleet/verify-batch.ts";
import type { BatchRecord, EpochRecord, EventRecord, Records } from "./records.ts";

export interface AccountFacts {
  events: number;
  lost: number;
  epochs: number;
  holes: number;
  batches: number;
}

function nameOf({ agentId, stream, epoch }: EpochRecord): string {
  return `${agentId.slice(0, 6)} ${stream} ${epoch}`;
}

/** What is wrong with the cover of 1 to the cursor. */
function* coverProblems(epoch: EpochRecord, records: Records): Generator<string> {
  const events = records.events.get(epoch.key) ?? [];
  const losses = (records.losses.get(epoch.key) ?? []).filter(({ isHole }) => !isHole);
  const ranges = [
    ...events.map(({ seq }) => ({ firstSeq: seq, lastSeq: seq })),
    ...losses.map(({ firstSeq, lastSeq }) => ({ firstSeq, lastSeq: lastSeq ?? Infinity })),
  ].sort((one, other) => one.firstSeq - other.firstSeq);
  let next = 1;
  for (const { firstSeq, lastSeq } of ranges) {
    if (firstSeq > next) yield `${nameOf(epoch)}: ${next} to ${firstSeq - 1} are neither stored nor lost`;
    if (firstSeq < next) yield `${nameOf(epoch)}: ${firstSeq} is there twice`;
    next = Math.max(next, lastSeq + 1);
  }
  if (next !== epoch.cursor + 1)
    yield `${nameOf(epoch)}: it ends at ${next - 1}, and its cursor is ${epoch.cursor}`;
  const lost = losses.reduce((sum, { firstSeq, lastSeq }) => sum + (lastSeq ?? Infinity) - firstSeq + 1, 0);
  if (events.length !== epoch.stored || lost !== epoch.lost)
    yield `${nameOf(epoch)}: counted ${epoch.stored} and ${epoch.lost}, and there are ${events.length} and ${lost}`;
}

/** What agent and parent say differently. */
function* disagreements(status: AgentStatus, epochs: readonly EpochRecord[]): Generator<string> {
  const { agentId } = status;
  for (const account of status.epochs ?? []) {
    const { stream, epoch, produced, acked, pending, lost } = account;
    const name = `${agentId?.slice(0, 6)} ${stream} ${epoch}`;
    if (produced !== acked + pending + lost)
      yield `${name}: ${produced} is not ${acked} + ${pending} + ${lost}`;
    if (pending !== 0) yield `${name}: ${pending} are still pending`;
    const stored = epochs.find((each) => each.stream === stream && each.epoch === epoch);
    if (stored === undefined && produced > 0) yield `${name}: the parent knows nothing of ${produced} events`;
    if (stored === undefined) continue;
    if (stored.cursor !== produced)
      yield `${name}: produced ${produced}, and the parent's cursor is ${stored.cursor}`;
    if (stored.stored !== acked || stored.lost !== lost)
      yield `${name}: acked ${acked}, lost ${lost}; at the parent ${stored.stored} and ${stored.lost}`;
  }
  for (const { stream, produced, acked, lost, unknownTails } of status.streams ?? []) {
    const known = epochs.filter((each) => each.stream === stream);
    const sums = known.reduce(
      (sum, each) => ({ stored: sum.stored + each.stored, lost: sum.lost + each.lost }),
      {
        stored: 0,
        lost: 0,
      },
    );
    // Where nobody knows how an epoch ended, the parent may have more of it than the agent remembers.
    if (
      unknownTails === 0 &&
      (sums.stored !== acked || sums.lost !== lost || sums.stored + sums.lost !== produced)
    )
      yield `${agentId?.slice(0, 6)} ${stream}: ${produced} = ${acked} + ${lost}; at the parent ${sums.stored} and ${sums.lost}`;
    if (unknownTails > 0 && sums.stored + sums.lost < produced)
      yield `${agentId?.slice(0, 6)} ${stream}: the parent has ${sums.stored} + ${sums.lost} of ${produced}`;
  }
}

/** Types of which no two events say the same: whatever happened to the outbox, none of them is there in two epochs. */
const UNIQUE_TYPES = ["flow_summary", "process_snapshot", "process_stopped"];

/** What is stored in two epochs. */
function* doubles(epochs: readonly EpochRecord[], records: Records): Generator<string> {
  const names = new Map<string, string>();
  for (const epoch of epochs) {
    const own = new Map<string, string>();
    for (const { seq, type, timestampMs, payload } of records.events.get(epoch.key) ?? []) {
      if (!UNIQUE_TYPES.includes(type)) continue;
      const event = `${type} ${timestampMs} ${payload}`;
      const name = `${nameOf(epoch)} ${seq}`;
      const other = names.get(event);
      if (other !== undefined) yield `${name} (${type}) is ${other} once more`;
      own.set(event, name);
    }
    for (const [event, name] of own) names.set(event, name);
  }
}

function itemOf({ seq, type, timestampMs, provider, eventId, payload }: EventRecord): EventItem {
  return { seq, type, timestampMs, provider, eventId, payload };
}

/** Its items as they were signed. */
function itemsOf(
  { header, ownItems }: BatchRecord,
  events: ReadonlyMap<number, EventRecord>,
): (EventItem | BatchRecord["ownItems"][number])[] {
  const items: (EventItem | BatchRecord["ownItems"][number])[] = [];
  const own = new Map(ownItems.map((item) => [isLoss(item) ? item.firstSeq : item.seq, item]));
  for (let seq = header.firstSeq; seq <= header.lastSeq;) {
    const event = events.get(seq);
    const item = own.get(seq) ?? (event === undefined ? undefined : itemOf(event));
    if (item === undefined) return items; // it has fewer items than it says, which the check finds
    items.push(item);
    seq = lastSeqOf(item) + 1;
  }
  return items;
}

function* batchProblems(epoch: EpochRecord, records: Records, publicKey: string): Generator<string> {
  const events = new Map((records.events.get(epoch.key) ?? []).map((event) => [event.seq, event]));
  let [reached, chain]: [number, string | null] = [0, null];
  for (const batch of records.batches.get(epoch.key) ?? []) {
    const { header, signature } = batch;
    const name = `${nameOf(epoch)} ${header.firstSeq} to ${header.lastSeq}`;
    const items = itemsOf(batch, events);
    const clock = { wallMs: 0, monotonicMs: 0, bootId: "" }; // not signed
    const verified = verifyBatch({ header, signature, clock, items }, publicKey);
    if ("problem" in verified) {
      yield `${name}: ${verified.problem}`;
      continue;
    }
    if (header.firstSeq > reached + 1) yield `${name}: no batch holds what is before it, from ${reached + 1}`;
    if (
      header.firstSeq === reached + 1 &&
      header.previousChain !== null &&
      chain !== null &&
      header.previousChain !== chain
    )
      yield `${name}: it does not continue the chain`;
    for (const [index, item] of items.entries()) {
      const stored = isLoss(item) ? undefined : events.get(item.seq);
      if (stored !== undefined && stored.seq > reached && stored.chain !== verified.chains[index])
        yield `${name}: the chain of ${stored.seq} is not the one that was stored`;
    }
    reached = Math.max(reached, header.lastSeq);
    chain = verified.chains.at(-1) ?? null;
  }
  if (reached !== epoch.cursor) yield `${nameOf(epoch)}: batches reach ${reached} of ${epoch.cursor}`;
}

/** What happened to an agent, and so why it may have lost something at all. */
export interface Mishaps {
  readonly wasDamaged: boolean;
  readonly wasFull: boolean;
}

/** Losses for which there was no reason. */
function* causelessLosses(
  epoch: EpochRecord,
  records: Records,
  { wasDamaged, wasFull }: Mishaps,
): Generator<string> {
  for (const { firstSeq, lastSeq, reason } of records.losses.get(epoch.key) ?? []) {
    if (wasDamaged || (wasFull && reason === "disk_full")) continue;
    yield `${nameOf(epoch)}: ${firstSeq} to ${lastSeq ?? "?"} are lost (${reason}), and nothing has happened to them`;
  }
}

export function judgeAccounts(
  agentId: string,
  status: AgentStatus,
  records: Records,
  mishaps: Mishaps,
): { problems: string[]; facts: AccountFacts } {
  const epochs = records.epochs.filter((epoch) => epoch.agentId === agentId);
  const agent = records.agents.get(agentId);
  const problems: string[] = [];
  if (agent?.state !== "active") problems.push(`${agentId} is ${agent?.state ?? "unknown"}`);
  const facts: AccountFacts = { events: 0, lost: 0, epochs: epochs.length, holes: 0, batches: 0 };
  for (const epoch of epochs) {
    facts.events += epoch.stored;
    facts.lost += epoch.lost;
    facts.batches += records.batches.get(epoch.key)?.length ?? 0;
    const holes = (records.losses.get(epoch.key) ?? []).filter(({ isHole }) => isHole);
    facts.holes += holes.length;
    if (holes.some(({ lastSeq }) => lastSeq !== null))
      problems.push(`${nameOf(epoch)}: a hole is left whose end is known`);
    problems.push(
      ...causelessLosses(epoch, records, mishaps),
      ...coverProblems(epoch, records),
      ...batchProblems(epoch, records, agent?.publicKey ?? ""),
    );
  }
  problems.push(...doubles(epochs, records), ...disagreements(status, epochs));
  return { problems, facts };
}
