/**
 * Which processes hold a socket: /proc/PID/fd names the inode of each. What was found is remembered from sample to
 * sample; processes are looked at again only for inodes that are not known, and in rotation at a bounded cost, so that
 * descriptors passed or inherited later, and holders that let go, are noticed within seconds.
 */
import { processKey, type ProcessKey } from "../../model/process.ts";
import { parseProcStat } from "../../decode/proc-pid.ts";
import { withoutBreath } from "../../lib/breath.ts";
import type { ProcFiles } from "./proc-files.ts";

/** What one sample may spend on looking again at processes that were looked at before, in milliseconds. */
const REFRESH_BUDGET_MS = 1;
/** All processes are looked at for a fresh socket where that costs no more; else only until it is found. */
const FULL_PASS_BUDGET_MS = 4;
/** A process is looked at again after this, or after 500 times what the look cost: at most 0.2 % of a core for each. */
const REFRESH_AFTER_MS = 2000;
const REFRESH_COST_FACTOR = 500;
/**
 * Where the kernel tells how many descriptors a process has, and it has as many as at the last look, it most likely
 * holds the same ones. Only one that let go of a socket and opened something else meanwhile is found later by this:
 * after so long, or after 1000 times what the look cost.
 */
const UNCHANGED_REFRESH_AFTER_MS = 5000;
const UNCHANGED_COST_FACTOR = 1000;
/** A socket without a holder is looked for again after 1, 2, 4 … s: the kernel's own never has one. */
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;

const NOBODY: readonly ProcessKey[] = [];
const NO_HOLDERS: readonly Holder[] = [];

/** The holders of one inode. The arrays are never changed, only replaced: equal arrays are the same object. */
export class SocketInode {
  readonly inode: number;
  /** The opener first: who was seen holding it first, and of those seen at once who started first. */
  owners: readonly ProcessKey[] = NOBODY;
  holders: readonly Holder[] = NO_HOLDERS;
  /** The sample that last had a socket with this inode. */
  generation = 0;
  /** The look at a process that last found it. */
  look = 0;
  wanted = false;
  /** Found by a glance, which stops at the first holder: the next sample looks for others. */
  glanced = false;
  searches = 0;
  searchAgainAtMs = 0;

  constructor(inode: number) {
    this.inode = inode;
  }

  add(holder: Holder): void {
    if (this.holders.length === 0) {
      this.holders = holder.alone;
      this.owners = holder.aloneKey;
      return;
    }
    const holders = [...this.holders];
    let index = holders.length;
    for (; index > 0; index -= 1) {
      const before = holders[index - 1];
      if (before === undefined || startedBefore(before, holder)) break;
    }
    holders.splice(index, 0, holder);
    this.holders = holders;
    this.owners = holders.map((one) => one.key);
  }

  remove(holder: Holder): void {
    const holders = this.holders.filter((one) => one !== holder);
    const [first] = holders;
    this.holders = holders.length > 1 ? holders : (first?.alone ?? NO_HOLDERS);
    this.owners = holders.length > 1 ? holders.map((one) => one.key) : (first?.aloneKey ?? NOBODY);
  }
}

/** Ticks are hundredths of a second: of two processes of the same one, the lower pid is the parent's, bar a wrap. */
function startedBefore(left: Holder, right: Holder): boolean {
  if (left.startTicks !== right.startTicks) return left.startTicks < right.startTicks;
  return left.pid < right.pid;
}

/** A process that was seen with sockets. */
export class Holder {
  readonly pid: number;
  readonly key: ProcessKey;
  readonly startTicks: number;
  readonly alone: readonly Holder[];
  readonly aloneKey: readonly ProcessKey[];
  /** As last seen; those of them that are gone since are still in it. */
  sockets: readonly SocketInode[] = [];
  /** How many of them are still there. */
  liveCount = 0;

  constructor(pid: number, key: ProcessKey, startTicks: number) {
    this.pid = pid;
    this.key = key;
    this.startTicks = startTicks;
    this.alone = [this];
    this.aloneKey = [key];
  }
}

interface Look {
  holder: Holder | undefined;
  atMs: number;
  costMs: number;
  /** How many descriptors the look found, where the kernel said so too; else undefined. */
  descriptors: number | undefined;
}

