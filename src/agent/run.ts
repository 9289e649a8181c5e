/**
 * An agent at work: watches, keeps, tells. Each loop is on its own and comes back if it fails, so that no defect of one stops the others;
 * what is seen while the parent is away stays in the outbox within its quotas. Told to end, it stores what it has, tries to send
 * it for two seconds, and closes.
 */
import { join } from "node:path";
import type { Outbox } from "../telemetry/contract.ts";
import { WbError } from "../model/errors.ts";
import type { MachineFacts } from "../protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../protocol/fleet/paths.ts";
import type { FrameListener } from "../protocol/helper/transport.ts";
import { Backoff } from "./backoff.ts";
import { createParentClient, ParentTransport, type ClosableParentClient } from "./client.ts";
import type {
  AgentClock,
  AgentLog,
  AgentState,
  FlowMonitor,
  HealthReader,
  JoinedParent,
  ProcessAuditor,
} from "./contract.ts";
import { listenForControl, type Question } from "./control.ts";
import { Credit } from "./credit.ts";
import { Cursors } from "./cursors.ts";
import { Drain, LANES } from "./drain.ts";
import { HeartbeatLoop } from "./heartbeat.ts";
import { Link } from "./link.ts";
import { pollCommands } from "./poll.ts";
import { wordsOf } from "./refusal.ts";
import { FILES } from "./state.ts";
import { runningAnswer } from "./running-answer.ts";
import { statusOfRunning, type AgentStatus } from "./status.ts";
import { pause } from "./wait.ts";

/** What watches this machine. */
export interface AgentParts {
  readonly auditor: ProcessAuditor;
  readonly flows: FlowMonitor;
  readonly health: HealthReader;
  /** Beside them, until the signal aborts; by its name. */
  readonly others?: readonly { readonly name: string; run(signal: AbortSignal): Promise<void> }[];
}

export interface RunOptions {
  /** Joined already. It is closed at the end, and the outbox too. */
  readonly state: AgentState;
  readonly outbox: Outbox;
  readonly clock: AgentClock;
  readonly log: AgentLog;
  readonly bootId: string;
  readonly machine: () => MachineFacts;
  readonly configHash: string;
  readonly proxy: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The longest pause between two attempts. */
  readonly retryMaxMs: number;
  readonly createParts: (client: ClosableParentClient, link: Link) => AgentParts;
  readonly stop: AbortSignal;
  /** Called once everything runs; its answer is called at the end. */
  readonly onStarted?: () => (() => void) | undefined;
}

/** What is under way is given so long to end in order. */
const PARTS_END_MS = 3000;
const LAST_SEND_MS = 2000;
const LEAVE_MS = 5000;
/** A loop that went on for so long had no lasting defect. */
const WORKED_MS = 60_000;

class RunningAgent {
  readonly #options: RunOptions;
  readonly #parent: JoinedParent;
  readonly #link: Link;
  readonly #cursors = new Cursors();
  readonly #client: ClosableParentClient;
  readonly #parts: AgentParts;
  readonly #drains: readonly Drain[];
  readonly #credits: readonly Credit[];
  readonly #startedAtMs: number;
  /** Ends what watches; what sends goes on a little. */
  readonly #watching = new AbortController();
  readonly #sending = new AbortController();
  #hasLeft = false;

