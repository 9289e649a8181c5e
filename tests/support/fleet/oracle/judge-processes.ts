/**
 * The second judgement: each process that really was is told to have started once and to have stopped once, in this order; or it lies
 * in a time of which the agent says that it did not see all, or among events that are declared lost.
 */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type {
  ObservationGap,
  ProcessSnapshot,
  ProcessStarted,
  ProcessStopped,
} from "../../../../src/protocol/fleet/payloads.ts";
import type { Run } from "./daemon.ts";
import type { TrueProcess } from "./nursery.ts";
import type { EventRecord, Records } from "./records.ts";
import type { OracleAgent } from "./world.ts";

export interface ProcessFacts {
  processes: number;
  told: number;
  /** Their start or their end was not told, and an observation gap says why. */
  inGaps: number;
  /** Neither, but events of this stream are declared lost. */
  inLosses: number;
  /** Lived between two scans, or while no agent ran. */
  unseen: number;
  gaps: number;
}

interface Told {
  readonly started: EventRecord[];
  readonly stopped: EventRecord[];
  names: Set<string>;
}

interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whoever lived for so long beside an agent without interruption has been seen: the longest pause between two scans, and some. */
const SEEN_AFTER_MS = 15_000 + 25_000;
const SLACK_MS = 1500;

/** What is added to the start of a process, for its name in the fleet: kept by the agent for this boot. */
function namingBaseOf(agent: OracleAgent): number {
  const database = new Database(join(agent.disk.path, "state.db"), { readonly: true });
  try {
    const row = database
      .query<{ value: string }, []>("SELECT value FROM state WHERE name = 'boot_wall_ms'")
      .get();
    return Number(row?.value.split(" ")[1] ?? Number.NaN);
  } finally {
    database.close();
  }
}

/** The events of the process stream, in the order in which the agent told them. */
function processEvents(agentId: string, records: Records): EventRecord[] {
  return records.epochs
    .filter((epoch) => epoch.agentId === agentId && epoch.stream === "process")
    .flatMap((epoch) => records.events.get(epoch.key) ?? [])
    .sort((one, other) => one.id - other.id);
}

function tellings(events: readonly EventRecord[]): Map<string, Told> {
  const told = new Map<string, Told>();
  for (const event of events) {
    if (!["process_started", "process_changed", "process_stopped"].includes(event.type)) continue;
    const payload = JSON.parse(event.payload) as ProcessStarted | ProcessStopped;
    const of = told.get(payload.processId) ?? { started: [], stopped: [], names: new Set() };
    told.set(payload.processId, of);
    if (payload.eventType === "stopped") of.stopped.push(event);
    else {
      of.names.add(payload.eventData.fingerprint.name);
      if (payload.eventType === "started") of.started.push(event);
    }
  }
  return told;
}

/** The gaps in true time. */
function gapsOf(events: readonly EventRecord[], { clock }: OracleAgent): Interval[] {
  return events
    .filter(({ type }) => type === "observation_gap")
    .flatMap((event) => {
      const { fromMs, toMs } = JSON.parse(event.payload) as ObservationGap;
      return clock.truthOf(toMs).map((trueToMs) => ({ fromMs: trueToMs - (toMs - fromMs), toMs: trueToMs }));
    });
}

function isWithin(gaps: readonly Interval[], fromMs: number, toMs: number): boolean {
  return gaps.some((gap) => gap.fromMs <= toMs + SLACK_MS && gap.toMs >= fromMs - SLACK_MS);
}

/** Whether an agent must have seen it. */
function mustBeSeen(
  { startedBeforeMs = 0, endedAfterMs = Infinity }: TrueProcess,
  runs: readonly Run[],
): boolean {
  return runs.some(({ startedAtMs, endedAtMs = Infinity }) => {
    return Math.min(endedAfterMs, endedAtMs) - Math.max(startedBeforeMs, startedAtMs) >= SEEN_AFTER_MS;
  });
}

export function judgeProcesses(
  agent: OracleAgent,
  records: Records,
): { problems: string[]; facts: ProcessFacts } {
  const events = processEvents(agent.id, records);
  const told = tellings(events);
  const gaps = gapsOf(events, agent);
  const base = namingBaseOf(agent);
  const problems: string[] = [];
  const facts: ProcessFacts = { processes: 0, told: 0, inGaps: 0, inLosses: 0, unseen: 0, gaps: gaps.length };
  const unexplained: string[] = [];
  const inSnapshots = snapshotIds(events);
  const rows = new Map(
    records.processes.filter((row) => row.agentId === agent.id).map((row) => [row.processId, row]),
  );
  for (const process of agent.nursery.processes) {
    facts.processes += 1;
    const processId = `${process.pid}_${base + process.ticks * 10}`;
    const name = `${process.name} (${processId})`;
    const { started = [], stopped = [], names } = told.get(processId) ?? {};
    if (started.length > 1) problems.push(`${name} is told to have started ${started.length} times`);
    if (stopped.length > 1) problems.push(`${name} is told to have stopped ${stopped.length} times`);
    const [start, stop] = [started[0], stopped[0]];
    if (start !== undefined && stop !== undefined && start.id > stop.id)
      problems.push(`${name} is told to have stopped before it started`);
    if (names !== undefined && names.size > 0 && !names.has(process.name))
      problems.push(`${name} is told as ${[...names].join(", ")}`);
    const row = rows.get(processId);
    if (row !== undefined && row.stoppedAtMs === null) problems.push(`${name} is still shown as running`);
    const isKnown = start !== undefined || stop !== undefined || inSnapshots.has(processId);
    if (start !== undefined && stop !== undefined) facts.told += 1;
    else if (!isKnown && !mustBeSeen(process, agent.daemon.runs)) facts.unseen += 1;
    else if (isExplained(process, start, stop, gaps)) facts.inGaps += 1;
    else
      unexplained.push(
        `${name} has ${start === undefined ? "no start" : "a start"} and ${stop === undefined ? "no end" : "an end"}`,
      );
  }
  problems.push(...snapshotProblems(agent, events, ({ pid, ticks }) => `${pid}_${base + ticks * 10}`));
  const lost = lostEvents(agent.id, records);
  facts.inLosses = unexplained.length;
  if (unexplained.length > lost)
    problems.push(...unexplained.map((text) => `${text}; ${lost} events of the stream are declared lost`));
  return { problems, facts };
}

