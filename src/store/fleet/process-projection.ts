/**
 * Events about processes into the table of processes, and into what the parent takes for the set of running ones. Each event
 * names the hash of the set before it: where that is not the parent's, events were lost, and a snapshot is asked for, once
 * until it comes or a while has passed.
 *
 * Events may come in another order than they happened (an old epoch is drained late) and more than once (moved to a new
 * epoch): a stop without a start is kept with what it says, a start after its stop fills in what is missing, and neither
 * makes a second row.
 */
import type { ProcessRecord } from "../../model/fleet.ts";
import type { ProcessSnapshot, ProcessStarted, ProcessStopped } from "../../protocol/fleet/payloads.ts";
import type { RunningProcess } from "../../protocol/fleet/payloads.ts";
import type { KnownPayload } from "./event-payloads.ts";
import type { FingerprintProjection } from "./fingerprint-projection.ts";
import {
  fromRow,
  PROCESS_CHANGED,
  PROCESS_COLUMNS,
  toRecord,
  toValues,
  type KnownCategory,
  type ProcessRow,
  type ProcessState,
} from "./process-rows.ts";
import { ProcessViews, type ProcessView } from "./process-views.ts";
import type { Sql } from "./sql.ts";
import { insertRows, reserveNumbers, selectIn } from "./statements.ts";

/** A process as it was after one event. */
export interface ToldProcess {
  readonly agentId: string;
  readonly state: Readonly<ProcessState>;
}

interface Agent {
  readonly agentKey: number;
  readonly agentId: string;
}

/** Rows in memory at once: how many processes an agent says that it has is its own word. */
const ENDED_AT_ONCE = 2000;
/** Of one call; beyond, what ended unseen is stored, and not told live. */
const TOLD_MAX = 10_000;

export class ProcessProjection {
  readonly #sql: Sql;
  readonly #fingerprints: FingerprintProjection;
  readonly #views: ProcessViews;
  /** By agent and process id; undefined: looked for, and not stored. */
  readonly #states = new Map<string, ProcessState | undefined>();
  readonly #changed = new Set<ProcessState>();
  #told: ToldProcess[] = [];
  #receivedAtMs = 0;

  constructor(sql: Sql, fingerprints: FingerprintProjection) {
    this.#sql = sql;
    this.#fingerprints = fingerprints;
    this.#views = new ProcessViews(sql);
  }

  /** What changed, in order: a process that started and stopped is told twice. */
  async apply(
    agent: Agent,
    payloads: readonly KnownPayload[],
    receivedAtMs: number,
  ): Promise<{ told: readonly ToldProcess[]; needsSnapshot: boolean }> {
    await this.#load(agent.agentKey, payloads);
    const view = await this.#views.of(agent.agentKey);
    this.#told = [];
    this.#receivedAtMs = receivedAtMs;
    let needsSnapshot = false;
    for (const payload of payloads) {
      if (payload.kind === "snapshot") {
        await this.#snapshot(agent, view, payload.value, receivedAtMs);
      } else if (payload.kind === "started" || payload.kind === "stopped") {
        if (view.disagrees(payload.value.baseHash, receivedAtMs)) needsSnapshot = true;
        if (payload.kind === "started") this.#started(agent, view, payload.value, receivedAtMs);
        else this.#stopped(agent, view, payload.value);
      }
    }
    return { told: this.#told, needsSnapshot };
  }

  async #load(agentKey: number, payloads: readonly KnownPayload[]): Promise<void> {
    const wanted = new Set<string>();
    for (const payload of payloads) {
      const ids =
        payload.kind === "snapshot"
          ? payload.value.processes.map((process) => process.processId)
          : payload.kind === "started" || payload.kind === "stopped"
            ? [payload.value.processId]
            : [];
      for (const id of ids) if (!this.#states.has(`${agentKey} ${id}`)) wanted.add(id);
    }
    for (const id of wanted) this.#states.set(`${agentKey} ${id}`, undefined);
    const rows = await selectIn<ProcessRow>(
      this.#sql,
      (list) => `SELECT * FROM agent_processes WHERE agent_key = $1 AND process_id IN (${list})`,
      [agentKey],
      [...wanted],
    );
    for (const row of rows) this.#states.set(`${agentKey} ${row.process_id}`, fromRow(row));
  }

  #started(agent: Agent, view: ProcessView, event: ProcessStarted, receivedAtMs: number): void {
    const process = event.eventData;
    this.#seen(agent, process, receivedAtMs);
    const known = this.#states.get(`${agent.agentKey} ${event.processId}`);
    if (known === undefined) {
      // It came after the snapshot that is being told: it is not among those that have ended before it.
      this.#add(agent, { ...runningState(agent.agentKey, process), snapshotId: view.snapshotId });
      view.add(process.processId);
      return;
    }
    const before = { ...known };
    describe(known, process);
    if (known.stoppedAtMs === null) known.isEndExact = process.isStartExact;
    if (differs(before, known)) this.#tell(agent, known);
  }

