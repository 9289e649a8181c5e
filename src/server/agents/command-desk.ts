/**
 * The parent's word to its agents: stored, signed, and given to the agent that waits for it within the same moment. One waiter
 * per agent: a new one ends the one before. What has expired is never given, and nobody waits for an agent that is out.
 */
import type { Command } from "../../protocol/fleet/messages.ts";
import type { Signer } from "../../protocol/fleet/identity.ts";
import { toBase64Url } from "../../protocol/fleet/canonical.ts";
import { commandBytes } from "../../protocol/fleet/proofs.ts";
import type { FleetStore } from "../../store/fleet/contract.ts";
import type { CommandDesk, Metrics, ServerClock } from "../context.ts";

/** As many as one answer holds. */
const COMMANDS_MAX = 100;
/** Of one answer, but one command at least: agents take 4 MiB. */
const PAYLOAD_BYTES_MAX = 1024 * 1024;

export interface CommandDeskOptions {
  readonly store: Pick<FleetStore, "commands" | "agents">;
  /** Signs them. */
  readonly identity: Signer;
  readonly clock: ServerClock;
  readonly metrics: Metrics;
  /** Ends all who wait. */
  readonly stopping: AbortSignal;
}

export function createCommandDesk(options: CommandDeskOptions): CommandDesk {
  return new Desk(options);
}

class Desk implements CommandDesk {
  readonly #options: CommandDeskOptions;
  readonly #waiters = new Map<string, Waiter>();

  constructor(options: CommandDeskOptions) {
    this.#options = options;
  }

  async send(
    agentId: string,
    kind: Command["kind"],
    payload: unknown,
    options: { lifetimeMs: number; coalesceKey?: string },
  ): Promise<Command> {
    const { store, identity, clock, metrics } = this.#options;
    const issuedAtMs = clock.now();
    const body = {
      kind,
      payload: JSON.stringify(payload),
      issuedAtMs,
      expiresAtMs: issuedAtMs + options.lifetimeMs,
    };
    const command = await store.commands.add(
      agentId,
      { ...body, coalesceKey: options.coalesceKey ?? null },
      (seq) => toBase64Url(identity.sign(commandBytes(identity.id, { agentId, seq, ...body }))),
    );
    metrics.add("wb_commands_sent_total", { kind });
    this.#waiters.get(agentId)?.wake();
    return command;
  }

  async raise(agentId: string, above: number): Promise<number> {
    const { store, identity, clock } = this.#options;
    const highest = await store.commands.raise(agentId, above, clock.now(), (command) =>
      toBase64Url(identity.sign(commandBytes(identity.id, command))),
    );
    this.#waiters.get(agentId)?.wake();
    return highest;
  }

  async wait(agentId: string, cursor: number, waitMs: number, signal: AbortSignal): Promise<Command[]> {
    const waiter = new Waiter(waitMs, [signal, this.#options.stopping]);
    this.#waiters.get(agentId)?.end();
    this.#waiters.set(agentId, waiter);
    this.#tellWaiters();
    try {
      // It may have been put out after it was let in, and before it waited.
      if ((await this.#options.store.agents.get(agentId))?.state !== "active") return [];
      for (;;) {
        // Where it has ended, nobody reads the answer, or another one waits: the next request gets them.
        const commands = waiter.isGone ? [] : await this.#deliverable(agentId, cursor);
        if (commands.length > 0 || waiter.isOver) return waiter.isGone ? [] : commands;
        await waiter.woken();
      }
    } finally {
      waiter.close();
      if (this.#waiters.get(agentId) === waiter) this.#waiters.delete(agentId);
      this.#tellWaiters();
    }
  }

  release(agentId: string): void {
    this.#waiters.get(agentId)?.end();
  }

  async #deliverable(agentId: string, cursor: number): Promise<Command[]> {
    const nowMs = this.#options.clock.now();
    const commands = await this.#options.store.commands.after(agentId, cursor, nowMs, COMMANDS_MAX);
    const due = commands.filter((command) => command.seq > cursor && command.expiresAtMs > nowMs);
    let bytes = 0;
    const tooMany = due.findIndex(({ payload }, index) => {
      bytes += payload.length;
      return index > 0 && bytes > PAYLOAD_BYTES_MAX;
    });
    return tooMany < 0 ? due : due.slice(0, tooMany);
  }

  #tellWaiters(): void {
    this.#options.metrics.set("wb_command_waiters", {}, this.#waiters.size);
  }
}

/** Is woken by a command, by the end of its time, or by somebody who ends it. What comes while it looks is not missed. */
class Waiter {
  readonly #ends: readonly AbortSignal[];
  readonly #timer: NodeJS.Timeout;
  #wasWoken = false;
  #listener: (() => void) | undefined;
  #isLate = false;
  #isGone = false;

  constructor(waitMs: number, ends: readonly AbortSignal[]) {
    this.#ends = ends;
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.wake();
    }, waitMs);
    for (const signal of ends) signal.addEventListener("abort", this.end, { once: true });
    if (ends.some((signal) => signal.aborted)) this.#isGone = true;
  }

  /** Nobody listens to its answer. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get isOver(): boolean {
    return this.#isGone || this.#isLate;
  }

  wake(): void {
    this.#wasWoken = true;
    this.#listener?.();
  }

  readonly end = (): void => {
    this.#isGone = true;
    this.wake();
  };

  async woken(): Promise<void> {
    if (!this.#wasWoken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listener = resolve;
      await promise;
      this.#listener = undefined;
    }
    this.#wasWoken = false;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const signal of this.#ends) signal.removeEventListener("abort", this.end);
  }
}