export class SocketOwners {
  readonly #files: ProcFiles;
  readonly #bootId: string;
  readonly #inodes = new Map<number, SocketInode>();
  readonly #looks = new Map<number, Look>();
  #generation = 0;
  #lookCount = 0;
  #isGlance = false;
  /** Looked for in this sample; those that were found since are still in it, no longer marked. */
  #wanted: SocketInode[] = [];
  #wantedCount = 0;
  /** Processes that vanished while they were read, since the last look at this number. */
  vanishedCount = 0;
  /** New sockets of which no holder was found, since the last look at this number. */
  missedCount = 0;

  constructor(files: ProcFiles, bootId: string) {
    this.#files = files;
    this.#bootId = bootId;
  }

  /** Whether some socket's holder is looked for and not found yet. */
  get isSearching(): boolean {
    return this.#wantedCount > 0;
  }

  /** A sample begins, or a glance between two samples: that looks for one holder of what is new. */
  begin(isGlance = false): void {
    this.#generation += 1;
    this.#isGlance = isGlance;
    for (const entry of this.#wanted) entry.wanted = false;
    this.#wanted = [];
    this.#wantedCount = 0;
  }

  /** The entry of an inode that is in use now; it is looked for in `search` where it has no holder yet. */
  use(inode: number, nowMs: number): SocketInode {
    let entry = this.#inodes.get(inode);
    if (entry === undefined) {
      entry = new SocketInode(inode);
      this.#inodes.set(inode, entry);
    }
    entry.generation = this.#generation;
    const isSought = entry.holders.length === 0 || (entry.glanced && !this.#isGlance);
    if (isSought && nowMs >= entry.searchAgainAtMs && !entry.wanted) {
      entry.glanced = this.#isGlance;
      entry.wanted = true;
      this.#wanted.push(entry);
      this.#wantedCount += 1;
    }
    return entry;
  }

  /** Forgets all sockets and processes: they are looked for anew when they are used. */
  rest(): void {
    this.begin();
    this.#forgetDeadSockets();
    this.#forgetDeadProcesses(new Set());
  }

  /** Looks for what is wanted, looks again at others within the budget, and forgets what is gone. `pids`: who lives. */
  search(pids: readonly number[], nowMs: () => number): void {
    withoutBreath(this.searching(pids, nowMs));
  }

  /** The same in parts: after each process that was looked at. */
  *searching(pids: readonly number[], nowMs: () => number): Generator<void> {
    this.#forgetDeadSockets();
    this.#forgetDeadProcesses(new Set(pids));
    const startedAtMs = nowMs();
    if (this.#wantedCount > 0) yield* this.#searchWanted(pids, nowMs);
    if (this.#isGlance) return; // the next sample looks further
    this.#refresh(pids, nowMs, startedAtMs);
    for (const entry of this.#wanted) {
      if (!entry.wanted) continue;
      if (entry.searches === 0) this.missedCount += 1;
      entry.searches += 1;
      const pause = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(10, entry.searches - 1));
      entry.searchAgainAtMs = startedAtMs + pause * 0.9;
    }
  }

  /** The processes that hold at least one socket. */
  *holders(): IterableIterator<Holder> {
    for (const look of this.#looks.values()) {
      if (look.holder !== undefined && look.holder.liveCount > 0) yield look.holder;
    }
  }

  /** A process turned out to be gone, or its pid another's. */
  forgetProcess(pid: number): void {
    const look = this.#looks.get(pid);
    if (look === undefined) return;
    this.#looks.delete(pid);
    if (look.holder !== undefined) this.#releaseAll(look.holder);
  }

  *#searchWanted(pids: readonly number[], nowMs: () => number): Generator<void> {
    let knownCostMs = 0;
    for (const look of this.#looks.values()) knownCostMs += look.costMs;
    const everyone = !this.#isGlance && (this.#looks.size === 0 || knownCostMs <= FULL_PASS_BUDGET_MS);
    for (const pid of this.#likelyFirst(pids)) {
      if (!everyone && this.#wantedCount === 0) return;
      this.#look(pid, nowMs);
      yield;
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
      else if (look.holder !== undefined && look.holder.liveCount > 0) holding.push(pid);
      else others.push(pid);
    }
    return fresh.reverse().concat(holding.reverse(), others.reverse());
  }

  #refresh(pids: readonly number[], nowMs: () => number, startedAtMs: number): void {
    const due = pids.filter((pid) => {
      const look = this.#looks.get(pid);
      return look === undefined || this.#isDue(pid, look, startedAtMs - look.atMs);
    });
    due.sort((a, b) => (this.#looks.get(a)?.atMs ?? 0) - (this.#looks.get(b)?.atMs ?? 0));
    const until = nowMs() + REFRESH_BUDGET_MS;
    for (const pid of due) {
      if (nowMs() >= until) return;
      this.#look(pid, nowMs);
    }
  }

  /** Whether a process that was looked at `ageMs` ago is to be looked at again. */
  #isDue(pid: number, look: Look, ageMs: number): boolean {
    // Nine tenths, because samples come a little early or late.
    const pauseMs = Math.max(REFRESH_AFTER_MS * 0.9, look.costMs * REFRESH_COST_FACTOR);
    if (ageMs <= 0 || ageMs < pauseMs) return false;
    if (look.descriptors === undefined) return true;
    const longestMs = Math.max(UNCHANGED_REFRESH_AFTER_MS * 0.9, look.costMs * UNCHANGED_COST_FACTOR);
    return ageMs >= longestMs || this.#files.descriptorCount(pid) !== look.descriptors;
  }

  #look(pid: number, nowMs: () => number): void {
    const beganMs = nowMs();
    this.#lookCount += 1;
    const found: SocketInode[] = [];
    const count = this.#files.descriptorCount(pid);
    const visit = (inode: number): void => {
      const entry = this.#inodes.get(inode);
      if (entry === undefined || entry.look === this.#lookCount) return; // not a network socket, or seen already
      entry.look = this.#lookCount;
      found.push(entry);
    };
    const result = this.#files.sockets(pid, visit, count);
    if (result === "gone") {
      this.vanishedCount += 1;
      this.forgetProcess(pid);
      return;
    }
    const look = this.#looks.get(pid) ?? { holder: undefined, atMs: 0, costMs: 0, descriptors: undefined };
    look.descriptors = result === count ? count : undefined;
    if (found.length > 0) {
      const holder = this.#holderOf(pid, look.holder);
      if (holder === undefined) {
        this.vanishedCount += 1;
        this.forgetProcess(pid);
        return;
      }
      this.#hold(holder, found);
      look.holder = holder;
    } else if (look.holder !== undefined) {
      this.#hold(look.holder, found);
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
    if (old !== undefined) this.#releaseAll(old);
    return new Holder(pid, processKey(this.#bootId, pid, stat.startTicks), stat.startTicks);
  }

  /** `found` is what the look numbered `#lookCount` found, each once. */
  #hold(holder: Holder, found: readonly SocketInode[]): void {
    const before = holder.sockets;
    holder.sockets = found;
    for (const entry of found) {
      if (entry.wanted) this.#wantedCount -= 1;
      entry.wanted = false;
      if (entry.holders.includes(holder)) continue;
      entry.add(holder);
      holder.liveCount += 1;
    }
    for (const entry of before) if (entry.look !== this.#lookCount) this.#release(holder, entry);
  }

  #releaseAll(holder: Holder): void {
    for (const entry of holder.sockets) this.#release(holder, entry);
    holder.sockets = [];
  }

  #release(holder: Holder, entry: SocketInode): void {
    if (!entry.holders.includes(holder)) return; // the socket is gone as well
    entry.remove(holder);
    holder.liveCount -= 1;
    entry.searches = 0;
    entry.searchAgainAtMs = 0;
  }

  #forgetDeadSockets(): void {
    for (const entry of this.#inodes.values()) {
      if (entry.generation === this.#generation) continue;
      this.#inodes.delete(entry.inode);
      for (const holder of entry.holders) holder.liveCount -= 1;
      entry.holders = NO_HOLDERS;
    }
  }

  #forgetDeadProcesses(living: ReadonlySet<number>): void {
    for (const pid of this.#looks.keys()) if (!living.has(pid)) this.forgetProcess(pid);
  }
}
