/**
 * A parent and agents of the compiled binary on machines of their own (namespaces.ts), each with its own state directory, and what
 * a test asks them. All of it ends with its scope.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { askControl } from "../../../src/agent/control.ts";
import type { RunningAnswer } from "../../../src/agent/running-answer.ts";
import { FILES } from "../../../src/agent/state.ts";
import type { AgentStatus } from "../../../src/agent/status.ts";
import type { Page } from "../../../src/model/fleet.ts";
import type { ProcessCategory } from "../../../src/model/categories.ts";
import type { Run } from "../run-wb.ts";
import { LineProcess } from "../traffic/traffic.ts";
import { tmpdir, type TemporaryDirectory } from "../tmpdir.ts";
import { waitFor } from "../wait-for.ts";
import { Network, type Machine } from "./namespaces.ts";
import { Program, runThere, type Place } from "./program.ts";

export type AgentMachine = Exclude<Machine, "parent" | "proxy">;
export const PARENT_PORT = 7443;
const ASKER = join(import.meta.dir, "asker.ts");

export class Lan implements AsyncDisposable {
  readonly network: Network;
  readonly #directory: TemporaryDirectory;
  readonly #running: AsyncDisposable[] = [];
  #asker: LineProcess | undefined;
  /** Questions are answered in their order. */
  #asked: Promise<unknown> = Promise.resolve();

  private constructor(network: Network, directory: TemporaryDirectory) {
    this.network = network;
    this.#directory = directory;
  }

  static async make(): Promise<Lan> {
    const directory = await tmpdir();
    return new Lan(await Network.make(), directory);
  }

  /** A directory of this test. */
  path(...parts: readonly string[]): string {
    return join(this.#directory.path, ...parts);
  }

  place(machine: Machine, env: Readonly<Record<string, string>> = {}): Place {
    const own =
      machine === "parent"
        ? { WB_SERVE_STATE_DIR: this.path("parent") }
        : { WB_AGENT_STATE_DIR: this.path(machine) };
    return { at: this.network.at(machine), env: { ...own, HOME: this.path("home"), ...env } };
  }

  /** To its end. */
  async run(
    machine: Machine,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Run> {
    return await runThere(this.place(machine, env), words);
  }

  /** The same, and it must succeed. */
  async done(
    machine: Machine,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { stdout, stderr, code } = await this.run(machine, words, env);
    if (code !== 0) throw new Error(`wb ${words.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /** What a parent's command prints as JSON, under its name. */
  async told<T>(words: readonly string[], name: string): Promise<T> {
    const text = await this.done("parent", ["serve", ...words, "--state-dir", this.path("parent"), "--json"]);
    return (JSON.parse(text) as Record<string, T>)[name] as T;
  }

  start(machine: Machine, words: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    return this.keep(new Program(this.place(machine, env), words));
  }

  /** It ends with the rest, those that came last first. */
  keep<T extends AsyncDisposable>(what: T): T {
    this.#running.push(what);
    return what;
  }

  async startParent(): Promise<Program> {
    await mkdir(this.path("home"), { recursive: true });
    const parent = this.start("parent", ["serve"]);
    await parent.says(/wb agent join TOKEN/);
    const command = [...this.network.at("parent"), process.execPath, ASKER, this.path("parent")];
    const asker = new LineProcess(command);
    this.#asker = asker;
    this.keep({ [Symbol.asyncDispose]: () => asker.end() });
    return parent;
  }

  /** Over the parent's API. @throws where it refuses. */
  async ask<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<T> {
    const line = `${method} ${path}${body === undefined ? "" : ` ${JSON.stringify(body)}`}`;
    const answer = this.#asked.then(async () => {
      this.#asker?.write(line);
      return await this.#asker?.next<{ status: number; body: unknown }>();
    });
    this.#asked = answer.catch(() => undefined);
    const told = await answer;
    if (told?.status !== 200) throw new Error(`${line}: ${JSON.stringify(told)}`);
    return told.body as T;
  }

  /** All items of a list. */
  async items<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page<T> = await this.ask(
        "GET",
        `${path}${path.includes("?") ? "&" : "?"}limit=1000${more}`,
      );
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return items;
  }

  /** By the agent's own socket: what `wb agent status --json` prints. */
  async status(machine: AgentMachine): Promise<AgentStatus> {
    return (await askControl(this.path(machine, FILES.socket), { ask: "status" })) as AgentStatus;
  }

  async runningAt(
    machine: AgentMachine,
    filter: { category?: ProcessCategory; program?: string },
  ): Promise<RunningAnswer["processes"]> {
    const answer = await askControl(this.path(machine, FILES.socket), { ask: "processes", filter });
    return (answer as RunningAnswer).processes;
  }

  async online(machine: AgentMachine): Promise<AgentStatus> {
    return await waitFor(
      `${machine} to be connected`,
      async () => {
        const status = await this.#statusOrNot(machine);
        return status?.link?.state === "online" && status;
      },
      90_000,
    );
  }

  async #statusOrNot(machine: AgentMachine): Promise<AgentStatus | undefined> {
    try {
      return await this.status(machine);
    } catch {
      return undefined; // it does not listen yet
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#running.splice(0).toReversed()) await each[Symbol.asyncDispose]();
    await this.network[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
}