interface Snapshot {
  readonly takenAtMs: number;
  readonly ids: Set<string>;
  parts: number;
  readonly partsTotal: number;
}

/** From when on agents saw nothing. With a snapshot of that moment a run says what it takes over from the one before. */
function gapStarts(events: readonly EventRecord[]): number[] {
  return events
    .filter(({ type }) => type === "observation_gap")
    .map(({ payload }) => (JSON.parse(payload) as ObservationGap).fromMs);
}

/** Those that are there as a whole and tell what runs at their moment, in true time. */
function snapshotsOf(events: readonly EventRecord[], { clock }: OracleAgent): Snapshot[] {
  const found = new Map<string, Snapshot>();
  const takenOver = gapStarts(events);
  for (const { type, payload } of events) {
    if (type !== "process_snapshot") continue;
    const { snapshotId, parts, takenAtMs, processes } = JSON.parse(payload) as ProcessSnapshot;
    if (takenOver.some((fromMs) => Math.abs(fromMs - takenAtMs) < 1)) continue;
    const times = clock.truthOf(takenAtMs);
    const [trueMs] = times;
    if (trueMs === undefined || times.length > 1) continue; // around a jump of its clock nobody knows when it was
    const snapshot = found.get(snapshotId) ?? {
      takenAtMs: trueMs,
      ids: new Set(),
      parts: 0,
      partsTotal: parts,
    };
    snapshot.parts += 1;
    for (const { processId } of processes) snapshot.ids.add(processId);
    found.set(snapshotId, snapshot);
  }
  return [...found.values()].filter(({ parts, partsTotal }) => parts === partsTotal);
}

/** A snapshot holds those that run: as of the last scan, which at the first snapshot of a run has just been. */
function* snapshotProblems(
  agent: OracleAgent,
  events: readonly EventRecord[],
  idOf: (process: TrueProcess) => string,
): Generator<string> {
  const { runs } = agent.daemon;
  for (const { takenAtMs, ids } of snapshotsOf(events, agent)) {
    const run = runs.findLast(({ startedAtMs }) => startedAtMs <= takenAtMs);
    const sinceMs = Math.max(run?.startedAtMs ?? 0, takenAtMs - SEEN_AFTER_MS);
    for (const process of agent.nursery.processes) {
      const { startedBeforeMs, startedAfterMs, endedAfterMs = Infinity, endedBeforeMs = Infinity } = process;
      if (startedBeforeMs === undefined) continue;
      const isThere = ids.has(idOf(process));
      const ran = startedBeforeMs < sinceMs - SLACK_MS && endedAfterMs > takenAtMs + SLACK_MS;
      const didNot = startedAfterMs > takenAtMs + SLACK_MS || endedBeforeMs < sinceMs - SLACK_MS;
      const at = new Date(takenAtMs).toISOString();
      if (ran && !isThere) yield `${process.name} is not in the snapshot of ${at}`;
      if (didNot && isThere) yield `${process.name} is in the snapshot of ${at}, and did not run`;
    }
  }
}

function snapshotIds(events: readonly EventRecord[]): Set<string> {
  const ids = new Set<string>();
  for (const { type, payload } of events) {
    if (type !== "process_snapshot") continue;
    for (const { processId } of (JSON.parse(payload) as ProcessSnapshot).processes) ids.add(processId);
  }
  return ids;
}

/** What is not told happened in a time that was declared not to be seen. */
function isExplained(
  process: TrueProcess,
  start: EventRecord | undefined,
  stop: EventRecord | undefined,
  gaps: readonly Interval[],
): boolean {
  const {
    startedAfterMs,
    startedBeforeMs = startedAfterMs,
    endedAfterMs = 0,
    endedBeforeMs = endedAfterMs,
  } = process;
  const hasStart = start !== undefined || isWithin(gaps, startedAfterMs, startedBeforeMs);
  return hasStart && (stop !== undefined || isWithin(gaps, endedAfterMs, endedBeforeMs));
}

/** Infinity where nobody can know. */
function lostEvents(agentId: string, records: Records): number {
  const epochs = records.epochs.filter((epoch) => epoch.agentId === agentId && epoch.stream === "process");
  const losses = epochs.flatMap((epoch) => records.losses.get(epoch.key) ?? []);
  return losses.reduce((sum, { firstSeq, lastSeq }) => sum + (lastSeq ?? Infinity) - firstSeq + 1, 0);
}
