/**
 * Looks every two seconds how well this agent sees and keeps, and tells it as health telemetry (telemetry/health.ts): the watching of
 * processes, the watching of flows, and the outbox itself.
 */
import type { ProviderHealth } from "../protocol/fleet/payloads.ts";
import type { Outbox } from "../telemetry/contract.ts";
import { ProviderHealthBook, type ProviderHandle } from "../telemetry/health.ts";
import type { AgentClock, AgentLog, FlowMonitor } from "./contract.ts";
import { pause } from "./wait.ts";

export interface ProviderHealthOptions {
  readonly outbox: Outbox;
  readonly clock: AgentClock;
  readonly log: AgentLog;
  /** Of the watching of processes, as it tells itself. */
  readonly processes: () => ProviderHealth;
  readonly flows: Pick<FlowMonitor, "captureMethod" | "notices">;
  readonly lookMs?: number;
  readonly reportMs?: number;
}

const LOOK_MS = 2000;

/** Numbers that only grow, told by how much they have grown. */
class Growth {
  readonly #before = new Map<string, number>();

  of(name: string, total: number): number {
    const before = this.#before.get(name) ?? 0;
    this.#before.set(name, total);
    return Math.max(0, total - before);
  }
}

export class AgentHealth {
  readonly #options: ProviderHealthOptions;
  readonly #book: ProviderHealthBook;
  readonly #growth = new Growth();
  readonly #processes: ProviderHandle;
  readonly #flows: ProviderHandle;
  readonly #outbox: ProviderHandle;
  #haveFlowsBeenSeen = false;
  #storageProblem: string | null = null;

  constructor(options: ProviderHealthOptions) {
    this.#options = options;
    const { outbox, clock, reportMs } = options;
    this.#book = new ProviderHealthBook({
      outbox,
      clock: { nowMs: () => clock.now(), monotonicMs: () => clock.monotonicMs() },
      ...(reportMs === undefined ? {} : { reportMs }),
    });
    this.#processes = this.#book.provider("processes", { countsLoss: true });
    this.#flows = this.#book.provider("flows");
    this.#outbox = this.#book.provider("outbox", { countsLoss: true });
  }

  /** Until the signal aborts; then all is told once more. */
  async run(signal: AbortSignal): Promise<void> {
    const telling = this.#book.run(signal);
    while (!signal.aborted) {
      await pause(this.#options.lookMs ?? LOOK_MS, signal);
      this.look();
    }
    await telling;
  }

  look(): void {
    this.#lookAtProcesses();
    this.#lookAtFlows();
    this.#lookAtOutbox();
  }

  #lookAtProcesses(): void {
    const { state, eventsTotal, restarts, lost, detail } = this.#options.processes();
    const grown = this.#growth.of("processes", eventsTotal);
    const newlyLost = this.#growth.of("processes lost", lost ?? 0);
    if (newlyLost > 0) this.#processes.lost(newlyLost);
    // What comes after the first part are counts, which would make each look news.
    const words = detail.split(";")[0] ?? detail;
    if (this.#growth.of("processes restarts", restarts) > 0)
      this.#processes.restarting("it was started anew");
    if (state === "live") {
      this.#processes.live(words);
      this.#processes.events(grown);
    } else if (state === "failed") this.#processes.failed(words);
    else this.#processes.stopped(words);
  }

  #lookAtFlows(): void {
    const { flows, outbox } = this.#options;
    const stream = outbox.status().streams.find((each) => each.stream === "flow");
    const grown = this.#growth.of("flows", stream?.produced ?? 0);
    const { captureMethod, notices } = flows;
    if (captureMethod !== "none") {
      this.#haveFlowsBeenSeen = true;
      this.#flows.live(`by ${captureMethod}`);
      this.#flows.events(grown);
      return;
    }
    const [problem] = notices;
    if (this.#haveFlowsBeenSeen) this.#flows.restarting(problem ?? "it is being started");
    else if (problem === undefined) this.#flows.stopped("it is being started");
    else this.#flows.failed(problem);
  }

  #lookAtOutbox(): void {
    const { log, outbox } = this.#options;
    const { streams, storageProblem } = outbox.status();
    const sum = (of: (stream: (typeof streams)[number]) => number): number =>
      streams.reduce((total, stream) => total + of(stream), 0);
    const grown = this.#growth.of(
      "outbox",
      sum(({ produced }) => produced),
    );
    const newlyLost = this.#growth.of(
      "outbox lost",
      sum(({ lost }) => lost),
    );
    if (newlyLost > 0) this.#outbox.lost(newlyLost);
    if (storageProblem !== null && this.#storageProblem !== storageProblem)
      log.error(`nothing can be stored: ${storageProblem}`);
    if (storageProblem === null && this.#storageProblem !== null) log.info("what is seen is stored again");
    this.#storageProblem = storageProblem;
    if (storageProblem === null) {
      this.#outbox.live();
      this.#outbox.events(grown);
    } else this.#outbox.failed(storageProblem);
  }
}
