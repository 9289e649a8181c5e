/**
 * Some of the simulated agents, in a process of their own: one process may hold fewer sockets than ten thousand agents have. Run
 * by bench/fleet.ts, which tells it by messages what to do, one thing at a time.
 */
import type { StreamName } from "../../../src/protocol/fleet/envelope.ts";
import { ClosedError, RefusedError, retries, SimulatedAgent, type Parent } from "./simulated-agent.ts";

/** Of events, as an ordinary desktop sends them. */
const MIX: readonly StreamName[] = ["process", "process", "flow", "flow", "flow", "health"];
const POLL_SECONDS = 240;

/** What the bench asks of a crowd. */
export type Order =
  | {
      readonly kind: "join";
      readonly first: number;
      readonly count: number;
      readonly parent: Parent;
      readonly token: { readonly id: string; readonly secret: string };
      readonly joiners: number;
    }
  /** Long-polls, and heartbeats at times of their own; answered when each agent has had its first one. */
  | { readonly kind: "live"; readonly heartbeatMs: number }
  | {
      readonly kind: "feed";
      readonly eventsPerSecond: number;
      readonly seconds: number;
      readonly batch: number;
      readonly senders: number;
    }
  /** All connections are gone: answered when every agent has been heard again. */
  | { readonly kind: "return" };

export interface Report {
  readonly stored: number;
  /** Milliseconds of the heartbeats in the meantime. */
  readonly heartbeats: readonly number[];
  readonly refusals: readonly string[];
  readonly retries: readonly (readonly [string, number])[];
  readonly cpuSeconds: number;
}

class Crowd {
  #agents: readonly SimulatedAgent[] = [];
  #refusals: string[] = [];
  #heartbeats: number[] = [];

  async carryOut(order: Order): Promise<Report> {
    const before = process.cpuUsage();
    this.#refusals = [];
    this.#heartbeats = [];
    retries.clear();
    let stored = 0;
    if (order.kind === "join") await this.#join(order);
    else if (order.kind === "live") await this.#live(order.heartbeatMs);
    else if (order.kind === "feed") stored = await this.#feed(order);
    else await Promise.all(this.#agents.map((agent) => this.#tried(() => agent.heartbeat())));
    const used = process.cpuUsage(before);
    return {
      stored,
      heartbeats: this.#heartbeats,
      refusals: this.#refusals,
      retries: [...retries],
      cpuSeconds: (used.user + used.system) / 1e6,
    };
  }

  /** What no waiting mends is noted. */
  async #tried<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof RefusedError) this.#refusals.push(error.message);
      else if (!(error instanceof ClosedError)) throw error;
      return undefined;
    }
  }

  async #join({ first, count, parent, token, joiners }: Extract<Order, { kind: "join" }>): Promise<void> {
    this.#agents = Array.from({ length: count }, (_, index) => new SimulatedAgent(first + index, parent));
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let agent = this.#agents[next]; agent !== undefined; agent = this.#agents[next]) {
        next += 1;
        const joining = agent;
        await this.#tried(() => joining.join(token));
      }
    };
    await Promise.all(Array.from({ length: joiners }, lane));
  }

  async #live(heartbeatMs: number): Promise<void> {
    const first = this.#agents.map(async (agent) => {
      await Bun.sleep(Math.random() * heartbeatMs);
      void this.#poll(agent);
      const startedMs = performance.now();
      await this.#tried(() => agent.heartbeat());
      void this.#beat(agent, heartbeatMs, startedMs);
    });
    await Promise.all(first);
  }

  async #poll(agent: SimulatedAgent): Promise<void> {
    while ((await this.#tried(() => agent.poll(POLL_SECONDS).then(() => true))) === true);
  }

  /** At this agent's own moment of every interval; how long each took is noted. */
  async #beat(agent: SimulatedAgent, heartbeatMs: number, firstMs: number): Promise<void> {
    for (let beat = 1; ; beat += 1) {
      await Bun.sleep(Math.max(0, firstMs + beat * heartbeatMs - performance.now()));
      const tookMs = await this.#tried(() => agent.heartbeat());
      if (tookMs === undefined) return;
      this.#heartbeats.push(tookMs);
    }
  }

  /** Batches at the wished rate, of all agents in turn. How many events were stored. */
  async #feed({
    eventsPerSecond,
    seconds,
    batch,
    senders,
  }: Extract<Order, { kind: "feed" }>): Promise<number> {
    const startedMs = performance.now();
    const endsMs = startedMs + seconds * 1000;
    const busy = new Set<SimulatedAgent>();
    let sent = 0;
    let stored = 0;
    const lane = async (): Promise<void> => {
      for (;;) {
        const dueMs = startedMs + (sent * batch * 1000) / eventsPerSecond;
        const agent = this.#agents[sent % this.#agents.length];
        const stream = MIX[sent % MIX.length] ?? "flow";
        sent += 1;
        const earlyMs = dueMs - performance.now();
        if (earlyMs > 0) await Bun.sleep(earlyMs);
        if (performance.now() >= endsMs) return;
        if (agent === undefined || busy.has(agent)) {
          await Bun.sleep(1);
          continue;
        }
        busy.add(agent);
        const waitMs = await this.#tried(() => agent.send(stream, batch));
        if (waitMs !== undefined) stored += batch;
        setTimeout(() => busy.delete(agent), waitMs ?? 0);
      }
    };
    await Promise.all(Array.from({ length: senders }, lane));
    return stored;
  }
}

const crowd = new Crowd();
process.on("message", (order: Order) => {
  void crowd.carryOut(order).then((report) => process.send?.(report));
});
