/**
 * The second judgement: each process that really was is told to have started once and to have stopped once, in this order; or it lies
 * in a time of which the agent says that it did not see all, or among events that are declared lost. An agent that has a helper
 * sees every process, however short it lived, and its times are the kernel's.
 *
 * What a damaged file may cost beside a gap: of the registry, that some are told once more; of the state, that processes have other
 * names from then on, and are told anew by these.
 */
import type {
  ObservationGap,
  ProcessSnapshot,
  ProcessStarted,
  ProcessStopped,
} from "../../../../src/protocol/fleet/payloads.ts";
import type { Run } from "./daemon.ts";
import type { TrueProcess } from "./nursery.ts";
import type { EventRecord, ProcessRow, Records } from "./records.ts";
import type { OracleAgent } from "./world.ts";

export interface ProcessFacts {
  processes: number;
  told: number;
  /** Their start or their end was not told, and an observation gap says why. */
  inGaps: number;
  /** Neither, but events of this stream are declared lost. */
  inLosses: number;
  /** Lived between two scans, or while no agent ran: of an agent without a helper. */
  unseen: number;
  /** Told with a time that is the kernel's. */
  exactTimes: number;
  gaps: number;
}

/** What was told of one process, in snapshots too. */
interface Told {
  readonly started: EventRecord[];
  readonly stopped: EventRecord[];
  readonly names: Set<string>;
}

interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whoever lived for so long beside an agent without interruption has been seen: the longest pause between two scans, and some. */
const SEEN_AFTER_MS = 15_000 + 25_000;
const SLACK_MS = 1500;

/** What a process of the nursery is called between fork and exec, and where an agent met it at its end alone. */
const OTHER_NAMES = ["nursery", "?"];
/** How far a time by the kernel may be from what the nursery saw around it: a clock that is slewed is followed in steps of 100 ms. */
const EXACT_MS = 150;

/** The events of the process stream, in the order in which the agent told them. */
function processEvents(agentId: string, records: Records): EventRecord[] {
  return records.epochs
    .filter((epoch) => epoch.agentId === agentId && epoch.stream === "process")
    .flatMap((epoch) => records.events.get(epoch.key) ?? [])
    .sort((one, other) => one.id - other.id);
}

function tellings(events: readonly EventRecord[]): Map<string, Told> {
  const told = new Map<string, Told>();
  const toldOf = (processId: string): Told => {
    const of = told.get(processId) ?? { started: [], stopped: [], names: new Set() };
    told.set(processId, of);
    return of;
  };
  for (const event of events) {
    if (!event.type.startsWith("process_")) continue;
    const payload = JSON.parse(event.payload) as ProcessStarted | ProcessStopped | ProcessSnapshot;
    if (payload.eventType === "snapshot") {
      for (const { processId, fingerprint } of payload.processes)
        toldOf(processId).names.add(fingerprint.name);
      continue;
    }
    const of = toldOf(payload.processId);
    if (payload.eventType === "stopped") of.stopped.push(event);
    else of.names.add(payload.eventData.fingerprint.name);
    if (payload.eventType === "started") of.started.push(event);
  }
  return told;
}

