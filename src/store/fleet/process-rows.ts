/** A process as its row is, as it is told, and how many rows are written at once. */
import type { ClassificationSource, ProcessCategory } from "../../model/categories.ts";
import type { ProcessRecord } from "../../model/fleet.ts";
import type { SqlValue } from "./sql.ts";

/** Of the transaction that changes it. */
export interface ProcessState {
  /** Undefined where it is not stored yet. */
  id: number | undefined;
  readonly agentKey: number;
  readonly processId: string;
  pid: number;
  name: string;
  path: string | null;
  commandLine: string;
  parentPid: number | null;
  parentProcessId: string | null;
  userName: string | null;
  fingerprintHash: string;
  /** What the agent takes it for. */
  category: ProcessCategory | null;
  publisher: string | null;
  version: string | null;
  startedAtMs: number;
  stoppedAtMs: number | null;
  /** Of the start while it runs, of the end once it has ended. */
  isEndExact: boolean;
  /** The snapshot that it was last seen in. */
  snapshotId: string | null;
  /** By the parent's clock: when it heard the last of it. */
  toldAtMs: number;
}

export interface ProcessRow {
  readonly id: number;
  readonly agent_key: number;
  readonly process_id: string;
  readonly pid: number;
  readonly process_name: string;
  readonly path: string | null;
  readonly command_line: string;
  readonly parent_pid: number | null;
  readonly parent_process_id: string | null;
  readonly user_name: string | null;
  readonly fingerprint_hash: string;
  readonly classification: ProcessCategory | null;
  readonly publisher: string | null;
  readonly version: string | null;
  readonly started_at_ms: number;
  readonly stopped_at_ms: number | null;
  readonly is_end_exact: number;
  readonly snapshot_id: string | null;
  readonly told_at_ms: number;
}

export const PROCESS_COLUMNS = [
  "id",
  "agent_key",
  "process_id",
  "pid",
  "process_name",
  "path",
  "command_line",
  "parent_pid",
  "parent_process_id",
  "user_name",
  "fingerprint_hash",
  "classification",
  "publisher",
  "version",
  "started_at_ms",
  "stopped_at_ms",
  "is_end_exact",
  "snapshot_id",
  "told_at_ms",
] as const;

/** All but what a process never changes. */
export const PROCESS_CHANGED = `ON CONFLICT (id) DO UPDATE SET ${PROCESS_COLUMNS.slice(3)
  .map((column) => `${column} = excluded.${column}`)
  .join(", ")}`;

export function fromRow(row: ProcessRow): ProcessState {
  return {
    id: row.id,
    agentKey: row.agent_key,
    processId: row.process_id,
    pid: row.pid,
    name: row.process_name,
    path: row.path,
    commandLine: row.command_line,
    parentPid: row.parent_pid,
    parentProcessId: row.parent_process_id,
    userName: row.user_name,
    fingerprintHash: row.fingerprint_hash,
    category: row.classification,
    publisher: row.publisher,
    version: row.version,
    startedAtMs: row.started_at_ms,
    stoppedAtMs: row.stopped_at_ms,
    isEndExact: row.is_end_exact === 1,
    snapshotId: row.snapshot_id,
    toldAtMs: row.told_at_ms,
  };
}

/** In the order of PROCESS_COLUMNS. */
export function toValues(state: ProcessState, id: number): SqlValue[] {
  return [
    id,
    state.agentKey,
    state.processId,
    state.pid,
    state.name,
    state.path,
    state.commandLine,
    state.parentPid,
    state.parentProcessId,
    state.userName,
    state.fingerprintHash,
    state.category,
    state.publisher,
    state.version,
    state.startedAtMs,
    state.stoppedAtMs,
    state.isEndExact ? 1 : 0,
    state.snapshotId,
    state.toldAtMs,
  ];
}

/** What is stored about its program. */
export interface KnownCategory {
  readonly category: ProcessCategory;
  readonly source: ClassificationSource;
}

/** The category is what is stored about the program now; else what the agent took it for. */
export function toRecord(
  agentId: string,
  state: Readonly<ProcessState>,
  known: KnownCategory | undefined,
): ProcessRecord {
  const { agentKey: _key, id: _id, snapshotId: _snapshot, toldAtMs: _told, category, ...rest } = state;
  return {
    agentId,
    ...rest,
    category: known?.category ?? category ?? "unknown",
    categorySource: known?.source ?? null,
  };
}
