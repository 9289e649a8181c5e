/**
 * Which processes hold a socket: /proc/PID/fd names the inode of each. What was found is remembered from sample to
 * sample; processes are looked at again only for inodes that are not known, and in rotation at a bounded cost, so that
 * descriptors passed or inherited later, and holders that let go, are noticed within seconds.
 */
import { processKey, type ProcessKey } from "../../model/process.ts";
import { parseProcStat } from "../../decode/proc-pid.ts";
import type { ProcFiles } from "./proc-files.ts";

/** What one sample may spend on looking again at processes that were looked at before, in milliseconds. */
const REFRESH_BUDGET_MS = 2;
/** All processes are looked at for a fresh socket where that costs no more; else only until it is found. */
const FULL_PASS_BUDGET_MS = 5;
/** A process is looked at again after this, or after 100 times what the look cost: at most 1 % of a core. */
const REFRESH_AFTER_MS = 1000;
const REFRESH_COST_FACTOR = 100;
/** A socket without a holder is looked for again after 1, 2, 4 … s: the kernel's own never has one. */
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;

/** The holders of one inode. */
export class SocketInode {
  readonly inode: number;
  /** The opener first: who was seen holding it first, and of those seen at once who started first. */
  owners: readonly ProcessKey[] = [];
  readonly holders: Holder[] = [];
  generation = 0;
  searches = 0;
  searchAgainAtMs = 0;

  constructor(inode: number) {
    this.inode = inode;
  }
}

/** A process that was looked at. */
export interface Holder {
  readonly pid: number;
  readonly key: ProcessKey;
  readonly startTicks: number;
  sockets: Set<SocketInode>;
}

interface Look {
  holder: Holder | undefined;
  atMs: number;
  costMs: number;
}

export class SocketOwners {
  readonly #files: ProcFiles;
  readonly #bootId: string;
  readonly #inodes = new Map<number, SocketInode>();
  readonly #looks = new Map<number, Look>();
  #generation = 0;
  #wanted = new Set<SocketInode>();
  #found: SocketInode[] = [];
  /** Processes that this user may not look into, at the last sample. */
  forbiddenCount = 0;
  /** Processes that vanished while they were read, since the last look at this number. */
  vanishedCount = 0;

  constructor(files: ProcFiles, bootId: string) {
    this.#files = files;
    this.#bootId = bootId;
  }

  /** A sample begins. */
  begin(): void {
    this.#generation += 1;
    this.#wanted.clear();
  }

  /** The entry of an inode that is in use now; it is looked for in `search` where it has no holder yet. */
  use(inode: number, nowMs: number): SocketInode {
    let entry = this.#inodes.get(inode);
    if (entry === undefined) {
      entry = new SocketInode(inode);
      this.#inodes.set(inode, entry);
    }
    entry.generation = this.#generation;
    if (entry.holders.length === 0 && nowMs >= entry.searchAgainAtMs) this.#wanted.add(entry);
    return entry;
  }

  /** Looks for what is wanted, looks again at others within the budget, and forgets what is gone. `pids`: who lives. */
  search(pids: readonly number[], nowMs: () => number): void {
    this.#forgetDeadSockets();
    this.#forgetDeadProcesses(new Set(pids));
    const startedAtMs = nowMs();
    if (this.#wanted.size > 0) this.#searchWanted(pids, nowMs);
    this.#refresh(pids, nowMs, startedAtMs);
    for (const entry of this.#wanted) {
      entry.searches += 1;
      const pause = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(10, entry.searches - 1));
      entry.searchAgainAtMs = startedAtMs + pause * 0.9;
    }
  }

  /** The processes that hold at least one socket. */
  *holders(): IterableIterator<Holder> {
    for (const look of this.#looks.values()) {
      if (look.holder !== undefined && look.holder.sockets.size > 0) yield look.holder;
    }
  }

  /** A process turned out to be gone, or its pid another's. */
  forgetProcess(pid: number): void {
    const look = this.#looks.get(pid);
    if (look === undefined) return;
    this.#looks.delete(pid);
    if (look.holder !== undefined) this.#release(look.holder, look.holder.sockets);
  }

