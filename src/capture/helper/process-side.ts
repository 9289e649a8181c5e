/**
 * The process half of a sample with the helper: who the processes of the rows are, what they use, and who has ended. A
 * living process is described by /proc, by this program itself where it may look, else by the helper; one that is gone by
 * what the kernel told at its exec. Only one of which nothing but its short name is known is named by that.
 */
import { libc } from "../../../ffi/linux/libc.ts";
import { parseCommandLine, parseProcStat, parseStatusUserId, type ProcStat } from "../../decode/proc-pid.ts";
import type { ProcessInfo, ProcessKey, ProcessUsage } from "../../model/process.ts";
import { PROCESSES_MAX, type ProcessRow } from "../../protocol/helper/messages.ts";
import { ProcFiles } from "../linux/proc-files.ts";
import type { ProcessReading } from "../linux/process-side.ts";
import { readBootTimeMs, SC_CLK_TCK, SC_PAGESIZE, withoutSuffix } from "../linux/process-table.ts";
import { Users } from "../linux/users.ts";
import { ExecutablePaths } from "./executable-paths.ts";
import type { KnownProcess, ProcessRegistry } from "./process-registry.ts";

/** Asks the helper for processes; undefined where it is away. At most PROCESSES_MAX at once. */
export type AskProcesses = (pids: readonly number[]) => Promise<readonly ProcessRow[]>;

/** Questions of one sample; what is left waits for the next. */
const QUESTIONS_MAX = 4;

export class HelperProcessSide implements Disposable {
  readonly #registry: ProcessRegistry;
  readonly #files: ProcFiles;
  readonly #users = new Users();
  readonly #paths = new ExecutablePaths();
  readonly #ticksPerSecond = libc().sysconf(SC_CLK_TCK);
  readonly #pageBytes = libc().sysconf(SC_PAGESIZE);
  readonly #bootedAtMs: number | undefined;
  /** `timeNs` of the answer before: what ended before it has had its last bytes told. */
  #settledNs = 0;
  #processes: ProcessInfo[] = [];
  #exited: ProcessKey[] = [];
  #usage: ProcessUsage[] = [];
  #unreadable = 0;

  /** Throws WbError("unavailable") where there is no proc file system. */
  constructor(registry: ProcessRegistry, procRoot: string) {
    this.#registry = registry;
    this.#files = new ProcFiles(procRoot);
    this.#bootedAtMs = readBootTimeMs(procRoot);
  }

