/**
 * Heartbeats that wait to be written: off the hot path, many in one transaction, the latest of each agent. Who was heard of
 * and who has gone silent is known here without asking the store. What can't be written is kept and tried again. That an agent
 * is online is told once it is written, so that who reads because of it finds it so.
 */
import type { AgentStore } from "../../store/fleet/contract.ts";
import type { ServerContext } from "../context.ts";
import { SILENT_INTERVALS } from "../limits.ts";

export type Beat = Parameters<AgentStore["storeHeartbeats"]>[0][number];

const FLUSH_MS = 250;
/** As many are written without waiting for the time; also as many at once, so that no write holds up the rest for long. */
const FLUSH_BEATS = 500;
/** After a failure the pause doubles up to this. */
const RETRY_MS_MAX = 15_000;
const SWEEP_MS = 5000;

interface Presence {
  readonly atMs: number;
  /** Commands up to here are forgotten. */
  commandCursor: number;
  /** Whether it was told that it is online. */
  isTold: boolean;
}

export class HeartbeatBook {
  readonly #context: ServerContext;
  /** The latest of each agent, in the order in which they came: bounded by the number of agents. */
  readonly #waiting = new Map<string, Beat>();
  readonly #present = new Map<string, Presence>();
  readonly #sweep: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #retryMs = FLUSH_MS;
  #isStopped = false;

  constructor(context: ServerContext) {
    this.#context = context;
    this.#sweep = setInterval(() => this.#findSilent(), SWEEP_MS);
    this.#sweep.unref();
  }

  /** Why writing fails at the moment is in the log; what is noted here is answered by the parent's memory until then. */
  note(beat: Beat): void {
    if (this.#isStopped) return;
    this.#waiting.delete(beat.agentId);
    this.#waiting.set(beat.agentId, beat);
    this.#hear(beat.agentId);
    const isFull = this.#waiting.size >= FLUSH_BEATS && this.#retryMs === FLUSH_MS;
    if (isFull) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), this.#retryMs);
  }

  /** Writes what waits. Resolves also where that failed: it is logged, and counted. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#sweep);
    await this.#running;
    this.#start();
    await this.#running;
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#flush().finally(() => {
      this.#running = undefined;
      if (this.#waiting.size > 0 && !this.#isStopped) {
        this.#timer ??= setTimeout(() => this.#start(), this.#retryMs);
      }
    });
  }

  async #flush(): Promise<void> {
    while (this.#waiting.size > 0) {
      const beats = [...this.#waiting.values()].slice(0, FLUSH_BEATS);
      for (const { agentId } of beats) this.#waiting.delete(agentId);
      try {
        await this.#context.store.agents.storeHeartbeats(beats);
        for (const beat of beats) this.#tellOnce(beat);
        await this.#forgetCommands(beats);
      } catch (error) {
        this.#keep(beats, error);
        return;
      }
      this.#retryMs = FLUSH_MS;
      // Between two writes others have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #keep(beats: readonly Beat[], error: unknown): void {
    const { log, metrics } = this.#context;
    if (this.#retryMs === FLUSH_MS) log.error("heartbeats can't be stored: they are kept", { error });
    metrics.add("wb_heartbeat_writes_failed_total", {});
    this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
    for (const beat of beats) if (!this.#waiting.has(beat.agentId)) this.#waiting.set(beat.agentId, beat);
  }

  /** What an agent has carried out need not be kept; one write per agent and command, not per heartbeat. */
  async #forgetCommands(beats: readonly Beat[]): Promise<void> {
    for (const { agentId, heartbeat } of beats) {
      const presence = this.#present.get(agentId);
      if (presence === undefined || presence.commandCursor >= heartbeat.commandCursor) continue;
      await this.#context.store.commands.forget(agentId, heartbeat.commandCursor);
      presence.commandCursor = heartbeat.commandCursor;
    }
  }

  #hear(agentId: string): void {
    const known = this.#present.get(agentId);
    const atMs = this.#context.clock.monotonicMs();
    // After a start of the parent nobody knows what was forgotten: once more does no harm, but not for agents without any.
    const { commandCursor = 0, isTold = false } = known ?? {};
    this.#present.set(agentId, { atMs, commandCursor, isTold });
    if (known === undefined) this.#countHeard();
  }

  #tellOnce({ agentId, heartbeat }: Beat): void {
    const presence = this.#present.get(agentId);
    if (presence === undefined || presence.isTold) return;
    presence.isTold = true;
    this.#context.bus.publish({ type: "agent", agentId, change: "online" });
    this.#context.log.info("an agent is online", { agent: agentId, hostname: heartbeat.machine.hostname });
  }

  #findSilent(): void {
    const { clock, limits, bus } = this.#context;
    const since = clock.monotonicMs() - SILENT_INTERVALS * limits.heartbeatIntervalMs;
    for (const [agentId, { atMs, isTold }] of this.#present) {
      if (atMs >= since) continue;
      this.#present.delete(agentId);
      if (isTold) bus.publish({ type: "agent", agentId, change: "offline" });
    }
    this.#countHeard();
  }

  #countHeard(): void {
    this.#context.metrics.set("wb_agents_heard", {}, this.#present.size);
  }
}
