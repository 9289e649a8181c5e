/**
 * Keeps the registry on disk in step with what was told: before an event goes to the outbox it is noted that it is about to be
 * told, and after the outbox has stored it, that it was. So the next start of the agent tells nothing twice, and knows which few
 * of the last moment before a kill the parent has to learn by the snapshot. While the registry can't be written nothing is
 * told, up to a bound.
 */
import type { Outbox } from "../../telemetry/contract.ts";
import type {
  ProcessRegistryStore,
  RegistryFingerprint,
  RegistryProcess,
  TellingState,
} from "../../store/process-registry.ts";
import type { KnownProcess, RunningProcesses } from "./running.ts";
import { writeDetails } from "./stored-details.ts";

export interface BookkeeperOptions {
  readonly registry: ProcessRegistryStore;
  readonly running: RunningProcesses;
  readonly outbox: Outbox;
  readonly bootId: string;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
}

/** So many starts and ends wait for the outbox to store them; where it can't for long, they are forgotten. */
const UNSETTLED_MAX = 10_000;

/** What one turn tells. */
export class Turn {
  readonly begun: KnownProcess[] = [];
  readonly changed: KnownProcess[] = [];
  readonly ended: KnownProcess[] = [];

  get size(): number {
    return this.begun.length + this.changed.length + this.ended.length;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }
}

export class Bookkeeper {
  readonly #options: BookkeeperOptions;
  /** The registry does not hold what was told: it is to be written as a whole. */
  #isStale = false;
  /** Something waits to be told until it can be noted. */
  #isHeld = false;
  #settling: Promise<void> = Promise.resolve();
  /** Turns that the outbox has not stored yet. */
  #unsettled: Turn[] = [];
  /** Ids of those whose start the outbox has not stored yet. */
  readonly #starting = new Set<string>();

  constructor(options: BookkeeperOptions) {
    this.#options = options;
  }

  /**
   * To be called before the turn's events are appended. False where it can't be noted that they are about to be: then they wait,
   * and it is called again with the same turn, unless `giveUp` is.
   */
  before(turn: Turn): boolean {
    const ended = idsOf(turn.ended);
    const begun = idsOf(turn.begun);
    for (const processId of begun) this.#starting.add(processId);
    if (this.#options.registry.takeLost()) this.#isStale = true;
    this.#isHeld = !(this.#isStale ? this.#writeAll(turn) : this.#noteTurn(turn, begun, ended));
    return !this.#isHeld;
  }

  #noteTurn(turn: Turn, begun: ReadonlySet<string>, ended: ReadonlySet<string>): boolean {
    // Of one that began and ended in this turn there is nothing to remember: it will not be met again.
    const rows = [...turn.begun, ...turn.changed].filter(({ told }) => !ended.has(told.processId));
    return this.#write({
      fingerprints: distinct([...turn.begun, ...turn.changed]),
      processes: rows.map((process) => rowOf(process, this.#tellingOf(process))),
      states: [...ended]
        .filter((processId) => !begun.has(processId))
        .map((processId) => ({ processId, telling: "stopping" })),
      removed: [],
      observedUntilMs: undefined,
    });
  }

  /** Instead of what is stored: of those that run all, and of the turn those that ended. */
  #writeAll(turn: Turn): boolean {
    const { running, registry, bootId, nowMs } = this.#options;
    const rows = [
      ...[...running.all()].map((process) => rowOf(process, this.#tellingOf(process))),
      ...turn.ended.map((process) => rowOf(process, "stopping")),
    ];
    this.#isStale = !registry.rewrite(bootId, rows, { observedUntilMs: undefined, nowMs: nowMs() });
    return !this.#isStale;
  }

  /** What could not be noted is told all the same: after a kill it may be told again. */
  giveUp(): void {
    this.#isHeld = false;
    this.#isStale = true;
  }

  /** To be called after they were appended. `observedUntilMs`: all that happened until then is among what was appended; undefined: as before. */
  after(turn: Turn, observedUntilMs: number | undefined): Promise<void> {
    if (!turn.isEmpty) this.#unsettled.push(turn);
    this.#settling = this.#settling.then(() => this.#settle(observedUntilMs));
    return this.#settling;
  }

  /** Of them nobody knows whether they were told: `tell` does, and until that is stored it stays so. */
  async settle(uncertain: readonly KnownProcess[], tell: () => void): Promise<void> {
    if (uncertain.length === 0) return;
    const turn = new Turn();
    turn.begun.push(...uncertain);
    this.before(turn);
    tell();
    await this.after(turn, undefined);
  }

  async #settle(observedUntilMs: number | undefined): Promise<void> {
    const { outbox } = this.#options;
    const turns = [...this.#unsettled]; // others may come while it is stored
    await outbox.flush(); // also of the gaps before `observedUntilMs`
    const { storageProblem } = outbox.status();
    if (storageProblem !== null) {
      // What is in memory only may be lost yet.
      if (this.#unsettled.reduce((sum, turn) => sum + turn.size, 0) > UNSETTLED_MAX) this.#forgetTurns();
      return;
    }
    const ended = idsOf(turns.flatMap((turn) => turn.ended));
    for (const processId of idsOf(turns.flatMap((turn) => turn.begun))) this.#starting.delete(processId);
    const isNoted =
      this.#isStale ||
      this.#write({
        fingerprints: [],
        processes: [],
        states: turns.flatMap((turn) =>
          turn.begun
            .filter(({ told, isLocal }) => !isLocal && !ended.has(told.processId))
            .map(({ told }) => ({ processId: told.processId, telling: "told" as const })),
        ),
        removed: [...ended],
        observedUntilMs: this.#isHeld ? undefined : observedUntilMs,
      });
    // Until it is, each of them is stored as perhaps told.
    if (isNoted) this.#unsettled = this.#unsettled.filter((turn) => !turns.includes(turn));
  }

  /** Of who runs it stays unknown whether it was told, and the registry is to be written as a whole. */
  #forgetTurns(): void {
    this.#unsettled = [];
    this.#isStale = true;
    for (const processId of this.#starting)
      if (this.#options.running.get(processId) === undefined) this.#starting.delete(processId);
  }

  #tellingOf({ told, isLocal }: KnownProcess): TellingState {
    if (isLocal) return "local";
    return this.#starting.has(told.processId) ? "starting" : "told";
  }

  #write(batch: Omit<Parameters<ProcessRegistryStore["write"]>[1], "nowMs">): boolean {
    const { registry, bootId, nowMs } = this.#options;
    return registry.write(bootId, { ...batch, nowMs: nowMs() });
  }
}

function idsOf(processes: readonly KnownProcess[]): Set<string> {
  return new Set(processes.map(({ told }) => told.processId));
}

function rowOf(process: KnownProcess, telling: TellingState): RegistryProcess {
  const { told, startNs, startTicks } = process;
  return {
    processId: told.processId,
    fingerprintHash: told.fingerprintHash,
    pid: told.pid,
    startedAtMs: told.startedAtMs,
    telling,
    details: writeDetails({ told, startNs: startNs ?? null, startTicks }),
  };
}

function distinct(processes: readonly KnownProcess[]): RegistryFingerprint[] {
  const found = new Map<string, RegistryFingerprint>();
  for (const { told } of processes) {
    const { name, path, fileHash, signature, publisher, version } = told.fingerprint;
    const { fingerprintHash } = told;
    found.set(fingerprintHash, { fingerprintHash, name, path, fileHash, signature, publisher, version });
  }
  return [...found.values()];
}