/** The gaps in true time. That only scans tell is news of an agent alone that has a helper: what else must be seen is `mustBeSeen`. */
function gapsOf(events: readonly EventRecord[], { clock, seesAll }: OracleAgent): Interval[] {
  return events
    .filter(({ type }) => type === "observation_gap")
    .flatMap((event) => {
      const { fromMs, toMs, reason } = JSON.parse(event.payload) as ObservationGap;
      if (reason === "scan_only" && !seesAll) return [];
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

/** What the agent called each process: pid, and start after a time that it takes for the boot's. That time is kept in its state. */
class Names {
  readonly #bootsMs = new Set<number>();

  constructor({ nursery }: OracleAgent, told: ReadonlyMap<string, Told>) {
    const byName = new Map(nursery.processes.map((process) => [process.name, process]));
    for (const [processId, { names }] of told) {
      const [pid, startMs] = processId.split("_").map(Number);
      for (const name of names) {
        const process = byName.get(name);
        if (process !== undefined && process.pid === pid)
          this.#bootsMs.add((startMs ?? Number.NaN) - process.ticks * 10);
      }
    }
  }

  /** Times that it took for the boot's. */
  get boots(): number {
    return this.#bootsMs.size;
  }

  of({ pid, ticks }: TrueProcess): string[] {
    return [...this.#bootsMs].map((bootMs) => `${pid}_${bootMs + ticks * 10}`);
  }
}

interface Case {
  readonly agent: OracleAgent;
  readonly told: ReadonlyMap<string, Told>;
  readonly names: Names;
  readonly gaps: readonly Interval[];
  readonly rows: ReadonlyMap<string, ProcessRow>;
  readonly timesTold: number;
  /** Events of the stream that are declared lost. */
  readonly lost: number;
  readonly facts: ProcessFacts;
}

/** How often one start may be told: a registry that was damaged while the disk was full is kept nowhere, for as long as that run goes on. */
function timesTold({ damages, disk }: OracleAgent): number {
  const lost = damages.filter(({ kept }) => kept === "processes").length;
  return lost > 0 && disk.wasFull ? Infinity : 1 + lost;
}

export function judgeProcesses(
  agent: OracleAgent,
  records: Records,
): { problems: string[]; facts: ProcessFacts } {
  const events = processEvents(agent.id, records);
  const told = tellings(events);
  const names = new Names(agent, told);
  const gaps = gapsOf(events, agent);
  const states = agent.damages.filter(({ kept }) => kept === "state").length;
  const lost = lostEvents(agent.id, records);
  const own = records.processes.filter((row) => row.agentId === agent.id);
  const judged: Case = {
    agent,
    told,
    names,
    gaps,
    rows: new Map(own.map((row) => [row.processId, row])),
    timesTold: timesTold(agent),
    lost,
    facts: {
      processes: 0,
      told: 0,
      inGaps: 0,
      inLosses: 0,
      unseen: 0,
      exactTimes: 0,
      gaps: gaps.length,
    },
  };
  const problems: string[] = [];
  if (names.boots > 1 + states)
    problems.push(`${agent.name} has named processes by ${names.boots} times of the boot`);
  const unexplained: string[] = [];
  for (const process of agent.nursery.processes) {
    const missing = judgeOne(process, judged, problems);
    if (missing !== undefined) unexplained.push(`${process.name} (${process.pid}) has ${missing}`);
  }
  problems.push(...snapshotProblems(agent, events, (process) => names.of(process)));
  judged.facts.inLosses = unexplained.length;
  if (unexplained.length > lost)
    problems.push(...unexplained.map((text) => `${text}; ${lost} events of the stream are declared lost`));
  return { problems, facts: judged.facts };
}

/** What is not told of it, and no gap says why; undefined where all is well. */
function judgeOne(process: TrueProcess, judged: Case, problems: string[]): string | undefined {
  const { agent, told, names, gaps, facts } = judged;
  facts.processes += 1;
  const ids = names.of(process);
  for (const processId of ids) problems.push(...tellingProblems(process, processId, judged));
  const tellings = ids.map((processId) => told.get(processId)).filter((each) => each !== undefined);
  const start = tellings.find(({ started }) => started.length > 0)?.started[0];
  const stop = tellings.find(({ stopped }) => stopped.length > 0)?.stopped[0];
  if (agent.seesAll) facts.exactTimes += exactTimes(start, stop);
  if (start !== undefined && stop !== undefined) facts.told += 1;
  else if (tellings.length === 0 && !agent.seesAll && !mustBeSeen(process, agent.daemon.runs))
    facts.unseen += 1;
  else if (isExplained(process, start, stop, gaps)) facts.inGaps += 1;
  else
    return `${start === undefined ? "no start" : "a start"} and ${stop === undefined ? "no end" : "an end"}`;
  return undefined;
}

function* tellingProblems(
  process: TrueProcess,
  processId: string,
  { agent, told, rows, timesTold, lost }: Case,
): Generator<string> {
  const name = `${process.name} (${processId})`;
  const { started = [], stopped = [], names } = told.get(processId) ?? {};
  if (started.length > timesTold) yield `${name} is told to have started ${started.length} times`;
  if (stopped.length > timesTold) yield `${name} is told to have stopped ${stopped.length} times`;
  const [start, stop] = [started[0], stopped[0]];
  if (start !== undefined && stop !== undefined && start.id > stop.id)
    yield `${name} is told to have stopped before it started`;
  // An agent may meet it before it runs its own program, or just as it ends, and never again; or what was told of that is lost.
  const mayHaveOther =
    names?.has(process.name) === true || lost > 0 || !mustBeSeen(process, agent.daemon.runs);
  const others = [...(names ?? [])].filter((each) => each !== process.name);
  if (others.some((each) => !OTHER_NAMES.includes(each) || !mayHaveOther))
    yield `${name} is told as ${others.join(", ")}`;
  if (rows.get(processId)?.stoppedAtMs === null) yield `${name} is still shown as running`;
  if (!agent.seesAll) return;
  for (const event of [...started, ...stopped]) yield* timeProblems(name, process, event);
}

/** Of what is told as exact, by an agent whose clock is right. */
function* timeProblems(name: string, process: TrueProcess, { payload }: EventRecord): Generator<string> {
  const { eventType, eventData } = JSON.parse(payload) as ProcessStarted | ProcessStopped;
  const { startedAfterMs, startedBeforeMs = Infinity, endedAfterMs = 0, endedBeforeMs = Infinity } = process;
  const isStop = eventType === "stopped";
  const isExact = isStop ? eventData.isEndExact : eventData.isStartExact;
  const toldMs = isStop ? eventData.stoppedAtMs : eventData.startedAtMs;
  const [fromMs, toMs] = isStop ? [endedAfterMs, endedBeforeMs] : [startedAfterMs, startedBeforeMs];
  if (isExact && (toldMs < fromMs - EXACT_MS || toldMs > toMs + EXACT_MS))
    yield `${name} is told to have ${eventType} at ${toldMs}, and did between ${fromMs} and ${toMs}`;
}

function exactTimes(start: EventRecord | undefined, stop: EventRecord | undefined): number {
  const isExact = ({ payload }: EventRecord): boolean => /"is(?:Start|End)Exact":true/.test(payload);
  return [start, stop].filter((event) => event !== undefined && isExact(event)).length;
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
  idsOf: (process: TrueProcess) => readonly string[],
): Generator<string> {
  const { runs } = agent.daemon;
  for (const { takenAtMs, ids } of snapshotsOf(events, agent)) {
    const run = runs.findLast(({ startedAtMs }) => startedAtMs <= takenAtMs);
    const sinceMs = Math.max(run?.startedAtMs ?? 0, takenAtMs - SEEN_AFTER_MS);
    for (const process of agent.nursery.processes) {
      const { startedBeforeMs, startedAfterMs, endedAfterMs = Infinity, endedBeforeMs = Infinity } = process;
      if (startedBeforeMs === undefined) continue;
      const isThere = idsOf(process).some((processId) => ids.has(processId));
      const ran = startedBeforeMs < sinceMs - SLACK_MS && endedAfterMs > takenAtMs + SLACK_MS;
      const didNot = startedAfterMs > takenAtMs + SLACK_MS || endedBeforeMs < sinceMs - SLACK_MS;
      const at = new Date(takenAtMs).toISOString();
      if (ran && !isThere) yield `${process.name} is not in the snapshot of ${at}`;
      if (didNot && isThere) yield `${process.name} is in the snapshot of ${at}, and did not run`;
    }
  }
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
