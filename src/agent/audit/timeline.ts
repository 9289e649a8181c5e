/**
 * What is to be told, in order of time: an event that comes a little late goes before those that happened after it, but
 * never before another one of its own process. A start that may still be followed by its exec holds back what comes after
 * it, for a bounded time.
 */
import type { Telling } from "./tracked.ts";

const MS = 1e6;
/** How long after a fork an exec still belongs to the start. */
export const HOLD_NS = 100 * MS;
/** The kernel's events come in frames ten times a second: what they have not told after this time they will not tell. */
export const LATE_NS = 400 * MS;

export class Timeline {
  readonly #waiting: Telling[] = [];
  readonly #held: Telling[] = [];
  /** All events up to this moment have come. */
  #seenUntilNs = 0;

  get size(): number {
    return this.#waiting.length;
  }

  add(telling: Telling): void {
    let index = this.#waiting.length;
    for (; index > 0; index -= 1) {
      const before = this.#waiting[index - 1];
      if (before === undefined || before.atNs <= telling.atNs || before.process === telling.process) break;
    }
    this.#waiting.splice(index, 0, telling);
    if (telling.isHeld) this.#held.push(telling);
  }

  /** It is not to be told after all. */
  remove(telling: Telling): void {
    const index = this.#waiting.lastIndexOf(telling);
    if (index >= 0) this.#waiting.splice(index, 1);
    telling.isHeld = false;
  }

  seenUntil(timeNs: number): void {
    this.#seenUntilNs = Math.max(this.#seenUntilNs, timeNs);
  }

  /** Those that have been held for long enough, the oldest first. */
  takeOverdue(nowNs: number): Telling[] {
    const overdue: Telling[] = [];
    while (this.#held.length > 0) {
      const first = this.#held[0];
      if (first === undefined) break;
      const untilNs = first.atNs + HOLD_NS;
      if (first.isHeld && this.#seenUntilNs < untilNs && nowNs < untilNs + LATE_NS) break;
      this.#held.shift();
      if (first.isHeld) overdue.push(first);
    }
    return overdue;
  }

  /** All that are held. */
  takeHeld(): Telling[] {
    return this.#held.splice(0).filter(({ isHeld }) => isHeld);
  }

  /** What may be told now, in order. `isLive`: earlier ones may still come. */
  takeDue(nowNs: number, isLive: boolean): Telling[] {
    let count = 0;
    for (const telling of this.#waiting) {
      const isSettled = telling.atNs <= this.#seenUntilNs || nowNs >= telling.atNs + LATE_NS;
      if (telling.isHeld || (isLive && !isSettled)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
