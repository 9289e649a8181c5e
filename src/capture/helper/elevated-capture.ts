/**
 * Capture by the elevated helper while it answers, and by the best that needs no privilege while it doesn't. A helper that
 * goes, or that stops answering, costs one sample at most a second and a half; that sample and those after it come from
 * the other capture, and the helper is looked for in the background until it is back. Rows go on under their names, and
 * their counts neither go back nor are told twice (interim.ts, told-count.ts).
 *
 * The other capture is there from the beginning: it is sampled now and then, so that it knows of every connection that
 * ends between the helper's last answer and its own first one. Where memory is short it rests: then it knows of these
 * by the kernel's notices alone.
 */
import { readlinkSync } from "node:fs";
import { libc } from "../../../ffi/linux/libc.ts";
import { withBreaths } from "../../lib/breath.ts";
import type { Clock } from "../../lib/clock.ts";
import type { CaptureStatus } from "../../model/capture-status.ts";
import type { Batch, Capture } from "../../model/contracts.ts";
import { WbError } from "../../model/errors.ts";
import type { ClosedSocket } from "../../model/flow.ts";
import type { Loss } from "../../model/loss.ts";
import type { ProcessInfo } from "../../model/process.ts";
import { readBootId } from "../../platform/boot-id.ts";
import { unixTransport } from "../../platform/unix-transport.ts";
import type { ProcessEventsFrame } from "../../protocol/helper/messages.ts";
import type { Transport } from "../../protocol/helper/transport.ts";
import type { HelperAccess } from "../helper-access.ts";
import { completeBatch } from "../linux/complete-batch.ts";
import { DEGRADATIONS } from "../linux/degradations.ts";
import { Interfaces } from "../linux/interfaces.ts";
import { LossTally } from "../linux/loss-tally.ts";
import type { ProcessReading } from "../linux/process-side.ts";
import { SC_CLK_TCK } from "../linux/process-table.ts";
import { HelperRefusal } from "./connection.ts";
import { HelperFinder } from "./finder.ts";
import type { Observation } from "./told-count.ts";
import { Interim } from "./interim.ts";
import { HelperLosses } from "./kernel-loss.ts";
import { ProcessRegistry } from "./process-registry.ts";
import { HelperProcessSide } from "./process-side.ts";
import { RowTable } from "./row-table.ts";
import { ANSWER_MS_MAX, HelperSession } from "./session.ts";

/** How often the other capture is kept up to date while it is not needed. */
const STANDBY_MS = 10_000;
/** How often all rows are asked for, and not only those that changed. */
const WHOLE_MS = 60_000;

export interface ElevatedOptions {
  /** Where the helper is, asked for each time; disposed of with the capture. */
  readonly access: HelperAccess;
  /** What captures while the helper is away; disposed of with the capture. */
  readonly fallback: Capture;
  readonly clock: Clock;
  readonly procRoot: string;
  /** The other capture rests while the helper answers, and knows only what closed since. */
  readonly isFrugal?: boolean | undefined;
  readonly transport?: Transport | undefined;
  /** For tests: how long an answer may take, and the pauses between two attempts to come back. */
  readonly answerMsMax?: number | undefined;
  readonly retryMs?: { readonly first: number; readonly last: number } | undefined;
}

interface Collected {
  readonly timeNs: number;
  readonly closed: readonly ClosedSocket[];
  readonly losses: readonly Loss[];
}

export class ElevatedCapture implements Capture {
  /**
   * Handed the records of struct wb_name (DNS answers, TLS server names) as they come, one after the other; the bytes may
   * be kept. Called between two samples, so it must be quick.
   */
  onNameRecords: ((records: Uint8Array) => void) | undefined;
  readonly #options: ElevatedOptions;
  readonly #clock: Clock;
  readonly #registry: ProcessRegistry;
  readonly #table: RowTable;
  readonly #processes: HelperProcessSide;
  readonly #interfaces: Interfaces;
  readonly #finder: HelperFinder;
  readonly #helperLosses = new HelperLosses();
  readonly #tally = new LossTally();
  #session: HelperSession | undefined;
  /** Taken between two samples. */
  readonly #closed: ClosedSocket[] = [];
  readonly #losses: Loss[] = [];
  #interim: Interim | undefined;
  /** The helper's run that the table's counts are of. */
  #instance: string | undefined;
  #sinceNs = 0;
  #wholeAtMs = Number.NEGATIVE_INFINITY;
  #standbyAtMs = Number.NEGATIVE_INFINITY;
  #hasAnswered = false;
  #observation: Observation = "now";
  #status: CaptureStatus;

