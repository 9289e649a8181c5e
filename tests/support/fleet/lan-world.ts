/**
 * The world of tests/binary/fleet-*.test.ts: a parent, the elevated helper and a proxy, ready for agents; made when the first test
 * asks for it, for all tests of a file. Machines `one` and `three` have the helper, `two` does with scans alone; `three` reaches
 * the parent through the proxy and by no other way.
 */
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ProcessRecord, StoredEvent } from "../../../src/model/fleet.ts";
import { HelperProcess } from "../helper-process.ts";
import { BINARY_PATH } from "../needs.ts";
import { LineProcess } from "../traffic/traffic.ts";
import { waitFor } from "../wait-for.ts";
import { ADDRESSES } from "./namespaces.ts";
import { Lan, type AgentMachine } from "./lan.ts";
import type { Program } from "./program.ts";

export const FLOW_INTERVAL_MS = 2000;

export class LanWorld implements AsyncDisposable {
  readonly ids: Record<AgentMachine, string> = { one: "", two: "", three: "" };
  readonly agents: Partial<Record<AgentMachine, Program>> = {};
  readonly lan: Lan;
  readonly parent: Program;
  readonly helper: HelperProcess;
  readonly #proxy: LineProcess;
  readonly #proxyPort: number;

  private constructor(
    lan: Lan,
    parent: Program,
    helper: HelperProcess,
    proxy: { process: LineProcess; port: number },
  ) {
    this.lan = lan;
    this.parent = parent;
    this.helper = helper;
    this.#proxy = proxy.process;
    this.#proxyPort = proxy.port;
  }

  static async make(): Promise<LanWorld> {
    const lan = await Lan.make();
    try {
      const parent = await lan.startParent();
      await mkdir(lan.path("helper"), { mode: 0o700 });
      const helper = await HelperProcess.start({ program: [BINARY_PATH], directory: lan.path("helper") });
      lan.keep(helper);
      const words = [join(import.meta.dir, "proxy-program.ts"), ADDRESSES.proxyBehind];
      const proxy = new LineProcess([...lan.network.at("proxy"), process.execPath, ...words]);
      lan.keep({ [Symbol.asyncDispose]: () => proxy.end() });
      const { port } = await proxy.next<{ port: number }>();
      return new LanWorld(lan, parent, helper, { process: proxy, port });
    } catch (error) {
      await lan[Symbol.asyncDispose]();
      throw error;
    }
  }

  environment(machine: AgentMachine): Record<string, string> {
    const { socketPath, secretPath } = this.helper;
    return {
      WB_AGENT_FLOW_INTERVAL: `${FLOW_INTERVAL_MS}ms`,
      WB_AGENT_RETRY_MAX: "2s",
      ...(machine === "two"
        ? { WB_NO_HELPER: "1" }
        : { WB_HELPER_SOCKET: socketPath, WB_HELPER_SECRET_FILE: secretPath }),
      ...this.proxyOf(machine),
    };
  }

  /** How the parent is reached from there. */
  proxyOf(machine: AgentMachine): Record<string, string> {
    if (machine !== "three") return {};
    return { HTTPS_PROXY: `http://${ADDRESSES.proxyBehind}:${this.#proxyPort}` };
  }

  /** What the proxy was asked for so far. */
  async tunnels(): Promise<readonly string[]> {
    this.#proxy.write("tunnels");
    return await this.#proxy.next<string[]>();
  }

  /** A token of `wb serve token create`. */
  async token(...words: readonly string[]): Promise<string> {
    const token = await this.lan.done("parent", ["serve", "token", "create", ...words]);
    if (!/^wbj1\.\S+$/.test(token)) throw new Error(`no token: ${token}`);
    return token;
  }

  /** `wb agent join TOKEN` there. */
  async join(machine: AgentMachine): Promise<void> {
    const id = await this.lan.done(machine, ["agent", "join", await this.token()], this.environment(machine));
    this.ids[machine] = id;
  }

  /** `wb agent`, and what was said to it before. */
  start(machine: AgentMachine, ...words: readonly string[]): Program {
    const agent = this.lan.start(machine, ["agent", ...words], this.environment(machine));
    this.agents[machine] = agent;
    return agent;
  }

  async online(machine: AgentMachine): Promise<void> {
    this.ids[machine] = (await this.lan.online(machine)).agentId ?? "";
  }

  /** A program that nothing else on this machine is called like: it sleeps for its argument. */
  async program(name: string): Promise<string> {
    const path = this.lan.path(name);
    await copyFile("/usr/bin/sleep", path);
    await chmod(path, 0o755);
    return path;
  }

  /** Once the parent knows a process of that agent that matches. */
  async process(machine: AgentMachine, search: string, pid: number, waitMs = 90_000): Promise<ProcessRecord> {
    const path = `/api/v1/processes?agent=${this.ids[machine]}&search=${search}`;
    return await waitFor(
      `${search} (${pid}) of ${machine} to be at the parent`,
      async () => (await this.lan.items<ProcessRecord>(path)).find((each) => each.pid === pid),
      waitMs,
    );
  }

  /** Oldest first. */
  async processEvents(machine: AgentMachine): Promise<StoredEvent[]> {
    const path = `/api/v1/events?agent=${this.ids[machine]}&stream=process`;
    return (await this.lan.items<StoredEvent>(path)).toReversed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lan[Symbol.asyncDispose]();
  }
}

export interface Spawned extends AsyncDisposable {
  readonly pid: number;
  /** Just before it was started. */
  readonly atMs: number;
  /** Just afterwards. */
  readonly untilMs: number;
}

export function spawned(path: string, ...words: readonly string[]): Spawned {
  const atMs = Date.now();
  const child = Bun.spawn([path, ...words], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  return {
    pid: child.pid,
    atMs,
    untilMs: Date.now(),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
