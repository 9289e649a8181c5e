/**
 * How many bytes of large bodies may be on their way at once. Nobody has proved anything before the whole body is here, so
 * that who knows an agent's id could fill the memory; one sender can't take the room of the others.
 */
import type { ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { jittered } from "./storage-trouble.ts";

/** Smaller ones are not counted: the number of open requests bounds them. */
const SMALL_BYTES = 64 * 1024;
const TOTAL_BYTES_MAX = 256 * 1024 * 1024;
/** Of one agent from one address: one per stream, and one to spare. */
const PER_SENDER_MAX = 4;
/** Of one address: an agent's id is no secret, and who knows some could take all the room in their names. */
const PER_ADDRESS_BYTES_MAX = 128 * 1024 * 1024;
const RETRY_MS = 2000;

export class BodyBudget {
  readonly #context: Pick<ServerContext, "metrics">;
  readonly #senders = new Map<string, number>();
  readonly #addresses = new Map<string, number>();
  #bytes = 0;

  constructor(context: Pick<ServerContext, "metrics">) {
    this.#context = context;
  }

  /** Runs `read` within the budget. @throws FleetError("rate_limited"), FleetError("overloaded"), and what `read` throws */
  async within<T>(agentId: string, address: string, bytes: number, read: () => Promise<T>): Promise<T> {
    if (bytes <= SMALL_BYTES) return read();
    const sender = `${agentId} ${address}`;
    const own = this.#senders.get(sender) ?? 0;
    if (own >= PER_SENDER_MAX) {
      throw new FleetError("rate_limited", "too many large bodies of this agent at once", {
        retryAfterMs: jittered(RETRY_MS),
      });
    }
    if ((this.#addresses.get(address) ?? 0) + bytes > PER_ADDRESS_BYTES_MAX) {
      throw new FleetError("rate_limited", "too many large bodies from this address at once", {
        retryAfterMs: jittered(RETRY_MS),
      });
    }
    if (this.#bytes + bytes > TOTAL_BYTES_MAX) {
      throw new FleetError("overloaded", "too many large bodies at once", {
        retryAfterMs: jittered(RETRY_MS),
      });
    }
    this.#senders.set(sender, own + 1);
    this.#add(address, bytes);
    try {
      return await read();
    } finally {
      this.#add(address, -bytes);
      const left = (this.#senders.get(sender) ?? 1) - 1;
      if (left > 0) this.#senders.set(sender, left);
      else this.#senders.delete(sender);
    }
  }

  #add(address: string, bytes: number): void {
    const held = (this.#addresses.get(address) ?? 0) + bytes;
    if (held > 0) this.#addresses.set(address, held);
    else this.#addresses.delete(address);
    this.#bytes += bytes;
    this.#context.metrics.set("wb_agent_body_bytes", {}, this.#bytes);
  }
}