  private constructor(options: ElevatedOptions) {
    this.#options = options;
    this.#clock = options.clock;
    const { procRoot } = options;
    this.#registry = new ProcessRegistry(readBootId(procRoot), libc().sysconf(SC_CLK_TCK));
    this.#table = new RowTable(this.#registry, ownNamespace(procRoot));
    this.#processes = new HelperProcessSide(this.#registry, procRoot);
    this.#interfaces = new Interfaces(procRoot);
    this.#status = options.fallback.status();
    this.#finder = new HelperFinder({
      clock: options.clock,
      retryMs: options.retryMs ?? { first: 500, last: 30_000 },
      find: async (onClosed) =>
        await HelperSession.open({
          transport: options.transport ?? unixTransport,
          address: await options.access.locate(),
          clock: options.clock,
          answerMsMax: options.answerMsMax ?? ANSWER_MS_MAX,
          onEvents: (frame) => this.#takeEvents(frame),
          onClosed,
        }),
    });
  }

  /**
   * Connects to the helper. Takes over `access` and `fallback`, also where it fails.
   * @throws WbError where there is no helper that can be used.
   */
  static async open(options: ElevatedOptions): Promise<ElevatedCapture> {
    await using owned = new AsyncDisposableStack();
    owned.use(options.access);
    owned.use(options.fallback);
    const capture = new ElevatedCapture(options);
    owned.defer(() => capture.#closeOwn());
    capture.#begin(await capture.#finder.findNow());
    owned.move();
    return capture;
  }

  status(): CaptureStatus {
    return this.#status;
  }

  /** Throws what the other capture throws, and that only while the helper is away. */
  async sample(): Promise<Batch> {
    const next = this.#finder.take();
    if (next !== undefined) await this.#change(next);
    if (this.#session !== undefined) {
      const batch = await this.#sampleOrLose(this.#session);
      if (batch !== undefined) return batch;
    }
    const again = this.#finder.take();
    if (again !== undefined) {
      await this.#change(again);
      const batch = await this.#sampleOrLose(again);
      if (batch !== undefined) return batch;
    }
    return await this.#sampleWithout();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closeOwn();
    await this.#options.fallback[Symbol.asyncDispose]();
    await this.#options.access[Symbol.asyncDispose]();
  }

  #closeOwn(): void {
    this.#finder[Symbol.dispose]();
    this.#session?.[Symbol.dispose]();
    this.#session = undefined;
    this.#processes[Symbol.dispose]();
    this.#interfaces[Symbol.dispose]();
  }

  #takeEvents({ events, names, droppedEvents }: ProcessEventsFrame): void {
    if (!this.#registry.take(events)) this.#tally.add("malformed_record", 1);
    this.#helperLosses.noteDroppedEvents(droppedEvents);
    if (names.byteLength > 0) this.onNameRecords?.(names);
  }

  /** To the next session: of one that is renewed, what closed until now is taken along. */
  async #change(next: HelperSession): Promise<void> {
    const session = this.#session;
    if (session?.isOpen === true && session.instance === next.instance) {
      try {
        const { closed, losses } = await this.#collect(session);
        this.#closed.push(...closed);
        this.#losses.push(...losses);
      } catch (error) {
        if (!(error instanceof WbError)) throw error;
        session[Symbol.dispose](); // what it had to tell is lost with it, which is told
      }
    }
    this.#begin(next);
  }

  /** Goes on with another session: the next of the same helper, the one after an interruption, or with another helper. */
  #begin(session: HelperSession): void {
    const isOther = this.#instance !== undefined && this.#instance !== session.instance;
    const isRenewal = !isOther && this.#session?.isOpen === true;
    if (this.#session !== undefined && !isRenewal) this.#tally.add("helper_interrupted", 1);
    this.#session?.[Symbol.dispose]();
    this.#session = session;
    this.#helperLosses.beginSession(this.#instance === undefined ? "first" : isOther ? "other" : "same");
    this.#instance = session.instance;
    this.#interim?.end();
    this.#table.seeds = this.#interim?.told ?? this.#table.seeds;
    this.#interim = undefined;
    if (isOther) this.#table.beginInstance();
    // Where a helper had no room for a socket, one that is not known need not be young.
    if (isOther && this.#hasAnswered && !this.#helperLosses.hasLostSockets) this.#observation = "beginning";
    this.#sinceNs = 0;
    this.#status = statusOf(session);
  }

  /** Undefined where the helper is lost. */
  async #sampleOrLose(session: HelperSession): Promise<Batch | undefined> {
    try {
      return await this.#sampleBy(session);
    } catch (error) {
      if (!(error instanceof WbError)) throw error;
      session[Symbol.dispose]();
      this.#session = undefined;
      this.#tally.add("helper_interrupted", 1);
      // A session whose time is over is no reason to go without the helper.
      const isOver =
        error instanceof HelperRefusal && (error.reason === "expired" || error.reason === "unauthenticated");
      if (isOver) await this.#finder.findSoon(this.#options.answerMsMax ?? ANSWER_MS_MAX);
      else this.#finder.search();
      return undefined;
    }
  }

  async #sampleBy(session: HelperSession): Promise<Batch> {
    const sampledAtMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    const { timeNs, closed, losses } = await this.#collect(session);
    const enumeratedMs = this.#clock.monotonicMs();
    const reading = await this.#processes.sample(timeNs, (pids) => session.processes(pids));
    const batch = this.#complete({ sampledAtMs, monotonicMs, enumeratedMs }, closed, reading, losses);
    await this.#keepStandby(monotonicMs);
    if (session.isAging) this.#finder.search();
    return batch;
  }

  /** Takes one answer into the table. */
  async #collect(session: HelperSession): Promise<Collected> {
    const nowMs = this.#clock.monotonicMs();
    const isWhole = this.#sinceNs === 0 || nowMs - this.#wholeAtMs >= WHOLE_MS;
    const answer = await session.collect(isWhole ? 0 : this.#sinceNs);
    const taking = this.#table.taking(answer, {
      isWhole,
      observation: this.#observation,
      nowMs: this.#clock.nowMs(),
    });
    const { closed, strayRows, strayBytes } = await withBreaths(taking);
    this.#sinceNs = answer.timeNs;
    if (isWhole) this.#wholeAtMs = nowMs;
    this.#table.seeds = undefined;
    this.#hasAnswered = true;
    this.#observation = "before";
    const losses = this.#helperLosses.take(answer, { rows: strayRows, bytes: strayBytes });
    return { timeNs: answer.timeNs, closed, losses: [...this.#losses.splice(0), ...losses] };
  }

  #complete(
    times: { sampledAtMs: number; monotonicMs: number; enumeratedMs: number },
    closed: readonly ClosedSocket[],
    processes: ProcessReading,
    losses: readonly Loss[],
  ): Batch {
    const parts = {
      ...times,
      sockets: this.#table.samples(),
      closed: [...this.#closed.splice(0), ...closed],
      processes,
    };
    const batch = completeBatch(parts, this.#interfaces, this.#tally, this.#clock);
    return { ...batch, loss: [...losses, ...batch.loss] };
  }

  /** What the other capture learns is not told: the helper knows it better. It learns it all the same. */
  async #keepStandby(monotonicMs: number): Promise<void> {
    if (this.#options.isFrugal === true) {
      this.#options.fallback.rest?.(monotonicMs);
      return;
    }
    if (monotonicMs - this.#standbyAtMs < STANDBY_MS) return;
    this.#standbyAtMs = monotonicMs;
    try {
      await this.#options.fallback.sample();
    } catch (error) {
      if (!(error instanceof WbError)) throw error; // it will say so when it is needed
    }
  }

  async #sampleWithout(): Promise<Batch> {
    this.#interim ??= new Interim(this.#table, this.#hasAnswered);
    const { fallback } = this.#options;
    const batch = await fallback.sample();
    const reading = await this.#processes.sample(undefined, undefined);
    const sockets = this.#interim.live(batch.sockets);
    const closed = this.#interim.closed(batch.closed);
    this.#status = withoutHelper(fallback.status());
    return {
      ...batch,
      sockets,
      closed,
      processes: [...reading.processes, ...this.#better(batch.processes)],
      exited: [...new Set([...batch.exited, ...reading.exited])],
      usage: [...batch.usage, ...reading.usage],
      loss: [...batch.loss, ...this.#tally.take()],
    };
  }

  /** The other capture may know less of a process than the helper told: that is not taken back. */
  #better(infos: readonly ProcessInfo[]): ProcessInfo[] {
    return infos.filter((info) => info.path !== undefined || !this.#registry.isTold(info.key));
  }
}

function statusOf({ status }: HelperSession): CaptureStatus {
  const lacks = (code: string): boolean => status.degradations.some((each) => each.code === code);
  return {
    method: status.method,
    capabilities: {
      bytes: "all",
      closedConnections: true,
      processes: "all",
      names: !lacks("no_names"),
      namespaces: "all",
    },
    degradations: status.degradations,
  };
}

function withoutHelper(status: CaptureStatus): CaptureStatus {
  return { ...status, degradations: [DEGRADATIONS.helper_gone, ...status.degradations] };
}

/** Undefined where there is no proc file system, or none that tells. */
function ownNamespace(procRoot: string): number | undefined {
  try {
    const digits = /^net:\[(\d+)\]$/.exec(readlinkSync(`${procRoot}/self/ns/net`))?.[1];
    return digits === undefined ? undefined : Number(digits);
  } catch {
    return undefined; // then no socket is said to be elsewhere
  }
}
