/** One authenticated client: its token, how long that is good for, and how far it has been told. */
import type { Clock } from "../lib/clock.ts";
import { equalInConstantTime, makeRandomBytes } from "../protocol/helper/handshake.ts";
import { TOKEN_BYTES } from "../protocol/helper/messages.ts";
import type { ClosedCursor } from "./closed-log.ts";
import type { EventStream } from "./event-stream.ts";

/** A session that asks nothing for so long is over. */
export const IDLE_MS_MAX = 60_000;

export class Session {
  /** For the log. */
  readonly number: number;
  readonly token = makeRandomBytes(TOKEN_BYTES);
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
  cursor: ClosedCursor;
  /** Cumulative. */
  missedRows = 0;
  missedBytes = 0;
  stream: EventStream | undefined;
  readonly #clock: Clock;
  readonly #endsMs: number;
  #askedMs: number;

  constructor(
    number: number,
    clock: Clock,
    { lifetimeMs, cursor }: { lifetimeMs: number; cursor: ClosedCursor },
  ) {
    this.number = number;
    this.#clock = clock;
    this.cursor = cursor;
    this.expiresAtMs = clock.nowMs() + lifetimeMs;
    this.#endsMs = clock.monotonicMs() + lifetimeMs;
    this.#askedMs = clock.monotonicMs();
  }

  accepts(token: Uint8Array): boolean {
    return equalInConstantTime(this.token, token);
  }

  /** By both clocks: setting the system's time back gives nobody more, and a machine that slept has grown older. */
  get isExpired(): boolean {
    return this.#clock.monotonicMs() >= this.#endsMs || this.#clock.nowMs() >= this.expiresAtMs;
  }

  get isIdle(): boolean {
    return this.#clock.monotonicMs() - this.#askedMs > IDLE_MS_MAX;
  }

  asked(): void {
    this.#askedMs = this.#clock.monotonicMs();
  }
}