  /** `timeNs`: of the answer that the rows are of; undefined while the helper is away. */
  async sample(timeNs: number | undefined, ask: AskProcesses | undefined): Promise<ProcessReading> {
    this.#users.refresh();
    const strangers: KnownProcess[] = [];
    for (const process of this.#registry.held()) if (!this.#look(process)) strangers.push(process);
    const nowNs = timeNs ?? this.#settledNs;
    if (ask === undefined)
      for (const process of strangers) this.#settle(process, undefined, nowNs, "nobody asked");
    else await this.#askFor(strangers, nowNs, ask);
    this.#tellEnds(timeNs);
    this.#settledNs = nowNs;
    this.#registry.letGo();
    const reading = {
      processes: this.#processes,
      exited: this.#exited,
      usage: this.#usage,
      vanished: this.#unreadable,
    };
    this.#processes = [];
    this.#exited = [];
    this.#usage = [];
    this.#unreadable = 0;
    return reading;
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }

  /** Reads what this program may read itself. False where the helper has to be asked. */
  #look(process: KnownProcess): boolean {
    if (process.exitedNs !== undefined) {
      this.#tellByEvents(process, "gone");
      return true;
    }
    const stat = this.#stat(process);
    if (stat === undefined) return false;
    this.#usage.push({
      key: process.key,
      memoryBytes: stat.residentPages * this.#pageBytes,
      cpuTimeMs: (stat.cpuTicks * 1000) / this.#ticksPerSecond,
    });
    const isExec = process.comm !== "" && process.toldVersion >= 0 && stat.comm !== process.comm;
    process.comm = stat.comm;
    if (process.isComplete && process.toldVersion === process.version && !isExec) return true;
    process.parentPid = stat.parentPid;
    const link = this.#files.link(process.pid, "exe");
    if (link === undefined) return false;
    const commandLine = this.#files.read(process.pid, "cmdline");
    const words = typeof commandLine === "string" ? [] : parseCommandLine(commandLine);
    const status = this.#files.read(process.pid, "status");
    if (typeof status !== "string") process.userId = parseStatusUserId(status) ?? process.userId;
    this.#tell(process, link.startsWith("/") ? withoutSuffix(link) : undefined, words, "all there is");
    return true;
  }

  #stat(process: KnownProcess): ProcStat | undefined {
    const bytes = this.#files.read(process.pid, "stat");
    const stat = typeof bytes === "string" ? undefined : parseProcStat(bytes);
    return stat?.startTicks === process.ticks ? stat : undefined;
  }

  async #askFor(strangers: readonly KnownProcess[], nowNs: number, ask: AskProcesses): Promise<void> {
    for (let question = 0; question < QUESTIONS_MAX; question += 1) {
      const part = strangers.slice(question * PROCESSES_MAX, (question + 1) * PROCESSES_MAX);
      if (part.length === 0) return;
      let rows: readonly ProcessRow[];
      try {
        // eslint-disable-next-line no-await-in-loop -- one question after the other, so that none is refused
        rows = await ask(part.map(({ pid }) => pid));
      } catch {
        // The connection is lost, which the next sample meets; until then they are named by what is known.
        for (const process of strangers) this.#settle(process, undefined, nowNs, "nobody asked");
        return;
      }
      const byPid = new Map(rows.map((row) => [row.pid, row]));
      for (const process of part) this.#settle(process, byPid.get(process.pid), nowNs, "asked");
    }
    for (const process of strangers.slice(QUESTIONS_MAX * PROCESSES_MAX))
      this.#tellByEvents(process, "alive");
  }

  /** Takes what the helper says of a process; nothing: it is gone. */
  #settle(
    process: KnownProcess,
    row: ProcessRow | undefined,
    nowNs: number,
    how: "asked" | "nobody asked",
  ): void {
    if (row === undefined || row.startTime !== process.ticks) {
      const isGone = how === "asked" || this.#stat(process) === undefined;
      if (isGone) this.#registry.end(process, nowNs);
      this.#tellByEvents(process, isGone ? "gone" : "alive");
      return;
    }
    process.userId = row.userId;
    process.parentPid = row.parentPid;
    if (!process.isComplete || process.toldVersion !== process.version || this.#isNews(process, row))
      this.#tell(process, row.path, row.commandLine, "all there is", row.name);
    if (this.#usage.some(({ key }) => key === process.key)) return;
    this.#usage.push({ key: process.key, memoryBytes: row.memoryBytes, cpuTimeMs: row.cpuTimeMs });
  }

  /** An exec that no event told of shows in the name. */
  #isNews(process: KnownProcess, row: ProcessRow): boolean {
    return process.toldName !== row.name;
  }

  /** What the kernel told of it; a process that lives will be described better in the next sample. */
  #tellByEvents(process: KnownProcess, state: "gone" | "alive"): void {
    if (process.toldVersion === process.version && (process.isComplete || state === "alive")) return;
    const { program } = process;
    if (program === undefined && state === "gone") this.#unreadable += 1;
    const isAbsolute = program?.fileName.startsWith("/") === true;
    const path = isAbsolute ? this.#paths.resolve(program.fileName) : undefined;
    const name = program === undefined ? undefined : baseName(program.fileName);
    const completeness = state === "gone" ? "all there is" : "more to come";
    this.#tell(process, path, program?.commandLine ?? [], completeness, name);
  }

  #tell(
    process: KnownProcess,
    path: string | undefined,
    commandLine: readonly string[],
    completeness: "all there is" | "more to come",
    otherName?: string,
  ): void {
    process.toldVersion = process.version;
    process.isComplete = completeness === "all there is";
    const name = (path === undefined ? otherName : baseName(path)) || otherName || process.comm || "?";
    process.toldName = name;
    if (process.exitedNs !== undefined) this.#registry.end(process, process.exitedNs);
    this.#processes.push({
      key: process.key,
      pid: process.pid,
      parentPid: process.parentPid === 0 ? undefined : process.parentPid,
      name,
      path,
      commandLine,
      userId: process.userId,
      userName: this.#users.name(process.userId),
      startedAtMs:
        this.#bootedAtMs === undefined
          ? undefined
          : this.#bootedAtMs + (process.ticks * 1000) / this.#ticksPerSecond,
    });
  }

  /** An end is told one answer after it, because the sockets of a process are closed a moment after its end is known. */
  #tellEnds(timeNs: number | undefined): void {
    for (const process of this.#registry.ended()) {
      const isSettled = process.exitedNs !== undefined && process.exitedNs < this.#settledNs;
      if (timeNs !== undefined && !isSettled) continue;
      this.#exited.push(process.key);
      this.#registry.forgetEnd(process);
    }
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
