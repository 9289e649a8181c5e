/**
 * All processes of this machine by /proc: which there are, cheaply (seven microseconds each), and what one of them is, on
 * request. A process that vanishes while it is read is absent, never an error. A description is of one process: if the pid
 * became another's while it was read, there is none.
 */
import { libc } from "../../../ffi/linux/libc.ts";
import { rootMount, type RootMount } from "../../decode/mountinfo.ts";
import {
  parseCommandLine,
  parseStatusUserId,
  scanProcStat,
  type ScannedStat,
} from "../../decode/proc-pid.ts";
import { bootTimeNs } from "../../platform/boot-time.ts";
import { ProcFiles } from "./proc-files.ts";
import { SC_CLK_TCK, SC_PAGESIZE, withoutSuffix } from "./process-table.ts";

/** One process of a scan. The object is used again for the next one. */
export interface ScanRow extends Readonly<ScannedStat> {
  readonly pid: number;
  /** Where /proc/PID/exe leads, as it stands; undefined where that may not be read. */
  readonly executable: string | undefined;
}

export interface ProcessDescription {
  readonly comm: string;
  readonly parentPid: number;
  readonly userId: number | undefined;
  /** Of the executable; undefined where it may not be read. */
  readonly path: string | undefined;
  /** The file is no longer at that path. */
  readonly isReplaced: boolean;
  /** It sees other files under the same paths than this program: another mount namespace, a chroot. Undefined: it is just ending. */
  readonly isForeign: boolean | undefined;
  readonly commandLine: readonly string[];
  readonly memoryBytes: number;
  readonly cpuTimeMs: number;
  /** CLOCK_BOOTTIME when reading began. */
  readonly readNs: number;
}

/** The pid namespace of the first process of the machine, in which the kernel programs count (PROC_PID_INIT_INO). */
const INITIAL_PID_NAMESPACE = "pid:[4026531836]";

const FIRST_PID = 1;

export class ProcessScanner implements Disposable {
  readonly ticksPerSecond = libc().sysconf(SC_CLK_TCK);
  /** Whether this program's pids are those that the kernel's events tell: not so in a container. */
  readonly hasKernelPids: boolean;
  /** False where /proc hides the processes of others (hidepid). */
  readonly seesAll: boolean;
  readonly #files: ProcFiles;
  readonly #decoder = new TextDecoder();
  readonly #pageBytes = libc().sysconf(SC_PAGESIZE);
  /** Of those who see the same files as this program: links of their namespaces, and their root mounts. */
  readonly #namespaces: readonly string[];
  readonly #roots: readonly string[];
  readonly #row: ScannedStat & { pid: number; executable: string | undefined } = {
    pid: 0,
    comm: "",
    parentPid: 0,
    startTicks: 0,
    cpuTicks: 0,
    residentPages: 0,
    isKernelThread: false,
    hasEnded: false,
    executable: undefined,
  };

  /** Throws WbError("unavailable") where there is no proc file system. */
  constructor(procRoot = "/proc") {
    this.#files = new ProcFiles(procRoot);
    const own = this.#rootOf(process.pid);
    // A service has mounts of its own, of the same files as the machine's.
    const pids = [process.pid, FIRST_PID].filter((pid) => this.#rootOf(pid)?.directory === own?.directory);
    const roots = own === undefined ? [] : pids;
    this.#namespaces = roots
      .map((pid) => this.#files.link(pid, "ns/mnt"))
      .filter((link) => link !== undefined);
    this.#roots = roots.map((pid) => this.#rootOf(pid)?.id).filter((id) => id !== undefined);
    this.seesAll = this.#readStat(FIRST_PID);
    this.hasKernelPids = this.#files.link(process.pid, "ns/pid") === INITIAL_PID_NAMESPACE;
  }

  /** Visits every process, also kernel threads and those that have ended; the row is valid until the next one. */
  scan(visit: (row: ScanRow) => void): void {
    for (const pid of this.#files.pids()) if (this.#read(pid)) visit(this.#row);
  }

  /** Memory and processor time of the process; undefined where it is gone. */
  usage(pid: number, startTicks: number): { memoryBytes: number; cpuTimeMs: number } | undefined {
    if (!this.#readStat(pid) || this.#row.startTicks !== startTicks || this.#row.hasEnded) return undefined;
    return this.#usage();
  }

  /** Undefined where the process is gone, or has ended. */
  describe(pid: number, startTicks: number): ProcessDescription | undefined {
    const readNs = bootTimeNs();
    if (!this.#read(pid) || this.#row.startTicks !== startTicks || this.#row.hasEnded) return undefined;
    const { comm, parentPid, executable } = this.#row;
    const usage = this.#usage();
    const status = this.#files.read(pid, "status");
    const userId = typeof status === "string" ? undefined : parseStatusUserId(status);
    const words = this.#files.read(pid, "cmdline");
    const commandLine = typeof words === "string" ? [] : parseCommandLine(words);
    const isForeign = this.#isForeign(pid);
    const path = executable?.startsWith("/") === true ? withoutSuffix(executable) : undefined;
    if (!this.#readStat(pid) || this.#row.startTicks !== startTicks) return undefined;
    return {
      comm,
      parentPid,
      userId,
      path,
      isReplaced: path !== executable,
      isForeign,
      commandLine,
      ...usage,
      readNs,
    };
  }

  /** A name for the very file that the process runs, whatever has become of its path: to be opened at once. */
  executableLink(pid: number): string {
    return `${this.#files.root}/${pid}/exe`;
  }

  /** Whether it still is that process, and runs the file that is, or was, at that path. */
  runs(pid: number, startTicks: number, path: string): boolean {
    const link = this.#files.link(pid, "exe");
    if (link === undefined || withoutSuffix(link) !== path) return false;
    return this.#readStat(pid) && this.#row.startTicks === startTicks;
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }

  #isForeign(pid: number): boolean | undefined {
    const namespace = this.#files.link(pid, "ns/mnt");
    if (namespace !== undefined && this.#namespaces.includes(namespace))
      return this.#files.link(pid, "root") !== "/";
    // It takes ten times as long, and may be read also where the links may not.
    const mounts = this.#files.read(pid, "mountinfo");
    if (typeof mounts === "string" || mounts.length === 0) return undefined;
    const root = rootMount(this.#decoder.decode(mounts));
    return root === undefined || !this.#roots.includes(root.id);
  }

  /** Each mount namespace has one of its own, also where it is a copy. */
  #rootOf(pid: number): RootMount | undefined {
    const mounts = this.#files.read(pid, "mountinfo");
    return typeof mounts === "string" ? undefined : rootMount(this.#decoder.decode(mounts));
  }

  #usage(): { memoryBytes: number; cpuTimeMs: number } {
    return {
      memoryBytes: this.#row.residentPages * this.#pageBytes,
      cpuTimeMs: (this.#row.cpuTicks * 1000) / this.ticksPerSecond,
    };
  }

  #read(pid: number): boolean {
    if (!this.#readStat(pid)) return false;
    const mayHaveOne = !this.#row.isKernelThread && !this.#row.hasEnded;
    this.#row.executable = mayHaveOne ? this.#files.link(pid, "exe") : undefined;
    return true;
  }

  #readStat(pid: number): boolean {
    const bytes = this.#files.read(pid, "stat");
    this.#row.pid = pid;
    return typeof bytes !== "string" && scanProcStat(bytes, this.#row);
  }
}
