/**
 * One run of the auditor: takes up where the run before ended, then tells of processes by the kernel's events where the helper
 * is, and by scans of /proc in any case: often while much changes, seldom while nothing does. Wherever something may have been
 * missed an observation gap says so, from when until when.
 */
import { randomBytes } from "node:crypto";
import { serviceAccess, type HelperAccess } from "../../capture/helper-access.ts";
import { ProcessWatch } from "../../capture/helper/process-watch.ts";
import { ProcessScanner } from "../../capture/linux/process-scan.ts";
import { Users } from "../../capture/linux/users.ts";
import type { ProcessEvent } from "../../decode/process-events.ts";
import { readBootId } from "../../platform/boot-id.ts";
import { bootTimeNs } from "../../platform/boot-time.ts";
import { ProcessRegistryStore } from "../../store/process-registry.ts";
import type { ObservationGap } from "../../protocol/fleet/payloads.ts";
import { Bell } from "../wait.ts";
import { Bookkeeper, Turn } from "./bookkeeper.ts";
import { Categories } from "./categories.ts";
import { FileReader } from "./file-facts.ts";
import { Ledger } from "./ledger.ts";
import type { AuditorOptions } from "./options.ts";
import { FileOwners } from "./owners.ts";
import { ProcessIds } from "./process-ids.ts";
import { Programs, type AskRows } from "./programs.ts";
import { restoreProcesses } from "./restore.ts";
import type { RunningProcesses } from "./running.ts";
import { ScanOnly } from "./scan-only.ts";
import { EVENT_IDS, eventOf, Teller } from "./teller.ts";
import { LATE_NS } from "./timeline.ts";

/** As the first design has it: a scan every five seconds, from two to fifteen. */
const SCAN_FIRST_MS = 5000;
const SCAN_MIN_MS = 2000;
const SCAN_MAX_MS = 15_000;
const FASTER = 0.8;
const SLOWER = 1.5;
/** How long the first tellings of a run wait for their files. */
const FIRST_PATIENCE_MS = 2000;
/** While something waits for its time, and events may come. */
const PENDING_MS = 25;
/** Without the helper it is told as often that only scans tell. */
const SCAN_ONLY_MS = 3_600_000;
/** What was lost was so within this time: the helper's own loss is asked for every five seconds. */
const LOST_WITHIN_MS = 10_000;
const TRIM_MS = 600_000;
const NS_PER_MS = 1e6;

export interface AuditCounts {
  readonly eventsTotal: number;
  readonly lost: number;
  readonly gaps: number;
}

export class AuditRun implements AsyncDisposable {
  readonly ids: ProcessIds;
  readonly categories: Categories;
  readonly registry: ProcessRegistryStore;
  readonly #options: AuditorOptions;
  readonly #running: RunningProcesses;
  readonly #scanner: ProcessScanner;
  readonly #ledger: Ledger;
  readonly #files: FileReader;
  readonly #owners: FileOwners;
  readonly #programs: Programs;
  readonly #teller: Teller;
  readonly #bookkeeper: Bookkeeper;
  readonly #watch: ProcessWatch | undefined;
  readonly #users = new Users();
  /** Rings where there is something to do before its time. */
  readonly #wanted = new Bell();
  #scanMs: number;
  #scanDueMs = 0;
  /** Steady, as all moments here: a clock that is set makes no gap longer or shorter. */
  #scannedAtMs: number;
  #trimDueMs = 0;
  #observedMs = 0;
  readonly #scanOnly: ScanOnly;
  #isSnapshotWanted = false;
  #eventsTotal = 0;
  #lost = 0;
  #gaps = 0;

