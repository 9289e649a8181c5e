/**
 * One machine of the oracle, in which an agent runs and processes begin and end: a pid namespace and a mount namespace of its own, or
 * this very machine, for the kernel's events tell no other pids.
 * What really happened is known here: each process's pid and start as the kernel has them, and between which two moments it
 * began and ended. It is also written to a log, before each start and after each end.
 */
import { appendFileSync, linkSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { waitFor } from "../../wait-for.ts";
import type { OraclePrograms } from "./programs.ts";

/** Times are Unix milliseconds of the true clock. */
export interface TrueProcess {
  readonly number: number;
  readonly name: string;
  readonly startedAfterMs: number;
  /** Undefined until the nursery has said that it runs. */
  startedBeforeMs: number | undefined;
  pid: number;
  /** Start in clock ticks since boot. */
  ticks: number;
  endedAfterMs: number | undefined;
  endedBeforeMs: number | undefined;
}

const APART = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"];

export class Nursery implements AsyncDisposable {
  readonly processes: TrueProcess[] = [];
  readonly #child: Subprocess<"pipe", "pipe", "inherit">;
  readonly #programs: OraclePrograms;
  readonly #directory: string;
  readonly #name: string;
  readonly #log: string;
  readonly #byPid = new Map<number, TrueProcess>();
  #isReady = false;
  /** The first process of its namespace, as this namespace numbers it; undefined where it is this one. */
  #leader: number | undefined;

  private constructor(directory: string, name: string, programs: OraclePrograms, apart: readonly string[]) {
    this.#directory = join(directory, name);
    this.#name = name;
    this.#programs = programs;
    this.#log = join(directory, `${name}.truth`);
    mkdirSync(this.#directory);
    this.#child = Bun.spawn([...apart, programs.nursery], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    void this.#listen();
  }

  static async beginHere(directory: string, name: string, programs: OraclePrograms): Promise<Nursery> {
    const nursery = new Nursery(directory, name, programs, []);
    await waitFor("a nursery", () => nursery.#isReady);
    return nursery;
  }

  static async beginApart(directory: string, name: string, programs: OraclePrograms): Promise<Nursery> {
    const nursery = new Nursery(directory, name, programs, APART);
    await waitFor("a nursery", () => nursery.#isReady);
    nursery.#leader = await waitFor("its first process", () => childOf(nursery.#child.pid));
    return nursery;
  }

  /** Runs what follows in this machine. */
  get entry(): readonly string[] {
    if (this.#leader === undefined) return [];
    return ["nsenter", "-t", String(this.#leader), "-p", "-m", "--"];
  }

  get living(): TrueProcess[] {
    return this.processes.filter(
      ({ startedBeforeMs, endedAfterMs }) => startedBeforeMs !== undefined && endedAfterMs === undefined,
    );
  }

  /** One that runs until it is ended. */
  start(): void {
    this.#start(this.#programs.sleeper, undefined);
  }

  /** One that ends by itself, at once. */
  startFlash(): void {
    this.#start(this.#programs.flash, Date.now());
  }

  #start(program: string, endedAfterMs: number | undefined): void {
    const number = this.processes.length + 1;
    const name = `${this.#name}-${number}`;
    const path = join(this.#directory, name);
    linkSync(program, path);
    const process: TrueProcess = {
      number,
      name,
      startedAfterMs: Date.now(),
      startedBeforeMs: undefined,
      pid: 0,
      ticks: 0,
      endedAfterMs,
      endedBeforeMs: undefined,
    };
    this.processes.push(process);
    this.#write("start", process);
    void this.#child.stdin.write(`+ ${number} ${path}\n`);
  }

  end(process: TrueProcess): void {
    process.endedAfterMs = Date.now();
    void this.#child.stdin.write(`- ${process.pid}\n`);
  }

  async endAll(): Promise<void> {
    await waitFor("all processes to have begun", () => !this.processes.some((each) => each.pid === 0));
    for (const process of this.living) this.end(process);
    await waitFor("all processes to be gone", () => this.#byPid.size === 0);
  }

  #write(what: string, process: TrueProcess): void {
    appendFileSync(this.#log, `${JSON.stringify({ what, atMs: Date.now(), ...process })}\n`);
  }

  async #listen(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#hear(line);
    }
  }

  #hear(line: string): void {
    const [sign, ...numbers] = line.split(" ");
    const [first = 0, second = 0, third = 0] = numbers.map(Number);
    if (sign === "ready") this.#isReady = true;
    else if (sign === "+") {
      const process = this.processes[first - 1];
      if (process === undefined) return;
      process.startedBeforeMs = Date.now();
      process.pid = second;
      process.ticks = third;
      this.#byPid.set(second, process);
    } else if (sign === "-") {
      const process = this.#byPid.get(first);
      if (process === undefined) return; // an agent, whose nsenter has ended before it
      this.#byPid.delete(first);
      process.endedBeforeMs = Date.now();
      this.#write("end", process);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.end();
    this.#child.kill("SIGKILL"); // its child goes with it
    await this.#child.exited;
  }
}

/** The first child of a process; undefined where it has none (yet). */
export function childOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? undefined : Number(text.split(" ")[0]);
  } catch {
    return undefined; // it is gone
  }
}
