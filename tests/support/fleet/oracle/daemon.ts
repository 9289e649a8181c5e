/**
 * A program that is to run all the time, as a service manager would have it: killed and started again, and started again where it
 * ends by itself. What it wrote, how it ended and how much memory it had is kept.
 */
import { closeSync, openSync } from "node:fs";
import type { Subprocess } from "bun";
import { memoryOf } from "../../../../bench/support/measures.ts";
import { childOf } from "./nursery.ts";

/** One run, in Unix milliseconds of the true clock. */
export interface Run {
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  end: "killed" | "asked" | "itself" | undefined;
  code: number | undefined;
  /** Whether its disk was full at some moment of its life. */
  wasFull: boolean;
}

export interface DaemonOptions {
  readonly name: string;
  /** What is run, without what it is run by. */
  readonly command: readonly string[];
  /** Runs it somewhere else: its child is the program then. */
  readonly entry: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where both of its outputs go. */
  readonly log: string;
  readonly isDiskFull: () => boolean;
}

/** As RestartSec of a unit, only shorter. */
const RESTART_MS = 700;

export class Daemon {
  readonly runs: Run[] = [];
  readonly #options: DaemonOptions;
  #child: Subprocess | undefined;
  #isWanted = false;
  kills = 0;
  residentBytesMax = 0;
  /** At the end of each run that was looked at. */
  residentBytes = 0;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get log(): string {
    return this.#options.log;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** As this namespace numbers it. */
  get pid(): number | undefined {
    if (this.#child === undefined) return undefined;
    return this.#options.entry.length === 0 ? this.#child.pid : childOf(this.#child.pid);
  }

  start(): void {
    this.#isWanted = true;
    if (this.#child !== undefined) return;
    const { entry, command, environment, log, isDiskFull } = this.#options;
    const output = openSync(log, "a");
    const child = Bun.spawn([...entry, ...command], {
      stdin: "ignore",
      stdout: output,
      stderr: output,
      env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", LC_ALL: "C.UTF-8", ...environment },
    });
    closeSync(output);
    this.#child = child;
    const run: Run = {
      startedAtMs: Date.now(),
      endedAtMs: undefined,
      end: undefined,
      code: undefined,
      wasFull: isDiskFull(),
    };
    this.runs.push(run);
    void child.exited.then(() => this.#ended(run, child));
  }

  #ended(run: Run, child: Subprocess): void {
    run.endedAtMs = Date.now();
    run.code = child.exitCode ?? -1;
    run.end ??= "itself";
    this.#child = undefined;
    if (run.end !== "itself" || !this.#isWanted) return;
    setTimeout(() => {
      if (this.#isWanted) this.start();
    }, RESTART_MS).unref();
  }

  /** What runs it somewhere else may still be at the door: waits for its pid. Undefined where it has ended. */
  async #entered(child: Subprocess): Promise<number | undefined> {
    while (this.#child === child && this.pid === undefined) await Bun.sleep(5);
    return this.#child === child ? this.pid : undefined;
  }

  /** SIGKILL. False where it does not run. Resolves when it is gone. */
  async kill(): Promise<boolean> {
    this.#isWanted = false;
    const child = this.#child;
    const run = this.runs.at(-1);
    if (child === undefined || run === undefined) return false;
    const pid = await this.#entered(child);
    const isFirst = pid !== undefined && run.end === undefined;
    if (isFirst) {
      run.end = "killed";
      process.kill(pid, "SIGKILL");
      this.kills += 1;
    }
    await child.exited;
    return isFirst;
  }

  /** Asks it to end; its exit code. */
  async stop(): Promise<number> {
    this.#isWanted = false;
    const child = this.#child;
    const run = this.runs.at(-1);
    const pid = child === undefined ? undefined : await this.#entered(child);
    if (child === undefined || run === undefined || pid === undefined) return 0;
    run.end = "asked";
    process.kill(pid, "SIGTERM");
    await child.exited;
    return child.exitCode ?? -1;
  }

  /** To be called now and then. */
  look(): void {
    const run = this.runs.at(-1);
    if (run !== undefined && this.#options.isDiskFull()) run.wasFull = true;
    const { pid } = this;
    if (pid === undefined) return;
    try {
      this.residentBytes = memoryOf(pid).residentBytes;
      this.residentBytesMax = Math.max(this.residentBytesMax, this.residentBytes || 0);
    } catch {
      return; // it has just ended
    }
  }
}
