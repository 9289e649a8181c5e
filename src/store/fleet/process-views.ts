/** What the parent takes for the set of an agent's running processes: its hash, how many, and the snapshot that is being told. */
import type { ProcessSnapshot } from "../../protocol/fleet/payloads.ts";
import { addToSet, formatSetHash, parseSetHash, removeFromSet } from "../../protocol/fleet/set-hash.ts";
import type { Sql, SqlValue } from "./sql.ts";
import { insertRows } from "./statements.ts";

/** A snapshot that was asked for and did not come is asked for again after so long: the command may have expired. */
const ASKED_AGAIN_MS = 60_000;

interface ViewRow {
  readonly set_hash: string;
  readonly running: number;
  readonly snapshot_id: string | null;
  readonly snapshot_parts: number;
  readonly asked_at_ms: number | null;
}

export class ProcessView {
  #set: bigint;
  #running: number;
  #snapshotId: string | null;
  /** Told so far without one missing; -1 where one is missing. */
  #parts: number;
  #askedAtMs: number | null;
  isChanged = false;

  constructor(row: ViewRow | undefined) {
    this.#set = parseSetHash(row?.set_hash ?? "0");
    this.#running = row?.running ?? 0;
    this.#snapshotId = row?.snapshot_id ?? null;
    this.#parts = row?.snapshot_parts ?? 0;
    this.#askedAtMs = row?.asked_at_ms ?? null;
  }

  get snapshotId(): string | null {
    return this.#snapshotId;
  }

  add(processId: string): void {
    this.#set = addToSet(this.#set, processId);
    this.#running += 1;
    this.isChanged = true;
  }

  remove(processId: string): void {
    this.#set = removeFromSet(this.#set, processId);
    this.#running -= 1;
    this.isChanged = true;
  }

  /** Whether a snapshot is to be asked for now. */
  disagrees(baseHash: string, nowMs: number): boolean {
    if (formatSetHash(this.#set) === baseHash) return false;
    const sinceMs = this.#askedAtMs === null ? Number.POSITIVE_INFINITY : nowMs - this.#askedAtMs;
    if (sinceMs >= 0 && sinceMs < ASKED_AGAIN_MS) return false;
    this.#askedAtMs = nowMs;
    this.isChanged = true;
    return true;
  }

  beginPart({ snapshotId, part }: ProcessSnapshot): void {
    this.isChanged = true;
    if (this.#snapshotId !== snapshotId || part === 1) {
      this.#snapshotId = snapshotId;
      this.#parts = 0;
    }
    this.#parts = this.#parts === part - 1 ? part : -1;
  }

  /** Whether the snapshot is whole with this part. One of which a part is missing says nothing of who has ended. */
  endPart({ part, parts }: ProcessSnapshot): boolean {
    if (part < parts) return false;
    const isWhole = this.#parts === parts;
    this.#snapshotId = null;
    this.#parts = 0;
    return isWhole;
  }

  /** After a whole snapshot: what was asked for has come. Where the sets differ still, it is asked for again, in a while. */
  settle({ setHash }: ProcessSnapshot, nowMs: number): void {
    this.#askedAtMs = formatSetHash(this.#set) === setHash ? null : nowMs;
  }

  toRow(agentKey: number): SqlValue[] {
    return [
      agentKey,
      formatSetHash(this.#set),
      this.#running,
      this.#snapshotId,
      this.#parts,
      this.#askedAtMs,
    ];
  }
}

const COLUMNS = ["agent_key", "set_hash", "running", "snapshot_id", "snapshot_parts", "asked_at_ms"] as const;
const REPLACED = `ON CONFLICT (agent_key) DO UPDATE SET set_hash = excluded.set_hash, running = excluded.running,
  snapshot_id = excluded.snapshot_id, snapshot_parts = excluded.snapshot_parts, asked_at_ms = excluded.asked_at_ms`;

/** Those that one transaction deals with. */
export class ProcessViews {
  readonly #sql: Sql;
  readonly #views = new Map<number, ProcessView>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async of(agentKey: number): Promise<ProcessView> {
    const known = this.#views.get(agentKey);
    if (known !== undefined) return known;
    const row = await this.#sql.one<ViewRow>("SELECT * FROM process_views WHERE agent_key = $1", [agentKey]);
    const view = new ProcessView(row);
    this.#views.set(agentKey, view);
    return view;
  }

  async write(): Promise<void> {
    const changed = [...this.#views].filter(([, view]) => view.isChanged);
    for (const [, view] of changed) view.isChanged = false;
    await insertRows(
      this.#sql,
      "process_views",
      COLUMNS,
      changed.map(([agentKey, view]) => view.toRow(agentKey)),
      REPLACED,
    );
  }
}