  constructor(options: RunOptions, parent: JoinedParent) {
    const { state, outbox, clock, log, proxy, env, retryMaxMs } = options;
    this.#options = options;
    this.#parent = parent;
    this.#link = new Link(clock);
    this.#startedAtMs = clock.now();
    const { addresses, pin, parentId } = parent;
    const transport = new ParentTransport({
      addresses,
      pin,
      proxy,
      env,
      onWorked: (order) => this.#remember(order),
    });
    this.#client = createParentClient({ state, transport, parentId });
    this.#parts = options.createParts(this.#client, this.#link);
    this.#credits = LANES.map(() => new Credit(clock));
    this.#drains = LANES.map((lane, index) => {
      const credit = this.#credits[index] ?? new Credit(clock);
      const shared = { client: this.#client, link: this.#link, cursors: this.#cursors };
      return new Drain({ ...shared, outbox, clock, log, credit, lane, retryMaxMs });
    });
  }

  #remember(addresses: readonly string[]): void {
    const { state, log } = this.#options;
    if (state.parent === undefined) return;
    try {
      state.setParent({ ...state.parent, addresses });
    } catch (error) {
      log.warn(error instanceof Error ? error.message : String(error));
    }
  }

  /** What the parent does not take, for a person. */
  get #untaken(): string[] {
    return this.#drains.flatMap(({ notices }) => notices);
  }

  status(): AgentStatus {
    const { state, outbox } = this.#options;
    const { flows, auditor } = this.#parts;
    return statusOfRunning({
      state,
      startedAtMs: this.#startedAtMs,
      link: this.#link.status,
      outbox: outbox.status(),
      captureMethod: flows.captureMethod,
      runningProcesses: auditor.runningCount,
      notices: [...this.#untaken, ...flows.notices],
    });
  }

  /** Tells the parent, as far as it can be reached, and forgets it. */
  async leave(): Promise<{ readonly told: boolean; readonly problem: string | null }> {
    const { state, log } = this.#options;
    const answer = await this.#client.request("POST", AGENT_PATHS.leave, {}, () => undefined, {
      timeoutMs: LEAVE_MS,
    });
    state.setParent(undefined);
    this.#hasLeft = true;
    const problem = answer.kind === "ok" ? null : wordsOf(answer);
    log.info(
      problem === null ? `left ${this.#parent.parentName}` : `left, but the parent was not told: ${problem}`,
    );
    // After the answer to who asked is on its way.
    setTimeout(() => this.#watching.abort(), 50);
    return { told: problem === null, problem };
  }

  async #answer(question: Question): Promise<unknown> {
    if (question.ask === "status") return this.status();
    if (question.ask === "leave") return await this.leave();
    return runningAnswer(this.#parts.auditor, question.filter);
  }

  async #control(): Promise<FrameListener | undefined> {
    const { state, log } = this.#options;
    try {
      return await listenForControl(join(state.directory, FILES.socket), (question) =>
        this.#answer(question),
      );
    } catch (error) {
      log.warn(
        `\`wb agent status\` can't ask this agent: ${error instanceof Error ? error.message : String(error)}`,
      );
      return undefined;
    }
  }

  /** Runs a loop until the signal aborts, again and again if it fails: that would be a defect, and the others go on. */
  async #supervise(
    name: string,
    run: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log, retryMaxMs } = this.#options;
    const backoff = new Backoff({ maxMs: retryMaxMs });
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        await run(signal);
        if (!signal.aborted) log.error(`${name} ended by itself`);
      } catch (error) {
        log.error(
          `${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      }
      if (clock.monotonicMs() - startedMs > WORKED_MS) backoff.reset();
      await pause(backoff.next(), signal);
    }
  }

  #loops(): { watching: Promise<void>[]; sending: Promise<void>[] } {
    const { state, outbox, clock, log, machine, bootId, configHash, retryMaxMs } = this.#options;
    const { auditor, flows, health, others = [] } = this.#parts;
    const shared = { client: this.#client, link: this.#link, state, clock, log, retryMaxMs };
    const heartbeat = new HeartbeatLoop({
      ...shared,
      outbox,
      cursors: this.#cursors,
      credits: this.#credits,
      health,
      auditor,
      flows,
      machine,
      bootId,
      configHash,
      notices: () => {
        const { storageProblem } = outbox.status();
        return [...(storageProblem === null ? [] : [storageProblem]), ...this.#untaken];
      },
    });
    const watching = [
      { name: "watching processes", run: (signal: AbortSignal) => auditor.run(signal) },
      { name: "watching flows", run: (signal: AbortSignal) => flows.run(signal) },
      ...others,
    ];
    const targets = { auditor, flows, link: this.#link };
    const sending = [
      { name: "the heartbeat", run: (signal: AbortSignal) => heartbeat.run(signal) },
      {
        name: "waiting for commands",
        run: (signal: AbortSignal) => pollCommands({ ...shared, targets }, signal),
      },
      ...this.#drains.map((drain) => ({ name: "sending", run: (signal: AbortSignal) => drain.run(signal) })),
    ];
    return {
      watching: watching.map((each) =>
        this.#supervise(each.name, (signal) => each.run(signal), this.#watching.signal),
      ),
      sending: sending.map((each) =>
        this.#supervise(each.name, (signal) => each.run(signal), this.#sending.signal),
      ),
    };
  }

  async run(): Promise<void> {
    const { stop, outbox, state, onStarted } = this.#options;
    const end = (): void => this.#watching.abort();
    stop.addEventListener("abort", end, { once: true });
    if (stop.aborted) end();
    const control = await this.#control();
    const { watching, sending } = this.#loops();
    const onEnded = onStarted?.();
    try {
      await aborted(this.#watching.signal);
      await Promise.race([Promise.all(watching), Bun.sleep(PARTS_END_MS)]);
      await outbox.flush();
      await this.#finish(sending);
    } finally {
      stop.removeEventListener("abort", end);
      this.#sending.abort();
      onEnded?.();
      await control?.[Symbol.asyncDispose]();
      this.#client.close();
      await outbox.close();
      state.close();
    }
  }

  /** One last short try to send. */
  async #finish(sending: readonly Promise<void>[]): Promise<void> {
    const isOnline = this.#link.status.state === "online" && !this.#hasLeft;
    this.#sending.abort();
    await Promise.race([Promise.all(sending), Bun.sleep(LAST_SEND_MS)]);
    if (!isOnline) return;
    const deadline = AbortSignal.timeout(LAST_SEND_MS);
    await Promise.all(this.#drains.map((drain) => drain.finish(deadline)));
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * Runs until `stop` aborts or the agent is told to leave; everything is stored and closed when it resolves.
 * @throws WbError("config") where its parent's address or the proxy can't be used.
 */
export async function runAgent(options: RunOptions): Promise<void> {
  const { parent } = options.state;
  if (parent === undefined) throw new WbError("internal", "an agent without a parent");
  await new RunningAgent(options, parent).run();
}