  #stopped(agent: Agent, view: ProcessView, event: ProcessStopped): void {
    const { pid, name, startedAtMs, stoppedAtMs, isEndExact } = event.eventData;
    const known = this.#states.get(`${agent.agentKey} ${event.processId}`);
    if (known === undefined) {
      this.#add(agent, {
        ...unknownState(agent.agentKey, event.processId),
        pid,
        name,
        fingerprintHash: event.fingerprintHash,
        startedAtMs,
        stoppedAtMs,
        isEndExact,
      });
      return;
    }
    if (known.stoppedAtMs === null) view.remove(known.processId);
    else if (known.isEndExact) return; // told again
    const before = { ...known };
    known.stoppedAtMs = stoppedAtMs;
    known.isEndExact = isEndExact;
    if (differs(before, known)) this.#tell(agent, known);
  }

  async #snapshot(
    agent: Agent,
    view: ProcessView,
    part: ProcessSnapshot,
    receivedAtMs: number,
  ): Promise<void> {
    view.beginPart(part);
    for (const process of part.processes) {
      this.#seen(agent, process, receivedAtMs);
      this.#inSnapshot(agent, view, process, part);
    }
    if (!view.endPart(part)) return;
    await this.#endUnseen(agent, view, part);
    view.settle(part, receivedAtMs);
  }

  #inSnapshot(agent: Agent, view: ProcessView, process: RunningProcess, part: ProcessSnapshot): void {
    const { snapshotId, takenAtMs } = part;
    const known = this.#states.get(`${agent.agentKey} ${process.processId}`);
    if (known === undefined) {
      this.#add(agent, { ...runningState(agent.agentKey, process), snapshotId });
      view.add(process.processId);
      return;
    }
    const before = { ...known };
    describe(known, process);
    // What was taken for ended, and runs: unless it ended after the snapshot was taken.
    if (known.stoppedAtMs !== null && known.stoppedAtMs < takenAtMs) {
      known.stoppedAtMs = null;
      view.add(process.processId);
    }
    if (known.stoppedAtMs === null) known.isEndExact = process.isStartExact;
    if (known.snapshotId !== snapshotId) {
      known.snapshotId = snapshotId;
      this.#change(known);
    }
    if (differs(before, known)) this.#tell(agent, known);
  }

  /** Who is not in a whole snapshot and was running has ended unseen, when the snapshot was taken at the latest. */
  async #endUnseen(agent: Agent, view: ProcessView, part: ProcessSnapshot): Promise<void> {
    let last = 0;
    do {
      await this.#writeStates(); // so that the table tells all that run
      const rows = await this.#sql.all<ProcessRow & { readonly id: number }>(
        `SELECT * FROM agent_processes WHERE agent_key = $1 AND stopped_at_ms IS NULL
           AND (snapshot_id IS NULL OR snapshot_id <> $2) AND id > $3 ORDER BY id LIMIT ${ENDED_AT_ONCE}`,
        [agent.agentKey, part.snapshotId, last],
      );
      for (const row of rows) {
        // One that no event of this call names need not be kept in memory: it is written at the next turn.
        const state = this.#states.get(`${agent.agentKey} ${row.process_id}`) ?? fromRow(row);
        state.stoppedAtMs = Math.max(part.takenAtMs, state.startedAtMs);
        state.isEndExact = false;
        view.remove(state.processId);
        if (this.#told.length < TOLD_MAX) this.#tell(agent, state);
        else this.#change(state);
      }
      last = rows.length < ENDED_AT_ONCE ? 0 : (rows.at(-1)?.id ?? 0);
    } while (last > 0);
    await this.#writeStates(); // what comes next in this transaction reads them from the table
  }

  #seen(agent: Agent, process: RunningProcess, receivedAtMs: number): void {
    this.#fingerprints.add(agent.agentKey, process.fingerprintHash, process.fingerprint, receivedAtMs);
  }

  #add(agent: Agent, state: ProcessState): void {
    this.#states.set(`${state.agentKey} ${state.processId}`, state);
    this.#tell(agent, state);
  }

  #change(state: ProcessState): void {
    state.toldAtMs = this.#receivedAtMs;
    this.#changed.add(state);
  }

  #tell(agent: Agent, state: ProcessState): void {
    this.#change(state);
    this.#told.push({ agentId: agent.agentId, state: { ...state } });
  }

  async write(): Promise<void> {
    await this.#writeStates();
    await this.#views.write();
  }

  async #writeStates(): Promise<void> {
    if (this.#changed.size === 0) return;
    const states = [...this.#changed];
    const added = states.filter((state) => state.id === undefined);
    let next = added.length === 0 ? 0 : await reserveNumbers(this.#sql, "processes", added.length);
    const rows = states.map((state) => {
      state.id ??= next++;
      return toValues(state, state.id);
    });
    this.#changed.clear();
    await insertRows(this.#sql, "agent_processes", PROCESS_COLUMNS, rows, PROCESS_CHANGED);
  }

  /** Makes records of them, with the categories that are stored now. */
  async recorder(told: readonly ToldProcess[]): Promise<(process: ToldProcess) => ProcessRecord> {
    const hashes = [...new Set(told.map(({ state }) => state.fingerprintHash))];
    const rows = await selectIn<KnownCategory & { fingerprint_hash: string }>(
      this.#sql,
      (list) =>
        `SELECT fingerprint_hash, classification AS category, classification_source AS source
         FROM process_classifications WHERE fingerprint_hash IN (${list})`,
      [],
      hashes,
    );
    const known = new Map(rows.map((row) => [row.fingerprint_hash, row]));
    return ({ agentId, state }) => toRecord(agentId, state, known.get(state.fingerprintHash));
  }
}

function unknownState(agentKey: number, processId: string): ProcessState {
  return {
    id: undefined,
    agentKey,
    processId,
    pid: 0,
    name: "",
    path: null,
    commandLine: "",
    parentPid: null,
    parentProcessId: null,
    userName: null,
    fingerprintHash: "",
    category: null,
    publisher: null,
    version: null,
    startedAtMs: 0,
    stoppedAtMs: null,
    isEndExact: false,
    snapshotId: null,
    toldAtMs: 0,
  };
}

function runningState(agentKey: number, process: RunningProcess): ProcessState {
  const state = unknownState(agentKey, process.processId);
  describe(state, process);
  state.isEndExact = process.isStartExact;
  return state;
}

function describe(state: ProcessState, process: RunningProcess): void {
  const { fingerprint } = process;
  state.pid = process.pid;
  state.name = fingerprint.name;
  state.path = fingerprint.path;
  state.commandLine = fingerprint.commandLinePattern;
  state.parentPid = process.parentPid;
  state.parentProcessId = process.parentProcessId;
  state.userName = process.userName;
  state.fingerprintHash = process.fingerprintHash;
  state.category = process.category;
  state.publisher = fingerprint.publisher;
  state.version = fingerprint.version;
  state.startedAtMs = process.startedAtMs;
}

const TOLD_FIELDS = [
  "pid",
  "name",
  "path",
  "commandLine",
  "parentPid",
  "parentProcessId",
  "userName",
  "fingerprintHash",
  "category",
  "publisher",
  "version",
  "startedAtMs",
  "stoppedAtMs",
  "isEndExact",
] as const satisfies readonly (keyof ProcessState)[];

function differs(before: ProcessState, after: ProcessState): boolean {
  return TOLD_FIELDS.some((field) => before[field] !== after[field]);
}
