/**
 * What the agent's loops know together of the way to the parent: whether it is there, how it takes this agent, what time it has. One loop
 * (the heartbeat) finds out; the others wait for it, so that an agent that is cut off knocks once, not from every loop.
 */
import type { AgentClock } from "./contract.ts";
import { Bell } from "./wait.ts";

/** How the parent takes this agent. `unknown`: it does not know it. */
export type Standing = "accepted" | "pending" | "quarantined" | "removed" | "unknown";

export interface LinkStatus {
  readonly state: "connecting" | "online" | "offline";
  /** Of the agent's clock. */
  readonly sinceMs: number;
  readonly standing: Standing;
  /** Why it is not online, for a person; null while it is. */
  readonly problem: string | null;
  readonly lastContactAtMs: number | null;
  /** When the parent is asked again; null while it is online, or asked just now. */
  readonly retryAtMs: number | null;
}

export class Link {
  readonly #clock: AgentClock;
  #state: LinkStatus["state"] = "connecting";
  #sinceMs: number;
  #standing: Standing = "accepted";
  #problem: string | null = null;
  #lastContactAtMs: number | null = null;
  #retryAtMs: number | null = null;
  /** The parent's clock minus our monotonic one. */
  #serverOffsetMs: number | undefined;
  #waiting: (() => void)[] = [];
  #ends = new AbortController();
  /** Rings where a heartbeat is wanted now. */
  readonly wanted = new Bell();
  /** To be answered by the next heartbeat. */
  challenge: string | null = null;

  constructor(clock: AgentClock) {
    this.#clock = clock;
    this.#sinceMs = clock.now();
  }

  get status(): LinkStatus {
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      standing: this.#standing,
      problem: this.#problem,
      lastContactAtMs: this.#lastContactAtMs,
      retryAtMs: this.#state === "offline" ? this.#retryAtMs : null,
    };
  }

  /** Milliseconds. */
  triesAgainIn(waitMs: number): void {
    this.#retryAtMs = this.#clock.now() + waitMs;
  }

  /** A heartbeat was taken. True where it is a change. */
  online(serverTimeMs: number): boolean {
    const isChange = this.#state !== "online" || this.#standing !== "accepted";
    this.#serverOffsetMs = serverTimeMs - this.#clock.monotonicMs();
    this.#lastContactAtMs = this.#clock.now();
    this.#problem = null;
    this.#standing = "accepted";
    this.#become("online");
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) each();
    return isChange;
  }

  /** A heartbeat was not taken. True where it is a change. */
  offline(problem: string, standing?: Standing): boolean {
    const isChange = this.#state !== "offline" || (standing !== undefined && standing !== this.#standing);
    this.#problem = problem;
    if (standing !== undefined) {
      this.#standing = standing;
      this.#lastContactAtMs = this.#clock.now();
    }
    this.#become("offline");
    return isChange;
  }

  /** Aborts when it is online no more, or when who waits for the parent's word is to ask anew. */
  get ends(): AbortSignal {
    return this.#ends.signal;
  }

  /** The parent says that there is more than what came: the connection that waits for it may be dead. */
  askAnew(): void {
    if (this.#state !== "online") return;
    this.#ends.abort();
    this.#ends = new AbortController();
  }

  #become(state: LinkStatus["state"]): void {
    if (this.#state === state) return;
    if (this.#state === "online") this.#ends.abort();
    if (state === "online") this.#ends = new AbortController();
    this.#state = state;
    this.#sinceMs = this.#clock.now();
  }

  /** Another loop doubts it: nobody sends before a heartbeat has said otherwise. */
  doubt(problem: string): void {
    if (this.#state !== "online") return;
    this.#problem = problem;
    this.#become("connecting");
    this.wanted.ring();
  }

  /** Resolves while the parent is there and takes this agent, or when the signal aborts. */
  async up(signal: AbortSignal): Promise<void> {
    while (this.#state !== "online" && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          signal.removeEventListener("abort", end);
          this.#waiting = this.#waiting.filter((each) => each !== end);
          resolve();
        };
        this.#waiting.push(end);
        signal.addEventListener("abort", end, { once: true });
      });
    }
  }

  /** The parent's time now, as it was told and by a clock that never jumps; undefined before it was told. */
  parentNow(): number | undefined {
    return this.#serverOffsetMs === undefined ? undefined : this.#serverOffsetMs + this.#clock.monotonicMs();
  }
}
