/**
 * Tells the parent every 30 s (or as it says, ± 10 %) that this agent lives and how it is, and finds out whether the parent is there.
 * What the parent has stored is held against the outbox: where it lost something, or has more than was produced, that is declared.
 */
import type { StreamName } from "../protocol/fleet/envelope.ts";
import { AGENT_PATHS } from "../protocol/fleet/paths.ts";
import { HeartbeatAnswer, type Heartbeat, type MachineFacts } from "../protocol/fleet/messages.ts";
import type { Outbox } from "../telemetry/contract.ts";
import { Backoff, jittered } from "./backoff.ts";
import type {
  AgentClock,
  AgentLog,
  AgentState,
  FlowMonitor,
  HealthReader,
  ParentAnswer,
  ParentClient,
  ProcessAuditor,
} from "./contract.ts";
import type { Credit } from "./credit.ts";
import type { Cursors } from "./cursors.ts";
import type { Link } from "./link.ts";
import { WrongPinError } from "./pin.ts";
import { askedWaitMs, standingOf, wordsOf, type Failure } from "./refusal.ts";
import { pause } from "./wait.ts";

const INTERVAL_MS = 30_000;
/** Whatever the parent says: an agent that is silent for longer is as good as gone. */
const INTERVAL_MS_MAX = 600_000;
/** Two that were asked for are at least so far apart. */
const GAP_MS = 1000;
/** How often is looked whether something is to be told before its time. */
const LOOK_MS = 2000;
/** While the parent does not take this agent: it may be approved or released at any time. */
const STANDING_MS = 20_000;
const NOTICES_MAX = 16;
const NOTICE_LENGTH_MAX = 400;
const SESSIONS_MAX = 200;

export interface HeartbeatOptions {
  readonly client: ParentClient;
  readonly state: AgentState;
  readonly outbox: Outbox;
  readonly clock: AgentClock;
  readonly log: AgentLog;
  readonly link: Link;
  readonly cursors: Cursors;
  readonly credits: readonly Credit[];
  readonly health: HealthReader;
  readonly auditor: Pick<ProcessAuditor, "runningCount">;
  readonly flows: Pick<FlowMonitor, "captureMethod" | "notices">;
  readonly machine: () => MachineFacts;
  readonly bootId: string;
  readonly configHash: string;
  /** Of the agent's own, before those of the capture. */
  readonly notices: () => readonly string[];
  readonly retryMaxMs: number;
  readonly random?: () => number;
}