  /** Throws WbError("unavailable") where there is no proc file system. */
  constructor(options: AuditorOptions, running: RunningProcesses) {
    const { clock, state, procRoot = "/proc", log } = options;
    const nowMs = (): number => clock.now();
    const monotonicMs = (): number => clock.monotonicMs();
    this.#options = options;
    this.#running = running;
    this.#scanMs = Math.min(options.scanMs?.max ?? SCAN_MAX_MS, options.scanMs?.first ?? SCAN_FIRST_MS);
    this.#scanner = new ProcessScanner(procRoot);
    const { ticksPerSecond, seesAll } = this.#scanner;
    this.registry = ProcessRegistryStore.open(options.registryPath);
    const { setAsidePath, problem } = this.registry;
    if (setAsidePath !== undefined) log.warn(`the damaged process registry lies set aside: ${setAsidePath}`);
    if (problem !== undefined) log.warn(`processes are not remembered between runs: ${problem}`);
    const clocks = { now: nowMs, bootNs: bootTimeNs };
    this.ids = new ProcessIds(readBootId(procRoot), ticksPerSecond, clocks, state);
    this.#scannedAtMs = this.ids.steadyNow();
    this.#scanOnly = new ScanOnly(options, this.ids.steadyNow());
    this.#ledger = new Ledger({ ticksPerSecond, scansSeeAll: seesAll });
    this.#owners = new FileOwners(options.dpkgDirectory);
    this.#files = new FileReader(this.registry, (path) => this.#owners.owner(path), nowMs);
    this.#programs = new Programs(this.#scanner, this.#files, this.ids);
    this.categories = new Categories({
      registry: this.registry,
      asker: options.asker,
      nowMs,
      monotonicMs,
      onAnswers: (updates) => this.#running.classify(this.categories.apply(updates)),
    });
    this.#bookkeeper = new Bookkeeper({
      registry: this.registry,
      running,
      outbox: options.outbox,
      bootId: this.ids.bootId,
      nowMs,
    });
    this.#teller = new Teller({
      outbox: options.outbox,
      programs: this.#programs,
      running,
      categories: this.categories,
      ids: this.ids,
      noise: options.noise ?? "kernel_threads",
      userName: (userId) => this.#users.name(userId),
      monotonicMs,
      wake: () => this.#wanted.ring(),
    });
    this.#watch = this.#makeWatch();
  }

  get counts(): AuditCounts {
    const { toldCount: told } = this.#teller;
    return {
      eventsTotal: Math.max(told, this.#eventsTotal),
      lost: this.#lost,
      gaps: this.#gaps,
    };
  }

  get isLive(): boolean {
    return this.#ledger.isLive;
  }

  /** Of all that is being told by now: who is not in it has ended, as the parent takes it. */
  requestSnapshot(): void {
    this.#teller.mark(() => (this.#isSnapshotWanted = true));
    this.#wanted.ring();
  }

  /** Until the signal aborts; then what waits is told. */
  async work(signal: AbortSignal): Promise<void> {
    this.#takeUp();
    this.#watch?.start();
    while (!signal.aborted) {
      if (this.#options.clock.monotonicMs() >= this.#scanDueMs) this.#scan();
      this.#pump();
      void this.categories.ask();
      await this.#wanted.wait(this.#pauseMs(), signal);
    }
    const observedUntilMs = this.isLive ? this.#heardUntilMs : this.#scannedAtMs;
    this.#ledger.eventsEnded();
    this.#pump();
    await this.#teller.flush(this.#bookkeeper, observedUntilMs, true);
    if (this.#isSnapshotWanted && !this.#teller.isHolding) this.#snapshot();
    await this.#bookkeeper.after(new Turn(), observedUntilMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
    this.#owners.close();
    this.#scanner[Symbol.dispose]();
    this.registry.close();
  }

  #makeWatch(): ProcessWatch | undefined {
    const { helper, log } = this.#options;
    if (helper === undefined) return undefined;
    if (!this.#scanner.hasKernelPids) {
      log.warn("processes are told by scans alone: the helper's events have other pids than this container");
      return undefined;
    }
    const access: HelperAccess = serviceAccess(helper);
    return new ProcessWatch({
      access,
      clock: { nowMs: () => this.#options.clock.now(), monotonicMs: () => this.#options.clock.monotonicMs() },
      onBegan: () => this.#helperCame(),
      onEvents: (events) => this.#takeEvents(events),
      onLost: (where, count) => this.#loseEvents(where, count),
      onEnded: () => this.#helperWent(),
      retryMs: this.#options.helperRetryMs,
    });
  }

  /** Goes on from what the run before has left, tells what has changed since, and all that run. */
  #takeUp(): void {
    this.#users.refresh();
    const { ids, registry } = this;
    const { outbox } = this.#options;
    const [scanner, ledger, running] = [this.#scanner, this.#ledger, this.#running];
    const { untilMs, uncertain } = restoreProcesses({ registry, ids, scanner, ledger, running, outbox });
    this.#observedMs = untilMs ?? this.ids.steadyNow();
    const settled = this.#bookkeeper.settle(uncertain, () => this.#snapshot(untilMs));
    settled.catch((error: unknown) => this.#fail(error));
    // What no scan met before the end of the run before, which had no time to say so.
    const { leftFromMs } = this.#scanOnly;
    if (leftFromMs !== undefined && untilMs !== undefined && leftFromMs < untilMs)
      this.#tellGap("scan_only", leftFromMs, null, untilMs);
    if (untilMs !== undefined) this.#tellGap("agent_stopped", untilMs, null);
    this.#beginScanOnly();
    this.#scan();
    // Those of before may have become other programs meanwhile.
    this.#ledger.reexamine(({ run }) => run.execNs === 0, bootTimeNs());
    this.#look();
    this.#teller.add(this.#ledger.takeDue(bootTimeNs()), FIRST_PATIENCE_MS);
    this.requestSnapshot();
  }

  #takeEvents(events: readonly ProcessEvent[]): void {
    this.#eventsTotal += events.length;
    this.#ledger.take(events);
    this.#pump();
    this.#wanted.ring();
  }

  #pump(): void {
    this.#look();
    this.#teller.add(this.#ledger.takeDue(bootTimeNs()));
    this.#look(); // those whose hold has just ended
    const stored = this.#teller.flush(this.#bookkeeper, this.#observedUntilMs());
    stored?.catch((error: unknown) => this.#fail(error));
    if (this.#isSnapshotWanted && !this.#teller.isHolding) this.#snapshot();
  }

  #fail(error: unknown): void {
    this.#options.log.error(
      `the process registry failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }

  #look(): void {
    const ask: AskRows | undefined =
      this.#watch?.isLive === true
        ? (pids) => this.#watch?.processes(pids) ?? Promise.resolve([])
        : undefined;
    this.#programs.look(this.#ledger.takeNewRuns(), ask);
  }

  #scan(): void {
    const { clock } = this.#options;
    this.ids.refresh();
    this.#users.refresh();
    this.#ledger.beginScan(bootTimeNs());
    let rows = 0;
    this.#scanner.scan((row) => {
      rows += 1;
      this.#ledger.seen(row);
    });
    // Where there is nothing at all, not even this process, it is /proc that is missing.
    const news = rows === 0 ? 0 : this.#ledger.endScan();
    this.#scannedAtMs = this.ids.steadyNow();
    this.#adapt(news);
    void this.#verifyHidden();
    if (clock.monotonicMs() >= this.#trimDueMs) {
      this.#trimDueMs = clock.monotonicMs() + TRIM_MS;
      this.registry.trim();
    }
    if (!this.isLive && this.ids.steadyNow() - this.#scanOnly.sinceMs >= SCAN_ONLY_MS) this.#tellScanOnly();
    void this.#bookkeeper
      .after(new Turn(), this.#observedUntilMs())
      .catch((error: unknown) => this.#fail(error));
  }

  #adapt(news: number): void {
    const { max = SCAN_MAX_MS, min = SCAN_MIN_MS } = this.#options.scanMs ?? {};
    this.#scanMs = news > 0 ? Math.max(min, this.#scanMs * FASTER) : Math.min(max, this.#scanMs * SLOWER);
    this.#scanDueMs = this.#options.clock.monotonicMs() + this.#scanMs;
    const { confirmAtNs } = this.#ledger;
    if (confirmAtNs === undefined) return;
    const confirmMs = Math.max(0, (confirmAtNs - bootTimeNs()) / NS_PER_MS) + 1;
    this.#scanDueMs = Math.min(this.#scanDueMs, this.#options.clock.monotonicMs() + confirmMs);
  }

  /** Where /proc hides processes, only the helper knows whether those that it told of still run. */
  async #verifyHidden(): Promise<void> {
    const hidden = this.#ledger.unverified();
    if (hidden.length === 0 || this.#watch?.isLive !== true) return;
    try {
      const part = hidden.slice(0, 1000);
      const rows = await this.#watch.processes(part.map(({ pid }) => pid));
      if (!this.#watch.isLive) return;
      const starts = new Map(rows.map((row) => [row.pid, row.startTime]));
      for (const process of part)
        if (starts.get(process.pid) !== process.startTicks) this.#ledger.gone(process, bootTimeNs());
    } catch {
      return; // the helper is gone, which is told otherwise
    }
  }

  #pauseMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    let pauseMs = this.#scanDueMs - nowMs;
    if (this.#ledger.hasWaiting) pauseMs = Math.min(pauseMs, PENDING_MS);
    const { dueMs } = this.#teller;
    if (dueMs !== undefined) pauseMs = Math.min(pauseMs, dueMs - nowMs);
    return Math.max(1, pauseMs);
  }

  /** Everything until then has been told. What waits may be of any time since. */
  #observedUntilMs(): number {
    if (!this.#teller.hasWaiting && !this.#ledger.hasWaiting)
      this.#observedMs = this.isLive ? this.#heardUntilMs : this.#scannedAtMs;
    return this.#observedMs;
  }

  /** What happened until then the helper has told, as long as it is there: it may be late, or not run at all. */
  get #heardUntilMs(): number {
    const silentMs = this.#options.clock.monotonicMs() - (this.#watch?.contactMs ?? 0);
    return this.ids.steadyNow() - silentMs - LATE_NS / NS_PER_MS;
  }

  /** As of now, or of a moment that was kept. */
  #snapshot(asOfMs = this.ids.steadyNow()): void {
    this.#isSnapshotWanted = false;
    this.ids.refresh();
    for (const process of this.#running.all()) {
      const usage = this.#scanner.usage(process.told.pid, process.startTicks);
      if (usage !== undefined) this.#running.put({ ...process, told: { ...process.told, ...usage } });
    }
    const takenAtMs = this.ids.timeOfSteady(asOfMs);
    for (const part of this.#running.snapshot(randomBytes(8).toString("hex"), takenAtMs))
      this.#options.outbox.append(
        "process",
        eventOf("process_snapshot", EVENT_IDS.snapshot, takenAtMs, part),
      );
  }

  #helperCame(): void {
    this.#ledger.eventsBegan(bootTimeNs());
    this.#tellScanOnly();
    // What only the helper may look at.
    this.#ledger.reexamine(
      ({ run }) => run.executable === undefined && run.fileName === undefined,
      bootTimeNs(),
    );
    this.#scanDueMs = 0;
    this.#wanted.ring();
  }

  #helperWent(): void {
    const heardUntilMs = this.#heardUntilMs;
    this.#ledger.eventsEnded();
    this.#scan();
    this.#pump();
    this.#tellGap("helper_away", heardUntilMs, null);
    this.#beginScanOnly();
  }

  #loseEvents(where: "helper" | "kernel", count: number): void {
    this.#lost += count;
    const fromMs = this.ids.steadyNow() - LOST_WITHIN_MS;
    this.#tellGap(where === "helper" ? "helper_dropped" : "kernel_dropped", fromMs, count);
    this.#scanDueMs = 0;
    this.#wanted.ring();
  }

  #tellScanOnly(): void {
    this.#tellGap("scan_only", this.#scanOnly.sinceMs, null);
    this.#beginScanOnly();
  }

  /** From now on. It is kept once what was told before is stored: a kill before that is for the next run to tell of. */
  #beginScanOnly(): void {
    this.#scanOnly.sinceMs = this.ids.steadyNow();
    this.#teller.mark(() => void this.#scanOnly.keep(() => this.isLive));
  }

  #tellGap(
    reason: ObservationGap["reason"],
    fromMs: number,
    lost: number | null,
    untilMs = this.ids.steadyNow(),
  ): void {
    this.ids.refresh();
    const toMs = this.ids.timeOfSteady(untilMs);
    this.#gaps += 1;
    const beganMs = Math.min(this.ids.timeOfSteady(fromMs), toMs);
    const gap: ObservationGap = { eventType: "gap", fromMs: beganMs, toMs, reason, lost };
    const event = eventOf("observation_gap", EVENT_IDS.gap, toMs, gap);
    // In its place among what was found before.
    this.#teller.mark(() => this.#options.outbox.append("process", event));
  }
}
