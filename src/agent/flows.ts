/**
 * Watches the flows of this machine, by the elevated helper where its service runs, and tells summaries to the outbox: one event
 * per process × remote address × interval. What it did not see is told as a gap, in the same stream: while no agent ran or no
 * capture opened, while the helper was away, what the capture lost, and connections for which there was no room.
 */
import { openCapture, type HelperUse } from "../capture/open.ts";
import { decodeNames } from "../decode/observed-names.ts";
import { FlowSummaries, type FlowSummaryRow } from "../engine/flow-summary.ts";
import { FlowTable, type FollowedFlows } from "../engine/flow-table.ts";
import { ObservedNames } from "../engine/observed-names.ts";
import { breath, withBreaths } from "../lib/breath.ts";
import { systemClock } from "../lib/clock.ts";
import type { Capture } from "../model/contracts.ts";
import type { ProcessKey } from "../model/process.ts";
import { bootTimeNs } from "../platform/boot-time.ts";
import { ownNetworkNamespace } from "../platform/system-facts.ts";
import { backoffMs } from "./backoff.ts";
import { Bell } from "./wait.ts";
import type { FlowSummary, ObservationGap } from "../protocol/fleet/payloads.ts";
import type { Outbox } from "../telemetry/contract.ts";
import type { AgentClock, AgentLog, AgentState, FlowMonitor } from "./contract.ts";
import { FlowLosses } from "./flow-losses.ts";

export interface FlowMonitorOptions {
  readonly outbox: Outbox;
  readonly clock: AgentClock;
  readonly log: AgentLog;
  readonly helper: HelperUse;
  /** How often summaries are told. */
  readonly intervalMs: number;
  /** The id that the process has in the fleet; null where it can't be made. */
  readonly processIdOf: (key: ProcessKey) => string | null;
  /** Remembers until when flows have been told. */
  readonly state: Pick<AgentState, "get" | "set">;
  /** What watches; the system's where nothing is said. */
  readonly openCapture?: typeof openCapture;
  /** Rows of the table of connections. Default 20,000. */
  readonly flowsMax?: number;
}

/** Living connections that are remembered: an agent's memory is bounded, and what finds no room and ends untold is counted. */
const FLOWS_MAX = 20_000;
/** One that has closed is only kept until its last counters can't be corrected any more. */
const CLOSED_RETENTION_MS = 2000;
/** More than a frugal capture can tell again. */
const CLOSED_REMEMBERED = 8192;
/** While the helper is away this is told so often. */
const AWAY_MS = 3_600_000;
const TOLD_UNTIL = "flows_told_until";
const SAMPLE_MS = 2000;
/** A look at very many sockets takes long: the pause after it is so many times as long, so that it stays a small part of a core. */
const PAUSE_FACTOR = 10;
/** Where a look takes longer there is none at the end: what it would have shown is in the gap that the next start tells. */
const LAST_LOOK_MS = 1000;
/** While somebody watches. */
const WATCH_SAMPLE_MS = 500;
const PROVIDER = "flows";

export function createFlowMonitor(options: FlowMonitorOptions): FlowMonitor {
  return new Flows(options);
}

/** With many sockets each part takes long, so that others have their turn in between. */
async function look(capture: Capture, table: FlowTable): Promise<FollowedFlows> {
  const batch = await capture.sample();
  await breath();
  const seen = await withBreaths(table.follow(batch, capture.status()));
  await breath();
  return seen;
}

class Flows implements FlowMonitor {
  readonly #options: FlowMonitorOptions;
  #summaries = new FlowSummaries();
  #losses = new FlowLosses();
  #capture: Capture | undefined;
  #intervalMs: number;
  #watchUntilMs = 0;
  /** Rings where somebody begins to watch. */
  readonly #watched = new Bell();
  #problem: string | undefined;
  #intervalStartMs: number;
  /** When the last sample was taken. */
  #seenUntilMs: number;
  /** Since when nothing has been seen, and why; undefined while a capture works. */
  #blind: { fromMs: number; readonly reason: ObservationGap["reason"] } | undefined;
  #kept: Promise<void> = Promise.resolve();
  /** Since when the helper has been away, so that less is seen. */
  #awayFromMs: number | undefined;

