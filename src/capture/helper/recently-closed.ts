/**
 * Which sockets were told to be closed a short while ago. Two ways of counting tell of the same end, and two sessions of
 * the helper do; a socket that is closed never comes back.
 */

/** Ids of so many are remembered at least. */
const GENERATION_MAX = 32_768;

export class RecentlyClosed {
  #now = new Set<string>();
  #before = new Set<string>();

  add(id: string): void {
    this.#now.add(id);
    if (this.#now.size < GENERATION_MAX) return;
    this.#before = this.#now;
    this.#now = new Set();
  }

  has(id: string): boolean {
    return this.#now.has(id) || this.#before.has(id);
  }
}
