/** The processes of the simulated world: told once, born and ended with the connections that spawn them, using what they use. */
import { processKey, type ProcessInfo, type ProcessKey, type ProcessUsage } from "../model/process.ts";
import type { ScriptedProcess, WorldScript } from "./simulated-script.ts";

const BOOT_ID = "simulated";
/** The kernel's clock ticks per second (USER_HZ), in which start times are told. */
const TICKS_PER_SECOND = 100;
/** The machine was started this long before the capture was opened. */
const UPTIME_MS = 100 * 3_600_000;

interface Actor {
  readonly script: ScriptedProcess;
  readonly info: ProcessInfo;
  cpuTimeMs: number;
}

export class SimulatedProcesses {
  readonly #script: WorldScript;
  readonly #openedAtMs: number;
  readonly #actors = new Map<ProcessKey, Actor>();
  readonly #keys = new Map<string, ProcessKey>();
  #told: ProcessInfo[] = [];
  #exited: ProcessKey[] = [];
  #nextPid = 8_001;

  constructor(script: WorldScript, openedAtMs: number) {
    this.#script = script;
    this.#openedAtMs = openedAtMs;
    for (const process of script.processes) {
      if (process.hidden !== true)
        this.#keys.set(process.name, this.#start(process, process.pid, -process.ageMs));
    }
  }

  /** The keys of those that may be seen; empty for a process of another user. */
  keysOf(names: readonly string[]): readonly ProcessKey[] {
    return names.map((name) => this.#keys.get(name)).filter((key) => key !== undefined);
  }

  userIdOf(name: string): number | undefined {
    return this.#script.processes.find((process) => process.name === name)?.userId;
  }

  /** Starts another process of that name; undefined if there is none that may be seen. `atMs` is since the opening. */
  spawn(name: string, atMs: number): ProcessKey | undefined {
    const script = this.#script.processes.find((process) => process.name === name);
    if (script === undefined || script.hidden === true) return undefined;
    const pid = this.#nextPid;
    this.#nextPid = pid >= 32_000 ? 8_001 : pid + 1;
    return this.#start(script, pid, atMs);
  }

  exit(key: ProcessKey): void {
    if (this.#actors.delete(key)) this.#exited.push(key);
  }

  /** Lets a process work for what it sent and received: about 8 ms of processor time per MiB. */
  work(key: ProcessKey | undefined, bytes: number): void {
    const actor = key === undefined ? undefined : this.#actors.get(key);
    if (actor !== undefined) actor.cpuTimeMs += bytes / 131_072;
  }

  takeTold(): readonly ProcessInfo[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  takeExited(): readonly ProcessKey[] {
    const exited = this.#exited;
    this.#exited = [];
    return exited;
  }

  usage(holding: ReadonlySet<ProcessKey>, nowMs: number): readonly ProcessUsage[] {
    const usage: ProcessUsage[] = [];
    for (const key of holding) {
      const actor = this.#actors.get(key);
      if (actor === undefined) continue;
      // A slow breath of a sixteenth: memory that never moves looks like a picture of a program.
      const breath = Math.round((Math.sin(nowMs / 9_000 + actor.info.pid) * actor.script.memoryBytes) / 16);
      usage.push({
        key,
        memoryBytes: actor.script.memoryBytes + breath - (breath % 4096),
        cpuTimeMs: Math.floor(actor.cpuTimeMs),
      });
    }
    return usage;
  }

  #start(script: ScriptedProcess, pid: number, atMs: number): ProcessKey {
    const startTime = Math.floor(((UPTIME_MS + atMs) / 1000) * TICKS_PER_SECOND);
    const key = processKey(BOOT_ID, pid, startTime);
    const info: ProcessInfo = {
      key,
      pid,
      parentPid: script.parentPid,
      name: script.name,
      path: script.path,
      commandLine: script.commandLine,
      userId: script.userId,
      userName: this.#script.users[script.userId],
      startedAtMs: this.#openedAtMs + atMs,
    };
    this.#actors.set(key, { script, info, cpuTimeMs: Math.max(0, -atMs) / 400 });
    this.#told.push(info);
    return key;
  }
}