export class HeartbeatLoop {
  readonly #options: HeartbeatOptions;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  #lease: string | null = null;
  #intervalMs = INTERVAL_MS;
  #toldCounting = "";
  #challengeAnswered: string | null = null;
  /** Since it was online. */
  #toldOtherKey = "";

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ random: this.#random, maxMs: options.retryMaxMs });
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { link, clock } = this.#options;
    while (!signal.aborted) {
      const waitMs = await this.#beat(signal);
      link.triesAgainIn(waitMs);
      const endedMs = clock.monotonicMs();
      await this.#rest(waitMs, signal);
      // A challenge is answered at once; all else that wants a heartbeat has one within a second.
      const gapMs = link.challenge === null ? Math.min(waitMs, GAP_MS) : 0;
      await pause(gapMs - (clock.monotonicMs() - endedMs), signal);
    }
  }

  /** So long, or until one is wanted now, or what is told of how this agent counts has changed. */
  async #rest(milliseconds: number, signal: AbortSignal): Promise<void> {
    const { link, clock } = this.#options;
    const endMs = clock.monotonicMs() + milliseconds;
    for (let restMs = milliseconds; restMs > 0 && !signal.aborted; restMs = endMs - clock.monotonicMs()) {
      if (await link.wanted.wait(Math.min(restMs, LOOK_MS), signal)) return;
      if (link.status.state === "online" && this.#counting() !== this.#toldCounting) return;
    }
  }

  #counting(): string {
    const { captureMethod, notices } = this.#options.flows;
    return JSON.stringify([captureMethod, notices, this.#options.notices()]);
  }

  /** Milliseconds until the next. */
  async #beat(signal: AbortSignal): Promise<number> {
    const { client, link, log, cursors } = this.#options;
    const stored = cursors.known();
    const body = await this.#compose();
    if (signal.aborted) return 0;
    const read = (value: unknown): HeartbeatAnswer => HeartbeatAnswer.parse(value);
    const answer: ParentAnswer<HeartbeatAnswer> = await client.request(
      "POST",
      AGENT_PATHS.heartbeat,
      body,
      read,
      { signal },
    );
    if (signal.aborted) return 0;
    if (answer.kind !== "ok") return this.#failed(answer);
    this.#backoff.reset();
    this.#challengeAnswered = null;
    this.#toldOtherKey = "";
    const { value } = answer;
    this.#lease = value.lease;
    this.#intervalMs = Math.min(INTERVAL_MS_MAX, value.heartbeatIntervalMs);
    for (const credit of this.#options.credits) credit.granted(value.creditBytes, value.waitMs);
    this.#compare(value.cursors, stored);
    this.#compareCommands(value.commandCursor, body.commandCursor);
    this.#approved();
    if (link.online(value.serverTimeMs)) log.info("connected to the parent");
    return jittered(this.#intervalMs, this.#random);
  }

  /** Taken, so no longer waiting for a person. */
  #approved(): void {
    const { state, log } = this.#options;
    if (state.parent?.state !== "pending") return;
    try {
      state.setParent({ ...state.parent, state: "active", code: null });
    } catch (error) {
      log.warn(error instanceof Error ? error.message : String(error));
    }
  }

  #failed(failure: Failure): number {
    const { link, log } = this.#options;
    if (failure.kind === "refused" && failure.error.code === "superseded") {
      const challenge = failure.error.challenge ?? null;
      // One that it has answered already and gets again is not answered for ever.
      const isNew = challenge !== null && challenge !== this.#challengeAnswered;
      link.challenge = isNew ? challenge : null;
      if (link.offline("another agent with this key has appeared"))
        log.warn("another agent with this key has appeared");
      return isNew ? 0 : this.#backoff.next(failure.retryAfterMs);
    }
    const standing = standingOf(failure);
    const words = wordsOf(failure);
    // That another key answers is told also where it was offline before: it may be no accident.
    const isOtherKey = failure.kind === "unreachable" && failure.error instanceof WrongPinError;
    const isNews = isOtherKey && words !== this.#toldOtherKey;
    if (isOtherKey) this.#toldOtherKey = words;
    if (link.offline(words, standing) || isNews) log.warn(`not connected: ${words}`);
    const waitMs = this.#backoff.next(askedWaitMs(failure));
    return standing === undefined
      ? waitMs
      : Math.max(waitMs, Math.min(this.#options.retryMaxMs, jittered(STANDING_MS, this.#random)));
  }

  /** `stored`: what the parent had acknowledged before the heartbeat was sent, so that nothing that came since misleads. */
  #compare(told: HeartbeatAnswer["cursors"], stored: ReadonlyMap<string, number>): void {
    const { outbox, log, cursors } = this.#options;
    const { epochs } = outbox.status();
    for (const { stream, epoch, cursor } of told) {
      const account = epochs.find((each) => each.stream === stream && each.epoch === epoch);
      if (account === undefined || !account.current) continue;
      if (cursor > account.produced) {
        log.warn(
          `the parent has more of the stream ${stream} than this agent knows of: its state was restored`,
        );
        outbox.beginEpoch(account.stream, epoch, "state_lost");
        continue;
      }
      const acknowledged = stored.get(cursors.keyOf(account.stream, epoch));
      if (acknowledged === undefined || cursor >= acknowledged) continue;
      log.warn(`the parent has lost what it had of the stream ${stream} after ${cursor}`);
      this.#rewind(account.stream, epoch, cursor);
    }
  }

  /** A parent that was restored from a copy counts its commands from further back: they are not to be taken for old ones. */
  #compareCommands(told: number, sent: number): void {
    const { state, log, link } = this.#options;
    if (told > state.commandCursor) link.askAnew();
    if (told >= sent) return;
    log.warn(`the parent has given ${told} commands, not ${sent}: it was restored`);
    state.setCommandCursor(told);
  }

  #rewind(stream: StreamName, epoch: string, cursor: number): void {
    this.#options.cursors.set(stream, epoch, cursor);
    this.#options.outbox.rewindTo(stream, epoch, cursor);
  }

  async #compose(): Promise<Heartbeat> {
    const { state, clock, outbox, health, auditor, flows, machine, bootId, link } = this.#options;
    const sessions = await health.sessions();
    const told = health.health();
    const { challenge } = link;
    link.challenge = null;
    if (challenge !== null) this.#challengeAnswered = challenge;
    this.#toldCounting = this.#counting();
    const notices = [...this.#options.notices(), ...flows.notices];
    return {
      agentId: state.identity.id,
      clock: { wallMs: clock.now(), monotonicMs: clock.monotonicMs(), bootId },
      machine: machine(),
      captureMethod: flows.captureMethod.slice(0, 32),
      notices: notices.slice(0, NOTICES_MAX).map((notice) => notice.slice(0, NOTICE_LENGTH_MAX)),
      health: { ...told, load: [...told.load] },
      sessions: sessions.slice(0, SESSIONS_MAX),
      streams: [...outbox.status().streams],
      runningProcesses: auditor.runningCount,
      residentBytes: process.memoryUsage.rss(),
      configHash: this.#options.configHash,
      commandCursor: state.commandCursor,
      lease: this.#lease,
      challenge,
    };
  }
}
