/** One who waits, for a time or until woken, whichever comes first; a wake that comes while nobody waits is not lost. */

export class Waker {
  #isWoken = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#isWoken = true;
    this.#resolve?.();
  }

  /** Milliseconds. One waiter at a time. */
  async wait(milliseconds: number): Promise<void> {
    if (!this.#isWoken && milliseconds > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resolve = resolve;
      const timer = setTimeout(resolve, milliseconds);
      await promise;
      clearTimeout(timer);
      this.#resolve = undefined;
    }
    this.#isWoken = false;
  }
}
