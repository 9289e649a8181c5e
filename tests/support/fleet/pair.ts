/** A parent and one agent of the compiled binary on this machine, each with a directory of its own; they end with their scope. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { askControl } from "../../../src/agent/control.ts";
import { FILES } from "../../../src/agent/state.ts";
import type { AgentStatus } from "../../../src/agent/status.ts";
import type { Page } from "../../../src/model/fleet.ts";
import { AS_BINARY, serveProcess, type ServeProcess } from "./serve-process.ts";
import { tmpdir, type TemporaryDirectory } from "../tmpdir.ts";
import { waitFor } from "../wait-for.ts";
import { Program, runThere } from "./program.ts";

export interface PairOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What to put in front of the agent's command. */
  readonly at?: readonly string[];
}

export class Pair implements AsyncDisposable {
  readonly parent: ServeProcess;
  readonly agent: Program;
  readonly agentId: string;
  readonly #directory: TemporaryDirectory;

  private constructor(
    parent: ServeProcess,
    agent: { program: Program; id: string },
    directory: TemporaryDirectory,
  ) {
    this.parent = parent;
    this.agent = agent.program;
    this.agentId = agent.id;
    this.#directory = directory;
  }

  static async start({ env = {}, at = [] }: PairOptions = {}): Promise<Pair> {
    const directory = await tmpdir();
    const parent = await serveProcess(directory.path, { by: AS_BINARY });
    try {
      const HOME = directory.path;
      const token = await runThere({ at: [], env: { HOME } }, ["serve", "token", "create"]);
      const environment = { ...env, HOME, WB_AGENT_STATE_DIR: join(HOME, "agent") };
      const joined = await runThere({ at: [], env: environment }, ["agent", "join", token.stdout.trim()]);
      if (joined.code !== 0) throw new Error(joined.stderr);
      const program = new Program({ at, env: environment }, ["agent"]);
      const pair = new Pair(parent, { program, id: joined.stdout.trim() }, directory);
      await waitFor(
        "the agent to be connected",
        async () => (await pair.#statusOrNot())?.link?.state === "online",
      );
      return pair;
    } catch (error) {
      await parent[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
      throw error;
    }
  }

  path(...parts: readonly string[]): string {
    return join(this.#directory.path, ...parts);
  }

  async status(): Promise<AgentStatus> {
    return (await askControl(this.path("agent", FILES.socket), { ask: "status" })) as AgentStatus;
  }

  async #statusOrNot(): Promise<AgentStatus | undefined> {
    try {
      return await this.status();
    } catch {
      return undefined; // it does not listen yet
    }
  }

  /** By the key that the parent leaves for its own user. @throws where it refuses. */
  async ask<T>(path: string): Promise<T> {
    const file = readFileSync(this.path(".local/state/wirebound/serve/local.json"), "utf8");
    const { key } = JSON.parse(file) as { key: string };
    for (;;) {
      const answer = await this.parent.fetch(path, { headers: { authorization: `Bearer ${key}` } });
      if (answer.status === 200) return (await answer.json()) as T;
      if (answer.status !== 429) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      await Bun.sleep(Number(answer.headers.get("retry-after")) * 1000); // as it says
    }
  }

  /** All items of a list. */
  async items<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page<T> = await this.ask(`${path}${path.includes("?") ? "&" : "?"}limit=1000${more}`);
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return items;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.parent[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
}
