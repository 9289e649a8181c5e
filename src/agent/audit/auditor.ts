/**
 * Watches all processes of this machine and tells of them to the outbox: each once when it starts and once when it stops, whatever
 * they were seen by; each with its parent, its user, the fingerprint of its program and a category. See docs/fleet for what may
 * be missed, which is told too.
 */
import type { ClassificationUpdate } from "../../protocol/fleet/classification.ts";
import type { ProviderHealth, RunningProcess } from "../../protocol/fleet/payloads.ts";
import type { ProcessCategory } from "../../model/categories.ts";
import type { ProcessKey } from "../../model/process.ts";
import type { ProcessAuditor } from "../contract.ts";
import { AuditRun } from "./audit-run.ts";
import type { AuditorOptions } from "./options.ts";
import { RunningProcesses } from "./running.ts";
import { PROVIDER } from "./teller.ts";

/** Beside what everybody needs of an auditor. */
export interface LocalProcessAuditor extends ProcessAuditor {
  /** How the process is called in the fleet; null before the first run, and for one of another boot. */
  processIdOf(key: ProcessKey): string | null;
  /** How well it sees. */
  health(): ProviderHealth;
}

export function createProcessAuditor(options: AuditorOptions): LocalProcessAuditor {
  return new Auditor(options);
}

class Auditor implements LocalProcessAuditor {
  readonly #options: AuditorOptions;
  readonly #running = new RunningProcesses();
  #run: AuditRun | undefined;
  #runs = 0;
  #failure: string | undefined;
  /** What was said before the run could take it. */
  #updates: ClassificationUpdate[] = [];
  #before: { readonly atMs: number; readonly events: number } | undefined;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Throws what stops it, such as a proc file system that is not there; it can be run again. */
  async run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#runs += 1;
    try {
      await using run = new AuditRun(this.#options, this.#running);
      this.#run = run;
      this.#failure = undefined;
      this.applyClassifications(this.#updates.splice(0));
      await run.work(signal);
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      this.#run = undefined;
    }
  }

  requestSnapshot(): void {
    this.#run?.requestSnapshot(); // a run begins with one
  }

  applyClassifications(updates: readonly ClassificationUpdate[]): void {
    if (this.#run === undefined) this.#updates = [...this.#updates, ...updates].slice(-UPDATES_MAX);
    else this.#running.classify(this.#run.categories.apply(updates));
  }

  running(filter?: { category?: ProcessCategory; name?: string }): readonly RunningProcess[] {
    return this.#running.running(filter);
  }

  isRunning(nameOrHash: string): boolean {
    return this.#running.isRunning(nameOrHash);
  }

  processIdOf(key: ProcessKey): string | null {
    return this.#run?.ids.idOfKey(key) ?? null;
  }

  health(): ProviderHealth {
    const atMs = this.#options.clock.monotonicMs();
    const { eventsTotal = 0, lost = 0, gaps = 0 } = this.#run?.counts ?? {};
    const before = this.#before;
    this.#before = { atMs, events: eventsTotal };
    const elapsedMs = before === undefined ? 0 : atMs - before.atMs;
    const grown = Math.max(0, eventsTotal - (before?.events ?? 0));
    const source = this.#run?.isLive === true ? "the kernel's events and scans" : "scans alone";
    const state = this.#run !== undefined ? "live" : this.#failure === undefined ? "stopped" : "failed";
    return {
      provider: PROVIDER,
      state,
      eventsTotal,
      eventsPerSecond: elapsedMs <= 0 ? 0 : (grown * 1000) / elapsedMs,
      restarts: Math.max(0, this.#runs - 1),
      lost,
      detail: (this.#failure ?? `by ${source}; ${gaps} gaps told`).slice(0, 400),
    };
  }
}

const UPDATES_MAX = 10_000;
