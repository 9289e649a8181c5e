/**
 * Looks for the helper in the background until there is a session with it: at once, then after pauses that double up to a
 * bound. Nobody waits for it who doesn't want to.
 */
import type { Clock } from "../../lib/clock.ts";
import { WbError } from "../../model/errors.ts";
import type { HelperSession } from "./session.ts";

export interface FinderOptions {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly retryMs: { readonly first: number; readonly last: number };
  /** `onClosed`: to be called when the session is over. */
  readonly find: (onClosed: () => void) => Promise<HelperSession>;
  /** Told when a search has found one, which can be taken then. */
  readonly onFound?: () => void;
}

export class HelperFinder implements Disposable {
  readonly #options: FinderOptions;
  #found: HelperSession | undefined;
  #attempt: Promise<void> | undefined;
  #timer: Timer | undefined;
  #pauseMs: number;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(options: FinderOptions) {
    this.#options = options;
    this.#pauseMs = options.retryMs.first;
  }

  /** A session that is open, for the caller to keep; undefined where there is none yet. */
  take(): HelperSession | undefined {
    const found = this.#found;
    if (found === undefined) return undefined;
    this.#found = undefined;
    if (found.isOpen) return found;
    found[Symbol.dispose]();
    this.search();
    return undefined;
  }

  /** One attempt, whose failure is the caller's. */
  async findNow(): Promise<HelperSession> {
    return await this.#options.find(() => this.search());
  }

  /** Begins to search, unless that is under way or there is one to be taken. */
  search(): void {
    if (this.#isOver || this.#found !== undefined || this.#attempt !== undefined || this.#timer !== undefined)
      return;
    // A helper that goes as soon as it has come is not asked without a pause either.
    const pauseMs = this.#triedAtMs + this.#pauseMs - this.#options.clock.monotonicMs();
    if (pauseMs > 0) this.#tryIn(pauseMs);
    else this.#attempt = this.#try();
  }

  /** Searches, and waits for the first attempt as long as that. */
  async findSoon(timeoutMs: number): Promise<void> {
    this.search();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([this.#attempt, promise]);
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#found?.[Symbol.dispose]();
    this.#found = undefined;
  }

  async #try(): Promise<void> {
    this.#triedAtMs = this.#options.clock.monotonicMs();
    try {
      const session = await this.findNow();
      this.#pauseMs = this.#options.retryMs.first;
      if (this.#isOver) session[Symbol.dispose]();
      else this.#found = session;
    } catch (error) {
      if (!(error instanceof WbError)) throw error;
      this.#tryIn(this.#pauseMs);
      this.#pauseMs = Math.min(this.#options.retryMs.last, this.#pauseMs * 2);
    } finally {
      this.#attempt = undefined;
    }
    if (this.#found !== undefined) this.#options.onFound?.();
  }

  #tryIn(pauseMs: number): void {
    if (this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#attempt ??= this.#try();
    }, pauseMs);
    this.#timer.unref();
  }
}