  #searchWanted(pids: readonly number[], nowMs: () => number): void {
    let knownCostMs = 0;
    for (const look of this.#looks.values()) knownCostMs += look.costMs;
    const everyone = this.#looks.size === 0 || knownCostMs <= FULL_PASS_BUDGET_MS;
    for (const pid of this.#likelyFirst(pids)) {
      if (!everyone && this.#wanted.size === 0) return;
      this.#look(pid, nowMs);
    }
  }

  /** Processes never looked at, the newest first; then those that hold sockets; then the others. */
  #likelyFirst(pids: readonly number[]): number[] {
    const fresh: number[] = [];
    const holding: number[] = [];
    const others: number[] = [];
    for (const pid of pids) {
      const look = this.#looks.get(pid);
      if (look === undefined) fresh.push(pid);
      else if (look.holder !== undefined && look.holder.sockets.size > 0) holding.push(pid);
      else others.push(pid);
    }
    return fresh.reverse().concat(holding.reverse(), others.reverse());
  }

  #refresh(pids: readonly number[], nowMs: () => number, startedAtMs: number): void {
    const due = pids.filter((pid) => {
      const look = this.#looks.get(pid);
      if (look === undefined) return true;
      const pause = Math.max(REFRESH_AFTER_MS * 0.9, look.costMs * REFRESH_COST_FACTOR);
      return look.atMs < startedAtMs && startedAtMs - look.atMs >= pause;
    });
    due.sort((a, b) => (this.#looks.get(a)?.atMs ?? 0) - (this.#looks.get(b)?.atMs ?? 0));
    const until = nowMs() + REFRESH_BUDGET_MS;
    for (const pid of due) {
      if (nowMs() >= until) return;
      this.#look(pid, nowMs);
    }
  }

  #look(pid: number, nowMs: () => number): void {
    const beganMs = nowMs();
    const found = this.#found;
    found.length = 0;
    const result = this.#files.sockets(pid, (inode) => {
      const entry = this.#inodes.get(inode);
      if (entry !== undefined) found.push(entry);
    });
    if (result === "gone") {
      this.vanishedCount += 1;
      this.forgetProcess(pid);
      return;
    }
    const look = this.#looks.get(pid) ?? { holder: undefined, atMs: 0, costMs: 0 };
    if (found.length > 0) {
      const holder = this.#holderOf(pid, look.holder);
      if (holder === undefined) {
        this.vanishedCount += 1;
        this.forgetProcess(pid);
        return;
      }
      this.#hold(holder, new Set(found));
      look.holder = holder;
    } else if (look.holder !== undefined) {
      this.#hold(look.holder, new Set());
    }
    look.atMs = nowMs();
    look.costMs = look.atMs - beganMs;
    this.#looks.set(pid, look);
  }

  /** The process that has this pid now; the old holder's sockets are released where it is another one. */
  #holderOf(pid: number, old: Holder | undefined): Holder | undefined {
    const bytes = this.#files.read(pid, "stat");
    if (typeof bytes === "string") return undefined;
    const stat = parseProcStat(bytes);
    if (stat === undefined) return undefined;
    if (old?.startTicks === stat.startTicks) return old;
    if (old !== undefined) this.#release(old, old.sockets);
    const key = processKey(this.#bootId, pid, stat.startTicks);
    return { pid, key, startTicks: stat.startTicks, sockets: new Set() };
  }

  #hold(holder: Holder, sockets: Set<SocketInode>): void {
    const before = holder.sockets;
    holder.sockets = sockets;
    for (const entry of sockets) {
      if (before.delete(entry)) continue;
      insertHolder(entry, holder);
      this.#wanted.delete(entry);
    }
    this.#release(holder, before);
  }

  #release(holder: Holder, sockets: Set<SocketInode>): void {
    for (const entry of sockets) {
      const index = entry.holders.indexOf(holder);
      if (index < 0) continue;
      entry.holders.splice(index, 1);
      entry.owners = entry.holders.map((one) => one.key);
      entry.searches = 0;
      entry.searchAgainAtMs = 0;
    }
  }

  #forgetDeadSockets(): void {
    for (const entry of this.#inodes.values()) {
      if (entry.generation === this.#generation) continue;
      this.#inodes.delete(entry.inode);
      for (const holder of entry.holders) holder.sockets.delete(entry);
    }
  }

  #forgetDeadProcesses(living: ReadonlySet<number>): void {
    for (const pid of this.#looks.keys()) if (!living.has(pid)) this.forgetProcess(pid);
  }
}

/** Keeps the order: first seen first; of those seen in the same pass, who started first is taken for the opener. */
function insertHolder(entry: SocketInode, holder: Holder): void {
  let index = entry.holders.length;
  while (index > 0 && (entry.holders[index - 1]?.startTicks ?? 0) > holder.startTicks) index -= 1;
  entry.holders.splice(index, 0, holder);
  entry.owners = entry.holders.map((one) => one.key);
}