  constructor(options: FlowMonitorOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs;
    this.#intervalStartMs = options.clock.now();
    this.#seenUntilMs = this.#intervalStartMs;
    const toldUntilMs = Number(options.state.get(TOLD_UNTIL) ?? "");
    const isKnown = Number.isFinite(toldUntilMs) && toldUntilMs > 0;
    const { streams } = options.outbox.status();
    // Where flows were told and the state is lost, nobody knows until when they were seen.
    if (isKnown || streams.some(({ stream, produced }) => stream === "flow" && produced > 0))
      this.#blind = { fromMs: isKnown ? toldUntilMs : 0, reason: "agent_stopped" };
  }

  get captureMethod(): string {
    return this.#capture?.status().method ?? "none";
  }

  get notices(): readonly string[] {
    const degradations = this.#capture?.status().degradations ?? [];
    const told = degradations.map(({ message }) => message);
    return this.#problem === undefined ? told : [this.#problem, ...told];
  }

  watch(intervalMs: number, forMs: number): void {
    this.#watchUntilMs = this.#options.clock.monotonicMs() + forMs;
    this.#intervalMs = Math.min(intervalMs, this.#options.intervalMs);
    this.#watched.ring();
  }

  /** A capture that fails is opened anew, after a while that grows. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const startedMs = this.#options.clock.monotonicMs();
      try {
        await this.#watchCapture(signal);
        break;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (this.#problem !== message) this.#options.log.warn(`flows can't be watched: ${message}`);
        this.#problem = message;
      }
      if (this.#options.clock.monotonicMs() - startedMs > 60_000) attempt = 0;
      // Told piece by piece: it may never work.
      this.#endBlindness();
      this.#blind = { fromMs: this.#intervalStartMs, reason: "capture_failed" };
      await this.#watched.wait(backoffMs(attempt), signal);
    }
    this.#endBlindness();
    await this.#kept;
  }

  async #watchCapture(signal: AbortSignal): Promise<void> {
    const { helper, flowsMax = FLOWS_MAX, clock } = this.#options;
    const names = new ObservedNames({
      clock: systemClock,
      networkNamespace: ownNetworkNamespace(),
      share: () => undefined,
    });
    const onNameRecords = (records: Uint8Array): void => {
      const { observations } = decodeNames(records);
      if (observations.length > 0) names.observe(observations, bootTimeNs());
    };
    await using capture = await (this.#options.openCapture ?? openCapture)({
      helper,
      onNameRecords,
      isFrugal: true,
    });
    const table = new FlowTable({
      clock: systemClock,
      maxFlows: flowsMax,
      closedRetentionMs: CLOSED_RETENTION_MS,
      closedRemembered: CLOSED_REMEMBERED,
      nameOf: () => undefined,
      observedNames: names,
    });
    // Another capture counts anew.
    this.#summaries = new FlowSummaries();
    this.#losses = new FlowLosses();
    let beganMs = clock.monotonicMs();
    const first = await look(capture, table);
    let tookMs = clock.monotonicMs() - beganMs;
    this.#capture = capture;
    this.#problem = undefined;
    this.#endBlindness();
    this.#observe(first, table);
    let nextMs = clock.monotonicMs() + this.#intervalMs;
    try {
      while (!signal.aborted) {
        const nowMs = clock.monotonicMs();
        nextMs = Math.min(nextMs, nowMs + this.#intervalMs);
        if (nowMs >= nextMs) {
          this.#tell();
          nextMs = nowMs + this.#intervalMs;
        }
        if (this.#watchUntilMs <= nowMs) this.#intervalMs = this.#options.intervalMs;
        const wishedMs = this.#watchUntilMs > nowMs ? WATCH_SAMPLE_MS : SAMPLE_MS;
        const pauseMs = Math.max(wishedMs, tookMs * PAUSE_FACTOR);
        await this.#watched.wait(Math.min(pauseMs, Math.max(1, nextMs - nowMs)), signal);
        if (signal.aborted && tookMs > LAST_LOOK_MS) break;
        beganMs = clock.monotonicMs();
        this.#observe(await look(capture, table), table);
        tookMs = clock.monotonicMs() - beganMs;
      }
    } finally {
      this.#capture = undefined;
      this.#tellAway();
      this.#tell();
    }
  }

  /** Something is seen from now on, or not seen for another reason. */
  #endBlindness(): void {
    const blind = this.#blind;
    this.#blind = undefined;
    if (blind === undefined) return;
    this.#tellGap(blind.fromMs, blind.reason, null);
    this.#intervalStartMs = this.#options.clock.now();
    this.#keepTold(this.#intervalStartMs);
  }

  #observe(seen: FollowedFlows, table: FlowTable): void {
    this.#seenUntilMs = this.#options.clock.now();
    this.#summaries.observe(seen);
    for (const { reason, lost } of this.#losses.grown(seen.loss, table))
      this.#tellGap(this.#intervalStartMs, reason, lost);
    const nowMs = this.#seenUntilMs;
    const isAway = seen.capture.degradations.some(({ code }) => code === "helper_gone");
    if (isAway) this.#awayFromMs ??= this.#intervalStartMs;
    if (this.#awayFromMs !== undefined && (!isAway || nowMs - this.#awayFromMs >= AWAY_MS)) this.#tellAway();
    if (isAway) this.#awayFromMs ??= nowMs;
  }

  #tellAway(): void {
    if (this.#awayFromMs !== undefined) this.#tellGap(this.#awayFromMs, "helper_away", null);
    this.#awayFromMs = undefined;
  }

  #tell(): void {
    const endMs = this.#seenUntilMs;
    const startMs = Math.min(this.#intervalStartMs, endMs);
    this.#intervalStartMs = endMs;
    for (const row of this.#summaries.take())
      this.#append("flow_summary", 1, this.#payloadOf(row, startMs, endMs));
    this.#keepTold(endMs);
  }

  /** Only once it is stored: a kill before that is a gap from where it was told before. */
  #keepTold(untilMs: number): void {
    const { outbox, state } = this.#options;
    this.#kept = outbox.flush().then(() => state.set(TOLD_UNTIL, String(untilMs)));
  }

  #payloadOf(row: FlowSummaryRow, startMs: number, endMs: number): FlowSummary {
    return {
      intervalStartMs: startMs,
      intervalEndMs: endMs,
      processId: row.process === undefined ? null : this.#options.processIdOf(row.process),
      processName: row.processName.slice(0, 255),
      protocol: row.protocol,
      remoteAddress: row.remoteAddress.slice(0, 64),
      remotePort: row.remotePort ?? null,
      remoteHost: row.remoteHost?.slice(0, 255) ?? null,
      bytesSent: row.bytesSent,
      bytesReceived: row.bytesReceived,
      uncertaintyBytes: row.uncertaintyBytes ?? null,
      meaning: row.meaning,
      connections: row.connections,
    };
  }

  #tellGap(fromMs: number, reason: ObservationGap["reason"], lost: number | null): void {
    const toMs = this.#options.clock.now();
    // The clock may have been set back.
    const gap: ObservationGap = { eventType: "gap", fromMs: Math.min(fromMs, toMs), toMs, reason, lost };
    this.#append("observation_gap", 2, gap);
  }

  #append(type: string, eventId: number, payload: FlowSummary | ObservationGap): void {
    const timestampMs = this.#options.clock.now();
    this.#options.outbox.append("flow", {
      type,
      timestampMs,
      provider: PROVIDER,
      eventId,
      payload: JSON.stringify(payload),
    });
  }
}
