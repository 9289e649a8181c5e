/**
 * Logins that failed, in the audit log: the first of each minute one by one, the others as a number, so that nobody can fill
 * the disk with them.
 */
import type { Actor } from "../../store/fleet/contract.ts";
import type { ServerContext } from "../context.ts";

const PER_MINUTE_MAX = 30;
const MINUTE_MS = 60_000;
const NAME_LENGTH_MAX = 100;

export class RefusalLog {
  readonly #context: ServerContext;
  #minuteBeganMs = Number.NEGATIVE_INFINITY;
  #told = 0;
  #leftOut = 0;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  /** What a person tried: `login.failed` or `login.throttled`, with the name that was given. */
  async write(action: string, name: string, address: string): Promise<void> {
    const { clock } = this.#context;
    const monotonicMs = clock.monotonicMs();
    if (monotonicMs - this.#minuteBeganMs >= MINUTE_MS) {
      const leftOut = this.#leftOut;
      this.#minuteBeganMs = monotonicMs;
      this.#told = 0;
      this.#leftOut = 0;
      if (leftOut > 0) await this.#audit("login.refused_more", "", { leftOut }, null);
    }
    if (this.#told >= PER_MINUTE_MAX) {
      this.#leftOut += 1;
      return;
    }
    this.#told += 1;
    await this.#audit(action, name.slice(0, NAME_LENGTH_MAX), {}, address);
  }

  async #audit(action: string, subject: string, details: unknown, address: string | null): Promise<void> {
    const { store, clock, log } = this.#context;
    const actor: Actor = { name: "system", address };
    try {
      await store.people.audit({ actor, action, subject, details, atMs: clock.now() });
    } catch (error) {
      // A full disk is no reason to answer a wrong password otherwise; that it is full is told.
      log.error("a refused login could not be written to the audit log", { error });
    }
  }
}
